//! The past 24 hours of each market, from candles: whole hours, and the minutes of the hour that the window cuts through.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws::{exchange::Exchange, store::StoreError};
use domain::{
    Timestamp,
    instrument::Symbol,
    order_book::{Candle, Interval, Ticker},
};

/// The window.
const DAY_MS: i64 = 86_400_000;
/// Hours that can lie in the window, the two cut ones included, and the one before them, which tells the last price of
/// a market that has not traded in it.
const HOURS: usize = 26;
/// Minutes of the hour that the window cuts through.
const MINUTES: usize = 60;

/// What was found lately.
#[derive(Debug)]
pub struct Days {
    /// How old it may be.
    freshness: Duration,
    kept: Mutex<HashMap<Symbol, (Instant, Vec<Candle>)>>,
}

impl Default for Days {
    fn default() -> Self {
        Self::new(Duration::from_secs(1))
    }
}

impl Days {
    /// Looks again after so long.
    pub fn new(freshness: Duration) -> Self {
        Self { freshness, kept: Mutex::default() }
    }

    /// The figures of the window before `now`, without best prices. The last price is that of the last trade that is
    /// settled, however long ago.
    pub(crate) async fn figures(
        &self,
        exchange: &Exchange,
        symbol: &Symbol,
        now: Timestamp,
    ) -> Result<Ticker, StoreError> {
        let candles = self.candles(exchange, symbol, now).await?;
        let mut ticker = Ticker { last_price: candles.last().map(|candle| candle.close), ..Ticker::default() };
        ticker.add(&candles, now);
        Ok(ticker)
    }

    async fn candles(&self, exchange: &Exchange, symbol: &Symbol, now: Timestamp) -> Result<Vec<Candle>, StoreError> {
        if let Some((looked, candles)) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(symbol)
            && looked.elapsed() < self.freshness
        {
            return Ok(candles.clone());
        }
        let looked = Instant::now();
        let opens = Timestamp::from_millis(now.millis() - DAY_MS);
        let cut = Interval::OneHour.open_time(opens);
        let hours = exchange.candles(symbol, Interval::OneHour, Timestamp::from_millis(0), now, HOURS).await?;
        let mut candles = hours;
        if let Some(place) = candles.iter().position(|candle| candle.open_time == cut) {
            let end = Timestamp::from_millis(cut.millis() + Interval::OneHour.millis() - 1);
            let minutes = exchange.candles(symbol, Interval::OneMinute, opens, end, MINUTES).await?;
            candles.splice(place + 1..place + 1, minutes);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(symbol.clone(), (looked, candles.clone()));
        Ok(candles)
    }
}
