//! Journeys: the runner with the real binaries of the functions, through HTTP as a client sees it.
#![allow(missing_docs)]

mod app;
mod bad_input;
mod banking;
mod crash;
mod exchange;
mod exchange_deeds;
mod exchange_floor;
mod exchange_matrix;
mod exchange_refusals;
mod exchange_replay;
mod exchange_world;
mod faults;
mod phone_codes;
mod purchases;
mod races;
mod roles;
mod service;
mod shop;
mod siege;
mod tokens;
mod voucher_load;
mod voucher_matrix;
mod vouchers;
