//! Takes orders and cancellations, locks what they may cost, and queues them for their books. Matches nothing.
//!
//! ```text
//! POST /orders ─► one write: lock in the wallet, order row ─► OrderQueue.fifo ─► 202, or wait for the row ─► 201
//! ```
//! What was written and could not be queued is queued later by `orders-sweep`: the answer is 202 all the same.

mod answers;
mod body;
mod cancel;
mod find;
mod place;
mod replay;
mod reserve;
mod view;
mod wait;

use aws::{
    customers::Customers,
    exchange::{Exchange, Warm},
    ledger::Ledger,
    queues::Queue,
};
use domain::{customer::CustomerStatus, id::CustomerId, order::Order};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Code, Problem, Request},
};

use crate::answers::failed;

/// Where orders, wallets and customers are kept, and the way to the books.
#[derive(Debug)]
pub struct Stores {
    /// The wallets that orders lock.
    pub ledger: Ledger,
    /// Orders, and what is remembered of instruments and books.
    pub warm: Warm,
    /// Only asked whether a customer may act.
    pub customers: Customers,
    /// Where orders wait for their book.
    pub queue: Queue,
}

/// What the house allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Orders of a customer that are not finished.
    pub max_open_orders: u64,
    /// What a market buy by quantity locks beyond the book's present cost, in basis points.
    pub market_buy_collar_bps: u16,
}

/// One request to any route of orders.
pub async fn handle(stores: &Stores, limits: &Limits, clock: &impl Clock, request: Request) -> Result<Answer, Problem> {
    match request.route() {
        ("POST", "/orders") => place::place(stores, limits, clock, &request).await,
        ("POST", "/orders/{id}/replace") => place::replace(stores, limits, clock, &request).await,
        ("DELETE", "/orders/{id}") => cancel::cancel(stores, clock, &request).await,
        ("GET", "/orders") => find::list(stores, &request).await,
        ("GET", "/orders/{id}") => find::one(stores, &request).await,
        ("GET", "/trades") => find::trades(stores, &request).await,
        _ => Err(Problem::not_found()),
    }
}

impl Stores {
    fn exchange(&self) -> &Exchange {
        self.warm.exchange()
    }

    /// Refuses a customer who is inactive or blocked.
    async fn check_acting(&self, customer: &CustomerId) -> Result<(), Problem> {
        match self.customers.status(customer).await.map_err(failed)? {
            // Who is no customer has an empty wallet, and is told so.
            None | Some(CustomerStatus::Active) => Ok(()),
            Some(_) => Err(Problem::new(Code::CustomerNotActive, "This customer may not trade at present.")),
        }
    }

    /// The order of the path as it stands, of the caller or of the customer that staff name.
    async fn order(&self, caller: &Caller, request: &Request) -> Result<Order, Problem> {
        let customer = whose(caller, request)?;
        let id = request.path_id("id", domain::id::OrderId::parse)?;
        self.exchange().order(&customer, &id).await.map_err(failed)?.ok_or_else(Problem::not_found)
    }
}

/// Whose orders are meant: the caller's own, or those of the customer that staff name.
fn whose(caller: &Caller, request: &Request) -> Result<CustomerId, Problem> {
    let named = request.query("customer_id").map(|text| CustomerId::parse(text).ok_or_else(Problem::not_found));
    let own = caller.customer().ok_or_else(Problem::forbidden)?;
    let customer = named.transpose()?.unwrap_or_else(|| own.clone());
    if caller.may_serve(&customer) { Ok(customer) } else { Err(Problem::not_found()) }
}
