//! What can be traded and whether it is, and grants of it.
//!
//! Steps and fees of an instrument never change: books and locks are counted in them. Moves no money but by grants, and
//! tells its book of a halt through the queue that orders go through.

mod answers;
mod change;
mod create;
mod grant;
mod view;

use aws::{customers::Customers, exchange::Exchange, ledger::Ledger, queues::Queue};
use edge::{
    clock::Clock,
    http::{Answer, Page, Problem, Request, ok},
};

use crate::{answers::failed, view::StoredView};

/// Where instruments, wallets and customers are kept, and the way to the books.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Instruments and grants.
    pub exchange: Exchange,
    /// The wallets that grants go to.
    pub ledger: Ledger,
    /// Only asked whether a customer exists.
    pub customers: Customers,
    /// Where halts and resumptions wait for the book.
    pub queue: Queue,
}

/// One request to any route of instruments.
pub async fn handle(stores: &Stores, clock: &impl Clock, request: Request) -> Result<Answer, Problem> {
    match request.route() {
        ("GET", "/instruments") => list(stores, &request).await,
        ("POST", "/instruments") => create::create(stores, clock, &request).await,
        ("PATCH", "/instruments/{symbol}") => change::change(stores, clock, &request).await,
        ("POST", "/instruments/{symbol}/grants") => grant::grant(stores, clock, &request).await,
        _ => Err(Problem::not_found()),
    }
}

/// All instruments by symbol.
async fn list(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    request.person()?;
    request.only_query(&[])?;
    let instruments = stores.exchange.instruments().await.map_err(failed)?;
    ok(&Page::new(instruments.iter().map(StoredView::from).collect(), None, "instruments"))
}
