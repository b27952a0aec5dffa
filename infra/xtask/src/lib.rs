//! The repository's automation, as a library so that its parts can be tested.
//!
//! It drives other tools (cargo, cargo-lambda, cfn-lint, sam) and measures what they made. It never deploys, and only
//! `lake-backfill` ever talks to AWS.

pub mod bench;
pub mod check;
mod client;
pub mod elf;
pub mod fuzz;
pub mod lake;
pub mod market;
pub mod package;
mod people;
mod workspace;

pub use workspace::{Architecture, Workspace};
