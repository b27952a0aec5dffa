//! Products and purchases as clients see them.

use domain::{
    Timestamp,
    id::{AccountId, VoucherId},
    voucher::{Funding, Product, ProductId, ProductStatus, Purchase, State, Status},
};
use serde::Serialize;

/// From where somebody looks at a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The buyer.
    Buyer,
    /// Staff: everything but the voucher, which is worth money.
    Staff,
    /// Who holds the phone: the voucher, and nothing of who paid.
    Phone,
}

/// A purchase as somebody with this sight sees it.
#[derive(Serialize)]
pub(crate) struct VoucherView {
    voucher_id: VoucherId,
    product_id: ProductId,
    phone: String,
    price: String,
    currency: &'static str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    message: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_reference: Option<String>,
}

impl VoucherView {
    pub(crate) fn new(purchase: &Purchase, sight: Sight, support: &str) -> Self {
        let (code, delivered_at) = match &purchase.state {
            State::Delivered { code, at, .. } => (Some(code.as_str().to_owned()), Some(*at)),
            _ => (None, None),
        };
        let (account_id, payment_reference) = match &purchase.funding {
            _ if sight == Sight::Phone => (None, None),
            Funding::Account { account, .. } => (Some(account.clone()), None),
            Funding::Partner { payment_reference, .. } => (None, Some(payment_reference.clone())),
        };
        Self {
            voucher_id: purchase.id.clone(),
            product_id: purchase.product.clone(),
            phone: purchase.phone.as_str().to_owned(),
            price: purchase.price.to_string(),
            currency: purchase.price.currency().code(),
            status: purchase.status(),
            code: code.filter(|_| sight != Sight::Staff),
            message: message(purchase.status(), support),
            created_at: purchase.created_at,
            delivered_at,
            account_id,
            payment_reference,
        }
    }
}

fn message(status: Status, support: &str) -> String {
    match status {
        Status::Processing => "Your order is processed within 30 seconds. The code will come by SMS.".into(),
        Status::Unknown => "The supplier has not answered yet; we keep asking. Your money stays reserved, and the \
                            outcome will come by SMS."
            .into(),
        Status::Delivered => "Your voucher code is ready.".into(),
        Status::Failed => format!("The order failed and you were not charged. Support: {support}"),
    }
}

/// A product as everybody sees it.
#[derive(Serialize)]
pub(crate) struct ProductView<'a> {
    product_id: &'a ProductId,
    network: &'a str,
    name: &'a str,
    data_mb: Option<u32>,
    validity_days: Option<u32>,
    price: String,
    currency: &'static str,
    status: ProductStatus,
}

impl<'a> From<&'a Product> for ProductView<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            product_id: &product.id,
            network: &product.network,
            name: &product.name,
            data_mb: product.data_mb,
            validity_days: product.validity_days,
            price: product.price.to_string(),
            currency: product.price.currency().code(),
            status: product.status,
        }
    }
}

/// A product as admins see it.
#[derive(Serialize)]
pub(crate) struct KeptProductView<'a> {
    #[serde(flatten)]
    product: ProductView<'a>,
    supplier_sku: &'a str,
    version: u64,
}

impl<'a> From<&'a Product> for KeptProductView<'a> {
    fn from(product: &'a Product) -> Self {
        Self { product: product.into(), supplier_sku: &product.supplier_sku, version: product.version }
    }
}
