//! Random histories: two matchers, several settlers, messages twice and late, settlers that die. `FLORIN_LONG=1` takes
//! four times as many.

use domain::{exchange::Message, order::OrderFields, order_book::Command};
use fastrand::Rng;
use orders_match::Matcher;
use testkit::{Cut, Line, ManualClock, customer};

use crate::world::{TRADERS, World, command, key};

const STEPS: usize = 40;

struct History {
    world: World,
    random: Rng,
    line: Line,
    matchers: [Matcher<ManualClock>; 2],
    /// Sent, in their order, not yet delivered.
    queue: Vec<Message>,
    /// Delivered; any of it may come again.
    past: Vec<Message>,
}

impl History {
    async fn start(seed: u64) -> Self {
        let world = World::start().await;
        let line = Line::to(&world.stack).await;
        let matchers = [world.matcher(), world.matcher()];
        Self { world, random: Rng::with_seed(seed), line, matchers, queue: Vec::new(), past: Vec::new() }
    }

    async fn order(&mut self) {
        let who = self.random.choice(TRADERS).expect("a trader");
        let side = if self.random.bool() { "buy" } else { "sell" };
        let quantity = format!("0.{}", self.random.u32(1..30));
        let (price, stop) = (self.random.u32(95..106).to_string(), self.random.u32(95..106).to_string());
        let mut fields = OrderFields {
            side,
            order_type: "limit",
            quantity: Some(&quantity),
            price: Some(&price),
            ..OrderFields::default()
        };
        let ends = domain::Timestamp::from_millis(
            edge::clock::Clock::now(&self.world.clock).millis() + self.random.i64(1..120_000),
        )
        .to_string();
        match self.random.u32(0..10) {
            0 => fields.time_in_force = Some("ioc"),
            1 => fields.time_in_force = Some("fok"),
            2 => fields.post_only = Some(true),
            3 => (fields.order_type, fields.stop_price) = ("stop_limit", Some(stop.as_str())),
            4 => (fields.order_type, fields.price) = ("market", None),
            5 if side == "buy" => {
                (fields.order_type, fields.price) = ("market", None);
                (fields.quantity, fields.quote_quantity) = (None, Some("25"));
            }
            6 => fields.expires_at = Some(&ends),
            7 => fields.self_trade_prevention = Some("expire_maker"),
            _ => {}
        }
        let placed = self.world.place(who, &fields).await;
        self.queue.extend(placed);
    }

    fn change(&mut self) {
        if self.world.orders.is_empty() {
            return;
        }
        let nth = self.random.usize(..self.world.orders.len());
        self.queue.push(self.world.cancel(nth));
    }

    /// Turns the last order that waits into one that takes the place of another, if both are its owner's.
    fn replace(&mut self) {
        let Some(message) = self.queue.last_mut() else { return };
        let Command::Place(order) = message.command else { return };
        let own: Vec<usize> = (0..self.world.orders.len())
            .filter(|nth| {
                let (_, who, _) = &self.world.orders[*nth];
                domain::order::Owner::of(&customer(who)) == Some(order.owner) && key(*nth) != order.id
            })
            .collect();
        if let Some(old) = self.random.choice(own) {
            message.command = Command::Replace { order: key(old), with: order };
        }
    }

    /// The queue hands out up to ten messages; some of what it handed out before may come with them.
    async fn deliver(&mut self) {
        let count = self.random.usize(0..=self.queue.len().min(10));
        let mut batch: Vec<Message> = self.queue.drain(..count).collect();
        self.past.extend(batch.iter().cloned());
        while self.random.u32(0..4) == 0 && !self.past.is_empty() {
            let again = self.past[self.random.usize(..self.past.len())].clone();
            if let Some(place) = again.command.placed().map(|_| self.random.usize(..=batch.len())) {
                batch.insert(place, again);
            }
        }
        match self.random.u32(0..6) {
            0 => self.world.matched(&self.world.matcher(), &batch).await,
            1 => {
                // The same to both at once: a batch whose first consumer was taken for dead.
                let [one, two] = &self.matchers;
                futures::future::join(self.world.matched(one, &batch), self.world.matched(two, &batch)).await;
            }
            _ => self.world.matched(&self.matchers[self.random.usize(..2)], &batch).await,
        }
        self.world.market.follow().await.expect("the journal replays");
    }

    async fn settle(&mut self) {
        let symbol = self.world.symbol();
        match self.random.u32(0..3) {
            0 => self.world.settled().await,
            1 => {
                let (one, two) = (self.world.settler(), self.world.settler());
                let (one, two) = futures::future::join(one.settle(&symbol), two.settle(&symbol)).await;
                one.expect("settled");
                two.expect("settled");
            }
            _ => {
                let cut = if self.random.bool() { Cut::Before } else { Cut::After };
                self.line.cut(self.random.u64(1..20), cut);
                // Whether it dies depends on how much there is to settle.
                let outcome = self.world.settler_at(&self.line).settle(&symbol).await;
                assert_eq!(outcome.is_err(), self.line.mend());
            }
        }
    }

    async fn run(mut self) -> World {
        for _ in 0..STEPS {
            match self.random.u32(0..16) {
                0..=8 => self.order().await,
                9 => self.change(),
                10 => self.replace(),
                11 => self.world.clock.advance_seconds(self.random.i64(1..100)),
                12 if self.random.u32(0..4) == 0 => {
                    let symbol = self.world.symbol();
                    self.queue.extend([Command::Halt, Command::Resume].map(|halt| command(&symbol, halt)));
                }
                12..=13 => self.deliver().await,
                _ => self.settle().await,
            }
        }
        while !self.queue.is_empty() {
            self.deliver().await;
        }
        self.world.settled().await;
        self.world
    }
}

async fn histories(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        println!("seed {seed}");
        let world = History::start(seed).await.run().await;
        world.check().await;
    }
}

/// The nth quarter of all seeds, so that they run side by side.
async fn quarter(nth: u64) {
    let each = if std::env::var_os("FLORIN_LONG").is_some() { 50 } else { 13 };
    histories(nth * each..(nth + 1) * each).await;
}

#[tokio::test]
async fn any_history_is_what_its_journal_says_first_quarter() {
    quarter(0).await;
}

#[tokio::test]
async fn any_history_is_what_its_journal_says_second_quarter() {
    quarter(1).await;
}

#[tokio::test]
async fn any_history_is_what_its_journal_says_third_quarter() {
    quarter(2).await;
}

#[tokio::test]
async fn any_history_is_what_its_journal_says_last_quarter() {
    quarter(3).await;
}
