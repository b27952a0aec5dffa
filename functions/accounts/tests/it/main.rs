//! The accounts function, in process, on a database of its own per test.

mod app;
mod changing;
mod events;
mod kinds;
mod listing;
mod opening;
mod payees;
mod period;
mod statement;
