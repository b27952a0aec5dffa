//! The routes of the wallet, served in-process on a real DynamoDB engine.
#![allow(missing_docs)]

mod app;
mod bad_input;
mod events;
mod holdings;
mod transfers;
