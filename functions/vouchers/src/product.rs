//! The bodies by which admins keep the catalogue.

use domain::{
    Money,
    voucher::{Product, ProductId, ProductStatus},
};
use edge::http::{AmountField, Code, CurrencyField, FieldErrors, Problem};
use serde::Deserialize;

const MAX_NETWORK: usize = 40;
const MAX_NAME: usize = 100;
const MAX_SKU: usize = 64;
/// Ten terabytes.
const MAX_DATA_MB: u32 = 10_000_000;
/// Ten years.
const MAX_DAYS: u32 = 3_650;

const NAME_EXPECTED: &str = "must be one line of 1 to 100 characters";
const SKU_EXPECTED: &str = "must be 1 to 64 printable ASCII characters without blanks around them";

/// A new product as an admin writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProduct {
    product_id: String,
    network: String,
    name: String,
    data_mb: Option<u32>,
    validity_days: Option<u32>,
    price: AmountField,
    currency: CurrencyField,
    supplier_sku: String,
}

impl NewProduct {
    pub(crate) fn understand(self) -> Result<Product, Problem> {
        let mut errors = FieldErrors::new();
        let id = errors.parse("/product_id", &self.product_id, ProductId::parse, ProductId::EXPECTED);
        let network = |text: &str| line(text, MAX_NETWORK);
        let network = errors.parse("/network", &self.network, network, "must be one line of 1 to 40 characters");
        let name = errors.parse("/name", &self.name, |text| line(text, MAX_NAME), NAME_EXPECTED);
        let within = |value: Option<u32>, most: u32| value.is_none_or(|value| (1..=most).contains(&value));
        errors.check(within(self.data_mb, MAX_DATA_MB), "/data_mb", "must be 1 to 10000000");
        errors.check(within(self.validity_days, MAX_DAYS), "/validity_days", "must be 1 to 3650");
        let sku = errors.parse("/supplier_sku", &self.supplier_sku, sku, SKU_EXPECTED);
        errors.finish()?;
        let price = self.price.money(self.currency.0, "/price")?;
        let product = || {
            let (id, network, name, supplier_sku) = (id?, network?, name?, sku?);
            let (data_mb, validity_days) = (self.data_mb, self.validity_days);
            let status = ProductStatus::Active;
            Some(Product { id, network, name, data_mb, validity_days, price, supplier_sku, status, version: 1 })
        };
        product().ok_or_else(|| Code::InvalidField.into())
    }
}

/// What an admin changes. What was bought before keeps its name and price.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductChange {
    name: Option<String>,
    price: Option<AmountField>,
    currency: Option<CurrencyField>,
    status: Option<String>,
    supplier_sku: Option<String>,
}

/// As it is understood.
#[derive(Debug)]
pub(crate) struct Change {
    name: Option<String>,
    price: Option<Money>,
    status: Option<ProductStatus>,
    supplier_sku: Option<String>,
}

impl ProductChange {
    pub(crate) fn understand(self) -> Result<Change, Problem> {
        let mut errors = FieldErrors::new();
        let name = self.name.and_then(|text| errors.parse("/name", &text, |text| line(text, MAX_NAME), NAME_EXPECTED));
        let status = self
            .status
            .and_then(|text| errors.parse("/status", &text, ProductStatus::parse, "must be one of active, withdrawn"));
        let supplier_sku = self.supplier_sku.and_then(|text| errors.parse("/supplier_sku", &text, sku, SKU_EXPECTED));
        errors.check(self.currency.is_some() || self.price.is_none(), "/currency", "is required with a price");
        errors.check(self.price.is_some() || self.currency.is_none(), "/price", "is required with a currency");
        errors.finish()?;
        let price = match (self.price, self.currency) {
            (Some(price), Some(currency)) => Some(price.money(currency.0, "/price")?),
            _ => None,
        };
        let change = Change { name, price, status, supplier_sku };
        if change.is_empty() {
            return Err(Problem::field(Code::InvalidField, "", "must name name, price, status or supplier_sku"));
        }
        Ok(change)
    }
}

impl Change {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.price.is_none() && self.status.is_none() && self.supplier_sku.is_none()
    }

    /// The product as it will be.
    pub(crate) fn on(&self, product: &Product) -> Product {
        Product {
            name: self.name.clone().unwrap_or_else(|| product.name.clone()),
            price: self.price.unwrap_or(product.price),
            status: self.status.unwrap_or(product.status),
            supplier_sku: self.supplier_sku.clone().unwrap_or_else(|| product.supplier_sku.clone()),
            version: product.version + 1,
            ..product.clone()
        }
    }
}

/// One line of readable text; blanks around it are cut.
pub(crate) fn line(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn sku(text: &str) -> Option<String> {
    let fits = (1..=MAX_SKU).contains(&text.len())
        && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && text.trim() == text;
    fits.then(|| text.to_owned())
}
