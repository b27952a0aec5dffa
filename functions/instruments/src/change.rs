//! PATCH /instruments/{symbol}: halt and resume.

use aws::exchange::{InstrumentChanged, StoredInstrument};
use domain::{
    exchange::Message,
    instrument::{InstrumentStatus, Symbol},
};
use edge::{
    clock::Clock,
    http::{Answer, Code, FieldErrors, Problem, Request, ok},
};
use serde::Deserialize;

use crate::{Stores, answers::failed, view::StoredView};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    status: String,
}

pub(crate) async fn change(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.admin()?;
    let body = request.parse::<Change>()?;
    let mut errors = FieldErrors::new();
    let status = errors.parse("/status", &body.status, InstrumentStatus::parse, "must be one of trading, halted");
    errors.finish()?;
    let status = status.ok_or(Code::InvalidField)?;
    let symbol = request.path_id("symbol", Symbol::parse)?;
    let expected = request.if_match()?;
    let stored = match stores.exchange.set_instrument_status(&symbol, status, expected).await.map_err(failed)? {
        InstrumentChanged::Done(stored) => stored,
        InstrumentChanged::Moved(_) => {
            return Err(Problem::new(Code::VersionMismatch, "The instrument has changed since it was read."));
        }
        InstrumentChanged::Unknown => return Err(Problem::not_found()),
    };
    tell_book(stores, clock, &stored).await?;
    tracing::info!(%symbol, status = status.as_str(), version = stored.version, by = caller.subject(), "instrument set");
    Ok(ok(&StoredView::from(&stored))?.etag(stored.version))
}

/// Sent also when nothing has changed: the request before may have died in between, and a book that stands so already
/// takes no notice.
async fn tell_book(stores: &Stores, clock: &impl Clock, stored: &StoredInstrument) -> Result<(), Problem> {
    let symbol = stored.instrument.symbol();
    let message = match stored.instrument.status {
        InstrumentStatus::Halted => Message::halt(symbol),
        InstrumentStatus::Trading => Message::resume(symbol),
    };
    // Halted, resumed and halted again within one second are three wishes.
    let deduplication = format!("{}#{}", message.deduplication_id(clock.now()), stored.version);
    stores.queue.send_in_order(&message, symbol.as_str(), &deduplication).await.map_err(failed)
}
