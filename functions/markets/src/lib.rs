//! Prices, books, trades and candles, for everybody.
//!
//! Follows the journals on its own and asks nobody; tells of no customer. What it says is a moment old at most: a book
//! is looked after every 200 ms while somebody asks for it.

mod book;
mod candles;
mod day;
mod list;

use aws::{
    exchange::{StoredInstrument, Warm},
    store::StoreError,
};
use domain::instrument::{Instrument, Symbol};
use edge::{
    clock::Clock,
    http::{Answer, Code, Problem, Request, ok},
};
use serde::Serialize;

pub use day::Days;

/// What an instance remembers of the markets.
#[derive(Debug)]
pub struct Stores {
    /// Instruments, books, candles.
    pub warm: Warm,
    /// The past 24 hours of each.
    pub days: Days,
}

/// One request to any route of markets.
pub async fn handle(stores: &Stores, clock: &impl Clock, request: Request) -> Result<Answer, Problem> {
    match request.route() {
        ("GET", "/markets") => list::list(stores, clock, &request).await,
        ("GET", "/markets/{symbol}/ticker") => list::ticker(stores, clock, &request).await,
        ("GET", "/markets/{symbol}/book") => book::depth(stores, &request).await,
        ("GET", "/markets/{symbol}/trades") => book::trades(stores, &request).await,
        ("GET", "/markets/{symbol}/candles") => candles::candles(stores, clock, &request).await,
        _ => Err(Problem::not_found()),
    }
}

impl Stores {
    /// The instrument of the path.
    async fn instrument(&self, request: &Request) -> Result<Instrument, Problem> {
        let symbol = request.path_id("symbol", Symbol::parse)?;
        let found: Option<StoredInstrument> = self.warm.instrument(&symbol).await.map_err(failed)?;
        Ok(found.ok_or_else(Problem::not_found)?.instrument)
    }
}

/// The same for everybody for a second.
fn public(body: &impl Serialize) -> Result<Answer, Problem> {
    Ok(ok(body)?.header("Cache-Control", "public, max-age=1"))
}

/// A whole number within these bounds.
fn within(request: &Request, name: &str, most: usize, default: usize) -> Result<usize, Problem> {
    let parse = |text: &str| text.parse().ok().filter(|number| (1..=most).contains(number));
    let number = request.query_as(name, &format!("a whole number from 1 to {most}"), parse)?;
    Ok(number.unwrap_or(default))
}

/// The store failed; the cause goes to the log once, here.
fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "markets");
    match error {
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
        StoreError::Corrupt(_) => Problem::from(Code::Internal),
    }
}
