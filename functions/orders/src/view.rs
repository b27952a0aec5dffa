//! Orders as clients see them.

use domain::{
    Timestamp,
    id::OrderId,
    instrument::{Asset, Instrument, Symbol},
    order::{Order, OrderType, Reason, SelfTrade, Side, Status, TimeInForce},
};
use edge::http::at_decimals;
use rust_decimal::Decimal;
use serde::Serialize;

/// An order as its owner and staff see it.
#[derive(Debug, Serialize)]
pub(crate) struct OrderView {
    order_id: OrderId,
    client_order_id: Option<String>,
    symbol: Symbol,
    side: Side,
    r#type: OrderType,
    time_in_force: TimeInForce,
    price: Option<String>,
    stop_price: Option<String>,
    quantity: Option<String>,
    quote_quantity: Option<String>,
    post_only: bool,
    self_trade_prevention: SelfTrade,
    expires_at: Option<Timestamp>,
    filled_quantity: String,
    average_price: Option<String>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<OrderId>,
    fees: Fees,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Fees {
    amount: String,
    asset: Asset,
}

impl OrderView {
    pub(crate) fn new(order: &Order, instrument: &Instrument) -> Self {
        let price = |amount: Decimal| at_decimals(amount, instrument.price_tick().scale());
        let quantity = |amount: Decimal| at_decimals(amount, instrument.quantity_lot().scale());
        let money = |amount: Decimal| at_decimals(amount, instrument.quote().decimals());
        Self {
            order_id: order.id.clone(),
            client_order_id: order.client_order_id.clone(),
            symbol: order.symbol.clone(),
            side: order.side,
            r#type: order.order_type,
            time_in_force: order.time_in_force,
            price: order.price.map(price),
            stop_price: order.stop_price.map(price),
            quantity: order.quantity.map(quantity),
            quote_quantity: order.quote_quantity.map(money),
            post_only: order.post_only,
            self_trade_prevention: order.self_trade,
            expires_at: order.expires_at,
            filled_quantity: quantity(order.filled),
            average_price: order.average_price(instrument).map(price),
            status: order.status,
            reason: order.reason,
            replaces: order.replaces.clone(),
            fees: Fees { amount: money(order.fees), asset: instrument.quote().clone() },
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}
