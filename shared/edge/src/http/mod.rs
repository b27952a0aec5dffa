//! HTTP functions behind API Gateway: parse → … → answer.

mod answer;
mod caller;
mod exchange;
mod fields;
mod idempotency;
mod paging;
mod person;
mod problem;
mod request;
mod serve;
mod source;
mod views;

pub use answer::{Answer, accepted, created, no_content, ok};
pub use caller::{Caller, Role};
pub use exchange::{InstrumentView, TradeView, at_decimals};
pub use fields::{AmountField, CurrencyField, FieldErrors};
pub use idempotency::IdempotencyKey;
pub use paging::{Page, PageRequest};
pub use person::{DocumentField, PersonFields};
pub use problem::{Code, Problem};
pub use request::{Request, parse_body};
pub use serve::{Settings, render, serve};
pub use views::{AccountView, BalanceView, Sight, TransferView};
