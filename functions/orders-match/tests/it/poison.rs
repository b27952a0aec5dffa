//! Messages that are no commands for their book: their group waits, the others do not, and in the end they are out of
//! the way.

use std::time::Duration;

use aws::queues::Queue;
use domain::{exchange::Message, instrument::Symbol, order_book::Command};
use orders_match::read;
use serde_json::{Value, json};
use testkit::Services;

use crate::app::App;

/// Beyond the queue's visibility timeout.
const LATER: Duration = Duration::from_secs(61);

struct Line {
    app: App,
    services: Services,
    queue: Queue,
    sent: std::cell::Cell<u32>,
}

impl Line {
    async fn start() -> Self {
        let services = Services::start().await;
        let queue = Queue::new(services.environment().sqs(), services.queue_url("OrderQueue"));
        let app = App::start().await;
        app.stack.market("ETH-USD").await;
        Self { app, services, queue, sent: std::cell::Cell::new(0) }
    }

    async fn send(&self, group: &str, message: &Value) {
        self.sent.set(self.sent.get() + 1);
        let id = format!("m{}", self.sent.get());
        self.queue.send_in_order(message, group, &id).await.expect("sent");
    }

    async fn order(&self, symbol: &str, name: &str) {
        let symbol_of = |symbol| Symbol::parse(symbol).expect("a symbol");
        let message = Message { symbol: symbol_of(symbol), ..self.app.buy(name, 9_000) };
        self.send(symbol, &json!(message)).await;
    }

    /// Handles whatever can be received.
    async fn drain(&self) {
        let matcher = self.app.matcher();
        let function = async |event: Value| {
            let event = serde_json::from_value(event).expect("an event");
            json!(edge::sqs::fifo_batch(event, read, |group, messages| matcher.handle(group, messages)).await)
        };
        while self.services.deliver("OrderQueue", &function).await > 0 {}
    }

    async fn head(&self, symbol: &str) -> u64 {
        self.app.exchange.head(&Symbol::parse(symbol).expect("a symbol")).await.expect("a head")
    }
}

async fn blocks_for_a_while(what: &str, poison: Value) {
    let line = Line::start().await;
    line.order("BTC-USD", "before").await;
    line.send("BTC-USD", &poison).await;
    line.order("BTC-USD", "after").await;
    line.order("ETH-USD", "beside").await;
    for receives in 1..=5 {
        line.drain().await;
        assert_eq!(line.head("ETH-USD").await, 1, "the other group is done at once");
        assert_eq!(line.app.placed("before").await, 1, "{what}: what was before it is done, {receives}");
        assert_eq!(line.app.placed("after").await, usize::from(receives == 5), "what is behind it waits, {receives}");
        line.services.advance(LATER);
    }
    line.order("BTC-USD", "later").await;
    line.drain().await;
    assert_eq!((line.app.placed("after").await, line.app.placed("later").await), (1, 1), "then the group goes on");
    assert_eq!(line.app.head().await, 3);
    assert_eq!(line.services.take("OrderDeadLetters").await, [poison]);
    assert_eq!(line.services.take("OrderQueue").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_body_that_is_no_message_ends_with_the_dead_letters_and_its_group_goes_on() {
    blocks_for_a_while("no command", json!({"symbol": "BTC-USD", "command": {"q": 1}})).await;
}

#[tokio::test]
async fn a_message_in_the_group_of_another_book_ends_with_the_dead_letters() {
    blocks_for_a_while("of another book", json!({"symbol": "ETH-USD", "command": "h"})).await;
}

#[tokio::test]
async fn commands_for_a_book_that_does_not_exist_end_with_the_dead_letters() {
    let line = Line::start().await;
    line.order("DOGE-USD", "nowhere").await;
    line.order("BTC-USD", "somewhere").await;
    for _ in 0..6 {
        line.drain().await;
        line.services.advance(LATER);
    }
    assert_eq!(line.app.placed("somewhere").await, 1);
    let dead = line.services.take("OrderDeadLetters").await;
    assert_eq!(dead.iter().map(|message| &message["symbol"]).collect::<Vec<_>>(), ["DOGE-USD"]);
}

#[tokio::test]
async fn a_message_that_is_sent_twice_within_five_minutes_is_one() {
    let line = Line::start().await;
    let message = line.app.buy("a", 9_000);
    let Command::Place(order) = message.command else { panic!("{message:?}") };
    let id = message.deduplication_id(edge::clock::Clock::now(&line.app.clock));
    assert_eq!(id, order.id.order_id().to_string());
    for _ in 0..2 {
        line.queue.send_in_order(&message, "BTC-USD", &id).await.expect("sent");
    }
    line.drain().await;
    line.services.advance(Duration::from_secs(301));
    line.queue.send_in_order(&message, "BTC-USD", &id).await.expect("sent");
    line.drain().await;
    assert_eq!((line.app.head().await, line.app.placed("a").await), (1, 1));
}
