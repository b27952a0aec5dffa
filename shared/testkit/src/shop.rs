//! A voucher shop with something on its shelves, and the shortest way to buy and to settle.

use aws::{
    ledger::transfers::PostError,
    vouchers::{Purchased, Saved, Vouchers},
};
use domain::{
    Timestamp,
    customer::PhoneNumber,
    id::{AccountId, VoucherId, derive},
    voucher::{
        self, Buy, Outcome, Patience, Payer, Product, ProductId, ProductStatus, Purchase, Rejection, Settlement,
        VoucherCode,
    },
};

use crate::{Stack, customer, money};

/// What the shop of a test goes by, as the template has it.
pub const PATIENCE: Patience = Patience { deadline_seconds: 125, resend_seconds: 120 };

/// The id that a name stands for.
pub fn voucher_id(name: &str) -> VoucherId {
    VoucherId::from_bytes(derive(&["test voucher", name]))
}

/// The phone that vouchers are bought for unless another is named.
pub fn phone() -> PhoneNumber {
    PhoneNumber::parse("+51987654321").expect("a phone")
}

/// A product on sale at this price in dollars.
pub fn product(id: &str, price: &str) -> Product {
    Product {
        id: ProductId::parse(id).expect("a product id"),
        network: "Claro".into(),
        name: "5 GB for 30 days".into(),
        data_mb: Some(5_000),
        validity_days: Some(30),
        price: money(price, "USD"),
        supplier_sku: "CL5".into(),
        status: ProductStatus::Active,
        version: 1,
    }
}

/// A wish of the customer that `buyer` stands for, to be paid from an account, under a name that stands for the
/// idempotency key. An SMS is promised.
pub fn buy_from(name: &str, buyer: &str, account: &AccountId, product: &Product) -> Buy {
    Buy {
        id: voucher_id(name),
        product: product.id.clone(),
        phone: phone(),
        payer: Payer::Account { customer: customer(buyer), account: account.clone() },
        wait_until: None,
    }
}

/// The same of a partner that has been paid under a reference of its own.
pub fn buy_paid(name: &str, client: &str, payment_reference: &str, product: &Product) -> Buy {
    let payer = Payer::Partner { client: client.into(), payment_reference: payment_reference.into() };
    Buy { id: voucher_id(name), product: product.id.clone(), phone: phone(), payer, wait_until: None }
}

/// The supplier delivered this code.
pub fn delivered(code: &str) -> Outcome {
    Outcome::Delivered { code: VoucherCode::parse(code).expect("a code"), supplier_order: Some("order-1".into()) }
}

/// The supplier surely did not deliver.
pub fn refused() -> Outcome {
    Outcome::Refused { reason: "no stock".into() }
}

impl Stack {
    /// The vouchers on this database.
    pub fn vouchers(&self) -> Vouchers {
        Vouchers::new(self.environment().dynamodb(), self.table("VouchersTable"), PATIENCE)
    }

    /// A product on sale at this price in dollars, in the catalogue.
    pub async fn product(&self, id: &str, price: &str) -> Product {
        let product = product(id, price);
        let created = self.vouchers().create_product(&product).await.expect("the product is written");
        assert_eq!(created, Saved::Done);
        product
    }

    /// Decides and commits a purchase as the `vouchers` function does. The product must be for sale.
    pub async fn buy(&self, command: &Buy, now: Timestamp) -> Result<Purchased, PostError> {
        let (vouchers, ledger) = (self.vouchers(), self.ledger());
        if let Some(before) = vouchers.purchase(&command.id).await? {
            return Ok(Purchased::Before(before));
        }
        let account = match &command.payer {
            Payer::Account { account, .. } => ledger.account(account).await?,
            Payer::Partner { .. } => None,
        };
        let product = vouchers.product(&command.product).await?;
        match voucher::buy(command, product.as_ref(), account.as_ref(), now) {
            Ok(bought) => vouchers.buy(&ledger, &bought).await,
            Err(Rejection::Account(rejection)) => Ok(Purchased::Refused(rejection)),
            Err(rejection) => panic!("{rejection:?}"),
        }
    }

    /// Buys and expects that the money is reserved now.
    pub async fn bought(&self, command: &Buy, now: Timestamp) -> Purchase {
        match self.buy(command, now).await {
            Ok(Purchased::Done(purchase)) if purchase.state.is_open() => purchase,
            other => panic!("{other:?}"),
        }
    }

    /// Settles an outcome as the `vouchers-settle` function does, however often others come first; the purchase as it
    /// then stands.
    pub async fn settle(&self, id: &VoucherId, outcome: &Outcome, now: Timestamp) -> Purchase {
        let (vouchers, ledger) = (self.vouchers(), self.ledger());
        for _ in 0..20 {
            let purchase = vouchers.purchase(id).await.expect("the purchase is read").expect("the purchase exists");
            match purchase.settle(outcome, 30, now) {
                Settlement::Changes(next, money) => {
                    let saved = vouchers.settle(&ledger, &next, &money, now).await.expect("an answer");
                    if saved == Saved::Done {
                        return *next;
                    }
                }
                Settlement::Nothing | Settlement::Contradiction(_) => return purchase,
            }
        }
        panic!("{id} keeps changing");
    }
}
