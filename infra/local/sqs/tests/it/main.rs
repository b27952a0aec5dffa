//! What the queues promise, seen from outside: scripts on a manual clock, many consumers at once, a process
//! that is killed, and the AWS SDK over HTTP.

mod concurrency;
mod durability;
mod fifo;
mod script;
mod standard;
mod unruly;
mod waiting;
mod wire;
mod wire_errors;
