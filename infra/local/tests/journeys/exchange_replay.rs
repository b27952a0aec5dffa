//! A journal replayed from zero by hand, against all that the exchange has made of it: orders, wallets, trades, candles,
//! books, fees.

use std::collections::BTreeMap;

use aws::{
    client::Environment,
    exchange::{Exchange, JournalEntry, StoredInstrument, What},
    ledger::Ledger,
};
use domain::{
    Timestamp,
    exchange::Replica,
    id::{CustomerId, OrderId},
    instrument::{Instrument, Symbol},
    order::{Order, OrderKey, Owner, PlaceOrder, Reason, Side, Status},
    order_book::{Book, Command, Event, Party},
    wallet::{Fill, Wallet},
};
use serde_json::Value;

/// Rows read at a time.
const STEP: usize = 100;

/// The tables, read as the functions read them.
#[derive(Clone, Debug)]
pub struct Stores {
    pub exchange: Exchange,
    pub ledger: Ledger,
}

/// What a journal says of an order.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    owner: Owner,
    side: Side,
    reserved: u64,
    /// What is still locked of it: lots or minor units.
    locked: u64,
    status: Status,
    reason: Option<Reason>,
    filled: u64,
    notional: u64,
    fees: u64,
}

/// What a wallet has of something, against what it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Moved {
    free: i128,
    locked: i128,
}

/// A journal from its first version to its last.
#[derive(Debug)]
pub struct Replay {
    instrument: Instrument,
    entries: Vec<JournalEntry>,
    book: Book,
    pub orders: BTreeMap<OrderKey, Said>,
    fees: u64,
}

impl Stores {
    /// At the AWS port of a runner, by the names its template gives.
    pub fn at(endpoint: &str, tables: &[String]) -> Self {
        let client = Environment::at(endpoint, "eu-west-1").expect("an environment").dynamodb();
        let named = |part: &str| tables.iter().find(|table| table.contains(part)).expect("a table").clone();
        Self {
            exchange: Exchange::new(client.clone(), named("Exchange")),
            ledger: Ledger::new(client, named("Ledger")),
        }
    }

    pub async fn instrument(&self, symbol: &str) -> StoredInstrument {
        let symbol = Symbol::parse(symbol).expect("a symbol");
        self.exchange.instrument(&symbol).await.expect("an answer").expect("an instrument")
    }

    /// A customer's orders of an instrument.
    pub async fn orders(&self, customer: &CustomerId, symbol: &Symbol) -> Vec<Order> {
        let (mut orders, mut after) = (Vec::new(), None);
        loop {
            let keep = |order: &Order| order.symbol == *symbol;
            let page = self.exchange.orders_of(customer, after.as_deref(), STEP, keep).await.expect("a page");
            orders.extend(page.orders);
            after = page.next;
            if after.is_none() {
                return orders;
            }
        }
    }

    pub async fn wallet(&self, customer: &CustomerId) -> Wallet {
        self.ledger.wallet(customer).await.expect("a wallet")
    }

    /// A customer's sides of trades of an instrument with the versions they are from, oldest first.
    async fn fills(&self, customer: &CustomerId, wanted: &Symbol) -> Vec<(Timestamp, u64, Fill)> {
        let (mut fills, mut after) = (Vec::new(), None);
        loop {
            let page = self.exchange.entries(customer, after.as_deref(), STEP, |_| true).await.expect("a page");
            fills.extend(page.entries.into_iter().filter_map(|entry| match entry.what {
                What::Fill { symbol, version, fill } if symbol == *wanted => Some((entry.at, version, fill)),
                _ => None,
            }));
            after = page.next;
            if after.is_none() {
                fills.sort_by_key(|(_, _, fill)| fill.trade);
                return fills;
            }
        }
    }

    /// Reads a journal and applies it to a book of its own.
    pub async fn replay(&self, symbol: &str) -> Replay {
        let instrument = self.instrument(symbol).await.instrument;
        let mut entries: Vec<JournalEntry> = Vec::new();
        loop {
            let from = entries.len() as u64 + 1;
            let tail = self.exchange.tail(instrument.symbol(), from, STEP).await.expect("the journal");
            let last = tail.len() < STEP;
            entries.extend(tail);
            if last {
                break;
            }
        }
        let book = Book::new(*instrument.terms());
        let mut replay = Replay { instrument, entries: Vec::new(), book, orders: BTreeMap::new(), fees: 0 };
        for (entry, version) in entries.into_iter().zip(1..) {
            assert_eq!(entry.version, version, "{symbol}: a gap");
            replay.apply(&entry);
            replay.entries.push(entry);
        }
        replay
    }
}

impl Replay {
    fn apply(&mut self, entry: &JournalEntry) {
        let mut events = Vec::new();
        for command in &entry.batch.commands {
            if let Command::Place(order) | Command::Replace { with: order, .. } = command {
                self.placed(order);
            }
            self.book.apply(command, &mut events);
        }
        assert_eq!(events, entry.batch.events, "{} {}", self.instrument.symbol(), entry.version);
        events.iter().for_each(|event| self.happened(event));
    }

    fn placed(&mut self, order: &PlaceOrder) {
        let PlaceOrder { owner, side, reserved, .. } = *order;
        let (status, locked) = (Status::Pending, reserved);
        let said = Said { owner, side, reserved, locked, status, reason: None, filled: 0, notional: 0, fees: 0 };
        let before = self.orders.insert(order.id, said);
        assert!(before.is_none(), "{} was taken twice", order.id.order_id());
    }

    fn happened(&mut self, event: &Event) {
        match event {
            Event::Opened { order, remaining, .. } => {
                let said = self.order(*order);
                said.status = if said.filled > 0 { Status::PartiallyFilled } else { Status::Open };
                assert!(*remaining > 0);
            }
            Event::Dormant { order, .. } => self.order(*order).status = Status::Untriggered,
            Event::Triggered { order, .. } => self.order(*order).status = Status::Open,
            Event::Traded(trade) => {
                let (buyer, seller) = trade.buyer_and_seller();
                let mut traded = |party: &Party, gives: u64| {
                    let said = self.order(party.order);
                    said.status = Status::PartiallyFilled;
                    said.filled += trade.quantity;
                    said.notional += trade.notional;
                    said.fees += party.fee;
                    said.locked = said.locked.checked_sub(gives).expect("no more than was locked");
                };
                traded(buyer, trade.notional + buyer.fee);
                traded(seller, trade.quantity);
                self.fees += buyer.fee + seller.fee;
            }
            Event::Closed { order, status, reason, released, .. } => {
                let said = self.order(*order);
                assert!(!said.status.is_final() && status.is_final(), "{} ends twice", order.order_id());
                assert_eq!(said.locked, *released, "{}: locked = spent + released", order.order_id());
                (said.status, said.reason, said.locked) = (*status, *reason, 0);
            }
            Event::Declined { .. } => {}
        }
    }

    fn order(&mut self, order: OrderKey) -> &mut Said {
        self.orders.get_mut(&order).expect("an order that was placed")
    }

    /// Status and filled quantity of an order, as the API writes them; `None` if it was never taken.
    pub fn outcome(&self, id: &OrderId) -> Option<(&'static str, String)> {
        let said = self.orders.get(&OrderKey::of(id)?)?;
        Some((said.status.as_str(), self.instrument.quantity(said.filled.into()).to_string()))
    }

    pub fn trades(&self) -> u64 {
        self.book.trades()
    }

    /// How the wallet of an owner has moved: base in lots, quote in minor units; and how many orders are open.
    fn wallet(&self, owner: Owner) -> ([Moved; 2], u64) {
        let [mut base, mut quote] = [Moved::default(); 2];
        let mut open = 0;
        for said in self.orders.values().filter(|said| said.owner == owner) {
            let [reserved, locked] = [said.reserved, said.locked].map(i128::from);
            let [filled, notional, fees] = [said.filled, said.notional, said.fees].map(i128::from);
            open += u64::from(!said.status.is_final());
            let (gives, takes, given, taken) = match said.side {
                Side::Buy => (&mut quote, &mut base, notional + fees, filled),
                Side::Sell => (&mut base, &mut quote, filled, notional - fees),
            };
            assert!(given + locked <= reserved);
            gives.free -= given + locked;
            gives.locked += locked;
            takes.free += taken;
        }
        ([base, quote], open)
    }

    /// All rows are as the journal says.
    pub async fn check(&self, stores: &Stores, customers: &[CustomerId]) {
        let symbol = self.instrument.symbol();
        let version = self.entries.len() as u64;
        let mut rows = 0;
        for customer in customers {
            let owner = Owner::of(customer).expect("an owner");
            for row in stores.orders(customer, symbol).await {
                let key = OrderKey::of(&row.id).expect("a key");
                let Some(said) = self.orders.get(&key) else {
                    let refused = (Status::Rejected, Some(Reason::InsufficientFunds));
                    assert_eq!((row.status, row.reason), refused, "{} never reached its book", row.id);
                    continue;
                };
                rows += 1;
                self.check_order(&row, said, owner);
            }
            let expected: Vec<_> = self.fills(owner).collect();
            assert_eq!(stores.fills(customer, symbol).await, expected, "{symbol}: fills of {customer}");
        }
        assert_eq!(rows, self.orders.len(), "{symbol}: orders without a row");
        let cursor = stores.exchange.cursor(symbol).await.expect("a cursor");
        let fees = self.instrument.quote_amount(self.fees.into());
        assert_eq!((cursor.version, cursor.fees), (version, fees), "{symbol}: cursor");
        self.check_snapshot(stores).await;
    }

    fn check_order(&self, row: &Order, said: &Said, owner: Owner) {
        let Said { side, status, reason, reserved, .. } = *said;
        let shown = (owner, row.side, row.status, row.reason, row.reserved);
        assert_eq!(shown, (said.owner, side, status, reason, reserved), "{}", row.id);
        let money = |units: u64| self.instrument.quote_amount(units.into());
        let expected = (self.instrument.quantity(said.filled.into()), money(said.notional), money(said.fees));
        assert_eq!((row.filled, row.notional, row.fees), expected, "{}", row.id);
    }

    fn fills(&self, owner: Owner) -> impl Iterator<Item = (Timestamp, u64, Fill)> {
        self.entries.iter().flat_map(move |entry| {
            let sides = entry.trades().flat_map(|trade| Fill::both(trade).map(|(party, fill)| (party.owner, fill)));
            sides.filter(move |(of, _)| *of == owner).map(|(_, fill)| (entry.at, entry.version, fill))
        })
    }

    /// Whoever begins with the snapshot has the same book.
    async fn check_snapshot(&self, stores: &Stores) {
        let symbol = self.instrument.symbol();
        let stored = stores.exchange.load_snapshot(symbol).await.expect("an answer");
        let Some((version, snapshot)) = stored else { return };
        let now = Timestamp::from_millis(i64::MAX / 2);
        let mut replica = Replica::restore(version, &snapshot, now).expect("a book");
        for entry in &self.entries[usize::try_from(version).expect("a place")..] {
            replica.follow(entry).expect("the next version");
        }
        assert_eq!(replica.book().snapshot(), self.book.snapshot(), "{symbol}: snapshot {version}");
    }

    /// What everybody is shown is what the book has, and every trade is in one candle.
    pub fn check_market(&self, book: &Value, candles: &Value) {
        let side = |side| {
            let level = |(ticks, lots): (u64, u128)| {
                let lots = i128::try_from(lots).expect("lots");
                [self.instrument.price(ticks).to_string(), self.instrument.quantity(lots).to_string()]
            };
            self.book.depth(side, 500).map(level).collect::<Vec<_>>()
        };
        let symbol = self.instrument.symbol();
        assert_eq!(book["bids"], serde_json::json!(side(Side::Buy)), "{symbol}: bids");
        assert_eq!(book["asks"], serde_json::json!(side(Side::Sell)), "{symbol}: asks");
        assert_eq!(book["sequence"], self.entries.len(), "{symbol}");
        let volume = |candle: &Value| {
            let volume = candle["volume"].as_str().expect("a volume").parse().expect("an amount");
            self.instrument.lots(volume).expect("lots")
        };
        let shown: u64 = candles["items"].as_array().expect("candles").iter().map(volume).sum();
        let traded: u64 = self.entries.iter().flat_map(JournalEntry::trades).map(|trade| trade.quantity).sum();
        assert_eq!(shown, traded, "{symbol}: volume");
    }
}

/// Every wallet is what it was and what these journals have done to it; and of every asset there is as much as there
/// was, without the fees.
pub fn check_wallets(replays: &[Replay], before: &[Wallet], after: &[Wallet]) {
    let quote = replays[0].instrument.quote();
    let mut total = 0;
    for (before, after) in before.iter().zip(after) {
        let owner = Owner::of(&before.customer).expect("an owner");
        let (mut money, mut open) = (Moved::default(), before.open_orders);
        for replay in replays {
            let ([base, moved], more) = replay.wallet(owner);
            let (was, is) = (before.holding(replay.instrument.base()), after.holding(replay.instrument.base()));
            let lots = |lots: i128| replay.instrument.quantity(lots);
            let expected = (was.free + lots(base.free), was.locked + lots(base.locked));
            assert_eq!((is.free, is.locked), expected, "{}: {}", after.customer, replay.instrument.base());
            money = Moved { free: money.free + moved.free, locked: money.locked + moved.locked };
            open += more;
        }
        let (was, is) = (before.holding(quote), after.holding(quote));
        let units = |units: i128| replays[0].instrument.quote_amount(units);
        let expected = (was.free + units(money.free), was.locked + units(money.locked));
        assert_eq!((is.free, is.locked), expected, "{}: {quote}", after.customer);
        assert_eq!(after.open_orders, open, "{}: open orders", after.customer);
        total += money.free + money.locked;
    }
    let fees: u64 = replays.iter().map(|replay| replay.fees).sum();
    assert_eq!(total, -i128::from(fees), "what the wallets have less is fees");
    for replay in replays {
        let lots = |wallet: &Wallet| wallet.holding(replay.instrument.base()).total();
        let sum = |wallets: &[Wallet]| wallets.iter().map(lots).reduce(|sum, more| sum + more);
        assert_eq!(sum(before), sum(after), "{}", replay.instrument.base());
    }
}
