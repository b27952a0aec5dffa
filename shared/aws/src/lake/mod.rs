//! Rows of LedgerTable, CustomersTable and VouchersTable as records of the lake: images from their streams, or items
//! from a scan.
//!
//! Which row it is its keys tell. Whatever the lake has no table for gives nothing; a row of the lake that does not read
//! is corrupt, and nothing of it is guessed.

mod scan;

pub use scan::Scan;

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Timestamp;
use lake::{Record, records};
use serde::{Deserialize, Deserializer, de::Error};

use crate::{
    customers,
    item::{Item, Read},
    ledger,
    store::StoreError,
    vouchers,
};

/// A row as a stream's record shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Image(Item);

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let attributes = HashMap::<String, Attribute>::deserialize(deserializer)?;
        let item: Option<Item> =
            attributes.into_iter().map(|(name, attribute)| Some((name, attribute.value()?))).collect();
        item.map(Self).ok_or_else(|| D::Error::custom("bytes that are not base64"))
    }
}

/// An attribute in DynamoDB's JSON.
#[derive(Deserialize)]
enum Attribute {
    S(String),
    N(String),
    B(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    L(Vec<Self>),
    M(HashMap<String, Self>),
    #[serde(rename = "SS")]
    Ss(Vec<String>),
    #[serde(rename = "NS")]
    Ns(Vec<String>),
    #[serde(rename = "BS")]
    Bs(Vec<String>),
}

impl Attribute {
    /// `None` for bytes that are not base64.
    fn value(self) -> Option<AttributeValue> {
        let blob = |text: String| STANDARD.decode(text).ok().map(Blob::new);
        Some(match self {
            Self::S(text) => AttributeValue::S(text),
            Self::N(digits) => AttributeValue::N(digits),
            Self::B(bytes) => AttributeValue::B(blob(bytes)?),
            Self::Bool(flag) => AttributeValue::Bool(flag),
            Self::Null(null) => AttributeValue::Null(null),
            Self::L(values) => AttributeValue::L(values.into_iter().map(Self::value).collect::<Option<_>>()?),
            Self::M(values) => AttributeValue::M(
                values.into_iter().map(|(name, value)| Some((name, value.value()?))).collect::<Option<_>>()?,
            ),
            Self::Ss(texts) => AttributeValue::Ss(texts),
            Self::Ns(digits) => AttributeValue::Ns(digits),
            Self::Bs(bytes) => AttributeValue::Bs(bytes.into_iter().map(blob).collect::<Option<_>>()?),
        })
    }
}

/// What a change of a row is for the lake: the row as it was before and as it is now, and about when. A row that is no
/// more gives tombstones.
pub fn changed(before: Option<&Image>, now: Option<&Image>, at: Timestamp) -> Result<Vec<Record>, StoreError> {
    match (before, now) {
        (before, Some(now)) => records(before.map(|before| &before.0), &now.0, at),
        (Some(before), None) => {
            Ok(records(None, &before.0, at)?.into_iter().map(|record| record.removed(at)).collect())
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// What a row that was found by a scan at this moment is for the lake. When it changed last is told by the row as far
/// as it knows.
fn found(item: &Item, now: Timestamp) -> Result<Vec<Record>, StoreError> {
    let moments = ["resolved_at", "posted_at", "late_at", "ended_at", "created_at", "opened_at"];
    let known = moments.iter().filter_map(|name| item.moment(name).ok()).max();
    records(None, item, known.unwrap_or(now))
}

fn records(before: Option<&Item>, now: &Item, at: Timestamp) -> Result<Vec<Record>, StoreError> {
    match (now.text("pk")?, now.text("sk")?) {
        (ledger::TYPES, _) => {
            let record = records::account_type(&ledger::account_type(now)?, at);
            Ok(vec![record.ok_or_else(|| StoreError::corrupt("monthly_fee or interest_rate"))?])
        }
        (_, ledger::ACCOUNT) => Ok(vec![records::account(&ledger::account(now)?, at)]),
        (_, ledger::TRANSFER) => Ok(vec![records::transfer(&ledger::transfer(now)?, at)]),
        (_, ledger::WALLET) => {
            let before = before.map(ledger::wallet).transpose()?;
            Ok(records::wallet(before.as_ref(), &ledger::wallet(now)?, at))
        }
        (_, customers::CUSTOMER) => {
            let documents = customers::document_numbers(now)?.len();
            Ok(vec![records::customer(&customers::customer(now)?, documents, at)])
        }
        (_, vouchers::VOUCHER) => Ok(vec![records::voucher(&vouchers::purchase(now)?, at)]),
        _ => Ok(Vec::new()),
    }
}
