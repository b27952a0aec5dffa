//! Functions without a caller: a schedule or a trigger hands over one JSON event.

use std::future::Future;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

/// Serves events until the environment ends. An `Err` is this invocation's failure; the source decides about a retry.
pub async fn run<H, F>(handler: H) -> Result<(), Error>
where
    H: Fn(Value) -> F,
    F: Future<Output = Result<Value, Error>>,
{
    // Boxed, as in the other loops of this crate: a handler's future nests deep into the SDK, and under the runtime's own
    // layers on top of it the compiler would reach its limit (`queries overflow the depth limit`).
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| Box::pin(handler(event.payload)))).await
}
