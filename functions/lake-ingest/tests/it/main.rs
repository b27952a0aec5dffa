//! From streams into files: exactly once in every number, however often, however cut, and cut off anywhere.
#![allow(missing_docs)]

mod backfill;
mod crashes;
mod rows;
mod world;
