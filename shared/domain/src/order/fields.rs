//! An order as text becomes an order the book can take, or the first thing that is wrong with it.

use std::fmt;

use rust_decimal::Decimal;

use super::{Kind, Limit, MAX_NOTIONAL, OrderType, SelfTrade, Side, Size, Terms, TimeInForce};
use crate::{
    Timestamp,
    instrument::{Instrument, InstrumentStatus},
};

/// Longest `client_order_id`.
const MAX_CLIENT_ORDER_ID: usize = 64;
/// Most digits before the point, as for money.
const MAX_INTEGER_DIGITS: usize = 15;
/// Most digits behind the point that are read at all.
const MAX_DECIMALS: usize = 12;

/// What a client sends. Absent fields are `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderFields<'a> {
    /// `buy` or `sell`.
    pub side: &'a str,
    /// `market`, `limit` or `stop_limit`.
    pub order_type: &'a str,
    /// In the base asset.
    pub quantity: Option<&'a str>,
    /// In the quote asset, fees included: market buys only, instead of `quantity`.
    pub quote_quantity: Option<&'a str>,
    /// In the quote asset.
    pub price: Option<&'a str>,
    /// In the quote asset.
    pub stop_price: Option<&'a str>,
    /// `gtc`, `ioc` or `fok`.
    pub time_in_force: Option<&'a str>,
    /// Reject rather than take.
    pub post_only: Option<bool>,
    /// `expire_taker`, `expire_maker`, `expire_both` or `skip`.
    pub self_trade_prevention: Option<&'a str>,
    /// The client's own name for it.
    pub client_order_id: Option<&'a str>,
    /// RFC 3339; when a resting order ends (good till time).
    pub expires_at: Option<&'a str>,
}

/// An order that the instrument admits; the reservation is still to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidOrder {
    /// Which way.
    pub side: Side,
    /// What kind.
    pub kind: Kind,
    /// What happens when it meets an order of the same owner.
    pub self_trade: SelfTrade,
    /// How long it stands; market orders are IOC or FOK.
    pub time_in_force: TimeInForce,
    /// Minor units of a market buy by amount, fees included: what is to be locked for it.
    pub budget: Option<u64>,
    /// When it ends if it rests.
    pub expires_at: Option<Timestamp>,
}

impl ValidOrder {
    /// What must be locked: lots of the base asset for a seller, minor units of the quote asset for a buyer. `None` for
    /// a market buy by quantity, whose lock is [`Terms::market_buy_reservation`] or all that is free if less.
    pub fn reservation(&self, terms: &Terms) -> Option<u64> {
        match (self.side, self.kind) {
            (_, Kind::Market { size: Size::Budget, .. }) => self.budget,
            (Side::Sell, Kind::Market { size: Size::Lots(lots), .. }) => Some(lots),
            (Side::Buy, Kind::Market { .. }) => None,
            (Side::Sell, Kind::Limit(limit) | Kind::StopLimit { limit, .. }) => Some(limit.quantity),
            (Side::Buy, Kind::Limit(limit) | Kind::StopLimit { limit, .. }) => {
                Some(terms.buyer_reservation(limit.price, limit.quantity, limit.post_only))
            }
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldProblem {
    /// Missing, impossible, or not for this type of order; the text says which.
    InvalidField(&'static str),
    /// No amount at all: not a plain decimal, nothing, or finer than the quote asset; the text says which.
    InvalidAmount(&'static str),
    /// Not a multiple of the price tick.
    PriceTick,
    /// Not a multiple of the lot.
    QuantityLot,
    /// Worth less than the instrument's least notional.
    MinNotional,
    /// Worth more than any order may be.
    MaxNotional,
    /// The instrument is halted.
    InstrumentHalted,
}

/// The first thing that is wrong with an order or an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field in the API.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: FieldProblem,
}

impl FieldError {
    /// The `code` in the API.
    pub fn code(&self) -> &'static str {
        match self.problem {
            FieldProblem::InvalidField(_) => "invalid_field",
            FieldProblem::InvalidAmount(_) => "invalid_amount",
            FieldProblem::PriceTick => "price_tick",
            FieldProblem::QuantityLot => "quantity_lot",
            FieldProblem::MinNotional => "min_notional",
            FieldProblem::MaxNotional => "max_notional",
            FieldProblem::InstrumentHalted => "instrument_halted",
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.problem {
            FieldProblem::InvalidField(detail) | FieldProblem::InvalidAmount(detail) => detail,
            FieldProblem::PriceTick => "must be a multiple of the price tick",
            FieldProblem::QuantityLot => "must be a multiple of the lot",
            FieldProblem::MinNotional => "is worth less than the instrument's least notional",
            FieldProblem::MaxNotional => "is worth more than an order may be",
            FieldProblem::InstrumentHalted => "the instrument is halted",
        })
    }
}

type Checked<T> = Result<T, FieldError>;

const NOT_FOR_THIS_TYPE: &str = "does not belong to this type of order";
const AMOUNT: &str = "must be a plain decimal string greater than zero such as \"12.50\"";

fn invalid<T>(field: &'static str, detail: &'static str) -> Checked<T> {
    Err(FieldError::invalid(field, detail))
}

fn problem<T>(field: &'static str, problem: FieldProblem) -> Checked<T> {
    Err(FieldError { field, problem })
}

/// Digits with an optional decimal point, nothing else; trailing zeros do not count. Up to 15 digits before the point
/// and 12 behind it.
pub(crate) fn plain_decimal(text: &str) -> Option<Decimal> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=MAX_INTEGER_DIGITS).contains(&whole.len())
        && fraction.len() <= MAX_DECIMALS
        && digits(whole)
        && digits(fraction)
        && (whole.len() == 1 || !whole.starts_with('0'));
    fits.then(|| text.parse::<Decimal>().ok().map(|value| value.normalize())).flatten()
}

fn amount(field: &'static str, text: Option<&str>) -> Checked<Decimal> {
    match text.map(plain_decimal) {
        Some(Some(amount)) if !amount.is_zero() => Ok(amount),
        Some(_) => problem(field, FieldProblem::InvalidAmount(AMOUNT)),
        None => invalid(field, "is required for this type of order"),
    }
}

fn absent<T>(field: &'static str, value: Option<T>) -> Checked<()> {
    value.map_or(Ok(()), |_| invalid(field, NOT_FOR_THIS_TYPE))
}

impl OrderFields<'_> {
    /// Checks field by field, then what they mean together: fields of the type → tick → lot → notional → halted.
    /// `now` decides whether `expires_at` still lies ahead.
    pub fn validate(&self, instrument: &Instrument, now: Timestamp) -> Checked<ValidOrder> {
        let Some(side) = Side::parse(self.side) else { return invalid("side", "must be buy or sell") };
        let Some(order_type) = OrderType::parse(self.order_type) else {
            return invalid("type", "must be market, limit or stop_limit");
        };
        let market = order_type == OrderType::Market;
        let time_in_force = self.time_in_force(market)?;
        let resting = time_in_force == TimeInForce::Gtc;
        if self.post_only == Some(true) && !resting {
            return invalid("post_only", NOT_FOR_THIS_TYPE);
        }
        let self_trade = self.self_trade(order_type, resting)?;
        self.client_order_id()?;
        let expires_at = self.expires_at(resting, now)?;
        let kind = if market { self.market(side, instrument, time_in_force)? } else { self.limit(instrument)? };
        let budget = self.quote_quantity.map(|_| self.budget(instrument)).transpose()?;
        if instrument.status == InstrumentStatus::Halted {
            return problem("symbol", FieldProblem::InstrumentHalted);
        }
        Ok(ValidOrder { side, kind, self_trade, time_in_force, budget, expires_at })
    }

    fn time_in_force(&self, market: bool) -> Checked<TimeInForce> {
        match (self.time_in_force.map(TimeInForce::parse), market) {
            (Some(None), _) => invalid("time_in_force", "must be gtc, ioc or fok"),
            (Some(Some(TimeInForce::Gtc)), true) => invalid("time_in_force", "a market order is ioc or fok"),
            (Some(Some(given)), _) => Ok(given),
            (None, true) => Ok(TimeInForce::Ioc),
            (None, false) => Ok(TimeInForce::Gtc),
        }
    }

    fn self_trade(&self, order_type: OrderType, resting: bool) -> Checked<SelfTrade> {
        match self.self_trade_prevention.map(SelfTrade::parse) {
            None => Ok(SelfTrade::ExpireTaker),
            Some(None) => invalid("self_trade_prevention", "must be expire_taker, expire_maker, expire_both or skip"),
            Some(Some(SelfTrade::Skip)) if resting || order_type == OrderType::StopLimit => {
                invalid("self_trade_prevention", "skip is for market, ioc and fok orders")
            }
            Some(Some(mode)) => Ok(mode),
        }
    }

    fn client_order_id(&self) -> Checked<()> {
        let fits = |id: &str| {
            (1..=MAX_CLIENT_ORDER_ID).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        };
        match self.client_order_id {
            Some(id) if !fits(id) => invalid("client_order_id", "must be 1 to 64 letters, digits and -_.:"),
            _ => Ok(()),
        }
    }

    fn expires_at(&self, resting: bool, now: Timestamp) -> Checked<Option<Timestamp>> {
        let Some(text) = self.expires_at else { return Ok(None) };
        if !resting {
            return invalid("expires_at", NOT_FOR_THIS_TYPE);
        }
        match text.parse::<Timestamp>() {
            Ok(moment) if moment > now => Ok(Some(moment)),
            _ => invalid("expires_at", "must be a moment to come (RFC 3339)"),
        }
    }

    fn market(&self, side: Side, instrument: &Instrument, time_in_force: TimeInForce) -> Checked<Kind> {
        absent("price", self.price)?;
        absent("stop_price", self.stop_price)?;
        if side == Side::Sell {
            absent("quote_quantity", self.quote_quantity)?;
        }
        let all_or_nothing = time_in_force == TimeInForce::Fok;
        let size = match (self.quantity, self.quote_quantity) {
            (Some(_), Some(_)) => return invalid("quote_quantity", "give quantity or quote_quantity, not both"),
            (None, Some(_)) => Size::Budget,
            _ => Size::Lots(self.lots(instrument)?),
        };
        Ok(Kind::Market { size, all_or_nothing })
    }

    fn limit(&self, instrument: &Instrument) -> Checked<Kind> {
        absent("quote_quantity", self.quote_quantity)?;
        let stop = match OrderType::parse(self.order_type) {
            Some(OrderType::StopLimit) => Some(self.ticks("stop_price", self.stop_price, instrument)?),
            _ => absent("stop_price", self.stop_price).map(|()| None)?,
        };
        let price = self.ticks("price", self.price, instrument)?;
        let quantity = self.lots(instrument)?;
        if !instrument.terms().admits(price, quantity) {
            return problem("quantity", FieldProblem::MaxNotional);
        }
        let worth = instrument.price(price).checked_mul(instrument.quantity(i128::from(quantity)));
        if worth.is_some_and(|worth| worth < instrument.min_notional()) {
            return problem("quantity", FieldProblem::MinNotional);
        }
        let time_in_force = self.time_in_force(false)?;
        let limit = Limit { price, quantity, time_in_force, post_only: self.post_only.unwrap_or(false) };
        Ok(match stop {
            Some(stop) => Kind::StopLimit { stop, limit },
            None => Kind::Limit(limit),
        })
    }

    fn budget(&self, instrument: &Instrument) -> Checked<u64> {
        let budget = amount("quote_quantity", self.quote_quantity)?;
        if budget.scale() > instrument.quote().decimals() {
            return problem("quote_quantity", FieldProblem::InvalidAmount("has more decimals than the quote asset"));
        }
        if budget < instrument.min_notional() {
            return problem("quote_quantity", FieldProblem::MinNotional);
        }
        match instrument.quote_units(budget) {
            Some(units) if units <= MAX_NOTIONAL => Ok(units),
            _ => problem("quote_quantity", FieldProblem::MaxNotional),
        }
    }

    fn ticks(&self, field: &'static str, text: Option<&str>, instrument: &Instrument) -> Checked<u64> {
        let price = amount(field, text)?;
        match instrument.ticks(price) {
            Some(ticks) if instrument.terms().admits(ticks, 1) => Ok(ticks),
            Some(_) => problem(field, FieldProblem::MaxNotional),
            None if off_step(price, instrument.price_tick()) => problem(field, FieldProblem::PriceTick),
            None => problem(field, FieldProblem::MaxNotional),
        }
    }

    fn lots(&self, instrument: &Instrument) -> Checked<u64> {
        let quantity = amount("quantity", self.quantity)?;
        match instrument.lots(quantity) {
            Some(lots) => Ok(lots),
            None if off_step(quantity, instrument.quantity_lot()) => problem("quantity", FieldProblem::QuantityLot),
            None => problem("quantity", FieldProblem::MaxNotional),
        }
    }
}

fn off_step(value: Decimal, step: Decimal) -> bool {
    value.checked_rem(step).is_none_or(|rest| !rest.is_zero())
}
