//! The sweeper between real queues and a real DynamoDB engine.
#![allow(missing_docs)]

use std::time::Duration;

use aws::{exchange::Placed, queues::Queue};
use domain::{
    exchange::{Message, Nudge},
    order::{OrderFields, Status},
    order_book::Command,
};
use edge::clock::Clock;
use orders_sweep::{Queues, Sweeper};
use serde_json::{Value, json};
use testkit::{ManualClock, Market, Services, Stack, buy, customer, event, order_id};

struct App {
    stack: Stack,
    services: Services,
    market: Market,
    clock: ManualClock,
    sweeper: Sweeper<ManualClock>,
}

impl App {
    async fn start() -> Self {
        let (stack, services, clock) = (Stack::start().await, Services::start().await, ManualClock::default());
        let market = stack.market("BTC-USD").await;
        stack.grant("ana", "USD", "100000", clock.now()).await;
        let queue = |name| Queue::new(services.environment().sqs(), services.queue_url(name));
        let queues = Queues { orders: queue("OrderQueue"), later: queue("SweepQueue"), nudges: queue("NudgeQueue") };
        let sweeper = Sweeper::new(stack.exchange(), queues, clock.clone(), "florin".into());
        Self { stack, services, market, clock, sweeper }
    }

    /// Places an order of which no message is sent.
    async fn place(&self, name: &str, fields: &OrderFields<'_>) -> Message {
        let placed = self.market.place(name, "ana", fields, self.clock.now()).await.expect("an answer");
        assert_eq!(placed, Placed::Done);
        let order = self.market.order(name, "ana").await.expect("an order");
        Message::place(&order, &self.market.instrument).expect("a message")
    }

    /// The record of its row comes over the stream.
    async fn looked_at(&self, name: &str) {
        let mut event = event("orders-sweep.json");
        let sort = format!("order#{}", order_id(name));
        event["Records"][0]["dynamodb"]["Keys"] = json!({"pk": {"S": customer("ana").as_str()}, "sk": {"S": sort}});
        assert_eq!(self.handle(event).await, json!({"batchItemFailures": []}));
    }

    async fn handle(&self, event: Value) -> Value {
        json!(self.sweeper.handle(event).await.expect("an answer"))
    }

    /// So much later the looks that are due take place; how many there were.
    async fn later(&self, seconds: u32) -> usize {
        self.services.advance(Duration::from_secs(seconds.into()));
        self.clock.advance_seconds(seconds.into());
        self.services.deliver("SweepQueue", async |event: Value| self.handle(event).await).await
    }

    /// The record of the first version of the book comes over the stream.
    async fn version_looked_at(&self) {
        assert_eq!(self.handle(event("orders-sweep.journal.json")).await, json!({"batchItemFailures": []}));
    }

    async fn nudged(&self) -> Vec<Nudge> {
        let bodies = self.services.take("NudgeQueue").await;
        bodies.into_iter().map(|body| serde_json::from_value(body).expect("a nudge")).collect()
    }

    async fn sent(&self) -> Vec<Message> {
        let bodies = self.services.take("OrderQueue").await;
        bodies.into_iter().map(|body| serde_json::from_value(body).expect("a message")).collect()
    }

    async fn apply(&mut self, messages: &[Message]) {
        let commands: Vec<Command> = messages.iter().map(|message| message.command).collect();
        self.market.apply(&commands, self.clock.now()).await.expect("applied");
    }
}

#[tokio::test]
async fn an_order_whose_message_was_lost_is_sent_and_then_left_alone() {
    let mut app = App::start().await;
    let message = app.place("a", &buy("1", "100")).await;
    app.looked_at("a").await;
    assert_eq!(app.sent().await, [], "it is young: its message may just be on its way");
    assert_eq!(app.later(5).await, 1);
    assert_eq!(app.sent().await, std::slice::from_ref(&message));
    // It is still pending, but the queue knows it.
    assert_eq!(app.later(5).await, 1);
    assert_eq!(app.sent().await, []);
    app.apply(&[message]).await;
    assert_eq!(app.later(15).await, 1, "not settled yet");
    app.market.settle().await.expect("settled");
    assert_eq!(app.later(30).await, 1);
    assert_eq!(app.later(900).await, 0, "it has its answer");
    assert_eq!(app.sent().await, []);
    assert_eq!(app.market.order("a", "ana").await.expect("an order").status, Status::Open);
}

#[tokio::test]
async fn an_order_with_an_answer_is_not_looked_at_again() {
    let mut app = App::start().await;
    let message = app.place("a", &buy("1", "100")).await;
    app.apply(&[message]).await;
    app.market.settle().await.expect("settled");
    app.looked_at("a").await;
    assert_eq!((app.later(900).await, app.sent().await), (0, vec![]));
}

#[tokio::test]
async fn while_the_settlement_is_behind_nothing_is_sent() {
    let mut app = App::start().await;
    let message = app.place("a", &buy("1", "100")).await;
    app.apply(&[message]).await;
    app.clock.advance_seconds(10);
    app.looked_at("a").await;
    assert_eq!(app.later(5).await, 1);
    assert_eq!(app.sent().await, []);
}

#[tokio::test]
async fn a_book_whose_last_nudge_was_lost_gets_another_in_some_seconds() {
    let mut app = App::start().await;
    let message = app.place("a", &buy("1", "100")).await;
    app.apply(&[message]).await;
    app.version_looked_at().await;
    assert_eq!(app.nudged().await, [], "its settlement may just be under way");
    app.services.advance(Duration::from_secs(5));
    assert_eq!(app.nudged().await, [Nudge { symbol: app.market.instrument.symbol().clone() }]);
    app.market.settle().await.expect("settled");
    app.version_looked_at().await;
    app.services.advance(Duration::from_secs(900));
    assert_eq!(app.nudged().await, [], "there is nothing left to settle");
}

#[tokio::test]
async fn a_message_that_ended_with_the_dead_letters_is_sent_again_after_five_minutes_and_not_for_ever() {
    let app = App::start().await;
    app.place("a", &buy("1", "100")).await;
    app.clock.advance_seconds(10);
    app.looked_at("a").await;
    let mut sent = app.sent().await.len();
    assert_eq!(sent, 1);
    let (mut looks, mut seconds) = (0, 0);
    // The queue's looks come at most 900 seconds apart.
    while app.later(900).await > 0 {
        looks += 1;
        seconds += 900;
        sent += app.sent().await.len();
    }
    assert_eq!((looks, sent), (20, 21), "after {seconds} seconds");
}

#[tokio::test]
async fn an_order_that_ends_by_time_wakes_its_book_when_it_is_time() {
    let mut app = App::start().await;
    let ends = domain::Timestamp::from_millis(app.clock.now().millis() + 2_000_000).to_string();
    let message = app.place("a", &OrderFields { expires_at: Some(&ends), ..buy("1", "100") }).await;
    app.apply(&[message]).await;
    app.market.settle().await.expect("settled");
    app.looked_at("a").await;
    for _ in 0..2 {
        assert_eq!(app.later(900).await, 1);
        assert_eq!(app.sent().await, []);
    }
    assert_eq!(app.later(200).await, 1);
    let sent = app.sent().await;
    let now = app.clock.now().millis();
    assert_eq!(sent.iter().map(|message| message.command).collect::<Vec<_>>(), [Command::Expire { now }]);
    let (entry, _) = app.market.book.propose(&[sent[0].command], app.clock.now(), 64);
    assert!(entry.is_some(), "the book ends it by its own clock");
    app.market.book.withdraw();
    // Should the wish get lost, another look comes.
    assert_eq!(app.later(5).await, 1);
    assert_eq!(app.sent().await.len(), 1);
}

#[tokio::test]
async fn the_events_of_the_repository_are_handled() {
    let app = App::start().await;
    assert_eq!(app.handle(event("orders-sweep.json")).await, json!({"batchItemFailures": []}), "its row is gone");
    let failed = app.handle(event("orders-sweep.queue.json")).await;
    assert_eq!(failed["batchItemFailures"].as_array().map(Vec::len), Some(1), "there is no such order");
}

#[tokio::test]
async fn records_that_cannot_be_looked_at_come_again() {
    let mut app = App::start().await;
    app.place("a", &buy("1", "100")).await;
    app.clock.advance_seconds(10);
    let nowhere = Queue::new(app.services.environment().sqs(), format!("{}x", app.services.queue_url("OrderQueue")));
    let queues = Queues { orders: nowhere.clone(), later: nowhere.clone(), nudges: nowhere };
    let sweeper = Sweeper::new(app.stack.exchange(), queues, app.clock.clone(), "florin".into());
    let mut event = event("orders-sweep.json");
    event["Records"][0]["dynamodb"]["Keys"]["pk"]["S"] = json!(customer("ana").as_str());
    event["Records"][0]["dynamodb"]["Keys"]["sk"]["S"] = json!(format!("order#{}", order_id("a")));
    let again = json!({"batchItemFailures": [{"itemIdentifier": "000000000000000000001"}]});
    assert_eq!(json!(sweeper.handle(event).await.expect("an answer")), again);
    let message = Message::place(&app.market.order("a", "ana").await.expect("an order"), &app.market.instrument);
    app.apply(&[message.expect("a message")]).await;
    assert_eq!(json!(sweeper.handle(self::event("orders-sweep.journal.json")).await.expect("an answer")), again);
}
