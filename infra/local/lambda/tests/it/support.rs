//! Builds a pool around the example bootstrap and keeps what it logs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use local_lambda::{FunctionSpec, InvokeError, Lambda, LambdaOptions};
use serde_json::Value;

pub const ARN: &str = "arn:aws:lambda:eu-west-1:000000000000:function:subject";

/// An example of this crate. `cargo test` builds them all; `cargo test --test it` does not.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    if !path.exists() {
        let arguments = ["build", "--quiet", "--package", "local-lambda", "--examples"];
        assert!(Command::new(env!("CARGO")).args(arguments).status().unwrap().success());
    }
    path
}

pub fn spec() -> FunctionSpec {
    FunctionSpec {
        name: "subject".into(),
        arn: ARN.into(),
        bootstrap: example("bootstrap"),
        timeout: Duration::from_secs(20),
        memory_mb: 128,
        max_instances: 1,
        environment: BTreeMap::from([("LEDGER_TABLE".into(), "ledger".into())]),
        log_group: "/test/subject".into(),
    }
}

pub struct Subject {
    pub lambda: Lambda,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Subject {
    pub fn new(spec: FunctionSpec) -> Subject {
        Subject::with(spec, LambdaOptions::default())
    }

    pub fn with(spec: FunctionSpec, options: LambdaOptions) -> Subject {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let logs: local_lambda::LogSink = Arc::new(move |line| kept.lock().unwrap().push(line.text));
        let options = LambdaOptions { logs: Some(logs), ..options };
        Subject { lambda: Lambda::new(vec![spec], options), lines }
    }

    pub async fn invoke(&self, event: &str) -> Result<Value, InvokeError> {
        let answer = self.lambda.invoke("subject", Bytes::from(event.to_owned()), None).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    pub async fn pid(&self) -> u64 {
        self.invoke("{}").await.unwrap()["pid"].as_u64().unwrap()
    }

    /// The access key of the process that answers.
    pub async fn access_key(&self) -> String {
        let environment = self.invoke(r#"{"do": "environment"}"#).await.unwrap();
        environment["AWS_ACCESS_KEY_ID"].as_str().unwrap().to_owned()
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until a log line contains `text` and answers all lines.
    pub async fn logged(&self, text: &str) -> Vec<String> {
        until(text, || self.lines().iter().any(|line| line.contains(text))).await;
        self.lines()
    }
}

/// Waits for a condition, with a limit.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < limit, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn alive(pid: u64) -> bool {
    // A zombie is dead but not reaped: `stat` still has it, in state Z.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

pub fn exists(pid: u64) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}
