//! Field types of request bodies whose refusal has a code of its own, and a collector for fields checked by hand.

use std::fmt;

use domain::{Currency, Money, money::AmountError};
use serde::{Deserialize, Deserializer, de};

use super::{Code, Problem};

/// Separates code and detail in an error message on its way through serde.
pub(super) const MARK: char = '\u{1}';

/// An amount as text, still without its currency. A JSON number is `invalid_amount`, as an amount may never pass a float.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountField(String);

impl AmountField {
    /// The money it means in this currency; `pointer` names the field in the refusal.
    pub fn money(&self, currency: Currency, pointer: &str) -> Result<Money, Problem> {
        Money::parse(&self.0, currency).map_err(|error| refuse(pointer, error))
    }

    /// As [`AmountField::money`], zero allowed.
    pub fn money_or_zero(&self, currency: Currency, pointer: &str) -> Result<Money, Problem> {
        Money::parse_or_zero(&self.0, currency).map_err(|error| refuse(pointer, error))
    }

    /// Refuses what is an amount in no currency at all, for routes that learn the currency only later.
    pub fn check_form(&self, pointer: &str) -> Result<(), Problem> {
        // The unit of account with the most minor units in ISO 4217: four.
        let widest = Currency::parse("CLF").ok_or(Code::Internal)?;
        self.money(widest, pointer).map(drop)
    }

    /// The text as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn refuse(pointer: &str, error: AmountError) -> Problem {
    Problem::field(Code::InvalidAmount, pointer, error.to_string())
}

impl<'de> Deserialize<'de> for AmountField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(TextOr(Code::InvalidAmount, "must be a decimal string such as \"12.50\""))
            .map(Self)
    }
}

/// A currency code that ISO 4217 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyField(pub Currency);

impl<'de> Deserialize<'de> for CurrencyField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = deserializer
            .deserialize_any(TextOr(Code::UnsupportedCurrency, "must be an ISO 4217 code such as \"USD\""))?;
        Currency::parse(&code)
            .map(Self)
            .ok_or_else(|| marked(Code::UnsupportedCurrency, "must be an ISO 4217 code such as \"USD\""))
    }
}

/// Takes text; whatever else comes is refused under this code.
struct TextOr(Code, &'static str);

impl de::Visitor<'_> for TextOr {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}{MARK}{}", self.0.as_str(), self.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

fn marked<E: de::Error>(code: Code, detail: &str) -> E {
    E::custom(format!("{MARK}{}{MARK}{detail}", code.as_str()))
}

/// Collects every bad field before answering, so that a form can show them all at once.
#[derive(Debug, Default)]
pub struct FieldErrors(Option<Problem>);

impl FieldErrors {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes `invalid_field` for the pointer unless `fits`.
    pub fn check(&mut self, fits: bool, pointer: &str, detail: &str) {
        if !fits {
            self.0 = Some(match self.0.take() {
                None => Problem::field(Code::InvalidField, pointer, detail),
                Some(problem) => problem.and_field(pointer, detail),
            });
        }
    }

    /// Reads a field, or notes what was expected there; `None` then, and [`FieldErrors::finish`] refuses.
    pub fn parse<T>(
        &mut self,
        pointer: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let value = parse(text);
        self.check(value.is_some(), pointer, expected);
        value
    }

    /// The refusal, if any field was bad.
    pub fn finish(self) -> Result<(), Problem> {
        self.0.map_or(Ok(()), Err)
    }
}
