//! A runner of one function, for the test that kills it: prints the function's process id and waits.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use local_lambda::{FunctionSpec, Lambda, LambdaOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bootstrap = std::env::args().nth(1).ok_or("usage: host <bootstrap>")?;
    let function = FunctionSpec {
        name: "orphan".to_owned(),
        arn: "arn:aws:lambda:eu-west-1:000000000000:function:orphan".to_owned(),
        bootstrap: bootstrap.into(),
        timeout: Duration::from_secs(60),
        memory_mb: 128,
        max_instances: 1,
        environment: BTreeMap::new(),
        log_group: "/test/orphan".to_owned(),
    };
    let lambda = Lambda::new(vec![function], LambdaOptions::default());
    let answer = lambda.invoke("orphan", Bytes::from_static(b"{}"), None).await?;
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    println!("{}", answer["pid"]);
    // Busy when the end comes, which is the harder case.
    lambda.invoke("orphan", Bytes::from_static(br#"{"sleep_ms": 50000}"#), None).await?;
    Ok(())
}
