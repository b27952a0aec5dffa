//! The bodies of POST /orders and /orders/{id}/replace.

use domain::{
    Timestamp,
    instrument::{Asset, Instrument, InstrumentFields, Symbol},
    order::{FieldError, FieldProblem, OrderFields},
};
use edge::http::{AmountField, Code, Problem};
use serde::Deserialize;

/// A new order as a client writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrder {
    symbol: String,
    side: String,
    r#type: String,
    quantity: Option<AmountField>,
    quote_quantity: Option<AmountField>,
    price: Option<AmountField>,
    stop_price: Option<AmountField>,
    time_in_force: Option<String>,
    post_only: Option<bool>,
    self_trade_prevention: Option<String>,
    client_order_id: Option<String>,
    expires_at: Option<String>,
}

/// The same of an order that takes the place of another: its symbol is that of the other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replacing {
    side: String,
    r#type: String,
    quantity: Option<AmountField>,
    quote_quantity: Option<AmountField>,
    price: Option<AmountField>,
    stop_price: Option<AmountField>,
    time_in_force: Option<String>,
    post_only: Option<bool>,
    self_trade_prevention: Option<String>,
    client_order_id: Option<String>,
    expires_at: Option<String>,
}

impl Replacing {
    pub(crate) fn of(self, symbol: String) -> NewOrder {
        NewOrder {
            symbol,
            side: self.side,
            r#type: self.r#type,
            quantity: self.quantity,
            quote_quantity: self.quote_quantity,
            price: self.price,
            stop_price: self.stop_price,
            time_in_force: self.time_in_force,
            post_only: self.post_only,
            self_trade_prevention: self.self_trade_prevention,
            client_order_id: self.client_order_id,
            expires_at: self.expires_at,
        }
    }
}

impl NewOrder {
    pub(crate) fn symbol(&self) -> Result<Symbol, Problem> {
        let wrong = || Problem::field(Code::InvalidField, "/symbol", "must be BASE-QUOTE, such as BTC-USD");
        Symbol::parse(&self.symbol).ok_or_else(wrong)
    }

    pub(crate) fn fields(&self) -> OrderFields<'_> {
        OrderFields {
            side: &self.side,
            order_type: &self.r#type,
            quantity: self.quantity.as_ref().map(AmountField::as_str),
            quote_quantity: self.quote_quantity.as_ref().map(AmountField::as_str),
            price: self.price.as_ref().map(AmountField::as_str),
            stop_price: self.stop_price.as_ref().map(AmountField::as_str),
            time_in_force: self.time_in_force.as_deref(),
            post_only: self.post_only,
            self_trade_prevention: self.self_trade_prevention.as_deref(),
            client_order_id: self.client_order_id.as_deref(),
            expires_at: self.expires_at.as_deref(),
        }
    }
}

/// The first thing that is wrong with the fields at this moment, whether the instrument trades or not. Without an
/// instrument only what is wrong on every one.
pub(crate) fn first_wrong(
    fields: &OrderFields<'_>,
    instrument: Option<&Instrument>,
    now: Timestamp,
) -> Option<FieldError> {
    let error = match instrument {
        Some(instrument) => fields.validate(instrument, now).err()?,
        None => fields.validate(&finest()?, now).err()?,
    };
    let counts = match error.problem {
        FieldProblem::InstrumentHalted => false,
        FieldProblem::InvalidField(_) | FieldProblem::InvalidAmount(_) => true,
        FieldProblem::PriceTick | FieldProblem::QuantityLot | FieldProblem::MinNotional | FieldProblem::MaxNotional => {
            instrument.is_some()
        }
    };
    counts.then_some(error)
}

/// An instrument that lets through whatever any one does.
fn finest() -> Option<Instrument> {
    let (base, quote) = (Asset::parse("BASE")?, Asset::parse("QUOTE")?);
    Instrument::new(&InstrumentFields {
        symbol: &format!("{base}-{quote}"),
        kind: "crypto",
        base: base.as_str(),
        quote: quote.as_str(),
        price_tick: "0.00000001",
        quantity_lot: "0.00000001",
        min_notional: "0",
        maker_fee_bps: 0,
        taker_fee_bps: 0,
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_instrument_only_what_is_wrong_everywhere_counts() {
        let fields = OrderFields {
            side: "buy",
            order_type: "limit",
            price: Some("1.000000001"),
            quantity: Some("99999999999"),
            ..OrderFields::default()
        };
        let now = Timestamp::from_millis(0);
        assert_eq!(first_wrong(&fields, None, now), None);
        let wrong = OrderFields { price: Some("-1"), ..fields };
        assert_eq!(first_wrong(&wrong, None, now).map(|error| error.field), Some("price"));
    }
}
