//! The matcher on a real DynamoDB engine, and behind a real FIFO queue.
#![allow(missing_docs)]

mod app;
mod committing;
mod duplicates;
mod largest;
mod poison;
