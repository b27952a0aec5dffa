//! GET /markets/{symbol}/candles.

use domain::{
    Timestamp,
    instrument::Instrument,
    order_book::{Candle, Interval},
};
use edge::{
    clock::Clock,
    http::{Answer, Page, Problem, Request},
};
use serde::Serialize;

use crate::{Stores, failed, public, within};

/// Candles, at most and when nobody says.
const MOST: usize = 1_000;
const USUAL: usize = 100;

#[derive(Serialize)]
struct CandleView {
    open_time: Timestamp,
    open: String,
    high: String,
    low: String,
    close: String,
    volume: String,
}

impl CandleView {
    fn new(candle: &Candle, instrument: &Instrument) -> Self {
        let price = |ticks| instrument.price(ticks).to_string();
        Self {
            open_time: candle.open_time,
            open: price(candle.open),
            high: price(candle.high),
            low: price(candle.low),
            close: price(candle.close),
            volume: instrument.quantity(i128::try_from(candle.volume).unwrap_or(i128::MAX)).to_string(),
        }
    }
}

/// The latest candles of a stretch of time, oldest first. The stretch names those that open in it; each is whole.
pub(crate) async fn candles(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    request.only_query(&["interval", "from", "to", "limit"])?;
    let interval = request.query_as("interval", "one of 1m, 5m, 1h, 1d", Interval::parse)?;
    let interval = interval.unwrap_or(Interval::OneMinute);
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    let from = request.query_as("from", "an RFC 3339 moment", moment)?;
    let to = request.query_as("to", "an RFC 3339 moment", moment)?;
    let limit = within(request, "limit", MOST, USUAL)?;
    let instrument = stores.instrument(request).await?;

    let first = from.map_or(0, |from| rounded_up(from, interval).max(0));
    let last = to.map_or(clock.now().millis(), |to| to.millis().saturating_sub(1));
    let last = interval.open_time(Timestamp::from_millis(last)).millis().saturating_add(interval.millis() - 1);
    let mut found = Vec::new();
    if first <= last {
        let (first, last) = (Timestamp::from_millis(first), Timestamp::from_millis(last));
        let candles = stores.warm.exchange().candles(instrument.symbol(), interval, first, last, limit);
        found = candles.await.map_err(failed)?;
    }
    let view = found.iter().map(|candle| CandleView::new(candle, &instrument)).collect();
    public(&Page::new(view, None, "candles"))
}

/// When the first candle opens that does not open before this moment.
fn rounded_up(moment: Timestamp, interval: Interval) -> i64 {
    let opens = interval.open_time(moment).millis();
    if opens == moment.millis() { opens } else { opens.saturating_add(interval.millis()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_begins_with_the_first_candle_that_opens_in_it() {
        for (moment, opens) in [(0, 0), (1, 300_000), (300_000, 300_000), (300_001, 600_000), (-1, 0)] {
            assert_eq!(rounded_up(Timestamp::from_millis(moment), Interval::FiveMinutes), opens, "{moment}");
        }
    }
}
