//! Composition: environment, clients, run.
fn main() {}
