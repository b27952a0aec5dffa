//! Journeys: the runner with the real binaries of the functions, through HTTP as a client sees it.
#![allow(missing_docs)]

mod app;
mod bad_input;
mod banking;
mod crash;
mod faults;
mod races;
mod roles;
mod service;
mod tokens;
