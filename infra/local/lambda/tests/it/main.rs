//! The pool with real processes: a bootstrap built on `lambda_runtime` (see `examples/`).

mod failures;
mod lifecycle;
mod support;
mod warm;
