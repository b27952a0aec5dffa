//! An order as its owner sees it: what was asked for and what has become of it, in amounts of its assets.

use rust_decimal::Decimal;

use super::{
    Kind, Limit, OrderFields, OrderKey, OrderType, Owner, PlaceOrder, Reason, SelfTrade, Side, Size, Status,
    TimeInForce, ValidOrder, fields::plain_decimal,
};
use crate::{
    Timestamp,
    id::{CustomerId, OrderId},
    instrument::{Instrument, Symbol},
    order_book::Command,
};

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Derived from the caller's idempotency key, which makes the row the idempotency record.
    pub id: OrderId,
    /// Whose it is.
    pub customer: CustomerId,
    /// What is traded.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// What kind.
    pub order_type: OrderType,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// Worst price, in the quote asset.
    pub price: Option<Decimal>,
    /// The price that wakes a stop, in the quote asset.
    pub stop_price: Option<Decimal>,
    /// How much, in the base asset. `None` for a market buy by amount.
    pub quantity: Option<Decimal>,
    /// What a market buy by amount spends, fees included, in the quote asset.
    pub quote_quantity: Option<Decimal>,
    /// Rejected rather than take.
    pub post_only: bool,
    /// What happens when it meets an order of its owner.
    pub self_trade: SelfTrade,
    /// The client's own name for it.
    pub client_order_id: Option<String>,
    /// When a resting one ends.
    pub expires_at: Option<Timestamp>,
    /// The order whose place it takes: one command cancels that and places this, or does neither.
    pub replaces: Option<OrderId>,
    /// Whether the request that made it waited for the outcome: then a repetition is told the outcome too.
    pub waited: bool,
    /// What is locked for it: minor units of the quote asset (buy) or lots (sell).
    pub reserved: u64,
    /// Where it stands.
    pub status: Status,
    /// Why it ended, unless it was filled.
    pub reason: Option<Reason>,
    /// Filled so far, in the base asset.
    pub filled: Decimal,
    /// What that was worth without fees, in the quote asset.
    pub notional: Decimal,
    /// Fees so far, in the quote asset.
    pub fees: Decimal,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// The journal version that changed it last; 0 before the book has answered.
    pub seq: u64,
}

/// What an order takes the place of, and under which name it is placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    /// The client's own name for the new order.
    pub client_order_id: Option<String>,
    /// The order that goes, if one does.
    pub replaces: Option<OrderId>,
}

impl Order {
    /// A valid order with `reserved` locked for it, before the book has answered.
    pub fn new(
        id: OrderId,
        customer: CustomerId,
        instrument: &Instrument,
        valid: &ValidOrder,
        named: Replacement,
        reserved: u64,
        now: Timestamp,
    ) -> Self {
        let (order_type, stop, limit, size) = match valid.kind {
            Kind::Market { size, .. } => (OrderType::Market, None, None, Some(size)),
            Kind::Limit(limit) => (OrderType::Limit, None, Some(limit), None),
            Kind::StopLimit { stop, limit } => (OrderType::StopLimit, Some(stop), Some(limit), None),
        };
        let lots = match size {
            Some(Size::Lots(lots)) => Some(lots),
            Some(Size::Budget) => None,
            None => limit.map(|limit| limit.quantity),
        };
        Self {
            id,
            customer,
            symbol: instrument.symbol().clone(),
            side: valid.side,
            order_type,
            time_in_force: valid.time_in_force,
            price: limit.map(|limit| instrument.price(limit.price)),
            stop_price: stop.map(|stop| instrument.price(stop)),
            quantity: lots.map(|lots| instrument.quantity(i128::from(lots))),
            quote_quantity: valid.budget.map(|units| instrument.quote_amount(i128::from(units))),
            post_only: limit.is_some_and(|limit| limit.post_only),
            self_trade: valid.self_trade,
            client_order_id: named.client_order_id,
            expires_at: valid.expires_at,
            replaces: named.replaces,
            waited: false,
            reserved,
            status: Status::Pending,
            reason: None,
            filled: Decimal::ZERO,
            notional: Decimal::ZERO,
            fees: Decimal::ZERO,
            created_at: now,
            updated_at: now,
            seq: 0,
        }
    }

    /// The same, refused before it reached the book. Nothing is locked for it.
    pub fn refused(self, reason: Reason) -> Self {
        Self { status: Status::Rejected, reason: Some(reason), reserved: 0, ..self }
    }

    /// The same before the book has answered: what a request was told that did not wait.
    pub fn as_placed(&self) -> Self {
        Self {
            status: Status::Pending,
            reason: None,
            filled: Decimal::ZERO,
            notional: Decimal::ZERO,
            fees: Decimal::ZERO,
            updated_at: self.created_at,
            seq: 0,
            ..self.clone()
        }
    }

    /// What brings it into the book, for the first time or once more. `None` for one that no instrument of these steps
    /// has let through, or of somebody who is not from the user pool.
    pub fn command(&self, instrument: &Instrument) -> Option<Command> {
        let lots = |quantity| instrument.lots(quantity);
        let limit = || {
            Some(Limit {
                price: instrument.ticks(self.price?)?,
                quantity: lots(self.quantity?)?,
                time_in_force: self.time_in_force,
                post_only: self.post_only,
            })
        };
        let kind = match self.order_type {
            OrderType::Market => Kind::Market {
                size: match self.quantity {
                    Some(quantity) => Size::Lots(lots(quantity)?),
                    None => Size::Budget,
                },
                all_or_nothing: self.time_in_force == TimeInForce::Fok,
            },
            OrderType::Limit => Kind::Limit(limit()?),
            OrderType::StopLimit => Kind::StopLimit { stop: instrument.ticks(self.stop_price?)?, limit: limit()? },
        };
        let order = PlaceOrder {
            id: OrderKey::of(&self.id)?,
            owner: Owner::of(&self.customer)?,
            side: self.side,
            kind,
            self_trade: self.self_trade,
            reserved: self.reserved,
            expires_at: self.expires_at.map(Timestamp::millis),
        };
        Some(match &self.replaces {
            Some(old) => Command::Replace { order: OrderKey::of(old)?, with: order },
            None => Command::Place(order),
        })
    }

    /// The first field in which a repeated request differs from this order, its first; `None` if it is the same.
    /// `symbol` as the request writes it. What a request leaves out counts as what that stands for.
    pub fn first_difference(
        &self,
        symbol: &str,
        fields: &OrderFields<'_>,
        replaces: Option<&OrderId>,
    ) -> Option<&'static str> {
        let amount =
            |text: Option<&str>, own: Option<Decimal>| text.map(plain_decimal) == own.map(|own| Some(own.normalize()));
        let time_in_force = fields.time_in_force.map_or(
            Some(if self.order_type == OrderType::Market { TimeInForce::Ioc } else { TimeInForce::Gtc }),
            TimeInForce::parse,
        );
        let self_trade = fields.self_trade_prevention.map_or(Some(SelfTrade::ExpireTaker), SelfTrade::parse);
        let expires_at = fields.expires_at.map(|text| text.parse::<Timestamp>().ok());
        [
            ("symbol", self.symbol.as_str() == symbol),
            ("side", Side::parse(fields.side) == Some(self.side)),
            ("type", OrderType::parse(fields.order_type) == Some(self.order_type)),
            ("quantity", amount(fields.quantity, self.quantity)),
            ("quote_quantity", amount(fields.quote_quantity, self.quote_quantity)),
            ("price", amount(fields.price, self.price)),
            ("stop_price", amount(fields.stop_price, self.stop_price)),
            ("time_in_force", time_in_force == Some(self.time_in_force)),
            ("post_only", fields.post_only.unwrap_or(false) == self.post_only),
            ("self_trade_prevention", self_trade == Some(self.self_trade)),
            ("client_order_id", fields.client_order_id == self.client_order_id.as_deref()),
            ("expires_at", expires_at == self.expires_at.map(Some)),
            ("order_id", replaces == self.replaces.as_ref()),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }

    /// The average price of its fills, as [`Instrument::average_price`]; `None` without fills.
    pub fn average_price(&self, instrument: &Instrument) -> Option<Decimal> {
        instrument.average_price(u128::from(instrument.quote_units(self.notional)?), instrument.lots(self.filled)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::derive, instrument::InstrumentFields};

    fn instrument() -> Instrument {
        Instrument::new(&InstrumentFields {
            symbol: "BTC-USD",
            kind: "crypto",
            base: "BTC",
            quote: "USD",
            price_tick: "0.01",
            quantity_lot: "0.0001",
            min_notional: "1",
            maker_fee_bps: 10,
            taker_fee_bps: 20,
        })
        .expect("an instrument")
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000)
    }

    fn order(fields: &OrderFields<'_>) -> Order {
        let customer = CustomerId::from_subject("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0").expect("an id");
        let valid = fields.validate(&instrument(), now()).expect("a valid order");
        let named = Replacement { client_order_id: fields.client_order_id.map(str::to_owned), replaces: None };
        let reserved = valid.reservation(instrument().terms()).unwrap_or(7);
        Order::new(OrderId::from_bytes(derive(&["o"])), customer, &instrument(), &valid, named, reserved, now())
    }

    const LIMIT: OrderFields<'_> = OrderFields {
        side: "buy",
        order_type: "limit",
        quantity: Some("0.5"),
        quote_quantity: None,
        price: Some("100.10"),
        stop_price: None,
        time_in_force: None,
        post_only: None,
        self_trade_prevention: None,
        client_order_id: Some("mine"),
        expires_at: None,
    };

    #[test]
    fn a_record_leads_back_to_the_command_it_was_made_from() {
        let market = OrderFields { order_type: "market", price: None, ..LIMIT };
        let stop = OrderFields { order_type: "stop_limit", stop_price: Some("101"), ..LIMIT };
        let budget = OrderFields { quantity: None, quote_quantity: Some("50"), time_in_force: Some("fok"), ..market };
        for fields in [LIMIT, market, stop, budget, OrderFields { side: "sell", ..market }] {
            let valid = fields.validate(&instrument(), now()).expect("a valid order");
            let order = order(&fields);
            let Some(Command::Place(placed)) = order.command(&instrument()) else { panic!("{order:?}") };
            assert_eq!((placed.kind, placed.side, placed.self_trade), (valid.kind, valid.side, valid.self_trade));
            assert_eq!(placed.reserved, order.reserved);
            assert_eq!(order.first_difference("BTC-USD", &fields, None), None, "{fields:?}");
        }
    }

    #[test]
    fn the_first_field_that_differs_is_named_and_other_spellings_are_the_same() {
        let order = order(&LIMIT);
        let same = OrderFields {
            quantity: Some("0.5000"),
            time_in_force: Some("gtc"),
            post_only: Some(false),
            self_trade_prevention: Some("expire_taker"),
            ..LIMIT
        };
        assert_eq!(order.first_difference("BTC-USD", &same, None), None);
        for (fields, field) in [
            (OrderFields { side: "sell", ..LIMIT }, "side"),
            (OrderFields { quantity: Some("0.6"), ..LIMIT }, "quantity"),
            (OrderFields { quantity: Some("x"), ..LIMIT }, "quantity"),
            (OrderFields { price: None, ..LIMIT }, "price"),
            (OrderFields { time_in_force: Some("ioc"), ..LIMIT }, "time_in_force"),
            (OrderFields { client_order_id: None, ..LIMIT }, "client_order_id"),
            (OrderFields { expires_at: Some("2030-01-01T00:00:00Z"), ..LIMIT }, "expires_at"),
        ] {
            assert_eq!(order.first_difference("BTC-USD", &fields, None), Some(field));
        }
        assert_eq!(order.first_difference("ETH-USD", &LIMIT, None), Some("symbol"));
        assert_eq!(order.first_difference("BTC-USD", &LIMIT, Some(&order.id)), Some("order_id"));
    }
}
