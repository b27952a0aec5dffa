//! Candles of a minute and of an hour, kept by the settlement; longer ones are folded from them when they are read.
//! A row says which trade is the last in it, so a trade is never in it twice.

use domain::{
    Timestamp,
    instrument::Symbol,
    order_book::{Candle, Interval, Trade},
};

use super::{Exchange, PutOutcome, rows};
use crate::{
    item::{Item, Read, key, number},
    store::StoreError,
};

/// How often a candle is written again that somebody else has written meanwhile.
const TRIES: u32 = 10;

/// A candle as the last write left it; hand it in with the next trades of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredCandle(pub Candle);

impl Exchange {
    /// Folds trades (numbers rising, all of one span of `interval`) into their candle. `known` is what the row is
    /// believed to be, if anything: right, it saves a read; wrong, it does no harm. Stored are [`Interval::OneMinute`]
    /// and [`Interval::OneHour`].
    pub async fn fold_candle(
        &self,
        symbol: &Symbol,
        interval: Interval,
        known: Option<StoredCandle>,
        trades: &[(Timestamp, Trade)],
    ) -> Result<Option<StoredCandle>, StoreError> {
        let Some((at, _)) = trades.first() else { return Ok(known) };
        let opens = interval.open_time(*at);
        let mut row = known.map(|known| known.0).filter(|candle| candle.open_time == opens);
        for _ in 0..TRIES {
            let mut folded = row;
            for (at, trade) in trades {
                match &mut folded {
                    Some(candle) => candle.fold(trade),
                    None => folded = Some(Candle::start(interval, *at, trade)),
                }
            }
            let Some(candle) = folded.filter(|folded| row != Some(*folded)) else { return Ok(row.map(StoredCandle)) };
            let put = self.put(item(&partition(symbol, interval), &candle));
            let put = match row {
                Some(row) => {
                    put.condition_expression("v = :v").expression_attribute_values(":v", number(row.last_trade))
                }
                None => put.condition_expression("attribute_not_exists(pk)"),
            };
            row = match self.put_if(put).await? {
                PutOutcome::Done => return Ok(Some(StoredCandle(candle))),
                PutOutcome::Denied(row) => row.as_ref().map(self::candle).transpose()?,
            };
        }
        Err(StoreError::Conflict)
    }

    /// Up to `limit` candles that open at `from` or later and at `to` or earlier, the newest ones, in order. An
    /// interval without trades has none.
    pub async fn candles(
        &self,
        symbol: &Symbol,
        interval: Interval,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Candle>, StoreError> {
        let stored = match interval {
            Interval::OneMinute | Interval::FiveMinutes => Interval::OneMinute,
            Interval::OneHour | Interval::OneDay => Interval::OneHour,
        };
        let parts = usize::try_from(interval.millis() / stored.millis()).unwrap_or(1);
        let query = self.between(&partition(symbol, stored), &rows::moment(from), &rows::moment(to));
        let (items, _) = self.rows(query.scan_index_forward(false), limit.saturating_mul(parts)).await?;
        let mut candles: Vec<Candle> = Vec::new();
        for item in items.iter().rev() {
            let part = candle(item)?;
            let opens = interval.open_time(part.open_time);
            match candles.last_mut().filter(|candle| candle.open_time == opens) {
                Some(candle) => candle.extend(&part),
                None => candles.push(Candle { open_time: opens, ..part }),
            }
        }
        // What opened before `from`, or beyond the limit, has lost its beginning.
        let whole = candles.iter().position(|candle| candle.open_time >= from).unwrap_or(candles.len());
        candles.drain(..whole.max(candles.len().saturating_sub(limit)));
        Ok(candles)
    }
}

fn partition(symbol: &Symbol, interval: Interval) -> String {
    format!("candles#{symbol}#{}", interval.as_str())
}

fn item(partition: &str, candle: &Candle) -> Item {
    let mut item = key(partition, rows::moment(candle.open_time));
    for (name, value) in [
        ("o", u128::from(candle.open)),
        ("h", u128::from(candle.high)),
        ("l", u128::from(candle.low)),
        ("c", u128::from(candle.close)),
        ("q", candle.volume),
        ("n", candle.quote_volume),
        ("k", u128::from(candle.count)),
        ("u", u128::from(candle.first_trade)),
        ("v", u128::from(candle.last_trade)),
    ] {
        item.insert(name.to_owned(), number(value));
    }
    item
}

fn candle(item: &Item) -> Result<Candle, StoreError> {
    let wide = |name: &str| {
        let digits = item.digits(name).and_then(|digits| digits.parse::<u128>().ok());
        digits.ok_or_else(|| StoreError::corrupt(name))
    };
    let millis = item.parsed("sk", |sort| sort.parse::<i64>().ok())?;
    Ok(Candle {
        open_time: Timestamp::from_millis(millis),
        open: item.count("o")?,
        high: item.count("h")?,
        low: item.count("l")?,
        close: item.count("c")?,
        volume: wide("q")?,
        quote_volume: wide("n")?,
        count: item.count("k")?,
        first_trade: item.count("u")?,
        last_trade: item.count("v")?,
    })
}
