//! The runner as a whole: the real template, real binaries, real sockets.

mod aws;
mod banking;
mod chaos;
mod crash;
mod gateway;
mod process;
mod world;
