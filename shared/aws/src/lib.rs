//! What we ask of AWS. One module per table (the only place that knows its attribute names) and per service.
//!
//! Knows nothing of HTTP requests and decides nothing about money: it loads, and commits what the domain decided,
//! each commit by one conditional write.

#[cfg(any(feature = "dynamodb", feature = "cognito", feature = "sqs", feature = "sns", feature = "secrets"))]
pub mod client;
#[cfg(feature = "dynamodb")]
pub mod customers;
#[cfg(feature = "dynamodb")]
pub mod exchange;
#[cfg(any(feature = "dynamodb", feature = "cognito", feature = "sqs", feature = "sns", feature = "secrets"))]
mod http;
#[cfg(feature = "cognito")]
pub mod identity;
#[cfg(feature = "dynamodb")]
mod item;
#[cfg(feature = "dynamodb")]
pub mod ledger;
#[cfg(feature = "dynamodb")]
pub mod meter;
#[cfg(feature = "dynamodb")]
pub mod phones;
#[cfg(feature = "sqs")]
pub mod queues;
#[cfg(feature = "secrets")]
pub mod secrets;
#[cfg(feature = "sns")]
pub mod sms;
pub mod store;
#[cfg(feature = "dynamodb")]
pub mod vouchers;
#[cfg(feature = "dynamodb")]
mod write;
