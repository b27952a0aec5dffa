//! A bank to report on: what it is, and every version of it that a lake would hold.

use std::collections::BTreeMap;

use domain::{
    Currency, Money, Timestamp,
    account::{Account, AccountStatus, Balance},
    customer::{Customer, CustomerStatus, EmailAddress, PersonName, Registration},
    id::{AccountId, CustomerId, TransferId, derive},
    number::AccountNumber,
    transfer::{Kind, Party, Refusal, State, SystemAccount, Transfer},
};
use fastrand::Rng;
use lake::{
    Record, Value, records,
    schema::{Kind as ColumnKind, Table},
};
use rust_decimal::Decimal;

/// Moments at which months, years and days end and begin.
const EDGES: &[&str] = &[
    "2023-12-31T23:59:59.999Z",
    "2024-01-01T00:00:00.000Z",
    "2024-01-31T23:59:59.999Z",
    "2024-02-01T00:00:00.000Z",
    "2024-02-28T23:59:59.999Z",
    "2024-02-29T00:00:00.000Z",
    "2024-02-29T23:59:59.999Z",
    "2024-03-01T00:00:00.000Z",
    "2024-12-31T23:59:59.999Z",
    "2025-01-01T00:00:00.000Z",
];
/// When everybody looks at it.
pub const NOW: &str = "2025-01-01T00:30:00.000Z";
/// Two decimals, none, three.
const CURRENCIES: &[&str] = &["USD", "JPY", "KWD", "PEN"];
const TYPES: &[&str] = &["checking", "salary", "savings", "premium"];
const SYSTEM: &[SystemAccount] = &SystemAccount::ALL;

/// A row of a table that has no domain object here: its columns by name.
pub type Row = BTreeMap<&'static str, Option<Value>>;

/// The bank as it is, and how it came to be.
#[derive(Default)]
pub struct World {
    pub customers: Vec<Customer>,
    /// Each account's states, oldest first, with when they began.
    pub accounts: BTreeMap<AccountId, Vec<(Timestamp, Account)>>,
    pub transfers: Vec<Transfer>,
    pub wallets: Vec<Row>,
    pub grants: Vec<Row>,
    pub instruments: Vec<Row>,
    pub orders: Vec<Row>,
    pub trades: Vec<Row>,
    pub vouchers: Vec<Row>,
    /// Versions that are no more: older ones, and those of customers who left.
    past: Vec<Record>,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

pub fn text(row: &Row, column: &str) -> String {
    match &row[column] {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("{column}: {other:?}"),
    }
}

pub fn amount(row: &Row, column: &str) -> Option<Decimal> {
    match &row[column] {
        Some(Value::Decimal(amount)) => Some(*amount),
        None => None,
        other => panic!("{column}: {other:?}"),
    }
}

pub fn moment(row: &Row, column: &str) -> Option<Timestamp> {
    match &row[column] {
        Some(Value::Moment(at)) => Some(*at),
        None => None,
        other => panic!("{column}: {other:?}"),
    }
}

fn word(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

fn number(amount: Decimal) -> Option<Value> {
    Some(Value::Decimal(amount))
}

/// A record of a row.
fn record(table: &str, row: &Row, version: i64, changed_at: Timestamp) -> Record {
    let table = Table::named(table).expect("a table");
    let values = table.columns.iter().map(|column| row.get(column.name).cloned().flatten()).collect();
    Record { table, values, version, deleted: false, changed_at }
}

impl World {
    /// A bank that a seed stands for: customers without accounts and with several, accounts closed and frozen, transfers of
    /// every kind and state at every edge of the calendar.
    pub fn of(seed: u64) -> Self {
        let (mut world, mut rng) = (Self::default(), Rng::with_seed(seed));
        for nth in 0..12 {
            world.customer(&mut rng, nth);
        }
        for nth in 0..16 {
            world.account(&mut rng, nth);
        }
        for nth in 0..60 {
            world.transfer(&mut rng, nth);
        }
        world.freeze_and_close(&mut rng);
        world.exchange(&mut rng);
        for nth in 0..15 {
            world.voucher(&mut rng, nth);
        }
        world
    }

    /// Accounts as they are now.
    pub fn now(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().filter_map(|states| states.last()).map(|(_, account)| account)
    }

    fn moment(rng: &mut Rng) -> Timestamp {
        if rng.bool() {
            return at(EDGES[rng.usize(..EDGES.len())]);
        }
        let (first, last) = (at(EDGES[0]).millis(), at(EDGES[EDGES.len() - 1]).millis());
        Timestamp::from_millis(rng.i64(first..=last))
    }

    fn customer(&mut self, rng: &mut Rng, nth: usize) {
        let id = testkit::customer(&format!("c{nth}"));
        let registration = Registration {
            given_name: PersonName::parse(&format!("Name{nth}")).expect("a name"),
            family_name: PersonName::parse("Last").expect("a name"),
            email: EmailAddress::parse(&format!("c{nth}@example.com")).expect("an address"),
            phone: None,
            document: None,
        };
        let first = Customer::register(id, registration, Self::moment(rng));
        self.past.push(records::customer(&first, 0, first.created_at));
        // The eleventh has left.
        if nth == 11 {
            self.past.push(records::customer(&first, 0, first.created_at).removed(first.created_at.plus_seconds(5)));
            return;
        }
        let status =
            [CustomerStatus::Active, CustomerStatus::Active, CustomerStatus::Inactive, CustomerStatus::Blocked]
                [nth % 4];
        self.customers.push(if status == CustomerStatus::Active { first } else { first.with_status(status) });
    }

    fn account(&mut self, rng: &mut Rng, nth: usize) {
        let seed = derive(&["account", &nth.to_string()]);
        let currency = Currency::parse(CURRENCIES[rng.usize(..CURRENCIES.len())]).expect("a currency");
        // The first customers have several, the last ones none.
        let owner: CustomerId = self.customers[rng.usize(..self.customers.len() - 3)].id.clone();
        let zero = Money::zero(currency);
        let opened_at = Self::moment(rng);
        let account = Account {
            id: AccountId::from_bytes(seed),
            number: AccountNumber::from_bytes(seed),
            owner,
            kind: TYPES[rng.usize(..TYPES.len())].to_owned(),
            currency,
            status: AccountStatus::Active,
            balance: Balance::opening(zero),
            overdraft: zero,
            opened_at,
            version: 1,
        };
        self.accounts.insert(account.id.clone(), vec![(opened_at, account)]);
    }

    fn book(&mut self, party: &Party, amount: Money, when: Timestamp) {
        let Some(states) = party.account().and_then(|id| self.accounts.get_mut(id)) else { return };
        let (before, account) = states.last().expect("a state").clone();
        let posted = account.balance.posted.checked_add(amount).expect("in range");
        let balance = Balance { posted, available: posted, ..account.balance };
        let after = Account { balance, version: account.version + 1, ..account };
        states.push((when.max(before), after));
    }

    fn transfer(&mut self, rng: &mut Rng, nth: usize) {
        let accounts: Vec<Account> = self.now().cloned().collect();
        let own = accounts[rng.usize(..accounts.len())].clone();
        let party = |account: &Account| Party::Account { id: account.id.clone(), number: account.number.clone() };
        let other = accounts.iter().find(|other| other.id != own.id && other.currency == own.currency);
        let system = Party::System(SYSTEM[rng.usize(..SYSTEM.len())]);
        let (kind, debit, credit) = match (rng.usize(..7), other) {
            (0 | 1, _) => (Kind::Deposit, Party::System(SystemAccount::CashIn), party(&own)),
            (2, _) => (Kind::Withdrawal, party(&own), Party::System(SystemAccount::CashOut)),
            (3, Some(other)) => (Kind::Transfer, party(&own), party(other)),
            (4, _) => (Kind::Wallet, party(&own), Party::Wallet(own.owner.clone())),
            (5, _) => (Kind::Voucher, party(&own), system),
            _ => (Kind::Payment, party(&own), Party::System(SystemAccount::Payments)),
        };
        let scale = own.currency.decimals();
        let money = Money::new(Decimal::new(rng.i64(1..=999_999), scale), own.currency).expect("an amount");
        let (created_at, later) = (Self::moment(rng), rng.i64(0..100_000));
        let posted_at = created_at.plus_seconds(later);
        let expires_at = created_at.plus_seconds(200_000);
        let part = Money::new(Decimal::new(rng.i64(1..=1_000), scale), own.currency)
            .filter(|part| money.covers(*part))
            .unwrap_or(money);
        let state = match rng.usize(..8) {
            0 => State::Pending { expires_at },
            1 => State::Rejected { reason: Refusal::InsufficientFunds },
            2 => State::Voided { at: posted_at, expires_at },
            3 => State::Expired { at: expires_at, expires_at },
            4 => State::Captured { amount: part, posted_at, expires_at, reversed_by: None },
            _ => State::Completed { posted_at: created_at, reversed_by: None },
        };
        let id = |name: &str| TransferId::from_bytes(derive(&["transfer", name, &nth.to_string()]));
        let mut transfer = Transfer {
            id: id("first"),
            kind,
            state,
            money,
            debit,
            credit,
            description: None,
            metadata: None,
            hold_seconds: None,
            initiator: "test".into(),
            created_at,
            reverses: None,
        };
        self.past.push(records::transfer(&transfer.as_decided(), created_at));
        let Some((moved, when)) = transfer.posted() else { return self.transfers.push(transfer) };
        self.book(&transfer.debit.clone(), moved.negated(), when);
        self.book(&transfer.credit.clone(), moved, when);
        if rng.usize(..4) == 0 {
            self.past.push(records::transfer(&transfer, when));
            let back = id("back");
            let reversal = Transfer {
                id: back.clone(),
                kind: Kind::Reversal,
                state: State::Completed { posted_at: when.plus_seconds(3_600), reversed_by: None },
                money: moved,
                debit: transfer.credit.clone(),
                credit: transfer.debit.clone(),
                created_at: when.plus_seconds(3_600),
                reverses: Some(transfer.id.clone()),
                ..transfer.clone()
            };
            match &mut transfer.state {
                State::Completed { reversed_by, .. } | State::Captured { reversed_by, .. } => *reversed_by = Some(back),
                _ => {}
            }
            self.book(&reversal.debit.clone(), moved.negated(), reversal.created_at);
            self.book(&reversal.credit.clone(), moved, reversal.created_at);
            self.transfers.push(reversal);
        }
        self.transfers.push(transfer);
    }

    fn freeze_and_close(&mut self, rng: &mut Rng) {
        for (nth, states) in self.accounts.values_mut().enumerate() {
            let (before, account) = states.last().expect("a state").clone();
            let status = match nth % 5 {
                0 => AccountStatus::Frozen,
                1 if account.balance.posted.is_zero() => AccountStatus::Closed,
                _ => continue,
            };
            let after = Account { status, version: account.version + 1, ..account };
            states.push((Self::moment(rng).max(before), after));
        }
    }

    fn exchange(&mut self, rng: &mut Rng) {
        for (symbol, base, quote) in [("BTC-USD", "BTC", "USD"), ("ACME-JPY", "ACME", "JPY")] {
            self.instruments.push(Row::from([
                ("symbol", word(symbol)),
                ("kind", word("crypto")),
                ("base", word(base)),
                ("quote", word(quote)),
                ("status", word("trading")),
            ]));
            for nth in 0..8 {
                let (price, quantity) = (Decimal::new(rng.i64(1..100_000), 2), Decimal::new(rng.i64(1..100_000), 4));
                let fee = |rng: &mut Rng| number(Decimal::new(rng.i64(0..500), 2));
                self.trades.push(Row::from([
                    ("trade_id", word(&format!("trd_{symbol}{nth}").replace('-', ""))),
                    ("symbol", word(symbol)),
                    ("number", Some(Value::Whole(nth))),
                    ("price", number(price)),
                    ("quantity", number(quantity)),
                    ("notional", number((price * quantity).round_dp(2))),
                    ("quote", word(quote)),
                    ("taker_side", word("buy")),
                    ("maker_id", word(testkit::customer("c0").as_str())),
                    ("taker_id", word(testkit::customer("c1").as_str())),
                    ("maker_order_id", word("ord_m")),
                    ("taker_order_id", word("ord_t")),
                    ("maker_fee", fee(rng)),
                    ("taker_fee", fee(rng)),
                    ("executed_at", Some(Value::Moment(Self::moment(rng)))),
                ]));
            }
            for nth in 0..10 {
                let statuses = [
                    "pending",
                    "untriggered",
                    "open",
                    "partially_filled",
                    "filled",
                    "cancelled",
                    "rejected",
                    "expired",
                ];
                let by_amount = rng.usize(..5) == 0;
                let price = (!by_amount && rng.usize(..5) > 0).then(|| Decimal::new(rng.i64(1..10_000_000), 5));
                let created = Self::moment(rng);
                self.orders.push(Row::from([
                    ("order_id", word(&format!("ord_{symbol}{nth}").replace('-', ""))),
                    ("customer_id", word(testkit::customer(&format!("c{}", nth % 4)).as_str())),
                    ("symbol", word(symbol)),
                    ("side", word(if by_amount || rng.bool() { "buy" } else { "sell" })),
                    ("type", word(if price.is_some() { "limit" } else { "market" })),
                    ("time_in_force", word("gtc")),
                    ("status", word(statuses[rng.usize(..statuses.len())])),
                    ("reason", None),
                    ("price", price.and_then(number)),
                    ("stop_price", None),
                    ("quantity", (!by_amount).then(|| Decimal::new(rng.i64(5_000..900_000), 5)).and_then(number)),
                    ("quote_quantity", by_amount.then(|| Decimal::new(90_000, 2)).and_then(number)),
                    ("filled_quantity", number(Decimal::new(rng.i64(0..5_000), 5))),
                    ("filled_notional", number(Decimal::new(rng.i64(0..5_000), 2))),
                    ("fees", number(Decimal::new(rng.i64(0..500), 2))),
                    ("created_at", Some(Value::Moment(created))),
                    ("updated_at", Some(Value::Moment(created.plus_seconds(9)))),
                ]));
            }
        }
        for (nth, asset) in ["USD", "BTC", "JPY", "ACME"].into_iter().enumerate() {
            self.grants.push(Row::from([
                ("grant_id", word(&format!("grt_{nth}"))),
                ("customer_id", word(testkit::customer("c0").as_str())),
                ("asset", word(asset)),
                ("quantity", number(Decimal::new(rng.i64(1..1_000_000), 8))),
                ("created_at", Some(Value::Moment(Self::moment(rng)))),
            ]));
            for who in ["c0", "c1"] {
                self.wallets.push(Row::from([
                    ("customer_id", word(testkit::customer(who).as_str())),
                    ("asset", word(asset)),
                    ("free", number(Decimal::new(rng.i64(0..1_000_000), 8))),
                    ("locked", number(Decimal::new(rng.i64(0..1_000), 8))),
                ]));
            }
        }
    }

    fn voucher(&mut self, rng: &mut Rng, nth: usize) {
        let status = ["delivered", "delivered", "failed", "processing", "unknown"][rng.usize(..5)];
        let (created, took) = (Self::moment(rng), rng.i64(1..120_000));
        let ended = ["delivered", "failed"].contains(&status);
        self.vouchers.push(Row::from([
            ("voucher_id", word(&format!("vch_{nth}"))),
            ("product_id", word(["data-1", "data-10"][nth % 2])),
            ("product_name", word(["1 GB", "=10 GB"][nth % 2])),
            ("customer_id", (nth % 3 > 0).then(|| testkit::customer("c2").as_str().to_owned()).map(Value::Text)),
            ("paid_by", word(if nth % 3 > 0 { "account" } else { "partner" })),
            ("price", number(Decimal::new(rng.i64(100..9_999), 2))),
            ("currency", word("USD")),
            ("status", word(status)),
            ("reason", None),
            ("late", Some(Value::Flag(false))),
            ("created_at", Some(Value::Moment(created))),
            ("ended_at", ended.then(|| Value::Moment(created.plus_millis(took)))),
            ("took_ms", ended.then_some(Value::Whole(took))),
        ]));
    }

    /// Every version a lake would hold, in any order.
    pub fn records(&self) -> Vec<Record> {
        let mut all = records::first_account_types();
        all.extend(self.past.iter().cloned());
        all.extend(self.customers.iter().map(|customer| records::customer(customer, 0, customer.created_at)));
        let states = self.accounts.values().flatten();
        all.extend(states.map(|(since, account)| records::account(account, *since)));
        all.extend(self.transfers.iter().map(|transfer| {
            let changed = transfer.posted().map_or(transfer.created_at, |(_, when)| when);
            records::transfer(transfer, changed)
        }));
        let tables = [
            ("wallets", &self.wallets),
            ("grants", &self.grants),
            ("instruments", &self.instruments),
            ("orders", &self.orders),
            ("trades", &self.trades),
            ("vouchers", &self.vouchers),
        ];
        for (table, rows) in tables {
            for row in rows {
                // What is there twice with a smaller number is no more.
                let older = row.iter().map(|(name, value)| {
                    let key = Table::named(table).expect("a table").key.contains(name);
                    let older = match value {
                        Some(Value::Decimal(amount)) if !key => Some(Value::Decimal(*amount + Decimal::ONE)),
                        other => other.clone(),
                    };
                    (*name, older)
                });
                all.push(record(table, &older.collect(), 1, at(EDGES[0])));
                all.push(record(table, row, 2, at(EDGES[5])));
            }
        }
        assert!(
            Table::named("orders")
                .is_some_and(|orders| orders.columns.iter().any(|column| column.kind == ColumnKind::Decimal))
        );
        all
    }
}
