//! Instruments: what can be traded, in which steps, at which fees. Stocks and crypto are the same engine with other figures.
//!
//! Amounts of an asset are [`Decimal`]s in wallets: at the currency's decimals for ISO 4217 codes, at most
//! [`CRYPTO_DECIMALS`] for everything else. Inside the book they are whole lots (base) and minor units (quote).

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Currency,
    order::{FieldError, FieldProblem, MAX_FEE_BPS, Terms, fields::plain_decimal, named},
};

/// Decimals of an asset that is no ISO 4217 currency; also the finest tick and lot.
pub const CRYPTO_DECIMALS: u32 = 8;
/// Longest code of an asset.
const MAX_ASSET_LEN: usize = 10;
/// Digits of a tick or lot without its point: nine.
const MAX_STEP: i128 = 999_999_999;

/// An asset that a wallet holds: `USD`, `BTC`, `AAPL`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset(String);

impl Asset {
    /// Reads one to ten upper-case letters and digits of ASCII. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_ASSET_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        fits.then(|| Self(text.to_owned()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The currency it is, if it is one; only those move between bank and wallet.
    pub fn currency(&self) -> Option<Currency> {
        Currency::parse(&self.0)
    }

    /// Decimals of its amounts: the currency's own, else [`CRYPTO_DECIMALS`].
    pub fn decimals(&self) -> u32 {
        self.currency().map_or(CRYPTO_DECIMALS, Currency::decimals)
    }
}

/// The name of an instrument: base and quote asset, `BTC-USD`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(String);

impl Symbol {
    /// Reads `BASE-QUOTE`: two different assets with one hyphen between them. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, quote) = text.split_once('-')?;
        let (base, quote) = (Asset::parse(base)?, Asset::parse(quote)?);
        (base != quote).then(|| Self(text.to_owned()))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is bought and sold.
    pub fn base(&self) -> Asset {
        Asset(self.0.split('-').next().unwrap_or_default().to_owned())
    }

    /// What it is paid with; fees too.
    pub fn quote(&self) -> Asset {
        Asset(self.0.split('-').nth(1).unwrap_or_default().to_owned())
    }
}

macro_rules! text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(concat!("no ", stringify!($name))))
            }
        }
    )*};
}

text!(Asset, Symbol);

named! {
    /// What kind of thing is traded. It changes nothing in the book.
    InstrumentKind {
        /// Coins and tokens.
        Crypto = "crypto",
        /// Shares.
        Stock = "stock",
    }
}

named! {
    /// Whether orders are taken.
    InstrumentStatus {
        /// Yes.
        Trading = "trading",
        /// No; open orders may be cancelled.
        Halted = "halted",
    }
}

/// An instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    symbol: Symbol,
    /// What kind of thing it is.
    pub kind: InstrumentKind,
    /// Whether orders are taken.
    pub status: InstrumentStatus,
    base: Asset,
    quote: Asset,
    price_tick: Decimal,
    quantity_lot: Decimal,
    min_notional: Decimal,
    terms: Terms,
}

/// An instrument as text, on its way in: a request's body or a stored row.
#[derive(Clone, Copy, Debug)]
pub struct InstrumentFields<'a> {
    /// `BTC-USD`.
    pub symbol: &'a str,
    /// `crypto` or `stock`.
    pub kind: &'a str,
    /// Must be the symbol's first part.
    pub base: &'a str,
    /// Must be the symbol's second part.
    pub quote: &'a str,
    /// Step of prices in the quote asset.
    pub price_tick: &'a str,
    /// Step of quantities in the base asset.
    pub quantity_lot: &'a str,
    /// Least price × quantity of an order, in the quote asset.
    pub min_notional: &'a str,
    /// Basis points of the notional, at most 1000.
    pub maker_fee_bps: u16,
    /// Basis points of the notional, at most 1000.
    pub taker_fee_bps: u16,
}

impl Instrument {
    /// Checks an instrument field by field, in the order of the API's table; it starts out trading.
    pub fn new(fields: &InstrumentFields<'_>) -> Result<Self, FieldError> {
        let bad = |field: &'static str, detail: &'static str| FieldError::invalid(field, detail);
        let symbol = Symbol::parse(fields.symbol).ok_or(bad("symbol", "must be BASE-QUOTE, such as BTC-USD"))?;
        let kind = InstrumentKind::parse(fields.kind).ok_or(bad("kind", "must be crypto or stock"))?;
        let (base, quote) = (symbol.base(), symbol.quote());
        if base.as_str() != fields.base {
            return Err(bad("base", "must be the first part of the symbol"));
        }
        if quote.as_str() != fields.quote {
            return Err(bad("quote", "must be the second part of the symbol"));
        }
        let price_tick = step(fields.price_tick, CRYPTO_DECIMALS)
            .ok_or(bad("price_tick", "must be more than zero, with at most 8 decimals and 9 digits"))?;
        let quantity_lot = step(fields.quantity_lot, base.decimals()).ok_or(bad(
            "quantity_lot",
            "must be more than zero, with at most 9 digits and the base asset's decimals",
        ))?;
        let min_notional = plain_decimal(fields.min_notional)
            .filter(|amount| amount.scale() <= quote.decimals())
            .ok_or(bad("min_notional", "must be a decimal string with at most the quote asset's decimals"))?;
        for (field, bps) in [("maker_fee_bps", fields.maker_fee_bps), ("taker_fee_bps", fields.taker_fee_bps)] {
            if bps > MAX_FEE_BPS {
                return Err(bad(field, "must be at most 1000"));
            }
        }
        let terms = terms(price_tick, quantity_lot, quote.decimals(), fields.maker_fee_bps, fields.taker_fee_bps)
            .ok_or(bad("price_tick", "is too large together with the lot"))?;
        let status = InstrumentStatus::Trading;
        Ok(Self { symbol, kind, status, base, quote, price_tick, quantity_lot, min_notional, terms })
    }

    /// Its name.
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// What is bought and sold.
    pub fn base(&self) -> &Asset {
        &self.base
    }

    /// What it is paid with; fees too.
    pub fn quote(&self) -> &Asset {
        &self.quote
    }

    /// Step of prices, in the quote asset.
    pub fn price_tick(&self) -> Decimal {
        self.price_tick
    }

    /// Step of quantities, in the base asset.
    pub fn quantity_lot(&self) -> Decimal {
        self.quantity_lot
    }

    /// Least price × quantity of an order, in the quote asset.
    pub fn min_notional(&self) -> Decimal {
        self.min_notional
    }

    /// What the book computes with.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// A price of so many ticks, in the quote asset.
    pub fn price(&self, ticks: u64) -> Decimal {
        whole(i128::from(ticks), self.price_tick)
    }

    /// So many lots, in the base asset. Exact far beyond all lots that can exist; clamped where a [`Decimal`] ends.
    pub fn quantity(&self, lots: i128) -> Decimal {
        whole(lots, self.quantity_lot)
    }

    /// So many minor units, in the quote asset, at its own decimals.
    pub fn quote_amount(&self, units: i128) -> Decimal {
        Decimal::try_from_i128_with_scale(units, self.quote.decimals()).unwrap_or(if units < 0 {
            Decimal::MIN
        } else {
            Decimal::MAX
        })
    }

    /// Ticks of a price; `None` off the tick, for nothing, or beyond the range.
    pub fn ticks(&self, price: Decimal) -> Option<u64> {
        steps(price, self.price_tick)
    }

    /// Lots of a quantity; `None` off the lot, for nothing, or beyond the range.
    pub fn lots(&self, quantity: Decimal) -> Option<u64> {
        steps(quantity, self.quantity_lot)
    }

    /// Minor units of an amount in the quote asset; `None` with more decimals than it has, for nothing, or beyond the
    /// range.
    pub fn quote_units(&self, amount: Decimal) -> Option<u64> {
        steps(amount, Decimal::new(1, self.quote.decimals()))
    }

    /// The average price of fills: at the tick's decimals and four more, half-even; `None` without fills.
    /// `notional` in minor units, `lots` filled.
    pub fn average_price(&self, notional: u128, lots: u64) -> Option<Decimal> {
        let notional = self.quote_amount(i128::try_from(notional).ok()?);
        let average = notional.checked_div(self.quantity(i128::from(lots)))?;
        let scale = (self.price_tick.scale() + 4).max(self.quote.decimals());
        let rounded = average.round_dp_with_strategy(scale, rust_decimal::RoundingStrategy::MidpointNearestEven);
        let mut text = rounded.normalize();
        if text.scale() < self.price_tick.scale() {
            text.rescale(self.price_tick.scale());
        }
        Some(text)
    }
}

/// A step as text: a plain decimal above zero within the limits, without trailing zeros.
fn step(text: &str, decimals: u32) -> Option<Decimal> {
    let step = plain_decimal(text)?.normalize();
    (!step.is_zero() && step.scale() <= decimals && step.mantissa() <= MAX_STEP).then_some(step)
}

fn terms(tick: Decimal, lot: Decimal, quote_decimals: u32, maker: u16, taker: u16) -> Option<Terms> {
    let scale = tick.scale() + lot.scale();
    let product = u64::try_from(tick.mantissa().checked_mul(lot.mantissa())?).ok()?;
    let factor = product.checked_mul(10u64.checked_pow(quote_decimals.saturating_sub(scale))?)?;
    Terms::new(factor, scale.saturating_sub(quote_decimals), maker, taker)
}

/// `count` steps, exactly.
fn whole(count: i128, step: Decimal) -> Decimal {
    let limit = if count < 0 { Decimal::MIN } else { Decimal::MAX };
    let value = count.checked_mul(step.mantissa());
    value.and_then(|value| Decimal::try_from_i128_with_scale(value, step.scale()).ok()).unwrap_or(limit)
}

/// How many whole steps a value is.
fn steps(value: Decimal, step: Decimal) -> Option<u64> {
    let value = value.normalize();
    let scale = value.scale().max(step.scale());
    let widen = |number: Decimal| number.mantissa().checked_mul(10i128.checked_pow(scale - number.scale())?);
    let (value, step) = (widen(value)?, widen(step)?);
    let count = value.checked_div(step)?;
    (count > 0 && value % step == 0).then(|| u64::try_from(count).ok()).flatten()
}

impl FieldError {
    /// A field whose value is impossible.
    pub(crate) fn invalid(field: &'static str, detail: &'static str) -> Self {
        Self { field, problem: FieldProblem::InvalidField(detail) }
    }
}
