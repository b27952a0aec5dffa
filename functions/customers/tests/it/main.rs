//! Customers on real tables and a real user pool.

mod app;
mod change;
mod create;
mod delete;
mod documents;
mod find;
mod me;
mod overview;
