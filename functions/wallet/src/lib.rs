//! What a customer has on the exchange, and the way there from the bank and back.
//!
//! ```text
//! POST /wallet/transfers ─► one write: account, wallet, transfer, entry ─► 201
//! ```
//! Trades nothing: orders lock and settlements unlock. A refusal for lack of funds stays on record.

mod answers;
mod entries;
mod holdings;
mod transfer;

use aws::{
    customers::Customers,
    exchange::{Exchange, Warm},
    ledger::Ledger,
};
use domain::{customer::CustomerStatus, id::CustomerId};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Code, Problem, Request},
};

/// Where wallets, entries and customers are kept.
#[derive(Debug)]
pub struct Stores {
    /// Accounts, wallets, transfers.
    pub ledger: Ledger,
    /// Entries, candles, and what is remembered of instruments.
    pub warm: Warm,
    /// Only asked whether a customer may act.
    pub customers: Customers,
}

/// One request to any route of the wallet.
pub async fn handle(stores: &Stores, clock: &impl Clock, request: Request) -> Result<Answer, Problem> {
    match request.route() {
        ("GET", "/wallet") => holdings::wallet(stores, &request).await,
        ("POST", "/wallet/transfers") => transfer::transfer(stores, clock, &request).await,
        ("GET", "/wallet/entries") => entries::list(stores, &request).await,
        ("GET", "/portfolio") => holdings::portfolio(stores, clock, &request).await,
        _ => Err(Problem::not_found()),
    }
}

impl Stores {
    fn exchange(&self) -> &Exchange {
        self.warm.exchange()
    }

    /// Refuses a customer who is inactive or blocked. Staff serve others, whatever their own record says.
    async fn check_acting(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(customer) = caller.customer().filter(|_| !caller.is_staff()) else { return Ok(()) };
        match self.customers.status(customer).await.map_err(answers::failed)? {
            // Who is no customer has no accounts either, and is told so.
            None | Some(CustomerStatus::Active) => Ok(()),
            Some(_) => Err(Problem::new(Code::CustomerNotActive, "This customer may not move money at present.")),
        }
    }
}

/// Whose wallet is looked at: the caller's own, or the one that staff name.
fn whose(caller: &Caller, request: &Request) -> Result<CustomerId, Problem> {
    let named = request.query("customer_id").map(|text| CustomerId::parse(text).ok_or_else(Problem::not_found));
    let own = caller.customer().ok_or_else(Problem::forbidden)?;
    let customer = named.transpose()?.unwrap_or_else(|| own.clone());
    if caller.may_serve(&customer) { Ok(customer) } else { Err(Problem::not_found()) }
}
