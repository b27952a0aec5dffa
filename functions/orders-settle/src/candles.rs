//! The candles under way: kept in memory as they were written last, which saves reading them; a wrong belief only costs a
//! look.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use aws::{
    exchange::{Exchange, StoredCandle},
    store::StoreError,
};
use domain::{
    Timestamp,
    instrument::Symbol,
    order_book::{Interval, Trade},
};

/// The intervals that are stored.
const STORED: [Interval; 2] = [Interval::OneMinute, Interval::OneHour];

/// The newest candle of each book and interval.
#[derive(Debug, Default)]
pub(crate) struct Candles(Mutex<HashMap<(Symbol, Interval), StoredCandle>>);

impl Candles {
    /// Folds trades, in their order, into the candles of all their spans.
    pub(crate) async fn fold(
        &self,
        exchange: &Exchange,
        symbol: &Symbol,
        trades: &[(Timestamp, Trade)],
    ) -> Result<(), StoreError> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for interval in STORED {
            let mut spans: BTreeMap<Timestamp, Vec<_>> = BTreeMap::new();
            for (at, trade) in trades {
                spans.entry(interval.open_time(*at)).or_default().push((*at, *trade));
            }
            for span in spans.values() {
                let key = (symbol.clone(), interval);
                let before = known().get(&key).copied();
                if let Some(candle) = exchange.fold_candle(symbol, interval, before, span).await? {
                    known().insert(key, candle);
                }
            }
        }
        Ok(())
    }
}
