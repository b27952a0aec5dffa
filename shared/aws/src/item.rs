//! DynamoDB items: attributes written and read by type. A row that does not read is corrupt, by the attribute's name.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::get_item::builders::GetItemFluentBuilder,
    types::{AttributeValue, ReturnConsumedCapacity},
};
use domain::{Currency, Money, Timestamp};
use rust_decimal::Decimal;

use crate::{meter::Meter, store::StoreError};

/// A row.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Money as a number; its scale belongs to the currency, DynamoDB drops trailing zeros.
pub(crate) fn money(value: Money) -> AttributeValue {
    AttributeValue::N(value.amount().normalize().to_string())
}

/// An amount of an asset as a number.
pub(crate) fn decimal(value: Decimal) -> AttributeValue {
    AttributeValue::N(value.normalize().to_string())
}

/// A number as DynamoDB writes it, which may be with an exponent. `None` if it does not fit exactly.
pub(crate) fn parse_decimal(digits: &str) -> Option<Decimal> {
    Decimal::from_str_exact(digits).or_else(|_| Decimal::from_scientific(digits)).ok()
}

/// A key of the two-part kind all our tables have.
pub(crate) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// Reading rows.
pub(crate) trait Read {
    /// The text of an attribute, if it is there.
    fn optional(&self, name: &str) -> Option<&str>;
    /// The number of an attribute as it is written, if it is there.
    fn digits(&self, name: &str) -> Option<&str>;

    /// The text of an attribute that must be there.
    fn text(&self, name: &str) -> Result<&str, StoreError> {
        self.optional(name).ok_or_else(|| StoreError::corrupt(name))
    }

    /// The attribute, parsed.
    fn parsed<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        self.optional(name).and_then(parse).ok_or_else(|| StoreError::corrupt(name))
    }

    /// The attribute, parsed, if it is there.
    fn parsed_optional<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, StoreError> {
        self.optional(name).map(|text| parse(text).ok_or_else(|| StoreError::corrupt(name))).transpose()
    }

    /// A counter.
    fn count(&self, name: &str) -> Result<u64, StoreError> {
        self.digits(name).and_then(|digits| digits.parse().ok()).ok_or_else(|| StoreError::corrupt(name))
    }

    /// A counter that is zero where it is missing.
    fn count_or_zero(&self, name: &str) -> Result<u64, StoreError> {
        if self.digits(name).is_some() { self.count(name) } else { Ok(0) }
    }

    /// An amount of an asset.
    fn decimal(&self, name: &str) -> Result<Decimal, StoreError> {
        self.digits(name).and_then(parse_decimal).ok_or_else(|| StoreError::corrupt(name))
    }

    /// Money of this currency.
    fn money(&self, name: &str, currency: Currency) -> Result<Money, StoreError> {
        let amount = self.digits(name).and_then(|digits| digits.parse::<Decimal>().ok());
        amount.and_then(|amount| Money::new(amount, currency)).ok_or_else(|| StoreError::corrupt(name))
    }

    /// A moment.
    fn moment(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.parsed(name, |text| text.parse().ok())
    }

    /// A currency.
    fn currency(&self, name: &str) -> Result<Currency, StoreError> {
        self.parsed(name, Currency::parse)
    }
}

impl Read for Item {
    fn optional(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    fn digits(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| value.as_n().ok()).map(String::as_str)
    }
}

/// The row that `request` names by table and key, read consistently, counted by `meter`.
pub(crate) async fn row(meter: &Meter, request: GetItemFluentBuilder) -> Result<Option<Item>, StoreError> {
    let request = request.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
    let answer = request.send().await.map_err(unavailable)?;
    meter.read(&answer.consumed_capacity);
    Ok(answer.item)
}

/// Whatever the SDK reports, as a store error. The service's own code and message are kept for the log.
pub(crate) fn unavailable<E, R>(error: aws_sdk_dynamodb::error::SdkError<E, R>) -> StoreError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    use aws_sdk_dynamodb::error::ProvideErrorMetadata;
    match (error.code(), error.message()) {
        (Some(code), message) => StoreError::Unavailable(format!("{code}: {}", message.unwrap_or_default())),
        _ => StoreError::Unavailable(format!("{error:?}")),
    }
}
