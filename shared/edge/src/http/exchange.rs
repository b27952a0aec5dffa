//! Instruments and trades as clients see them, the same wherever they appear: amounts at the decimals of their asset,
//! prices and quantities at those of the instrument's steps.

use domain::{
    Timestamp,
    id::{OrderId, TradeId},
    instrument::{Asset, Instrument, InstrumentKind, InstrumentStatus, Symbol},
    order::Side,
    order_book::trade_id,
    wallet::{Fill, Role},
};
use rust_decimal::Decimal;
use serde::Serialize;

/// An amount at so many decimals, more if it has more.
pub fn at_decimals(amount: Decimal, decimals: u32) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < decimals {
        amount.rescale(decimals);
    }
    amount.to_string()
}

/// An instrument as everybody sees it.
#[derive(Debug, Serialize)]
pub struct InstrumentView<'a> {
    symbol: &'a Symbol,
    kind: InstrumentKind,
    base: &'a Asset,
    quote: &'a Asset,
    price_tick: String,
    quantity_lot: String,
    min_notional: String,
    maker_fee_bps: u16,
    taker_fee_bps: u16,
    status: InstrumentStatus,
}

impl<'a> From<&'a Instrument> for InstrumentView<'a> {
    fn from(instrument: &'a Instrument) -> Self {
        Self {
            symbol: instrument.symbol(),
            kind: instrument.kind,
            base: instrument.base(),
            quote: instrument.quote(),
            price_tick: instrument.price_tick().to_string(),
            quantity_lot: instrument.quantity_lot().to_string(),
            min_notional: at_decimals(instrument.min_notional(), instrument.quote().decimals()),
            maker_fee_bps: instrument.terms().maker_fee_bps(),
            taker_fee_bps: instrument.terms().taker_fee_bps(),
            status: instrument.status,
        }
    }
}

/// A trade as one of its sides sees it.
#[derive(Debug, Serialize)]
pub struct TradeView {
    trade_id: TradeId,
    order_id: OrderId,
    symbol: Symbol,
    side: Side,
    price: String,
    quantity: String,
    role: Role,
    fee: String,
    fee_asset: Asset,
    created_at: Timestamp,
}

impl TradeView {
    /// This side of a trade that took place at this moment.
    pub fn new(instrument: &Instrument, fill: &Fill, at: Timestamp) -> Self {
        Self {
            trade_id: trade_id(instrument.symbol(), fill.trade),
            order_id: fill.order.order_id(),
            symbol: instrument.symbol().clone(),
            side: fill.side,
            price: instrument.price(fill.price).to_string(),
            quantity: instrument.quantity(i128::from(fill.quantity)).to_string(),
            role: fill.role,
            fee: instrument.quote_amount(i128::from(fill.fee)).to_string(),
            fee_asset: instrument.quote().clone(),
            created_at: at,
        }
    }
}
