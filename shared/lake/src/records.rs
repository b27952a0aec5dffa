//! What the bank knows, as records. Of people identifiers only, and no text that somebody outside has written, but names
//! of products and account types.

use domain::{
    Money, Timestamp,
    account::{Account, AccountType},
    customer::Customer,
    instrument::{Asset, Instrument, Symbol},
    order::{Order, OrderKey},
    order_book::{Trade, trade_id},
    transfer::{Party, State, Transfer},
    voucher::{self, Funding, Purchase},
    wallet::{Grant, Holding, Wallet},
};
use rust_decimal::Decimal;

use crate::{
    record::{Record, Value},
    schema::{TABLES, Table},
};

/// The table of this name, looked up when this is compiled.
const fn table(name: &str) -> &'static Table {
    let mut at = 0;
    while at < TABLES.len() {
        if is_same(TABLES[at].name.as_bytes(), name.as_bytes()) {
            return &TABLES[at];
        }
        at += 1;
    }
    panic!("no such table")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Types of accounts.
pub const ACCOUNT_TYPES: &Table = table("account_types");
/// Customers.
pub const CUSTOMERS: &Table = table("customers");
/// Accounts.
pub const ACCOUNTS: &Table = table("accounts");
/// Transfers.
pub const TRANSFERS: &Table = table("transfers");
/// What customers hold of assets.
pub const WALLETS: &Table = table("wallets");
/// Assets given.
pub const GRANTS: &Table = table("grants");
/// Instruments.
pub const INSTRUMENTS: &Table = table("instruments");
/// Orders.
pub const ORDERS: &Table = table("orders");
/// Trades.
pub const TRADES: &Table = table("trades");
/// Purchases of vouchers.
pub const VOUCHERS: &Table = table("vouchers");

/// When the types every bank starts with came to be, in milliseconds: the first day of the lake, as the catalogue has it.
const BEGINNING_MS: i64 = 1_577_836_800_000;

fn text(text: impl ToString) -> Option<Value> {
    Some(Value::Text(text.to_string()))
}

fn decimal(decimal: Decimal) -> Option<Value> {
    Some(Value::Decimal(decimal))
}

fn money(money: Money) -> Option<Value> {
    decimal(money.amount())
}

fn moment(at: Timestamp) -> Option<Value> {
    Some(Value::Moment(at))
}

fn flag(flag: bool) -> Option<Value> {
    Some(Value::Flag(flag))
}

fn whole(number: impl TryInto<i64>) -> Option<Value> {
    number.try_into().ok().map(Value::Whole)
}

/// A version of a row: its columns in their order.
fn record<const N: usize>(
    table: &'static Table,
    columns: [(&str, Option<Value>); N],
    version: u64,
    changed_at: Timestamp,
) -> Record {
    debug_assert!(table.columns.iter().map(|column| column.name).eq(columns.iter().map(|(name, _)| *name)));
    Record {
        table,
        values: columns.into_iter().map(|(_, value)| value).collect(),
        version: i64::try_from(version).unwrap_or(i64::MAX),
        deleted: false,
        changed_at,
    }
}

/// An account type that was added. `None` if its fee or rate is no decimal.
pub fn account_type(kind: &AccountType, at: Timestamp) -> Option<Record> {
    added_type(kind, 1, at)
}

/// The types every bank starts with, which no row tells of.
pub fn first_account_types() -> Vec<Record> {
    AccountType::first_ones()
        .iter()
        .filter_map(|kind| added_type(kind, 0, Timestamp::from_millis(BEGINNING_MS)))
        .collect()
}

fn added_type(kind: &AccountType, version: u64, at: Timestamp) -> Option<Record> {
    let columns = [
        ("type", text(&kind.code)),
        ("name", text(&kind.name)),
        ("monthly_fee", decimal(Decimal::from_str_exact(&kind.monthly_fee).ok()?)),
        ("interest_rate", decimal(Decimal::from_str_exact(&kind.interest_rate).ok()?)),
        ("active", flag(kind.active)),
    ];
    Some(record(ACCOUNT_TYPES, columns, version, at))
}

/// A customer with so many documents; those of `customer` itself are not looked at.
pub fn customer(customer: &Customer, documents: usize, at: Timestamp) -> Record {
    let columns = [
        ("customer_id", text(&customer.id)),
        ("status", text(customer.status.as_str())),
        ("documents", whole(documents)),
        ("has_phone", flag(customer.phone.is_some())),
        ("created_at", moment(customer.created_at)),
    ];
    record(CUSTOMERS, columns, customer.version, at)
}

/// An account.
pub fn account(account: &Account, at: Timestamp) -> Record {
    let columns = [
        ("account_id", text(&account.id)),
        ("customer_id", text(&account.owner)),
        ("type", text(&account.kind)),
        ("currency", text(account.currency)),
        ("status", text(account.status.as_str())),
        ("posted", money(account.balance.posted)),
        ("held", money(account.balance.held)),
        ("available", money(account.balance.available)),
        ("overdraft", money(account.overdraft)),
        ("opened_at", moment(account.opened_at)),
    ];
    record(ACCOUNTS, columns, account.version, at)
}

/// A transfer. It changes at most twice: when its hold is resolved, and when it is reversed.
pub fn transfer(transfer: &Transfer, at: Timestamp) -> Record {
    let resolved = matches!(transfer.state, State::Captured { .. } | State::Voided { .. } | State::Expired { .. });
    let reversed = transfer.reversed_by().is_some();
    let posted = transfer.posted();
    let ((from_kind, from_id), (to_kind, to_id)) = (party(&transfer.debit), party(&transfer.credit));
    let columns = [
        ("transfer_id", text(&transfer.id)),
        ("type", text(transfer.kind.as_str())),
        // As it was written: the same whenever the row is read. A deadline that has passed is another version.
        ("status", text(transfer.status(transfer.created_at).as_str())),
        ("hold", flag(transfer.hold_seconds.is_some() || transfer.expires_at().is_some())),
        ("amount", money(transfer.money)),
        ("posted_amount", posted.and_then(|(amount, _)| money(amount))),
        ("currency", text(transfer.currency())),
        ("from_kind", text(from_kind)),
        ("from_id", text(from_id)),
        ("to_kind", text(to_kind)),
        ("to_id", text(to_id)),
        ("reason", if let State::Rejected { reason } = transfer.state { text(reason.as_str()) } else { None }),
        ("created_at", moment(transfer.created_at)),
        ("posted_at", posted.and_then(|(_, at)| moment(at))),
        ("reverses", transfer.reverses.as_ref().and_then(text)),
        ("reversed_by", transfer.reversed_by().and_then(text)),
    ];
    record(TRANSFERS, columns, 1 + u64::from(resolved) + u64::from(reversed), at)
}

fn party(party: &Party) -> (&'static str, &str) {
    match party {
        Party::Account { id, .. } => ("account", id.as_str()),
        Party::Wallet(customer) => ("wallet", customer.as_str()),
        Party::System(system) => ("system", system.as_str()),
    }
}

/// A wallet: a record for each asset it has ever had. What `before` had and `now` does not know any more is zero.
pub fn wallet(before: Option<&Wallet>, now: &Wallet, at: Timestamp) -> Vec<Record> {
    let gone = before.into_iter().flat_map(|before| before.holdings.keys());
    let gone = gone.filter(|asset| !now.holdings.contains_key(*asset)).map(|asset| (asset, Holding::default()));
    let held = now.holdings.iter().map(|(asset, holding)| (asset, *holding));
    held.chain(gone).map(|(asset, holding)| self::holding(now, asset, holding, at)).collect()
}

fn holding(wallet: &Wallet, asset: &Asset, holding: Holding, at: Timestamp) -> Record {
    let columns = [
        ("customer_id", text(&wallet.customer)),
        ("asset", text(asset)),
        ("free", decimal(holding.free)),
        ("locked", decimal(holding.locked)),
    ];
    record(WALLETS, columns, wallet.version, at)
}

/// A grant.
pub fn grant(grant: &Grant) -> Record {
    let columns = [
        ("grant_id", text(&grant.id)),
        ("customer_id", text(&grant.customer)),
        ("asset", text(&grant.asset)),
        ("quantity", decimal(grant.quantity)),
        ("created_at", moment(grant.at)),
    ];
    record(GRANTS, columns, 1, grant.at)
}

/// An instrument of this version.
pub fn instrument(instrument: &Instrument, version: u64, at: Timestamp) -> Record {
    let columns = [
        ("symbol", text(instrument.symbol())),
        ("kind", text(instrument.kind.as_str())),
        ("base", text(instrument.base())),
        ("quote", text(instrument.quote())),
        ("price_tick", decimal(instrument.price_tick())),
        ("quantity_lot", decimal(instrument.quantity_lot())),
        ("min_notional", decimal(instrument.min_notional())),
        ("maker_fee_bps", whole(instrument.terms().maker_fee_bps())),
        ("taker_fee_bps", whole(instrument.terms().taker_fee_bps())),
        ("status", text(instrument.status.as_str())),
    ];
    record(INSTRUMENTS, columns, version, at)
}

/// An order.
pub fn order(order: &Order) -> Record {
    let columns = [
        ("order_id", text(&order.id)),
        ("customer_id", text(&order.customer)),
        ("symbol", text(&order.symbol)),
        ("side", text(order.side.as_str())),
        ("type", text(order.order_type.as_str())),
        ("time_in_force", text(order.time_in_force.as_str())),
        ("status", text(order.status.as_str())),
        ("reason", order.reason.and_then(|reason| text(reason.as_str()))),
        ("price", order.price.and_then(decimal)),
        ("stop_price", order.stop_price.and_then(decimal)),
        ("quantity", order.quantity.and_then(decimal)),
        ("quote_quantity", order.quote_quantity.and_then(decimal)),
        ("filled_quantity", decimal(order.filled)),
        ("filled_notional", decimal(order.notional)),
        ("fees", decimal(order.fees)),
        ("created_at", moment(order.created_at)),
        ("updated_at", moment(order.updated_at)),
    ];
    record(ORDERS, columns, order.seq, order.updated_at)
}

/// A trade of this instrument's book, committed at this moment.
pub fn trade(instrument: &Instrument, trade: &Trade, at: Timestamp) -> Record {
    let symbol: &Symbol = instrument.symbol();
    let units = |units: u64| decimal(instrument.quote_amount(i128::from(units)));
    let order = |key: OrderKey| text(key.order_id());
    let columns = [
        ("trade_id", text(trade_id(symbol, trade.number))),
        ("symbol", text(symbol)),
        ("number", whole(trade.number)),
        ("price", decimal(instrument.price(trade.price))),
        ("quantity", decimal(instrument.quantity(i128::from(trade.quantity)))),
        ("notional", units(trade.notional)),
        ("quote", text(instrument.quote())),
        ("taker_side", text(trade.taker_side.as_str())),
        ("maker_id", text(trade.maker.owner.customer_id())),
        ("taker_id", text(trade.taker.owner.customer_id())),
        ("maker_order_id", order(trade.maker.order)),
        ("taker_order_id", order(trade.taker.order)),
        ("maker_fee", units(trade.maker.fee)),
        ("taker_fee", units(trade.taker.fee)),
        ("executed_at", moment(at)),
    ];
    record(TRADES, columns, 1, at)
}

/// The purchase of a voucher. Neither the voucher nor the phone is in it, and of the supplier's own words only that there
/// were some.
pub fn voucher(purchase: &Purchase, at: Timestamp) -> Record {
    use voucher::{SUPPLIER_SAYS, State, Status};
    let customer = match &purchase.funding {
        Funding::Account { customer, .. } => Some(customer),
        Funding::Partner { .. } => None,
    };
    let (ended_at, reason, late) = match &purchase.state {
        State::Delivered { at, .. } => (Some(*at), None, false),
        State::Refused { reason, at, late } => {
            let reason = if reason.starts_with(SUPPLIER_SAYS) { "supplier" } else { reason };
            (Some(*at), Some(reason), late.is_some())
        }
        State::Held { .. } | State::Submitted { .. } | State::Unknown { .. } => (None, None, false),
    };
    let status = match purchase.status() {
        Status::Processing => "processing",
        Status::Delivered => "delivered",
        Status::Failed => "failed",
        Status::Unknown => "unknown",
    };
    let columns = [
        ("voucher_id", text(&purchase.id)),
        ("product_id", text(purchase.product.as_str())),
        ("product_name", text(&purchase.product_name)),
        ("customer_id", customer.and_then(text)),
        ("paid_by", text(if customer.is_some() { "account" } else { "partner" })),
        ("price", money(purchase.price)),
        ("currency", text(purchase.price.currency())),
        ("status", text(status)),
        ("reason", reason.and_then(text)),
        ("late", flag(late)),
        ("created_at", moment(purchase.created_at)),
        ("ended_at", ended_at.and_then(moment)),
        ("took_ms", ended_at.and_then(|at| whole(at.millis() - purchase.created_at.millis()))),
    ];
    record(VOUCHERS, columns, purchase.version, at)
}

#[cfg(test)]
mod tests {
    use domain::{
        Currency,
        id::{CustomerId, TransferId},
        transfer::{Kind, SystemAccount},
    };

    use super::*;
    use crate::file;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn customer_id() -> CustomerId {
        CustomerId::parse("cus_1").expect("an id")
    }

    fn deposit(state: State) -> Transfer {
        let currency = Currency::parse("PEN").expect("a currency");
        Transfer {
            id: TransferId::parse("trf_1").expect("an id"),
            kind: Kind::Wallet,
            state,
            money: Money::parse("12.50", currency).expect("money"),
            debit: Party::System(SystemAccount::CashIn),
            credit: Party::Wallet(customer_id()),
            description: Some("for Ana".into()),
            metadata: Some("{\"phone\":\"+51987654321\"}".into()),
            hold_seconds: None,
            initiator: "cus_1".into(),
            created_at: at(5),
            reverses: None,
        }
    }

    #[test]
    fn a_transfer_has_a_version_for_each_of_its_states() {
        let (amount, by) = (deposit(State::Pending { expires_at: at(9) }).money, TransferId::parse("trf_2"));
        let captured = |reversed_by| State::Captured { amount, posted_at: at(7), expires_at: at(9), reversed_by };
        for (state, version, status, held) in [
            (State::Completed { posted_at: at(5), reversed_by: None }, 1, "completed", false),
            (State::Completed { posted_at: at(5), reversed_by: by.clone() }, 2, "reversed", false),
            (State::Pending { expires_at: at(9) }, 1, "pending", true),
            (captured(None), 2, "completed", true),
            (captured(by), 3, "reversed", true),
            (State::Voided { at: at(6), expires_at: at(9) }, 2, "voided", true),
            (State::Expired { at: at(9), expires_at: at(9) }, 2, "expired", true),
        ] {
            let record = transfer(&deposit(state), at(100));
            assert_eq!((record.version, record.value("status")), (version, text(status).as_ref()), "{record:?}");
            assert_eq!(record.value("hold"), flag(held).as_ref(), "{record:?}");
        }
    }

    #[test]
    fn what_people_write_stays_out() {
        let record = transfer(&deposit(State::Completed { posted_at: at(5), reversed_by: None }), at(5));
        let printed = format!("{record:?}");
        assert!(!printed.contains("Ana") && !printed.contains("987654321"), "{printed}");
        assert_eq!(
            (record.value("from_id"), record.value("to_id")),
            (text("cash_in").as_ref(), text("cus_1").as_ref())
        );
    }

    #[test]
    fn an_asset_that_a_wallet_does_not_know_any_more_is_zero() {
        let wallet_of = |assets: &[&str], version| {
            let mut wallet = Wallet::empty(customer_id());
            let holding = Holding { free: Decimal::TWO, locked: Decimal::ONE };
            wallet.holdings = assets.iter().map(|asset| (Asset::parse(asset).expect("an asset"), holding)).collect();
            wallet.version = version;
            wallet
        };
        let records = wallet(Some(&wallet_of(&["BTC", "USD"], 3)), &wallet_of(&["USD"], 4), at(1));
        let shown: Vec<_> = records
            .iter()
            .map(|record| (record.value("asset").cloned(), record.value("free").cloned(), record.version))
            .collect();
        assert_eq!(shown, [(text("USD"), decimal(Decimal::TWO), 4), (text("BTC"), decimal(Decimal::ZERO), 4),]);
        file::encode(WALLETS, &records).expect("a file");
    }

    #[test]
    fn the_types_a_bank_starts_with_lie_on_the_first_day_and_give_way_to_rows() {
        let first = first_account_types();
        assert_eq!(first.len(), AccountType::first_ones().len());
        assert!(first.iter().all(|record| record.day() == "2020-01-01" && record.version == 0));
        let row = account_type(&AccountType::first_ones()[0], at(1)).expect("decimals");
        assert!(row.version > first[0].version);
        file::encode(ACCOUNT_TYPES, &first).expect("a file");
    }

    #[test]
    fn a_tombstone_is_newer_than_what_it_ends() {
        let record = grant(&Grant {
            id: domain::id::GrantId::parse("grt_1").expect("an id"),
            customer: customer_id(),
            asset: Asset::parse("BTC").expect("an asset"),
            quantity: Decimal::ONE,
            by: "staff".into(),
            at: at(1),
        });
        let gone = record.clone().removed(at(7));
        assert_eq!((gone.version, gone.deleted, gone.changed_at), (2, true, at(7)));
        assert_eq!(gone.key(), record.key());
    }
}
