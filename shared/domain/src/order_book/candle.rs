//! Candles: what a span of time has traded at. Folded trade by trade; a trade that comes again changes nothing.

use super::Trade;
use crate::{Timestamp, order::named};

named! {
    /// How long a candle lasts.
    Interval {
        /// A minute.
        OneMinute = "1m",
        /// Five minutes.
        FiveMinutes = "5m",
        /// An hour.
        OneHour = "1h",
        /// A day of UTC.
        OneDay = "1d",
    }
}

impl Interval {
    /// Its length in milliseconds.
    pub fn millis(self) -> i64 {
        match self {
            Self::OneMinute => 60_000,
            Self::FiveMinutes => 300_000,
            Self::OneHour => 3_600_000,
            Self::OneDay => 86_400_000,
        }
    }

    /// When the candle of this moment opens.
    pub fn open_time(self, at: Timestamp) -> Timestamp {
        Timestamp::from_millis(at.millis() - at.millis().rem_euclid(self.millis()))
    }
}

/// What was traded from `open_time` on. Prices in ticks, volumes in lots and minor units of the quote asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// Its first millisecond.
    pub open_time: Timestamp,
    /// Price of the first trade.
    pub open: u64,
    /// Highest price.
    pub high: u64,
    /// Lowest price.
    pub low: u64,
    /// Price of the last trade.
    pub close: u64,
    /// Lots.
    pub volume: u128,
    /// Minor units of the quote asset.
    pub quote_volume: u128,
    /// How many trades.
    pub count: u64,
    /// Number of the first trade in it.
    pub first_trade: u64,
    /// Number of the last trade in it.
    pub last_trade: u64,
}

impl Candle {
    /// A candle with its first trade, which took place at `at`.
    pub fn start(interval: Interval, at: Timestamp, trade: &Trade) -> Self {
        Self {
            open_time: interval.open_time(at),
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: u128::from(trade.quantity),
            quote_volume: u128::from(trade.notional),
            count: 1,
            first_trade: trade.number,
            last_trade: trade.number,
        }
    }

    /// Takes in the next trade of the same span. Trades come by rising number: one that is in it already is passed over.
    pub fn fold(&mut self, trade: &Trade) {
        if trade.number <= self.last_trade {
            return;
        }
        (self.high, self.low) = (self.high.max(trade.price), self.low.min(trade.price));
        (self.close, self.last_trade) = (trade.price, trade.number);
        self.volume += u128::from(trade.quantity);
        self.quote_volume += u128::from(trade.notional);
        self.count += 1;
    }

    /// The candles of trades with their moments, in order: both rising.
    pub fn of<'a>(interval: Interval, trades: impl IntoIterator<Item = (Timestamp, &'a Trade)>) -> Vec<Self> {
        let mut candles: Vec<Self> = Vec::new();
        for (at, trade) in trades {
            match candles.last_mut().filter(|candle| candle.open_time == interval.open_time(at)) {
                Some(candle) => candle.fold(trade),
                None => candles.push(Self::start(interval, at, trade)),
            }
        }
        candles
    }

    /// Adds the candle of a later part of the same span: hours from minutes.
    pub fn extend(&mut self, later: &Self) {
        if later.first_trade <= self.last_trade {
            return;
        }
        (self.high, self.low) = (self.high.max(later.high), self.low.min(later.low));
        (self.close, self.last_trade) = (later.close, later.last_trade);
        self.volume += later.volume;
        self.quote_volume += later.quote_volume;
        self.count += later.count;
    }
}
