//! The local runner: one process that reads `template.yaml` and serves what AWS would make of it.
//!
//! ```text
//! client ─► gateway ─► Lambda (real bootstraps) ─► AWS port ─► DynamoDB · SQS · SNS · Cognito · Secrets Manager
//!                         ▲                                        │
//!                         └──────── event sources ◄────────────────┘
//! ```
//!
//! It depends on nothing of ours but the template and the built binaries: it knows no route, table or function by name, but
//! in `demo`, which is a client like any other, and two parameters, by which the stack is told of the simulated `supplier`. What a request or a message may not do on AWS it may not do here.

mod aws_endpoint;
mod binaries;
mod body;
mod cli;
mod config;
mod data;
mod demo;
mod dynamodb;
mod faults;
mod gateway;
mod hooks;
mod log;
mod pages;
mod runner;
pub mod screen;
pub mod secrets;
mod serve;
pub mod signals;
pub mod sns;
pub mod sources;
pub mod supplier;

pub use binaries::build;
pub use cli::Arguments;
pub use config::Config;
pub use demo::{PASSWORD as DEMO_PASSWORD, USERS as DEMO_USERS};
pub use faults::{DynamoDbFaults, FaultPlan, Kill, KillShares, SqsFaults, StreamFaults, When, WriteService};
pub use log::Log;
pub use runner::Runner;
