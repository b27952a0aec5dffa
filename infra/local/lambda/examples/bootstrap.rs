//! A function for the tests: does what its event says. Built by `cargo test` like any example.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
        // Event sources: does what each body says, and answers the identifiers of the records whose body says so.
        Some("partial") | None if payload["Records"].is_array() => {
            for record in payload["Records"].as_array().into_iter().flatten() {
                let body = record["body"].as_str().unwrap_or_default();
                work(&serde_json::from_str(body).unwrap_or_default()).await?;
            }
            let failed = payload["Records"].as_array().into_iter().flatten();
            let failed = failed.filter(|record| record["body"].as_str().is_some_and(|body| body.contains("poison")));
            let failed: Vec<Value> = failed.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
            return Ok(json!({"batchItemFailures": failed}));
        }
        _ => {}
    }
    Ok(json!({"pid": std::process::id(), "echo": payload}))
}

/// Does what a message says: waits, calls services one after another, and ends in one of several ways.
async fn work(command: &Value) -> Result<(), Error> {
    if let Some(ms) = command["sleep_ms"].as_u64() {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    for call in command["calls"].as_array().into_iter().flatten() {
        call_service(call["target"].as_str().unwrap_or_default(), &call["body"]).await?;
    }
    match command["do"].as_str() {
        Some("fail") => Err("the supplier is gone".into()),
        Some("exit") => std::process::exit(7),
        _ => Ok(()),
    }
}

/// One request as an SDK sends it, signed with the process's own key (and a signature that nobody checks).
async fn call_service(target: &str, body: &Value) -> Result<(), Error> {
    let service = if target.starts_with("DynamoDB") { "AWS_ENDPOINT_URL_DYNAMODB" } else { "AWS_ENDPOINT_URL" };
    let (url, key) = (std::env::var(service)?, std::env::var("AWS_ACCESS_KEY_ID")?);
    let address = url.trim_start_matches("http://");
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-amz-target: {target}\r\n\
         content-type: application/x-amz-json-1.0\r\nx-amz-date: 20261121T000000Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={key}/20261121/eu-west-1/any/aws4_request, SignedHeaders=host, Signature=0\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(answer.into()) }
}
