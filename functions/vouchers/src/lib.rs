//! Sells vouchers, keeps the catalogue, and shows the owner of a phone what was bought for it.
//!
//! ```text
//! POST /vouchers ─► hold and purchase, one write ─► VoucherOrderQueue ─► 202, or wait ─► 201
//! ```
//! Orders nothing itself and moves no money but by that one write. Who waits and who is promised an SMS is decided by
//! conditions on the purchase: the outcome is told once.

mod answers;
mod body;
mod buy;
mod catalogue;
mod find;
mod product;
mod replay;
mod view;
mod wait;

use aws::{customers::Customers, ledger::Ledger, phones::Phones, queues::Queue, secrets::Secret, vouchers::Vouchers};
use edge::{
    clock::Clock,
    http::{Answer, Problem, Request},
};

/// Where purchases, money, customers and phone codes are kept.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Products and purchases.
    pub vouchers: Vouchers,
    /// The accounts that pay.
    pub ledger: Ledger,
    /// Only asked whether a customer may act.
    pub customers: Customers,
    /// The codes that open a phone's vouchers.
    pub phones: Phones,
}

/// How the shop is set up.
#[derive(Debug)]
pub struct Shop {
    /// Where orders wait for the supplier.
    pub orders: Queue,
    /// Whether there is a supplier to sell from.
    pub sales: bool,
    /// The key that phone codes are kept under; without it nobody is shown a phone's vouchers.
    pub phone_codes: Option<Secret>,
    /// Searches of one caller address within an hour.
    pub searches_per_address: usize,
    /// Whom to turn to, told with a failure.
    pub support: String,
}

/// One request to any route of vouchers.
pub async fn handle(stores: &Stores, shop: &Shop, clock: &impl Clock, request: Request) -> Result<Answer, Problem> {
    match request.route() {
        ("GET", "/voucher-products") => catalogue::list(&stores.vouchers, &request).await,
        ("POST", "/voucher-products") => catalogue::add(&stores.vouchers, &request).await,
        ("PATCH", "/voucher-products/{id}") => catalogue::change(&stores.vouchers, &request).await,
        ("POST", "/vouchers") => buy::buy(stores, shop, clock, &request).await,
        ("GET", "/vouchers/{id}") => find::one(&stores.vouchers, shop, &request).await,
        ("POST", "/vouchers/search") => find::of_phone(stores, shop, clock, &request).await,
        _ => Err(Problem::not_found()),
    }
}
