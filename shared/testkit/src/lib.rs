//! What tests stand on: an isolated in-process DynamoDB (the real engine, over the real wire) with the template's
//! tables, the other services behind a port of their own, a clock that is set by hand, and requests made from events.
//!
//! No mocks: whatever a handler does here it does through the SDK.

mod bank;
mod clock;
mod dynamo;
mod line;
mod lossy;
mod market;
mod request;
mod services;
mod shop;
mod supplier;
mod user_pool;

pub use bank::{command, hold, money, transfer_id};
pub use clock::{ManualClock, SequentialEntropy};
pub use dynamo::Stack;
pub use line::{Cut, Held, Line};
pub use lossy::Lossy;
pub use market::{Market, buy, grant_id, order_id, sell};
pub use request::{RequestBuilder, customer, document, event, event_request, request, subject};
pub use services::{SentSms, Services, Sns};
pub use shop::{PATIENCE, buy_from, buy_paid, delivered, phone, product, refused, voucher_id};
pub use supplier::{Says, TestSupplier};
pub use user_pool::UserPool;
