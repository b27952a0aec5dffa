//! Every field of an order wrong in its ways, and what is right.

use rust_decimal::Decimal;

use super::{Kind, Limit, OrderFields, Size, TimeInForce};
use crate::{
    Timestamp,
    instrument::{Asset, Instrument, InstrumentFields, InstrumentStatus, Symbol},
};

pub(crate) const BITCOIN: InstrumentFields<'static> = InstrumentFields {
    symbol: "BTC-USD",
    kind: "crypto",
    base: "BTC",
    quote: "USD",
    price_tick: "0.01",
    quantity_lot: "0.00001",
    min_notional: "1.00",
    maker_fee_bps: 10,
    taker_fee_bps: 20,
};

const LIMIT: OrderFields<'static> = OrderFields {
    side: "buy",
    order_type: "limit",
    quantity: Some("0.5"),
    price: Some("60000.10"),
    quote_quantity: None,
    stop_price: None,
    time_in_force: None,
    post_only: None,
    self_trade_prevention: None,
    client_order_id: None,
    expires_at: None,
};
const MARKET: OrderFields<'static> = OrderFields { order_type: "market", price: None, ..LIMIT };
const STOP: OrderFields<'static> = OrderFields { order_type: "stop_limit", stop_price: Some("61000"), ..LIMIT };

fn bitcoin() -> Instrument {
    Instrument::new(&BITCOIN).expect("an instrument")
}

fn told(fields: &OrderFields<'_>) -> String {
    match fields.validate(&bitcoin(), Timestamp::from_millis(1_000_000)) {
        Ok(order) => format!("{:?}", order.reservation(bitcoin().terms())),
        Err(error) => format!("{} {}", error.field, error.code()),
    }
}

#[test]
fn every_field_is_checked() {
    let b = LIMIT;
    for (fields, expected) in [
        (LIMIT, "Some(3006005)"), // 30,000.05, and 60.0001 for the taker
        (OrderFields { side: "sell", ..b }, "Some(50000)"),
        (OrderFields { side: "BUY", ..b }, "side invalid_field"),
        (OrderFields { order_type: "stop", ..b }, "type invalid_field"),
        (OrderFields { price: None, ..b }, "price invalid_field"),
        (OrderFields { price: Some("0"), ..b }, "price invalid_amount"),
        (OrderFields { price: Some("-1"), ..b }, "price invalid_amount"),
        (OrderFields { price: Some("1e3"), ..b }, "price invalid_amount"),
        (OrderFields { price: Some("60000.105"), ..b }, "price price_tick"),
        (OrderFields { price: Some("60000.100"), ..b }, "Some(3006005)"),
        (OrderFields { quantity: None, ..b }, "quantity invalid_field"),
        (OrderFields { quantity: Some("0.00"), ..b }, "quantity invalid_amount"),
        (OrderFields { quantity: Some("0.000001"), ..b }, "quantity quantity_lot"),
        (OrderFields { quantity: Some("0.00001"), ..b }, "quantity min_notional"),
        (OrderFields { price: Some("999999999999999"), ..b }, "Some(50099999999999950)"),
        (OrderFields { price: Some("999999999999999"), quantity: Some("100"), ..b }, "quantity max_notional"),
        (OrderFields { quantity: Some("999999999999999"), ..b }, "quantity max_notional"),
        (OrderFields { quote_quantity: Some("5"), ..b }, "quote_quantity invalid_field"),
        (OrderFields { stop_price: Some("5"), ..b }, "stop_price invalid_field"),
        (OrderFields { time_in_force: Some("day"), ..b }, "time_in_force invalid_field"),
        (OrderFields { time_in_force: Some("ioc"), post_only: Some(true), ..b }, "post_only invalid_field"),
        (OrderFields { post_only: Some(true), ..b }, "Some(3003005)"), // never takes: the maker's fee alone
        (OrderFields { self_trade_prevention: Some("none"), ..b }, "self_trade_prevention invalid_field"),
        (OrderFields { self_trade_prevention: Some("skip"), ..b }, "self_trade_prevention invalid_field"),
        (OrderFields { self_trade_prevention: Some("skip"), time_in_force: Some("fok"), ..b }, "Some(3006005)"),
        (OrderFields { client_order_id: Some(""), ..b }, "client_order_id invalid_field"),
        (OrderFields { client_order_id: Some("ä"), ..b }, "client_order_id invalid_field"),
        (OrderFields { expires_at: Some("1970-01-01T00:16:40Z"), ..b }, "expires_at invalid_field"),
        (OrderFields { expires_at: Some("1970-01-01T00:16:41Z"), ..b }, "Some(3006005)"),
        (OrderFields { expires_at: Some("1970-01-01T00:16:41Z"), ..MARKET }, "expires_at invalid_field"),
        (MARKET, "None"),
        (OrderFields { side: "sell", ..MARKET }, "Some(50000)"),
        (OrderFields { price: Some("1"), ..MARKET }, "price invalid_field"),
        (OrderFields { stop_price: Some("1"), ..MARKET }, "stop_price invalid_field"),
        (OrderFields { time_in_force: Some("gtc"), ..MARKET }, "time_in_force invalid_field"),
        (OrderFields { post_only: Some(true), ..MARKET }, "post_only invalid_field"),
        (OrderFields { quote_quantity: Some("5"), ..MARKET }, "quote_quantity invalid_field"),
        (OrderFields { quantity: None, ..MARKET }, "quantity invalid_field"),
        (OrderFields { quantity: None, quote_quantity: Some("5.5"), ..MARKET }, "Some(550)"),
        (OrderFields { quantity: None, quote_quantity: Some("5.555"), ..MARKET }, "quote_quantity invalid_amount"),
        (OrderFields { quantity: None, quote_quantity: Some("0.99"), ..MARKET }, "quote_quantity min_notional"),
        (
            OrderFields { side: "sell", quantity: None, quote_quantity: Some("5"), ..MARKET },
            "quote_quantity invalid_field",
        ),
        (STOP, "Some(3006005)"),
        (OrderFields { stop_price: None, ..STOP }, "stop_price invalid_field"),
        (OrderFields { stop_price: Some("0.001"), ..STOP }, "stop_price price_tick"),
    ] {
        assert_eq!(told(&fields), expected, "{fields:?}");
    }
}

#[test]
fn an_order_in_order_comes_out_in_ticks_and_lots() {
    let order = LIMIT.validate(&bitcoin(), Timestamp::from_millis(0)).expect("an order");
    let limit = Limit { price: 6_000_010, quantity: 50_000, time_in_force: TimeInForce::Gtc, post_only: false };
    assert_eq!(order.kind, Kind::Limit(limit));
    let market = OrderFields { time_in_force: Some("fok"), ..MARKET };
    let order = market.validate(&bitcoin(), Timestamp::from_millis(0)).expect("an order");
    assert_eq!(order.kind, Kind::Market { size: Size::Lots(50_000), all_or_nothing: true });
}

#[test]
fn a_halted_instrument_takes_nothing() {
    let mut instrument = bitcoin();
    instrument.status = InstrumentStatus::Halted;
    let error = LIMIT.validate(&instrument, Timestamp::from_millis(0)).unwrap_err();
    assert_eq!(error.code(), "instrument_halted");
    // What is wrong with the order itself is told first.
    let wrong = OrderFields { side: "", ..LIMIT };
    assert_eq!(wrong.validate(&instrument, Timestamp::from_millis(0)).unwrap_err().code(), "invalid_field");
}

#[test]
fn every_field_of_an_instrument_is_checked() {
    let b = BITCOIN;
    for (fields, expected) in [
        (InstrumentFields { symbol: "BTCUSD", ..b }, "symbol"),
        (InstrumentFields { symbol: "btc-usd", ..b }, "symbol"),
        (InstrumentFields { symbol: "USD-USD", ..b }, "symbol"),
        (InstrumentFields { symbol: "BTC-USD-X", ..b }, "symbol"),
        (InstrumentFields { kind: "bond", ..b }, "kind"),
        (InstrumentFields { base: "ETH", ..b }, "base"),
        (InstrumentFields { quote: "EUR", ..b }, "quote"),
        (InstrumentFields { price_tick: "0", ..b }, "price_tick"),
        (InstrumentFields { price_tick: "0.000000001", ..b }, "price_tick"),
        (InstrumentFields { quantity_lot: "1e-8", ..b }, "quantity_lot"),
        (InstrumentFields { quantity_lot: "1000000000", ..b }, "quantity_lot"),
        (InstrumentFields { min_notional: "0.001", ..b }, "min_notional"),
        (InstrumentFields { maker_fee_bps: 1_001, ..b }, "maker_fee_bps"),
        (InstrumentFields { taker_fee_bps: 1_001, ..b }, "taker_fee_bps"),
    ] {
        let told = Instrument::new(&fields).map_or_else(|error| error.field.to_owned(), |_| "Ok".into());
        assert_eq!(told, expected, "{fields:?}");
    }
}

#[test]
fn amounts_go_to_steps_and_back() {
    let instrument = bitcoin();
    let decimal = |text: &str| text.parse::<Decimal>().expect("a number");
    assert_eq!(instrument.ticks(decimal("60000.1")), Some(6_000_010));
    assert_eq!(instrument.price(6_000_010).to_string(), "60000.10");
    assert_eq!(instrument.quantity(50_000).to_string(), "0.50000");
    assert_eq!(instrument.quote_amount(-105).to_string(), "-1.05");
    // 30,000.05 for half a coin, and 1.00 for a third of one.
    assert_eq!(instrument.average_price(3_000_005, 50_000).map(|price| price.to_string()), Some("60000.10".into()));
    assert_eq!(instrument.average_price(100, 33_333).map(|price| price.to_string()), Some("3.00003".into()));
    assert_eq!(instrument.average_price(0, 0), None);
    assert_eq!(Asset::parse("BTC").map(|asset| asset.decimals()), Some(8));
    assert_eq!(Asset::parse("VND").map(|asset| asset.decimals()), Some(0));
    assert_eq!(Symbol::parse("ETH-BTC").map(|symbol| symbol.quote().to_string()), Some("BTC".into()));
    let shares = InstrumentFields { symbol: "ACME-USD", kind: "stock", base: "ACME", quantity_lot: "1", ..BITCOIN };
    let shares = Instrument::new(&shares).expect("an instrument");
    let notional = shares.terms().notional(14_000, 15_509_763_000);
    assert_eq!(shares.quote_amount(notional.into()).to_string(), "2171366820000.00");
}
