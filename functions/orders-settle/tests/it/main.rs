//! Settlement on a real DynamoDB engine: exact, however often, in whatever order, by whomever, and cut off anywhere.
#![allow(missing_docs)]

mod crashes;
mod histories;
mod largest;
mod ledger;
mod units;
mod world;
