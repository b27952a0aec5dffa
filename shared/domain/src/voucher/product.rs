//! What is for sale: prepaid data plans of the networks, each with its price. Admins keep the list.

use std::fmt;

use crate::Money;

/// A product's own name in the catalogue, such as `claro-5gb-30d`: 1 to 40 lower-case letters, digits and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductId(String);

impl ProductId {
    /// What [`ProductId::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be 1 to 40 lower-case letters, digits and inner hyphens";

    /// Reads a product id; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProductId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for ProductId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Whether a product may be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// For sale.
    Active,
    /// No longer for sale; what was bought of it stays.
    Withdrawn,
}

impl ProductStatus {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads what [`ProductStatus::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Withdrawn].into_iter().find(|status| status.as_str() == text)
    }
}

/// A product of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its name in the catalogue.
    pub id: ProductId,
    /// The mobile network, such as `Claro`.
    pub network: String,
    /// What customers read, such as `5 GB for 30 days`.
    pub name: String,
    /// Data volume in megabytes, if it has one.
    pub data_mb: Option<u32>,
    /// How many days it lasts once used, if it ends.
    pub validity_days: Option<u32>,
    /// What a customer pays.
    pub price: Money,
    /// What the supplier calls it.
    pub supplier_sku: String,
    /// Whether it may be bought.
    pub status: ProductStatus,
    /// Counts every change; the `ETag`.
    pub version: u64,
}
