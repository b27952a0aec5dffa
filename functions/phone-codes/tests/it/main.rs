//! Issuing codes on a real DynamoDB engine and real queues.
#![allow(missing_docs)]

mod app;
mod issuing;
mod refusals;
