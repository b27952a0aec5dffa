//! A market with matchers and settlers, and what must be true of it when everything is settled.

use std::collections::BTreeMap;

use aws::{
    exchange::{Exchange, Placed, What},
    ledger::Ledger,
};
use domain::{
    Timestamp,
    exchange::{JournalEntry, Message, OrderMove, Replica, Stretch},
    instrument::Symbol,
    order::{Order, OrderFields, OrderKey, Owner, Side, Status},
    order_book::{Candle, Command, Interval, Snapshot},
    wallet::{Change, Fill, Wallet},
};
use edge::clock::Clock;
use orders_match::Matcher;
use orders_settle::Settler;
use rust_decimal::Decimal;
use testkit::{Line, ManualClock, Market, Stack, customer, order_id};

pub const TRADERS: [&str; 5] = ["ana", "ben", "cora", "dan", "eva"];

pub struct World {
    pub stack: Stack,
    pub market: Market,
    pub exchange: Exchange,
    pub ledger: Ledger,
    pub clock: ManualClock,
    /// What each of them is granted: BTC, USD.
    granted: [&'static str; 2],
    /// Every order that was placed: name, whose, as it was placed.
    pub orders: Vec<(String, &'static str, Order)>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(["1000", "100000"]).await
    }

    /// With so much BTC and USD for each trader.
    pub async fn with(granted: [&'static str; 2]) -> Self {
        let stack = Stack::start().await;
        let (market, clock) = (stack.market("BTC-USD").await, ManualClock::default());
        for who in TRADERS {
            stack.grant(who, "BTC", granted[0], clock.now()).await;
            stack.grant(who, "USD", granted[1], clock.now()).await;
        }
        let (exchange, ledger) = (stack.exchange(), stack.ledger());
        Self { stack, market, exchange, ledger, clock, granted, orders: Vec::new() }
    }

    pub fn symbol(&self) -> Symbol {
        self.market.instrument.symbol().clone()
    }

    /// Places an order (locks and writes its row); the message that brings it into its book, if the wallet has enough.
    pub async fn place(&mut self, who: &'static str, fields: &OrderFields<'_>) -> Option<Message> {
        self.clock.tick();
        let name = format!("{}", self.orders.len());
        match self.market.place(&name, who, fields, self.clock.now()).await.expect("an answer") {
            Placed::Done => {}
            Placed::Refused(_) => return None,
            other => panic!("{other:?}"),
        }
        let order = self.market.order(&name, who).await.expect("an order");
        let message = Message::place(&order, &self.market.instrument).expect("a message");
        self.orders.push((name, who, order));
        Some(message)
    }

    /// Takes back the nth order.
    pub fn cancel(&self, nth: usize) -> Message {
        let (_, who, order) = &self.orders[nth];
        Message::cancel(&self.symbol(), &order.id, &customer(who)).expect("a message")
    }

    /// A matcher without any book in memory, with snapshots as often as can be.
    pub fn matcher(&self) -> Matcher<ManualClock> {
        Matcher::new(self.stack.exchange(), self.clock.clone(), 3)
    }

    pub fn settler(&self) -> Settler {
        Settler::new(self.stack.exchange(), self.stack.ledger())
    }

    /// A settler whose writes can be cut off.
    pub fn settler_at(&self, line: &Line) -> Settler {
        let client = line.environment().dynamodb();
        let exchange = Exchange::new(client.clone(), self.stack.table("ExchangeTable"));
        Settler::new(exchange, Ledger::new(client, self.stack.table("LedgerTable")))
    }

    pub async fn matched(&self, matcher: &Matcher<ManualClock>, messages: &[Message]) {
        matcher.handle(self.symbol().to_string(), messages.to_vec()).await.expect("all is done");
    }

    pub async fn settled(&self) {
        self.settler().settle(&self.symbol()).await.expect("settled");
    }

    pub async fn journal(&self) -> Vec<JournalEntry> {
        self.exchange.tail(&self.symbol(), 1, usize::MAX).await.expect("the journal")
    }

    /// Everything that is stored of an order, a wallet, a customer's fills, the candles and the fees follows from the
    /// journal and the orders placed, and from nothing else.
    pub async fn check(&self) {
        let journal = self.journal().await;
        let book = self.check_book(&journal).await;
        let whole = Stretch::new(0, journal.clone());
        let owner = |who: &str| Owner::of(&customer(who)).expect("a key");
        for who in TRADERS {
            let changes = whole.as_ref().and_then(|whole| whole.wallet_after(owner(who), 0)).unwrap_or_default();
            self.check_wallet(who, &changes, &book).await;
            self.check_fills(who, whole.as_ref()).await;
        }
        let moves = whole.as_ref().map(Stretch::orders).unwrap_or_default();
        for (name, who, placed) in &self.orders {
            let key = OrderKey::of(&placed.id).expect("a key");
            let times = journal.iter().flat_map(|entry| &entry.batch.commands);
            let times = times.filter(|command| command.placed() == Some(key)).count();
            assert_eq!(times, 1, "order {name} of {who} reached its book once");
            self.check_order(who, placed, moves.get(&(owner(who), key))).await;
        }
        self.check_market(&journal, whole.as_ref()).await;
    }

    /// The journal replays, and the stored snapshot goes on to the same book.
    async fn check_book(&self, journal: &[JournalEntry]) -> Snapshot {
        let mut replica = Replica::new(*self.market.instrument.terms());
        journal.iter().for_each(|entry| replica.follow(entry).expect("the journal replays"));
        let loaded = self.exchange.load_snapshot(&self.symbol()).await.expect("a look");
        if let Some((version, snapshot)) = loaded {
            let mut restored = Replica::restore(version, &snapshot, self.clock.now()).expect("a book");
            let behind = journal.iter().filter(|entry| entry.version > version);
            behind.for_each(|entry| restored.follow(entry).expect("the tail replays"));
            assert_eq!(restored.book().snapshot(), replica.book().snapshot());
        }
        replica.book().snapshot()
    }

    async fn check_wallet(&self, who: &str, changes: &Change, book: &Snapshot) {
        let wallet: Wallet = self.stack.wallet(who).await;
        let instrument = &self.market.instrument;
        let owner = Owner::of(&customer(who)).expect("a key");
        let of_side = |side| self.orders.iter().filter(move |(_, of, order)| *of == who && order.side == side);
        let locked = |side| of_side(side).map(|(_, _, order)| i128::from(order.reserved)).sum::<i128>();
        let funds = &changes.funds;
        for (asset, granted, locks, free, unlocked) in [
            (
                instrument.base(),
                self.granted[0],
                instrument.quantity(locked(Side::Sell)),
                instrument.quantity(funds.base_free),
                instrument.quantity(funds.base_locked),
            ),
            (
                instrument.quote(),
                self.granted[1],
                instrument.quote_amount(locked(Side::Buy)),
                instrument.quote_amount(funds.quote_free),
                instrument.quote_amount(funds.quote_locked),
            ),
        ] {
            let holding = wallet.holding(asset);
            let granted: Decimal = granted.parse().expect("a number");
            assert_eq!(holding.free, granted - locks + free, "{asset} of {who} that is free");
            assert_eq!(holding.locked, locks + unlocked, "{asset} of {who} that is locked");
        }
        // Locks are what the open orders hold, and nothing else.
        let rest = |orders: &[domain::order_book::RestingOrder]| {
            let own = orders.iter().filter(|order| order.owner == owner);
            own.fold((0, 0), |(sum, count), order| (sum + i128::from(order.locked), count + 1))
        };
        let stops = |side| {
            let own = book.stops.iter().chain(&book.due).filter(|stop| stop.owner == owner && stop.side == side);
            own.fold((0, 0), |(sum, count), stop| (sum + i128::from(stop.reserved), count + 1))
        };
        let ((bids, buys), (asks, sells)) = (rest(&book.bids), rest(&book.asks));
        let ((stop_bids, stop_buys), (stop_asks, stop_sells)) = (stops(Side::Buy), stops(Side::Sell));
        let (base, quote) = (wallet.holding(instrument.base()), wallet.holding(instrument.quote()));
        assert_eq!(quote.locked, instrument.quote_amount(bids + stop_bids), "open buys of {who}");
        assert_eq!(base.locked, instrument.quantity(asks + stop_asks), "open sells of {who}");
        assert_eq!(wallet.open_orders, buys + sells + stop_buys + stop_sells, "open orders of {who}");
        let position = changes.position(Default::default(), instrument);
        assert_eq!(wallet.position(instrument.symbol()), position, "position of {who}");
    }

    async fn check_fills(&self, who: &str, whole: Option<&Stretch>) {
        let owner = Owner::of(&customer(who)).expect("a key");
        let stored = self.exchange.entries(&customer(who), None, 10_000, |_| true).await.expect("entries").entries;
        let mut stored: Vec<(u64, Fill)> = stored
            .into_iter()
            .filter_map(|entry| match entry.what {
                What::Fill { version, fill, .. } => Some((version, fill)),
                _ => None,
            })
            .collect();
        stored.sort_by_key(|(_, fill)| fill.trade);
        let fills = whole.map(Stretch::fills).unwrap_or_default().into_iter().filter(|((of, _), _)| *of == owner);
        let expected: Vec<_> =
            fills.flat_map(|((_, version), (_, fills))| fills.into_iter().map(move |fill| (version, fill))).collect();
        assert_eq!(stored, expected, "fills of {who}");
    }

    async fn check_order(&self, who: &str, placed: &Order, net: Option<&OrderMove>) {
        let stored = self.exchange.order(&customer(who), &placed.id).await.expect("a look").expect("an order");
        let instrument = &self.market.instrument;
        let quote = |units: u128| instrument.quote_amount(units as i128);
        let expected = match net {
            None => placed.clone(),
            Some(net) => Order {
                status: net.change.status,
                reason: net.change.reason,
                filled: instrument.quantity(net.change.filled as i128),
                notional: quote(net.change.notional),
                fees: quote(net.change.fees),
                updated_at: net.at,
                seq: net.version,
                ..placed.clone()
            },
        };
        assert_eq!(stored, expected);
        assert_ne!(stored.status, Status::Pending);
    }

    async fn check_market(&self, journal: &[JournalEntry], whole: Option<&Stretch>) {
        let (symbol, far) = (self.symbol(), Timestamp::from_millis(9_999_999_999_999));
        let trades = whole.map(Stretch::trades).unwrap_or_default();
        for interval in [Interval::OneMinute, Interval::OneHour] {
            let stored = self.exchange.candles(&symbol, interval, Timestamp::from_millis(0), far, 10_000).await;
            let expected = Candle::of(interval, trades.iter().map(|(at, trade)| (*at, trade)));
            assert_eq!(stored.expect("candles"), expected);
        }
        let cursor = self.exchange.cursor(&symbol).await.expect("a cursor");
        let fees = self.market.instrument.quote_amount(whole.map_or(0, Stretch::fees) as i128);
        assert_eq!((cursor.version, cursor.fees), (journal.len() as u64, fees));
        // Nothing has come or gone.
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::from([("USD".into(), fees)]);
        for who in TRADERS {
            for (asset, holding) in self.stack.wallet(who).await.holdings {
                *sums.entry(asset.to_string()).or_default() += holding.total();
            }
        }
        for (asset, granted) in ["BTC", "USD"].into_iter().zip(self.granted) {
            let granted: Decimal = granted.parse().expect("a number");
            assert_eq!(sums[asset], granted * Decimal::from(TRADERS.len()), "{asset}");
        }
    }
}

/// A command that is not an order.
pub fn command(symbol: &Symbol, command: Command) -> Message {
    Message { symbol: symbol.clone(), command, placed_at: None }
}

/// The order behind the number under which [`World::place`] has placed it.
pub fn key(nth: usize) -> OrderKey {
    OrderKey::of(&order_id(&nth.to_string())).expect("a key")
}
