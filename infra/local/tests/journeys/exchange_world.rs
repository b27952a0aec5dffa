//! A runner as a process of its own, which can be killed and started again, with its demo users as traders and its queues
//! and functions at hand.

use std::path::Path;

use domain::{exchange::Message, instrument::Symbol};
use http::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, Http, Person},
    crash::{Running, start_with},
    shop::until,
};

/// Who trades: the demo users, because they are there. The last one is an admin.
pub const TRADERS: [&str; 3] = ["demo", "staff", "admin"];
/// Everything is in the proportion in which the template has it.
const PARAMETERS: [&str; 6] =
    ["--parameter", "OrderVisibility=1", "--parameter", "WorkerVisibility=2", "--parameter", "SnapshotEvery=10"];

/// Where the runner is, and who has signed in there.
pub struct World {
    pub api: Http,
    root: Http,
    aws: Http,
    pub aws_url: String,
    pub traders: Vec<Person>,
}

impl World {
    /// Starts a runner and signs everybody in.
    pub async fn start(data: &Path, arguments: &[&str]) -> (Running, Self) {
        let (running, api) = start_with(data, &[&PARAMETERS, arguments].concat()).await;
        until("the demo is complete", async || data.join("state/demo.done").exists().then_some(())).await;
        let ports = std::fs::read(data.join("state/ports.json")).expect("ports");
        let ports: Value = serde_json::from_slice(&ports).expect("JSON");
        let at = |name: &str| format!("http://127.0.0.1:{}", ports[name]);
        let mut traders = Vec::new();
        for trader in TRADERS {
            traders.push(Person::sign_in(&api, &format!("{trader}@example.com"), "Florin-demo-1").await);
        }
        let (root, aws_url) = (Http::new(at("api")), at("aws"));
        (running, Self { api, root, aws: Http::new(aws_url.clone()), aws_url, traders })
    }

    pub async fn page(&self, method: Method, path: &str, body: &Value) -> Value {
        self.root.send(method, path, &[], body.to_string()).await.expect("an answer").expect(200).body
    }

    pub async fn faults(&self, plan: &Value) {
        self.page(Method::PUT, "/_local/faults", plan).await;
    }

    /// A call to the AWS port.
    pub async fn call(&self, target: &str, body: Value) -> Answer {
        let signed =
            "AWS4-HMAC-SHA256 Credential=local/20261121/eu-west-1/any/aws4_request, SignedHeaders=host, Signature=0";
        let headers = [
            ("x-amz-target", target),
            ("content-type", "application/x-amz-json-1.0"),
            ("authorization", signed),
            ("x-amz-date", "20261121T000000Z"),
        ];
        self.aws.send(Method::POST, "/", &headers, body.to_string()).await.expect("an answer").expect(200)
    }

    /// Calls a function directly; `Err` if it died.
    pub async fn invoke(&self, folder: &str, event: &Value) -> Result<Value, String> {
        let path = format!("/2015-03-31/functions/florin-{folder}/invocations");
        let answer = self.aws.send(Method::POST, &path, &[], event.to_string()).await?;
        if answer.status == 200 && !answer.headers.contains_key("x-amz-function-error") {
            Ok(answer.body)
        } else {
            Err(answer.text)
        }
    }

    /// Puts dead letters back, as the runbook says; how many.
    pub async fn redrive(&self, dead: &str, queue: &str) -> usize {
        let url = |name: &str| format!("{}/000000000000/{name}", self.aws_url);
        let ask = json!({"QueueUrl": url(dead), "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]});
        let got = self.call("AmazonSQS.ReceiveMessage", ask).await.body;
        let messages = got["Messages"].as_array().cloned().unwrap_or_default();
        for message in &messages {
            let again = json!({"QueueUrl": url(queue), "MessageBody": message["Body"],
                "MessageGroupId": message["Attributes"]["MessageGroupId"],
                "MessageDeduplicationId": format!("again-{}", message["MessageId"].as_str().expect("an id"))});
            self.call("AmazonSQS.SendMessage", again).await;
            let done = json!({"QueueUrl": url(dead), "ReceiptHandle": message["ReceiptHandle"]});
            self.call("AmazonSQS.DeleteMessage", done).await;
        }
        messages.len()
    }
}

/// What a queue would hand over.
pub fn batch(symbol: &Symbol, messages: &[Message]) -> Value {
    let records = messages.iter().enumerate().map(|(index, message)| {
        json!({"messageId": format!("rival-{index}"), "receiptHandle": "none", "eventSource": "aws:sqs",
            "body": serde_json::to_string(message).expect("JSON"), "awsRegion": "eu-west-1", "messageAttributes": {},
            "attributes": {"MessageGroupId": symbol.as_str(), "ApproximateReceiveCount": "1"}})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}
