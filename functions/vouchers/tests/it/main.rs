//! The voucher shop's routes, served in-process on a real DynamoDB engine and real queues.
#![allow(missing_docs)]

mod app;
mod bad_input;
mod buying;
mod catalogue;
mod events;
mod reading;
mod replays;
mod search;
mod waiting;
