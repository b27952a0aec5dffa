//! A market with somebody on it: instruments, granted assets, orders, and the whole way of an order through book, journal
//! and settlement in a few calls, without queues and functions.

use std::collections::BTreeMap;

use aws::{
    exchange::{Advanced, Appended, Exchange, FillsEntry, Granted, InstrumentAdded, OrderSettled, OrderUpdate, Placed},
    ledger::{Ledger, transfers::PostError, wallets::WalletSettled},
    meter::Usage,
    store::StoreError,
};
use domain::{
    Timestamp,
    exchange::{BATCH_EVENTS, OrderMove, Replica, Stretch},
    id::{CustomerId, GrantId, OrderId, derive},
    instrument::{Asset, Instrument, InstrumentFields},
    order::{Kind, Order, OrderFields, OrderKey, Owner, Replacement, Side, Size},
    order_book::{Command, Interval},
    wallet::{Grant, Lock, LockRefusal, MAX_OPEN_ORDERS, Wallet, lock},
};

use crate::{Stack, customer};

/// Versions settled at a time.
const STRETCH: usize = 50;

/// The order id that a name stands for.
pub fn order_id(name: &str) -> OrderId {
    OrderId::from_bytes(derive(&["test order", name]))
}

/// The grant id that a name stands for.
pub fn grant_id(name: &str) -> GrantId {
    GrantId::from_bytes(derive(&["test grant", name]))
}

/// A limit buy.
pub fn buy<'a>(quantity: &'a str, price: &'a str) -> OrderFields<'a> {
    OrderFields {
        side: "buy",
        order_type: "limit",
        quantity: Some(quantity),
        price: Some(price),
        ..OrderFields::default()
    }
}

/// A limit sell.
pub fn sell<'a>(quantity: &'a str, price: &'a str) -> OrderFields<'a> {
    OrderFields { side: "sell", ..buy(quantity, price) }
}

/// One instrument and its book.
pub struct Market {
    /// The instrument.
    pub instrument: Instrument,
    /// The book as far as its journal has been followed.
    pub book: Replica,
    ledger: Ledger,
    exchange: Exchange,
}

impl Stack {
    /// A market for this symbol: ticks of 0.01, lots of 0.0001, fees of 10 and 20 basis points. Whoever asks again gets
    /// another instance of the same.
    pub async fn market(&self, symbol: &str) -> Market {
        let (base, quote) = symbol.split_once('-').expect("a symbol");
        let fields = InstrumentFields {
            symbol,
            kind: "crypto",
            base,
            quote,
            price_tick: "0.01",
            quantity_lot: "0.0001",
            min_notional: "0.01",
            maker_fee_bps: 10,
            taker_fee_bps: 20,
        };
        let instrument = Instrument::new(&fields).expect("an instrument");
        let (ledger, exchange) = (self.ledger(), self.exchange());
        let added = exchange.add_instrument(&instrument, Timestamp::from_millis(0)).await.expect("it is added");
        assert!(matches!(added, InstrumentAdded::Done | InstrumentAdded::Before(_)));
        Market { book: Replica::new(*instrument.terms()), instrument, ledger, exchange }
    }

    /// Grants this much of an asset to the customer that `name` stands for.
    pub async fn grant(&self, name: &str, asset: &str, quantity: &str, at: Timestamp) {
        let nth = self.database.table_stats().map_or(0, |stats| stats.iter().map(|table| table.item_count).sum());
        let grant = Grant {
            id: grant_id(&format!("{name} {asset} {nth}")),
            customer: customer(name),
            asset: Asset::parse(asset).expect("an asset"),
            quantity: quantity.parse().expect("a number"),
            by: "test".into(),
            at,
        };
        let granted = self.exchange().grant(&self.ledger(), &grant).await.expect("it is granted");
        assert_eq!(granted, Granted::Done);
    }

    /// The wallet of the customer that `name` stands for.
    pub async fn wallet(&self, name: &str) -> Wallet {
        self.ledger().wallet(&customer(name)).await.expect("the wallet is read")
    }

    /// What that wallet holds of an asset: free, locked.
    pub async fn holding(&self, name: &str, asset: &str) -> [String; 2] {
        let holding = self.wallet(name).await.holding(&Asset::parse(asset).expect("an asset"));
        [holding.free, holding.locked].map(|amount| amount.normalize().to_string())
    }
}

impl Market {
    /// The order that these fields make of the customer that `who` stands for, under a name that stands for the
    /// idempotency key, and what it has to lock; as the `orders` function decides.
    pub async fn decide(
        &self,
        name: &str,
        who: &str,
        fields: &OrderFields<'_>,
        at: Timestamp,
    ) -> Result<(Order, Lock), LockRefusal> {
        let valid = fields.validate(&self.instrument, at).expect("a valid order");
        let wallet = self.ledger.wallet(&customer(who)).await.expect("the wallet is read");
        let lots = match valid.kind {
            Kind::Market { size: Size::Lots(lots), .. } => lots,
            _ => 0,
        };
        let asks = self.book.book().depth(Side::Sell, 100);
        let asks = asks.map(|(price, lots)| (price, u64::try_from(lots).unwrap_or(u64::MAX)));
        let cost = self.instrument.terms().market_buy_reservation(asks, lots, 500);
        let lock = lock(&wallet, &valid, &self.instrument, cost, MAX_OPEN_ORDERS)?;
        let named = Replacement { client_order_id: fields.client_order_id.map(str::to_owned), replaces: None };
        let order = Order::new(order_id(name), customer(who), &self.instrument, &valid, named, lock.reserved, at);
        Ok((order, lock))
    }

    /// Decides and places. An order that the wallet refuses is written nowhere.
    pub async fn place(
        &self,
        name: &str,
        who: &str,
        fields: &OrderFields<'_>,
        at: Timestamp,
    ) -> Result<Placed, PostError> {
        match self.decide(name, who, fields, at).await {
            Ok((order, lock)) => self.exchange.place(&self.ledger, &order, &lock, MAX_OPEN_ORDERS).await,
            Err(refusal) => Ok(Placed::Refused(refusal)),
        }
    }

    /// What this market's reads and writes of LedgerTable have cost.
    pub fn ledger_usage(&self) -> Usage {
        self.ledger.usage()
    }

    /// What this market's reads and writes of ExchangeTable have cost.
    pub fn exchange_usage(&self) -> Usage {
        self.exchange.usage()
    }

    /// The order behind a name, as its row says.
    pub async fn order(&self, name: &str, who: &str) -> Option<Order> {
        self.exchange.order(&customer(who), &order_id(name)).await.expect("the order is read")
    }

    /// The command that brings the order behind a name into the book.
    pub async fn command(&self, name: &str, who: &str) -> Command {
        let order = self.order(name, who).await.expect("an order");
        order.command(&self.instrument).expect("a command")
    }

    /// The command that cancels it.
    pub fn cancel(&self, name: &str, who: &str) -> Command {
        let order = OrderKey::of(&order_id(name)).expect("a key");
        Command::Cancel { order, owner: Owner::of(&customer(who)).expect("a key") }
    }

    /// Applies commands and commits them, as the `orders-match` function does; whoever loses a version follows the
    /// journal and tries again.
    pub async fn apply(&mut self, commands: &[Command], at: Timestamp) -> Result<(), StoreError> {
        let mut left = commands;
        while !left.is_empty() {
            self.follow().await?;
            let (entry, taken) = self.book.propose(left, at, BATCH_EVENTS);
            if let Some(entry) = entry {
                let symbol = self.instrument.symbol();
                match self.exchange.append(symbol, entry.version, entry.at, &entry.batch).await {
                    Ok(Appended::Done) => self.book.keep(&entry),
                    Ok(Appended::Lost) => {
                        self.book.withdraw();
                        continue;
                    }
                    Err(error) => {
                        self.book.withdraw();
                        return Err(error);
                    }
                }
            }
            left = &left[taken..];
        }
        Ok(())
    }

    /// Takes in what others have written.
    pub async fn follow(&mut self) -> Result<(), StoreError> {
        let tail = self.exchange.tail(self.instrument.symbol(), self.book.version() + 1, 1_000).await?;
        tail.iter()
            .try_for_each(|entry| self.book.follow(entry))
            .map_err(|error| StoreError::corrupt(error.to_string()))
    }

    /// Places, applies and settles.
    pub async fn trade(&mut self, name: &str, who: &str, fields: &OrderFields<'_>, at: Timestamp) {
        let placed = self.place(name, who, fields, at).await.expect("an answer");
        assert_eq!(placed, Placed::Done, "{name}");
        self.apply(&[self.command(name, who).await], at).await.expect("it is applied");
        self.settle().await.expect("it is settled");
    }

    /// Settles all of the journal, as the `orders-settle` function does; `true` if there was something to settle.
    pub async fn settle(&self) -> Result<bool, StoreError> {
        let mut moved = false;
        while self.settle_stretch(STRETCH).await? {
            moved = true;
        }
        Ok(moved)
    }

    /// Settles up to `limit` versions from the cursor on; `false` if there are none.
    pub async fn settle_stretch(&self, limit: usize) -> Result<bool, StoreError> {
        let symbol = self.instrument.symbol();
        let cursor = self.exchange.cursor(symbol).await?.version;
        let tail = self.exchange.tail(symbol, cursor + 1, limit).await?;
        let Some(stretch) = Stretch::new(cursor, tail) else { return Ok(false) };
        self.settle_wallets(&stretch).await?;
        let fills = stretch.fills().into_iter().map(|((owner, version), (at, fills))| FillsEntry {
            customer: owner.customer_id(),
            symbol: symbol.clone(),
            version,
            at,
            fills,
        });
        self.exchange.put_fills(&fills.collect::<Vec<_>>()).await?;
        for interval in [Interval::OneMinute, Interval::OneHour] {
            let mut spans: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for (at, trade) in stretch.trades() {
                spans.entry(interval.open_time(at)).or_default().push((at, trade));
            }
            for trades in spans.values() {
                self.exchange.fold_candle(symbol, interval, None, trades).await?;
            }
        }
        for ((owner, order), change) in stretch.orders() {
            self.settle_order(&stretch, owner, order, change).await?;
        }
        let fees = self.instrument.quote_amount(i128::try_from(stretch.fees()).unwrap_or(i128::MAX));
        match self.exchange.advance(symbol, cursor, stretch.last(), fees).await? {
            Advanced::Done | Advanced::Moved(_) => Ok(true),
        }
    }

    async fn settle_wallets(&self, stretch: &Stretch) -> Result<(), StoreError> {
        let owners: Vec<Owner> = stretch.wallets().into_keys().collect();
        let customers: Vec<CustomerId> = owners.iter().map(|owner| owner.customer_id()).collect();
        let wallets = self.ledger.wallets(&customers).await?;
        for (owner, mut wallet) in owners.into_iter().zip(wallets) {
            let symbol = self.instrument.symbol();
            while let Some(change) = stretch.wallet_after(owner, wallet.applied(symbol)) {
                let settled = self.ledger.settle_wallet(&wallet, &self.instrument, stretch.last(), &change).await?;
                match settled {
                    WalletSettled::Done(_) => break,
                    WalletSettled::Moved(now) => wallet = now,
                }
            }
        }
        Ok(())
    }

    async fn settle_order(
        &self,
        stretch: &Stretch,
        owner: Owner,
        order: OrderKey,
        change: OrderMove,
    ) -> Result<(), StoreError> {
        let (mut after, mut change) = (stretch.after(), Some(change));
        while let Some(net) = change {
            let quote = |units: u128| self.instrument.quote_amount(i128::try_from(units).unwrap_or(i128::MAX));
            let update = OrderUpdate {
                status: net.change.status,
                reason: net.change.reason,
                filled: self.instrument.quantity(i128::try_from(net.change.filled).unwrap_or(i128::MAX)),
                notional: quote(net.change.notional),
                fees: quote(net.change.fees),
                at: net.at,
                version: net.version,
            };
            match self.exchange.settle_order(&owner.customer_id(), &order.order_id(), after, &update).await? {
                OrderSettled::Done | OrderSettled::Missing => break,
                OrderSettled::Moved(seq) => (after, change) = (seq, stretch.order_after(owner, order, seq)),
            }
        }
        Ok(())
    }
}
