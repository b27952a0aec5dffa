//! The repository's automation, as a library so that its parts can be tested.
//!
//! It drives other tools (cargo, cargo-lambda, cfn-lint, sam) and measures what they made. It never deploys
//! and never talks to AWS.

pub mod bench;
pub mod check;
mod client;
pub mod elf;
pub mod fuzz;
pub mod market;
pub mod package;
pub mod reports;
mod people;
mod workspace;

pub use workspace::{Architecture, Workspace};
