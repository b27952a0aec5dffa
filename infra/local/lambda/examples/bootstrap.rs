//! A function for the tests: does what its event says. Built by `cargo test` like any example.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("FAIL_INIT").as_deref() {
        Ok("exit") => std::process::exit(3),
        Ok("hang") => tokio::time::sleep(Duration::from_secs(600)).await,
        _ => {}
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let payload = event.payload;
    if let Some(line) = payload["print"].as_str() {
        println!("{line}");
    }
    if let Some(ms) = payload["sleep_ms"].as_u64() {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    match payload["do"].as_str() {
        Some("environment") => {
            let variables: std::collections::BTreeMap<_, _> = std::env::vars().collect();
            return Ok(json!(variables));
        }
        Some("context") => {
            return Ok(json!({
                "request_id": event.context.request_id,
                "arn": event.context.invoked_function_arn,
                "deadline": event.context.deadline,
                "trace": event.context.xray_trace_id,
            }));
        }
        Some("fail") => return Err("the supplier is gone".into()),
        Some("panic") => panic!("an assumption did not hold"),
        Some("exit") => std::process::exit(7),
        Some("abort") => std::process::abort(),
        Some("large") => return Ok(json!("x".repeat(7_000_000))),
        // Event sources: answers the identifiers of the records whose body says so.
        Some("partial") | None if payload["Records"].is_array() => {
            let failed = payload["Records"].as_array().into_iter().flatten();
            let failed = failed.filter(|record| record["body"].as_str().is_some_and(|body| body.contains("poison")));
            let failed: Vec<Value> = failed.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
            return Ok(json!({"batchItemFailures": failed}));
        }
        _ => {}
    }
    Ok(json!({"pid": std::process::id(), "echo": payload}))
}
