//! The routes of markets, served in-process on a real DynamoDB engine with a book that is run by hand.
#![allow(missing_docs)]

mod app;
mod bad_input;
mod books;
mod candles;
mod events;
mod figures;
