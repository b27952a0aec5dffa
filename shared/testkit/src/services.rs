//! The other AWS services of one test behind one port: queues (the runner's own, set up from the template), a secret,
//! and an SNS that fails the way it is told to.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws::client::Environment;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use local_sqs::{ManualClock, Sqs};
use local_template::Options;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::dynamo::root;

const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "000000000000";

/// Isolated services for as long as the test runs.
#[derive(Clone)]
pub struct Services {
    endpoint: String,
    inner: Arc<Inner>,
}

struct Inner {
    sqs: Sqs,
    clock: Arc<ManualClock>,
    /// Logical id and name of each queue.
    queues: Vec<(String, String)>,
    sms: Mutex<Vec<SentSms>>,
    sns: Mutex<Sns>,
    secret_readings: AtomicUsize,
    _directory: tempfile::TempDir,
}

/// What reached a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentSms {
    /// The phone.
    pub to: String,
    /// What it says.
    pub text: String,
    /// `AWS.SNS.SMS.SMSType`.
    pub kind: String,
}

/// How SNS does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sns {
    /// Well.
    #[default]
    Works,
    /// Takes no more at the moment (400 `Throttling`); sends nothing.
    Throttles,
    /// Does not like the number (400 `InvalidParameter`); sends nothing.
    Refuses,
    /// Breaks down (500) without having sent anything, which nobody can know.
    Breaks,
    /// Sends, but its answer gets lost.
    LosesAnswers,
}

impl Services {
    /// The value of every secret.
    pub const SECRET: &'static str = "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ0123";

    /// Starts them.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(ManualClock::at(1_795_208_400_000));
        let file = directory.path().join("queues.sqlite");
        let sqs = Sqs::open_with_clock(&file, &endpoint, ACCOUNT, REGION, clock.clone()).expect("a queue store");
        let stack = local_template::load(&root().join("template.yaml"), &Options::local(&endpoint));
        let mut queues = Vec::new();
        for queue in stack.expect("template.yaml reads").queues() {
            sqs.ensure_queue(&queue.name, &queue.attributes).expect("the queue is made");
            queues.push((queue.logical_id.clone(), queue.name.clone()));
        }
        let inner = Arc::new(Inner {
            sqs,
            clock,
            queues,
            sms: Mutex::default(),
            sns: Mutex::default(),
            secret_readings: AtomicUsize::new(0),
            _directory: directory,
        });
        serve(listener, inner.clone());
        Self { endpoint, inner }
    }

    /// What clients are built from.
    pub fn environment(&self) -> Environment {
        Environment::at(&self.endpoint, REGION).expect("a client")
    }

    /// The URL of a queue of the template, by its logical id.
    pub fn queue_url(&self, logical_id: &str) -> String {
        self.inner.sqs.url(self.inner.queue(logical_id))
    }

    /// Takes every message that can be received now, as JSON.
    pub async fn take(&self, logical_id: &str) -> Vec<Value> {
        let (queue, mut bodies) = (self.inner.queue(logical_id), Vec::new());
        loop {
            let messages = self.inner.sqs.receive(queue, 10, Duration::ZERO).await.expect("a receive");
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                self.inner.sqs.delete(queue, &message.receipt_handle).expect("a delete");
                bodies.push(serde_json::from_str(&message.body).expect("JSON"));
            }
        }
    }

    /// Hands a batch of up to ten messages to a function as an event source does: deletes what its answer does not name
    /// as failed. How many there were.
    pub async fn deliver(&self, logical_id: &str, function: impl AsyncFnOnce(Value) -> Value) -> usize {
        let queue = self.inner.queue(logical_id);
        let messages = self.inner.sqs.receive(queue, 10, Duration::ZERO).await.expect("a receive");
        if messages.is_empty() {
            return 0;
        }
        let records: Vec<_> = messages.iter().map(local_sqs::Message::to_record).collect();
        let answer = function(json!({"Records": records})).await;
        let failed = answer["batchItemFailures"].as_array().expect("failures");
        for message in &messages {
            if !failed.iter().any(|failure| failure["itemIdentifier"] == json!(message.message_id)) {
                self.inner.sqs.delete(queue, &message.receipt_handle).expect("a delete");
            }
        }
        messages.len()
    }

    /// Lets this much time pass for the queues.
    pub fn advance(&self, time: Duration) {
        self.inner.clock.advance(time);
    }

    /// From now on SNS does like this.
    pub fn set_sns(&self, sns: Sns) {
        *self.inner.sns.lock().expect("a lock") = sns;
    }

    /// Every SMS that reached a phone, oldest first.
    pub fn sms(&self) -> Vec<SentSms> {
        self.inner.sms.lock().expect("a lock").clone()
    }

    /// How often a secret was read.
    pub fn secret_readings(&self) -> usize {
        self.inner.secret_readings.load(Ordering::SeqCst)
    }
}

impl Inner {
    fn queue(&self, logical_id: &str) -> &str {
        let found = self.queues.iter().find(|(id, _)| id == logical_id);
        &found.unwrap_or_else(|| panic!("template.yaml has no queue {logical_id}")).1
    }

    /// An error closes the connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        match target.split_once('.') {
            Some(("AmazonSQS", _)) => Ok(self.sqs.handle(Request::from_parts(parts, body)).await.map(Full::new)),
            Some(("secretsmanager", "GetSecretValue")) => {
                self.secret_readings.fetch_add(1, Ordering::SeqCst);
                Ok(document(200, json!({"Name": "secret", "SecretString": Services::SECRET}).to_string()))
            }
            _ => self.publish(&body),
        }
    }

    fn publish(&self, form: &[u8]) -> io::Result<Response<Full<Bytes>>> {
        let form: Vec<_> = form_urlencoded::parse(form).into_owned().collect();
        let field = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name);
            found.map_or(String::new(), |(_, value)| value.clone())
        };
        assert_eq!(field("Action"), "Publish");
        let refuse = |status: u16, code: &str| {
            let message = format!("{} is not possible", field("PhoneNumber"));
            let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
            Ok(document(status, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")))
        };
        let send = || {
            assert_eq!(field("MessageAttributes.entry.1.Name"), "AWS.SNS.SMS.SMSType");
            self.sms.lock().expect("a lock").push(SentSms {
                to: field("PhoneNumber"),
                text: field("Message"),
                kind: field("MessageAttributes.entry.1.Value.StringValue"),
            });
        };
        let sns = *self.sns.lock().expect("a lock");
        match sns {
            Sns::Throttles => refuse(400, "Throttling"),
            Sns::Refuses => refuse(400, "InvalidParameter"),
            Sns::Breaks => refuse(500, "InternalError"),
            Sns::LosesAnswers => {
                send();
                Err(io::Error::other("the answer is lost"))
            }
            Sns::Works => {
                send();
                let result = "<PublishResult><MessageId>m</MessageId></PublishResult>";
                Ok(document(200, format!("<PublishResponse>{result}</PublishResponse>")))
            }
        }
    }
}

fn document(status: u16, body: String) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body.into())).expect("a response")
}

fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let listener = listener.into_std().expect("a listener");
    // A thread of its own: SQLite blocks, and a test's runtime may have one thread only.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let inner = inner.clone();
                let service = service_fn(move |request| {
                    let inner = inner.clone();
                    async move { inner.answer(request).await }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
    });
}
