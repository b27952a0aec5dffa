//! The repository's automation, as a library so that its parts can be tested.
//!
//! It drives other tools (cargo, cargo-lambda, cfn-lint, sam) and measures what they made. It never deploys
//! and never talks to AWS, but for `seed`, which fills the tables it is told to.

pub mod bench;
pub mod check;
mod client;
pub mod elf;
pub mod fuzz;
pub mod market;
pub mod package;
mod people;
pub mod seed;
mod workspace;

pub use workspace::{Architecture, Workspace};
