//! POST /instruments.

use aws::exchange::{InstrumentAdded, StoredInstrument};
use domain::instrument::{Instrument, InstrumentFields};
use edge::{
    clock::Clock,
    http::{Answer, Code, Problem, Request, created},
};
use serde::Deserialize;

use crate::{Stores, answers::failed, view::StoredView};

/// A new instrument as an admin writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewInstrument {
    symbol: String,
    kind: String,
    base: String,
    quote: String,
    price_tick: String,
    quantity_lot: String,
    min_notional: String,
    maker_fee_bps: u16,
    taker_fee_bps: u16,
}

pub(crate) async fn create(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.admin()?;
    let body = request.parse::<NewInstrument>()?;
    let instrument = Instrument::new(&InstrumentFields {
        symbol: &body.symbol,
        kind: &body.kind,
        base: &body.base,
        quote: &body.quote,
        price_tick: &body.price_tick,
        quantity_lot: &body.quantity_lot,
        min_notional: &body.min_notional,
        maker_fee_bps: body.maker_fee_bps,
        taker_fee_bps: body.taker_fee_bps,
    });
    let instrument = instrument
        .map_err(|error| Problem::field(Code::InvalidField, format!("/{}", error.field), error.to_string()))?;
    let now = clock.now();
    match stores.exchange.add_instrument(&instrument, now).await.map_err(failed)? {
        InstrumentAdded::Before(_) => {
            Err(Problem::new(Code::InstrumentTaken, "There is an instrument of this symbol."))
        }
        InstrumentAdded::Done => {
            tracing::info!(symbol = instrument.symbol().as_str(), by = caller.subject(), "instrument added");
            let stored = StoredInstrument { instrument, version: 1, created_at: now };
            Ok(created(&StoredView::from(&stored))?.etag(stored.version))
        }
    }
}
