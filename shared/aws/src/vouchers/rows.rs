//! Rows of VouchersTable, written and read.
//!
//! | row | pk | sk | index keys |
//! |---|---|---|---|
//! | product | `products` | its id | |
//! | purchase | `vch_…` | `voucher` | `phone_key`+`phone_sort`; while something is left to do: `due_key`+`due_at` |
//! | payment reference | `reference#<client>#<reference>` | `reference` | |
//!
//! What never changes about a purchase is written once; what changes ([`STANDING`]) is written as a whole each time.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    customer::PhoneNumber,
    id::{AccountId, CustomerId, TransferId, VoucherId},
    voucher::{
        Funding, LateSuccess, Notice, Patience, Product, ProductId, ProductStatus, Purchase, State, VoucherCode,
    },
};

use crate::{
    item::{Item, Read, key, money, number, text},
    store::StoreError,
    write::WriteId,
};

/// Partition key of the products.
pub(super) const PRODUCTS: &str = "products";
/// Sort key of a purchase.
pub(super) const VOUCHER: &str = "voucher";
/// Index partitions of purchases with something left to do.
pub(super) const DUE_SHARDS: u8 = 8;

/// Every attribute that changes in the life of a purchase.
pub(super) const STANDING: [&str; 20] = [
    "state",
    "attempts",
    "held_since",
    "submitted_at",
    "doubt",
    "asked",
    "ask_at",
    "acknowledged",
    "code",
    "supplier_order",
    "reason",
    "ended_at",
    "late_code",
    "late_at",
    "notice",
    "waits_until",
    "version",
    "write_id",
    "due_key",
    "due_at",
];

/// The index key of one shard.
pub(super) fn due_key(shard: u8) -> String {
    format!("due#{shard}")
}

fn due_shard(id: &VoucherId) -> u8 {
    id.as_str().bytes().fold(0u8, u8::wrapping_add) % DUE_SHARDS
}

/// The index's sort key: when it is due and, for an unknown purchase, since when its order is out. The index holds
/// keys only, and this is all that is counted of them.
fn due_at(purchase: &Purchase, at: Timestamp) -> String {
    match purchase.state {
        State::Unknown { submitted_at, .. } => format!("{at}#unknown#{submitted_at}"),
        _ => at.to_string(),
    }
}

/// Since when the order is out, if the sort key is that of an unknown purchase.
pub(super) fn unknown_since(due_at: &str) -> Option<Timestamp> {
    due_at.split_once("#unknown#").and_then(|(_, since)| since.parse().ok())
}

/// A new purchase. One that was never paid for is not listed for its phone.
pub(super) fn purchase_item(purchase: &Purchase, patience: &Patience, id: WriteId) -> Item {
    let mut item = key(purchase.id.as_str(), VOUCHER);
    let mut put = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    put("product_id", text(purchase.product.as_str()));
    put("product_name", text(&purchase.product_name));
    put("supplier_sku", text(&purchase.supplier_sku));
    put("phone", text(purchase.phone.as_str()));
    put("price", money(purchase.price));
    put("currency", text(purchase.price.currency().code()));
    put("transfer", text(purchase.funding.transfer().as_str()));
    match &purchase.funding {
        Funding::Account { customer, account, .. } => {
            put("customer", text(customer.as_str()));
            put("account", text(account.as_str()));
        }
        Funding::Partner { client, payment_reference, .. } => {
            put("client", text(client));
            put("payment_reference", text(payment_reference));
        }
    }
    put("created_at", text(purchase.created_at.to_string()));
    if purchase.state.is_open() {
        put("phone_key", text(purchase.phone.as_str()));
        put("phone_sort", text(format!("{}#{}", purchase.created_at, purchase.id)));
    }
    item.extend(standing(purchase, patience, id));
    item
}

/// Where a purchase stands: those of [`STANDING`] that it has.
pub(super) fn standing(purchase: &Purchase, patience: &Patience, id: WriteId) -> Item {
    let mut item = Item::new();
    let mut put = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    put("state", text(stored_state(&purchase.state)));
    match &purchase.state {
        State::Held { attempts, since, doubt } => {
            put("attempts", number(attempts));
            put("held_since", text(since.to_string()));
            put("doubt", AttributeValue::Bool(*doubt));
        }
        State::Submitted { attempts, at, doubt } => {
            put("attempts", number(attempts));
            put("submitted_at", text(at.to_string()));
            put("doubt", AttributeValue::Bool(*doubt));
        }
        State::Unknown { submitted_at, asked, ask_at, acknowledged } => {
            put("submitted_at", text(submitted_at.to_string()));
            put("asked", number(asked));
            put("ask_at", text(ask_at.to_string()));
            put("acknowledged", AttributeValue::Bool(*acknowledged));
        }
        State::Delivered { code, supplier_order, at } => {
            put("code", text(code.as_str()));
            if let Some(order) = supplier_order {
                put("supplier_order", text(order));
            }
            put("ended_at", text(at.to_string()));
        }
        State::Refused { reason, at, late } => {
            put("reason", text(reason));
            put("ended_at", text(at.to_string()));
            if let Some(LateSuccess { code, at }) = late {
                put("late_code", text(code.as_str()));
                put("late_at", text(at.to_string()));
            }
        }
    }
    let notice = match purchase.notice {
        Notice::Waiting { until } => {
            put("waits_until", text(until.to_string()));
            "waiting"
        }
        Notice::Sms => "sms",
        Notice::Answered => "answered",
        Notice::Queued => "queued",
    };
    put("notice", text(notice));
    put("version", number(purchase.version));
    put("write_id", text(id.to_text()));
    if let Some(at) = purchase.due_at(patience) {
        put("due_key", text(due_key(due_shard(&purchase.id))));
        put("due_at", text(due_at(purchase, at)));
    }
    item
}

fn stored_state(state: &State) -> &'static str {
    match state {
        State::Held { .. } => "held",
        State::Submitted { .. } => "submitted",
        State::Unknown { .. } => "unknown",
        State::Delivered { .. } => "delivered",
        State::Refused { .. } => "refused",
    }
}

/// Reads a purchase.
pub(super) fn purchase(item: &Item) -> Result<Purchase, StoreError> {
    let transfer = item.parsed("transfer", TransferId::parse)?;
    let funding = match item.parsed_optional("customer", CustomerId::parse)? {
        Some(customer) => {
            Funding::Account { customer, account: item.parsed("account", AccountId::parse)?, hold: transfer }
        }
        None => Funding::Partner {
            client: item.text("client")?.to_owned(),
            payment_reference: item.text("payment_reference")?.to_owned(),
            transfer,
        },
    };
    let notice = match item.text("notice")? {
        "waiting" => Notice::Waiting { until: item.moment("waits_until")? },
        "sms" => Notice::Sms,
        "answered" => Notice::Answered,
        "queued" => Notice::Queued,
        _ => return Err(StoreError::corrupt("notice")),
    };
    Ok(Purchase {
        id: item.parsed("pk", VoucherId::parse)?,
        product: item.parsed("product_id", ProductId::parse)?,
        product_name: item.text("product_name")?.to_owned(),
        supplier_sku: item.text("supplier_sku")?.to_owned(),
        phone: item.parsed("phone", PhoneNumber::parse)?,
        price: item.money("price", item.currency("currency")?)?,
        funding,
        state: state(item)?,
        notice,
        created_at: item.moment("created_at")?,
        version: item.count("version")?,
    })
}

fn state(item: &Item) -> Result<State, StoreError> {
    Ok(match item.text("state")? {
        "held" => State::Held {
            attempts: small(item, "attempts")?,
            since: item.moment("held_since")?,
            doubt: flag(item, "doubt")?,
        },
        "submitted" => State::Submitted {
            attempts: small(item, "attempts")?,
            at: item.moment("submitted_at")?,
            doubt: flag(item, "doubt")?,
        },
        "unknown" => State::Unknown {
            submitted_at: item.moment("submitted_at")?,
            asked: small(item, "asked")?,
            ask_at: item.moment("ask_at")?,
            acknowledged: flag(item, "acknowledged")?,
        },
        "delivered" => State::Delivered {
            code: item.parsed("code", VoucherCode::parse)?,
            supplier_order: item.optional("supplier_order").map(str::to_owned),
            at: item.moment("ended_at")?,
        },
        "refused" => State::Refused {
            reason: item.text("reason")?.to_owned(),
            at: item.moment("ended_at")?,
            late: match item.parsed_optional("late_code", VoucherCode::parse)? {
                Some(code) => Some(LateSuccess { code, at: item.moment("late_at")? }),
                None => None,
            },
        },
        _ => return Err(StoreError::corrupt("state")),
    })
}

fn flag(item: &Item, name: &str) -> Result<bool, StoreError> {
    match item.get(name) {
        Some(AttributeValue::Bool(flag)) => Ok(*flag),
        _ => Err(StoreError::corrupt(name)),
    }
}

fn small(item: &Item, name: &str) -> Result<u32, StoreError> {
    u32::try_from(item.count(name)?).map_err(|_| StoreError::corrupt(name))
}

/// A partner's payment reference, and which purchase has it.
pub(super) fn reference_item(client: &str, payment_reference: &str, id: &VoucherId) -> Item {
    let mut item = key(format!("reference#{client}#{payment_reference}"), "reference");
    item.insert("voucher_id".to_owned(), text(id.as_str()));
    item
}

/// A product row.
pub(super) fn product_item(product: &Product, id: WriteId) -> Item {
    let mut item = key(PRODUCTS, product.id.as_str());
    for (name, value) in [
        ("network", text(&product.network)),
        ("name", text(&product.name)),
        ("price", money(product.price)),
        ("currency", text(product.price.currency().code())),
        ("supplier_sku", text(&product.supplier_sku)),
        ("status", text(product.status.as_str())),
        ("version", number(product.version)),
        ("write_id", text(id.to_text())),
    ] {
        item.insert(name.to_owned(), value);
    }
    for (name, value) in [("data_mb", product.data_mb), ("validity_days", product.validity_days)] {
        if let Some(value) = value {
            item.insert(name.to_owned(), number(value));
        }
    }
    item
}

/// Reads a product row.
pub(super) fn product(item: &Item) -> Result<Product, StoreError> {
    let optional = |name| item.digits(name).map(|_| small(item, name)).transpose();
    Ok(Product {
        id: item.parsed("sk", ProductId::parse)?,
        network: item.text("network")?.to_owned(),
        name: item.text("name")?.to_owned(),
        data_mb: optional("data_mb")?,
        validity_days: optional("validity_days")?,
        price: item.money("price", item.currency("currency")?)?,
        supplier_sku: item.text("supplier_sku")?.to_owned(),
        status: item.parsed("status", ProductStatus::parse)?,
        version: item.count("version")?,
    })
}
