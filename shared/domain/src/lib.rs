//! What is true: money, accounts, transfers, holds, customers, vouchers, phone codes, orders, wallets.
//!
//! Nothing here knows AWS, HTTP, async, a clock, randomness or the environment: the present moment and
//! fresh identifiers come in as arguments, decisions go out as values. The core cannot fail, it can only say no.

pub mod account;

pub mod audit;
pub mod currency;
pub mod customer;
pub mod exchange;
pub mod id;
pub mod instrument;
pub mod money;
pub mod number;
pub mod order;
pub mod order_book;
pub mod phone_code;
pub mod sms;
pub mod time;
pub mod transfer;
pub mod voucher;
pub mod wallet;

pub use currency::Currency;
pub use money::Money;
pub use time::Timestamp;
