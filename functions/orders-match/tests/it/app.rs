//! Matchers of one market.

use aws::exchange::{Exchange, JournalEntry};
use domain::{
    exchange::{Message, Replica},
    instrument::{Instrument, Symbol},
    order::{Kind, Limit, OrderKey, Owner, PlaceOrder, SelfTrade, Side, TimeInForce},
    order_book::{Command, Snapshot},
};
use edge::{clock::Clock, sqs::Failure};
use orders_match::Matcher;
use testkit::{ManualClock, Stack, customer, order_id};

/// Snapshots come as often in the template's tests as never; here every so many versions.
pub const SNAPSHOT_EVERY: u64 = 7;

pub struct App {
    pub stack: Stack,
    pub exchange: Exchange,
    pub clock: ManualClock,
    pub instrument: Instrument,
}

impl App {
    pub async fn start() -> Self {
        let stack = Stack::start().await;
        let instrument = stack.market("BTC-USD").await.instrument;
        Self { exchange: stack.exchange(), clock: ManualClock::default(), instrument, stack }
    }

    pub fn symbol(&self) -> &Symbol {
        self.instrument.symbol()
    }

    /// A matcher without any book in memory.
    pub fn matcher(&self) -> Matcher<ManualClock> {
        Matcher::new(self.stack.exchange(), self.clock.clone(), SNAPSHOT_EVERY)
    }

    /// A message, made now if it is an order.
    pub fn message(&self, command: Command) -> Message {
        let placed_at = command.placed().map(|_| self.clock.now().millis());
        Message { symbol: self.symbol().clone(), command, placed_at }
    }

    /// A limit order of one unit.
    pub fn order(&self, name: &str, who: &str, side: Side, price: u64) -> PlaceOrder {
        let limit = Limit { price, quantity: 10_000, time_in_force: TimeInForce::Gtc, post_only: false };
        let reserved = match side {
            Side::Buy => self.instrument.terms().buyer_reservation(price, limit.quantity, false),
            Side::Sell => limit.quantity,
        };
        PlaceOrder {
            id: OrderKey::of(&order_id(name)).expect("a key"),
            owner: Owner::of(&customer(who)).expect("a key"),
            side,
            kind: Kind::Limit(limit),
            self_trade: SelfTrade::ExpireTaker,
            reserved,
            expires_at: None,
        }
    }

    pub fn buy(&self, name: &str, price: u64) -> Message {
        self.message(Command::Place(self.order(name, "ana", Side::Buy, price)))
    }

    pub fn sell(&self, name: &str, price: u64) -> Message {
        self.message(Command::Place(self.order(name, "ben", Side::Sell, price)))
    }

    /// Takes this one back, on behalf of the owner of [`App::buy`].
    pub fn cancel(&self, name: &str) -> Message {
        let order = OrderKey::of(&order_id(name)).expect("a key");
        self.message(Command::Cancel { order, owner: Owner::of(&customer("ana")).expect("a key") })
    }

    /// Hands over messages of this book's group.
    pub async fn deliver(&self, matcher: &Matcher<ManualClock>, messages: &[Message]) -> Result<(), Failure> {
        matcher.handle(self.symbol().to_string(), messages.to_vec()).await
    }

    /// Hands over messages and expects that all is done.
    pub async fn done(&self, matcher: &Matcher<ManualClock>, messages: &[Message]) {
        self.deliver(matcher, messages).await.expect("all is done");
    }

    pub async fn journal(&self) -> Vec<JournalEntry> {
        self.exchange.tail(self.symbol(), 1, usize::MAX).await.expect("the journal")
    }

    pub async fn head(&self) -> u64 {
        self.exchange.head(self.symbol()).await.expect("a head")
    }

    /// The book from the journal alone, which also proves that the journal replays.
    pub async fn replayed(&self) -> Snapshot {
        let mut replica = Replica::new(*self.instrument.terms());
        for entry in self.journal().await {
            replica.follow(&entry).expect("the journal replays");
        }
        replica.book().snapshot()
    }

    /// How often an order was brought into the book.
    pub async fn placed(&self, name: &str) -> usize {
        let key = OrderKey::of(&order_id(name)).expect("a key");
        let journal = self.journal().await;
        let commands = journal.iter().flat_map(|entry| &entry.batch.commands);
        commands.filter(|command| command.placed() == Some(key)).count()
    }
}
