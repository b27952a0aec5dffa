//! What we ask of AWS. One module per table (the only place that knows its attribute names) and per service.
//!
//! Knows nothing of HTTP requests and decides nothing about money: it loads, and commits what the domain decided,
//! each commit by one conditional write.

#[cfg(any(feature = "dynamodb", feature = "cognito"))]
pub mod client;
#[cfg(feature = "dynamodb")]
pub mod customers;
#[cfg(any(feature = "dynamodb", feature = "cognito"))]
mod http;
#[cfg(feature = "cognito")]
pub mod identity;
#[cfg(feature = "dynamodb")]
mod item;
#[cfg(feature = "dynamodb")]
pub mod ledger;
#[cfg(feature = "dynamodb")]
pub mod meter;
pub mod store;
