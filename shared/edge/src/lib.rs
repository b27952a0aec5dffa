//! How a function hears and answers: requests become domain types here, and nothing malformed gets past.
//!
//! Knows HTTP and events; never a table, a queue or a rule of the bank.

pub mod clock;
pub mod entropy;
#[cfg(feature = "http")]
pub mod http;
pub mod sqs;
pub mod streams;
pub mod telemetry;
pub mod variable;
pub mod worker;
