//! GET /markets/{symbol}/book and /trades.

use aws::exchange::MOST_TRADES;
use domain::{
    Timestamp,
    id::TradeId,
    instrument::{Instrument, Symbol},
    order::Side,
    order_book::{Book, trade_id},
};
use edge::http::{Answer, Page, Problem, Request};
use serde::Serialize;

use crate::{Stores, failed, public, within};

/// Price levels of a side, at most and when nobody says.
const MOST_LEVELS: usize = 500;
const LEVELS: usize = 50;
/// Trades when nobody says how many.
const TRADES: usize = 50;

#[derive(Serialize)]
struct BookView<'a> {
    symbol: &'a Symbol,
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
    /// Version of the journal: rises by one with each batch.
    sequence: u64,
}

pub(crate) async fn depth(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    request.only_query(&["depth"])?;
    let levels = within(request, "depth", MOST_LEVELS, LEVELS)?;
    let instrument = stores.instrument(request).await?;
    let view = stores.warm.book(&instrument, |followed| BookView {
        symbol: instrument.symbol(),
        bids: side(followed.book(), Side::Buy, levels, &instrument),
        asks: side(followed.book(), Side::Sell, levels, &instrument),
        sequence: followed.version(),
    });
    public(&view.await.map_err(failed)?)
}

fn side(book: &Book, side: Side, levels: usize, instrument: &Instrument) -> Vec<(String, String)> {
    let quantity = |lots| instrument.quantity(i128::try_from(lots).unwrap_or(i128::MAX)).to_string();
    book.depth(side, levels).map(|(ticks, lots)| (instrument.price(ticks).to_string(), quantity(lots))).collect()
}

#[derive(Serialize)]
struct PrintView {
    trade_id: TradeId,
    price: String,
    quantity: String,
    /// The taker's.
    side: Side,
    created_at: Timestamp,
}

pub(crate) async fn trades(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    request.only_query(&["limit"])?;
    let limit = within(request, "limit", MOST_TRADES, TRADES)?;
    let instrument = stores.instrument(request).await?;
    let trades = stores.warm.trades(&instrument, limit).await.map_err(failed)?;
    let view = trades.iter().map(|(at, trade)| PrintView {
        trade_id: trade_id(instrument.symbol(), trade.number),
        price: instrument.price(trade.price).to_string(),
        quantity: instrument.quantity(i128::from(trade.quantity)).to_string(),
        side: trade.taker_side,
        created_at: *at,
    });
    public(&Page::new(view.collect(), None, "trades"))
}
