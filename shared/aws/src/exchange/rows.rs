//! Rows of ExchangeTable, written and read.
//!
//! | row | pk | sk | what |
//! |---|---|---|---|
//! | instrument | `instruments` | `<SYMBOL>` | its steps and fees, `status`, `version` |
//! | order | `cus_…` | `order#<ord_…>` | as in the API, `reserved`, `seq`; index `orders`: `owner_key` + `created_key` |
//! | client order id | `cus_…` | `client#<client_order_id>` | `order_id` |
//! | journal | `journal#<SYMBOL>` | version, 12 digits | `at` (ms), `batch` (binary), `write_id` |
//! | snapshot chunk | `snapshot#<SYMBOL>` | `<version>#<chunk, 4 digits>` | `data` (binary) |
//! | snapshot pointer | `snapshot#<SYMBOL>` | `latest` | `version`, `chunks`, `bytes`; `old_version`, `old_chunks` |
//! | settlement cursor | `cursors` | `<SYMBOL>` | `v`, `fees` |
//! | fills of a batch | `cus_…` | `entry#<ms, 13 digits>#t#<SYMBOL>#<version>` | `fills` (binary) |
//! | wallet transfer, grant | `cus_…` | `entry#<ms>#m#<trf_… or grt_…>` | its figures |
//! | grant | `grants` | `grt_…` | `customer`, `asset`, `quantity`, `by`, `at` |
//! | candle | `candles#<SYMBOL>#<1m or 1h>` | open time, 13 digits | `o`, `h`, `l`, `c`, `q`, `n`, `k`, `u`, `v` |
//!
//! Binary attributes begin with a byte that tells their form. The keys of index `orders` never change, so what becomes
//! of an order costs no index write.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{
    Timestamp,
    id::{CustomerId, OrderId},
    instrument::{Instrument, InstrumentFields, InstrumentStatus, Symbol},
    order::{Order, OrderType, Reason, SelfTrade, Side, Status, TimeInForce},
};
use rust_decimal::Decimal;
use serde::{Serialize, de::DeserializeOwned};

use super::StoredInstrument;
use crate::{
    item::{Item, Read, decimal, key, number, text},
    store::StoreError,
    write::WriteId,
};

/// Partition key of the instruments.
pub(super) const INSTRUMENTS: &str = "instruments";
/// Partition key of the settlement cursors.
pub(super) const CURSORS: &str = "cursors";
/// Partition key of the grants.
pub(super) const GRANTS: &str = "grants";
/// Form of what is stored as bytes.
const FORM: u8 = 1;

/// A value as bytes.
pub(super) fn bytes(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![FORM]).map_err(|error| StoreError::corrupt(error.to_string()))
}

/// Reads what [`bytes`] writes.
pub(super) fn from_bytes<T: DeserializeOwned>(bytes: &[u8], name: &str) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&FORM, value)) => postcard::from_bytes(value).map_err(|_| StoreError::corrupt(name)),
        _ => Err(StoreError::corrupt(name)),
    }
}

/// A bytes attribute.
pub(super) fn blob(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The bytes of an attribute that must be there.
pub(super) fn blob_of<'a>(item: &'a Item, name: &str) -> Result<&'a [u8], StoreError> {
    let blob = item.get(name).and_then(|value| value.as_b().ok());
    blob.map(Blob::as_ref).ok_or_else(|| StoreError::corrupt(name))
}

/// A moment as a sort key.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{:013}", at.millis())
}

/// A version as a sort key.
pub(super) fn version(version: u64) -> String {
    format!("{version:012}")
}

/// Sort key of an order.
pub(super) fn order_sort(id: &OrderId) -> String {
    format!("order#{id}")
}

/// The range key of index `orders`.
pub(super) fn created_key(at: Timestamp, id: &OrderId) -> String {
    format!("{at}#{id}")
}

/// A new order row.
pub(super) fn order_item(order: &Order, id: WriteId) -> Item {
    let mut item = key(order.customer.as_str(), order_sort(&order.id));
    let mut put = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    put("owner_key", text(order.customer.as_str()));
    put("created_key", text(created_key(order.created_at, &order.id)));
    put("symbol", text(order.symbol.as_str()));
    put("side", text(order.side.as_str()));
    put("type", text(order.order_type.as_str()));
    put("time_in_force", text(order.time_in_force.as_str()));
    put("self_trade", text(order.self_trade.as_str()));
    put("status", text(order.status.as_str()));
    put("created_at", text(order.created_at.to_string()));
    put("updated_at", text(order.updated_at.to_string()));
    put("reserved", number(order.reserved));
    put("seq", number(order.seq));
    put("write_id", text(id.to_text()));
    for (name, amount) in [("filled", order.filled), ("notional", order.notional), ("fees", order.fees)] {
        put(name, decimal(amount));
    }
    for (name, amount) in [
        ("price", order.price),
        ("stop_price", order.stop_price),
        ("quantity", order.quantity),
        ("quote_quantity", order.quote_quantity),
    ] {
        if let Some(amount) = amount {
            put(name, decimal(amount));
        }
    }
    for (name, flag) in [("post_only", order.post_only), ("waited", order.waited)] {
        if flag {
            put(name, AttributeValue::Bool(true));
        }
    }
    for (name, value) in [
        ("client_order_id", order.client_order_id.clone()),
        ("expires_at", order.expires_at.map(|moment| moment.to_string())),
        ("replaces", order.replaces.as_ref().map(OrderId::to_string)),
        ("reason", order.reason.map(|reason| reason.as_str().to_owned())),
    ] {
        if let Some(value) = value {
            put(name, text(value));
        }
    }
    item
}

/// Reads an order row.
pub(super) fn order(item: &Item) -> Result<Order, StoreError> {
    let optional = |name: &str| item.digits(name).map(|_| item.decimal(name)).transpose();
    let flag = |name: &str| item.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or(false);
    Ok(Order {
        id: item.parsed("sk", |sort| OrderId::parse(sort.strip_prefix("order#")?))?,
        customer: item.parsed("pk", CustomerId::parse)?,
        symbol: item.parsed("symbol", Symbol::parse)?,
        side: item.parsed("side", Side::parse)?,
        order_type: item.parsed("type", OrderType::parse)?,
        time_in_force: item.parsed("time_in_force", TimeInForce::parse)?,
        price: optional("price")?,
        stop_price: optional("stop_price")?,
        quantity: optional("quantity")?,
        quote_quantity: optional("quote_quantity")?,
        post_only: flag("post_only"),
        self_trade: item.parsed("self_trade", SelfTrade::parse)?,
        client_order_id: item.optional("client_order_id").map(str::to_owned),
        expires_at: item.parsed_optional("expires_at", |text| text.parse().ok())?,
        replaces: item.parsed_optional("replaces", OrderId::parse)?,
        waited: flag("waited"),
        reserved: item.count("reserved")?,
        status: item.parsed("status", Status::parse)?,
        reason: item.parsed_optional("reason", Reason::parse)?,
        filled: item.decimal("filled")?,
        notional: item.decimal("notional")?,
        fees: item.decimal("fees")?,
        created_at: item.moment("created_at")?,
        updated_at: item.moment("updated_at")?,
        seq: item.count("seq")?,
    })
}

/// The row that keeps a client's own name for an order.
pub(super) fn client_item(customer: &CustomerId, client_order_id: &str, order: &OrderId) -> Item {
    let mut item = key(customer.as_str(), client_sort(client_order_id));
    item.insert("order_id".to_owned(), text(order.as_str()));
    item
}

/// Sort key of a client's own name for an order.
pub(super) fn client_sort(client_order_id: &str) -> String {
    format!("client#{client_order_id}")
}

/// A new instrument row.
pub(super) fn instrument_item(instrument: &Instrument, at: Timestamp) -> Item {
    let mut item = key(INSTRUMENTS, instrument.symbol().as_str());
    let steps = |amount: Decimal| text(amount.to_string());
    for (name, value) in [
        ("kind", text(instrument.kind.as_str())),
        ("status", text(instrument.status.as_str())),
        ("base", text(instrument.base().as_str())),
        ("quote", text(instrument.quote().as_str())),
        ("price_tick", steps(instrument.price_tick())),
        ("quantity_lot", steps(instrument.quantity_lot())),
        ("min_notional", steps(instrument.min_notional())),
        ("maker_fee_bps", number(instrument.terms().maker_fee_bps())),
        ("taker_fee_bps", number(instrument.terms().taker_fee_bps())),
        ("created_at", text(at.to_string())),
        ("version", number(1)),
    ] {
        item.insert(name.to_owned(), value);
    }
    item
}

/// Reads an instrument row.
pub(super) fn instrument(item: &Item) -> Result<StoredInstrument, StoreError> {
    let bps = |name: &str| u16::try_from(item.count(name)?).map_err(|_| StoreError::corrupt(name));
    let fields = InstrumentFields {
        symbol: item.text("sk")?,
        kind: item.text("kind")?,
        base: item.text("base")?,
        quote: item.text("quote")?,
        price_tick: item.text("price_tick")?,
        quantity_lot: item.text("quantity_lot")?,
        min_notional: item.text("min_notional")?,
        maker_fee_bps: bps("maker_fee_bps")?,
        taker_fee_bps: bps("taker_fee_bps")?,
    };
    let mut instrument = Instrument::new(&fields).map_err(|error| StoreError::corrupt(error.field))?;
    instrument.status = item.parsed("status", InstrumentStatus::parse)?;
    Ok(StoredInstrument { instrument, version: item.count("version")?, created_at: item.moment("created_at")? })
}
