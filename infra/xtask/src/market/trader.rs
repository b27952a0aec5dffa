//! A trader: what it does next, how it says so to the API, and what it makes of the answer.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    bench::load::Work,
    client::{Answer, Client},
    people::{self, PASSWORD},
};

use super::{
    floor::{Floor, Place, Seat},
    random::Random,
    tally::Tally,
};

/// A trader has no more quotes at once.
const QUOTES: usize = 24;
/// Nor, where half of the orders trade, more orders that never will.
const RESTING: usize = 400;
/// Who is further behind does not try to catch up.
const BEHIND: Duration = Duration::from_secs(1);

/// How traders trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Makers around a price that walks, takers, cancellations, now and then a stop.
    Lively,
    /// Of four orders two rest for good, and two meet at one price: half of all orders trade.
    Half {
        /// Whether those that meet wait for their trade.
        wait: bool,
    },
}

/// A trader.
pub struct Trader {
    api: String,
    seat: Seat,
    client: Client,
    random: Random,
    style: Style,
    tally: Arc<Tally>,
    /// Before every idempotency key.
    run: String,
    sent: u64,
    quotes: VecDeque<String>,
}

/// What is to be done.
enum Step {
    Order { wish: Value, rests: bool, wait: bool },
    Cancel(String),
}

impl Trader {
    /// All traders of a floor. `run` makes their orders different from those of any other run.
    pub async fn all(floor: &Floor, style: Style, run: &str, tally: &Arc<Tally>) -> Result<Vec<Self>> {
        let mut traders = Vec::new();
        for seat in &floor.seats {
            traders.push(Self {
                api: floor.api.clone(),
                client: Client::connect(&floor.api, Some(&seat.customer.token)).await?,
                seat: seat.clone(),
                random: Random::new(floor.seed, seat.index as u64),
                style,
                tally: tally.clone(),
                run: run.to_owned(),
                sent: 0,
                quotes: VecDeque::new(),
            });
        }
        Ok(traders)
    }

    /// Trades at this rate until told to stop.
    pub async fn trade(mut self, per_second: f64, mut stop: watch::Receiver<bool>) -> Self {
        let mut due = Instant::now();
        loop {
            due += self.random.gap(per_second);
            let now = Instant::now();
            if now > due + BEHIND {
                let missed = (now - due).as_secs_f64() * per_second;
                self.tally.count(|counts| counts.skipped += missed.round() as u64);
                due = now;
            }
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                _ = stop.wait_for(|stop| *stop) => return self,
            }
            // Its errors are counted by their code, and the next step may fare better.
            if self.step().await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Takes back what still stands of its quotes.
    pub async fn go_home(mut self) {
        while let Some(order) = self.quotes.pop_front() {
            if self.cancel(&order).await.is_err() {
                return;
            }
        }
    }

    /// The next thing.
    async fn step(&mut self) -> Result<()> {
        match self.next() {
            Step::Order { wish, rests, wait } => self.order(&wish, rests, wait).await,
            Step::Cancel(order) => self.cancel(&order).await,
        }
    }

    fn next(&mut self) -> Step {
        let place = self.seat.places[self.random.below(self.seat.places.len() as u64) as usize].clone();
        let mid = place.market.mid(Instant::now());
        match self.style {
            Style::Lively => self.lively(&place, mid),
            Style::Half { wait } => self.half(&place, mid, wait),
        }
    }

    fn half(&mut self, place: &Place, mid: i64, wait: bool) -> Step {
        if self.quotes.len() >= RESTING
            && let Some(oldest) = self.quotes.pop_front()
        {
            return Step::Cancel(oldest);
        }
        let rests = self.sent.is_multiple_of(2);
        let away = if rests { mid / 10 + self.random.below(100) as i64 } else { 0 };
        let price = if place.sells { mid + away } else { mid - away };
        Step::Order { wish: limit(place, place.sells, 1_000, price), rests, wait: wait && !rests }
    }

    fn lively(&mut self, place: &Place, mid: i64) -> Step {
        let dice = self.random.below(100);
        if self.quotes.len() >= QUOTES || (dice < 40 && !self.quotes.is_empty()) {
            // The older one is, the likelier it is far from the price.
            let nth = self.random.below(self.quotes.len().div_ceil(2) as u64) as usize;
            if let Some(order) = self.quotes.remove(nth) {
                return Step::Cancel(order);
            }
        }
        let sells = self.random.coin();
        let lots = 10 + self.random.below(490) as i64;
        // Two of a bound, the lesser: most quotes are near the price.
        let away = 1 + self.random.below(40).min(self.random.below(40)) as i64;
        let towards = |ticks: i64| if sells { mid - ticks } else { mid + ticks };
        let (wish, rests) = match dice {
            0..85 => (limit(place, sells, lots, towards(-away)), true),
            85..92 => {
                let mut wish = limit(place, sells, lots, towards(10));
                (extend(&mut wish, &json!({"time_in_force": "ioc", "self_trade_prevention": "skip"})), false)
            }
            92..98 => {
                let wish = json!({"symbol": place.market.symbol, "side": side(sells), "type": "market",
                    "quantity": lots_of(lots), "self_trade_prevention": "skip"});
                (wish, false)
            }
            _ => {
                let mut wish = limit(place, sells, lots, towards(-away - 25));
                (extend(&mut wish, &json!({"type": "stop_limit", "stop_price": ticks(towards(-away - 15))})), true)
            }
        };
        Step::Order { wish, rests, wait: false }
    }

    async fn order(&mut self, wish: &Value, rests: bool, wait: bool) -> Result<()> {
        self.sent += 1;
        let key = format!("{} {} {}", self.run, self.seat.index, self.sent);
        let headers = [("Idempotency-Key", key.as_str()), ("Prefer", "wait=25")];
        let headers = if wait { &headers[..] } else { &headers[..1] };
        let sent = Instant::now();
        let answer = self.client.post_with("/orders", headers, wish).await;
        let took = sent.elapsed();
        let answer = self.settle_in(answer).await?;
        let Some(id) = answer.body["order_id"].as_str().filter(|_| matches!(answer.status, 201 | 202)) else {
            return self.refused(&answer);
        };
        let filled = answer.body["filled_quantity"].as_str().and_then(|filled| filled.parse::<f64>().ok());
        self.tally.order(self.seat.index, id, took, wait && filled.is_some_and(|filled| filled > 0.0));
        if rests {
            self.quotes.push_back(id.to_owned());
        }
        Ok(())
    }

    async fn cancel(&mut self, order: &str) -> Result<()> {
        let answer = self.client.delete(&format!("/orders/{order}")).await;
        let answer = self.settle_in(answer).await?;
        match (answer.status, answer.code().as_str()) {
            (200 | 202, _) => self.tally.count(|counts| counts.cancels += 1),
            (409, "order_not_open") => self.tally.count(|counts| counts.too_late += 1),
            _ => return self.refused(&answer),
        }
        Ok(())
    }

    fn refused(&self, answer: &Answer) -> Result<()> {
        self.tally.count(|counts| *counts.errors.entry(answer.code()).or_default() += 1);
        bail!("answered {}: {}", answer.status, answer.body)
    }

    /// A broken connection is made anew, and a token that has run out; what was to be sent is not sent again.
    async fn settle_in(&mut self, answer: Result<Answer>) -> Result<Answer> {
        match &answer {
            Ok(answer) if answer.status == 401 => {
                self.seat.customer = people::sign_in(&self.api, &self.seat.email, PASSWORD).await?;
            }
            Ok(_) => return answer,
            Err(_) => self.tally.count(|counts| *counts.errors.entry("no_answer".to_owned()).or_default() += 1),
        }
        self.client = Client::connect(&self.api, Some(&self.seat.customer.token)).await?;
        answer
    }
}

impl Work for Trader {
    async fn once(&mut self) -> Result<()> {
        self.step().await
    }
}

fn limit(place: &Place, sells: bool, lots: i64, price: i64) -> Value {
    json!({"symbol": place.market.symbol, "side": side(sells), "type": "limit", "quantity": lots_of(lots), "price": ticks(price)})
}

fn extend(wish: &mut Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        wish[name] = value.clone();
    }
    wish.take()
}

fn side(sells: bool) -> &'static str {
    if sells { "sell" } else { "buy" }
}

fn ticks(price: i64) -> String {
    format!("{}.{:02}", price / 100, price % 100)
}

fn lots_of(lots: i64) -> String {
    format!("{}.{:03}", lots / 1_000, lots % 1_000)
}
