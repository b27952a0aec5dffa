//! What the engine promises, seen from outside: the AWS SDK over HTTP, Parquet files written here, queries good and bad.

mod catalogue;
mod hostile;
mod process;
mod protocol;
mod queries;
mod world;
