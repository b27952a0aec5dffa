//! GET /markets and /markets/{symbol}/ticker.

use domain::{
    instrument::{Instrument, Symbol},
    order_book::Ticker,
};
use edge::{
    clock::Clock,
    http::{Answer, InstrumentView, Page, Problem, Request},
};
use futures::future::try_join_all;
use serde::Serialize;

use crate::{Stores, failed, public};

#[derive(Serialize)]
struct MarketView<'a> {
    #[serde(flatten)]
    instrument: InstrumentView<'a>,
    last_price: Option<String>,
    change_24h: Option<String>,
    volume_24h: String,
}

#[derive(Serialize)]
struct TickerView<'a> {
    symbol: &'a Symbol,
    last_price: Option<String>,
    best_bid: Option<String>,
    best_ask: Option<String>,
    high_24h: Option<String>,
    low_24h: Option<String>,
    volume_24h: String,
    change_24h: Option<String>,
}

/// All markets by symbol.
pub(crate) async fn list(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    request.only_query(&[])?;
    let instruments = stores.warm.instruments().await.map_err(failed)?;
    let now = clock.now();
    let figures =
        instruments.iter().map(|stored| stores.days.figures(stores.warm.exchange(), stored.instrument.symbol(), now));
    let figures = try_join_all(figures).await.map_err(failed)?;
    let items = instruments.iter().zip(&figures).map(|(stored, ticker)| MarketView {
        instrument: InstrumentView::from(&stored.instrument),
        last_price: price(ticker.last_price, &stored.instrument),
        change_24h: change(ticker, &stored.instrument),
        volume_24h: volume(ticker, &stored.instrument),
    });
    public(&Page::new(items.collect(), None, "markets"))
}

/// The last and the best prices of the book, and the past 24 hours.
pub(crate) async fn ticker(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    request.only_query(&[])?;
    let instrument = stores.instrument(request).await?;
    let now = clock.now();
    let (figures, book) = tokio::join!(
        stores.days.figures(stores.warm.exchange(), instrument.symbol(), now),
        stores.warm.book(&instrument, |followed| Ticker::of(followed.book(), [], now))
    );
    let (figures, book) = (figures.map_err(failed)?, book.map_err(failed)?);
    // The book is ahead of what is settled.
    let last_price = book.last_price.or(figures.last_price);
    let ticker = Ticker { last_price, best_bid: book.best_bid, best_ask: book.best_ask, ..figures };
    public(&TickerView {
        symbol: instrument.symbol(),
        last_price: price(ticker.last_price, &instrument),
        best_bid: price(ticker.best_bid, &instrument),
        best_ask: price(ticker.best_ask, &instrument),
        high_24h: price(ticker.high, &instrument),
        low_24h: price(ticker.low, &instrument),
        volume_24h: volume(&ticker, &instrument),
        change_24h: change(&ticker, &instrument),
    })
}

fn price(ticks: Option<u64>, instrument: &Instrument) -> Option<String> {
    ticks.map(|ticks| instrument.price(ticks).to_string())
}

fn volume(ticker: &Ticker, instrument: &Instrument) -> String {
    instrument.quantity(i128::try_from(ticker.volume).unwrap_or(i128::MAX)).to_string()
}

fn change(ticker: &Ticker, instrument: &Instrument) -> Option<String> {
    let (last, open) = (instrument.price(ticker.last_price?), instrument.price(ticker.open?));
    last.checked_sub(open).map(|change| change.to_string())
}
