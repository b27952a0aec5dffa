//! The lake from outside: its catalogue, generated from its tables, and filling it from tables that were there before it.

pub mod backfill;
pub mod stack;
