//! The routes of orders, served in-process on a real DynamoDB engine and a real FIFO queue. The books are run by hand.
#![allow(missing_docs)]

mod app;
mod bad_input;
mod cancelling;
mod events;
mod limits;
mod placing;
mod precedence;
mod reading;
mod replacing;
mod replays;
mod waiting;
