//! The routes of instruments, served in-process on a real DynamoDB engine and a real FIFO queue.
#![allow(missing_docs)]

mod app;
mod events;
mod grants;
mod listing;
