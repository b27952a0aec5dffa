//! The ticker: the last price, the best prices, and what the past 24 hours have seen.

use super::{Book, Candle};
use crate::{Timestamp, order::Side};

/// The window, in milliseconds.
const DAY: i64 = 86_400_000;

/// A market at a glance. Prices in ticks, volumes in lots and minor units of the quote asset; `None` where nothing has
/// traded or nobody offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticker {
    /// Price of the last trade, however long ago.
    pub last_price: Option<u64>,
    /// Highest bid.
    pub best_bid: Option<u64>,
    /// Lowest ask.
    pub best_ask: Option<u64>,
    /// Highest price of the window.
    pub high: Option<u64>,
    /// Lowest price of the window.
    pub low: Option<u64>,
    /// Price of the window's first trade.
    pub open: Option<u64>,
    /// Lots of the window.
    pub volume: u128,
    /// Minor units of the quote asset of the window.
    pub quote_volume: u128,
}

impl Ticker {
    /// From the book and the candles of the past (any interval, rising; those of minutes give the sharpest window).
    /// A candle belongs to the window when it opens less than 24 hours before `now`.
    pub fn of<'a>(book: &Book, candles: impl IntoIterator<Item = &'a Candle>, now: Timestamp) -> Self {
        let mut ticker = Self {
            last_price: book.last_price(),
            best_bid: book.best_price(Side::Buy),
            best_ask: book.best_price(Side::Sell),
            ..Self::default()
        };
        ticker.add(candles, now);
        ticker
    }

    /// Adds the candles that lie in the window before `now`, rising; for whoever has no book at hand.
    pub fn add<'a>(&mut self, candles: impl IntoIterator<Item = &'a Candle>, now: Timestamp) {
        let opens = now.millis() - DAY;
        for candle in candles.into_iter().filter(|candle| candle.open_time.millis() > opens && candle.open_time <= now)
        {
            self.open = self.open.or(Some(candle.open));
            self.high = self.high.max(Some(candle.high));
            self.low = Some(self.low.map_or(candle.low, |low| low.min(candle.low)));
            self.last_price = Some(candle.close);
            self.volume += candle.volume;
            self.quote_volume += candle.quote_volume;
        }
    }

    /// How far the last price is above or below the window's first, in ticks; `None` when nothing has traded in it.
    pub fn change(&self) -> Option<i128> {
        Some(i128::from(self.last_price?) - i128::from(self.open?))
    }
}
