//! Event sources: what invokes functions besides the API. Queues, table streams and schedules, as the template says.
//!
//! ```text
//! queue ─────► sqs.rs ──────┐ batch          ┌─ done: delete, or move the checkpoint on
//! table ─────► stream.rs ───┼──────► function┤
//! clock ─────► schedule.rs ─┘ event          └─ failed: try again, halve, or tell the destination
//! ```
//!
//! Each mapping is one task. It knows functions by [`Invoke`] only, so that the logic runs in tests without a
//! process. Nothing here may acknowledge what a function has not, or lose its place when the runner is killed.

mod asynchronous;
mod batch;
mod board;
mod cron;
mod filter;
mod schedule;
mod sqs;
mod state;
mod stream;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::future::BoxFuture;
use local_lambda::{InvokeError, Lambda};
use local_sqs::{SendOptions, Sqs};
use local_template::{Event, Function};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::faults::Faults;
use crate::log::Log;

pub use asynchronous::{Asynchronous, Target};
pub use board::{Board, Source};

/// How long batches under way may take at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// Most bytes of one event (AWS: 6 MB, less what the runner adds around the records).
const EVENT_BYTES: usize = 6_000_000;

/// Calls a function and waits for its answer.
pub trait Invoke: Send + Sync + 'static {
    /// Invokes `function`, a name or ARN, under this request id.
    fn invoke(
        &self,
        function: &str,
        request_id: &str,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, InvokeError>>;
}

impl Invoke for Lambda {
    fn invoke(
        &self,
        function: &str,
        request_id: &str,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, InvokeError>> {
        let (lambda, function, request_id) = (self.clone(), function.to_owned(), request_id.to_owned());
        Box::pin(async move { lambda.invoke_as(&request_id, &function, payload, None).await })
    }
}

/// What every mapping works with.
#[derive(Clone)]
pub struct Services {
    /// The functions.
    pub invoke: Arc<dyn Invoke>,
    /// The queues, as sources and as destinations.
    pub sqs: Sqs,
    /// Where it says what went wrong.
    pub log: Log,
    /// What is to go wrong.
    pub(crate) faults: Arc<Faults>,
    /// Where every mapping shows.
    pub board: Board,
}

/// Why the sources cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A filter, a schedule or a time zone that cannot be served.
    #[error("event {event} of function {function}: {reason}")]
    Event {
        /// Physical name of the function.
        function: String,
        /// The event's name in the template.
        event: String,
        /// What is wrong.
        reason: String,
    },
    /// The state file cannot be read.
    #[error("state of the event sources in {file}: {source}")]
    State {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Most invocations of a function that its queues and streams make at once.
pub fn most_at_once(function: &Function) -> usize {
    let at_once = |event: &Event| match event {
        Event::Sqs(source) if source.enabled => sqs::concurrency(function, source),
        Event::Stream(source) if source.enabled => 1,
        Event::Api(_) | Event::Sqs(_) | Event::Stream(_) | Event::Schedule(_) => 0,
    };
    function.events.iter().map(at_once).sum::<u32>() as usize
}

/// All event source mappings of a stack, running.
pub struct Sources {
    stop: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

impl Sources {
    /// Starts the mappings of these functions that are enabled. `state_file` holds their positions from run to run.
    ///
    /// The queues and tables must exist by then. Must be called inside a tokio runtime.
    pub fn start(
        services: &Services,
        database: &dynoxide::Database,
        functions: &[Function],
        state_file: &Path,
    ) -> Result<Sources, SourceError> {
        let state = state::State::open(state_file)
            .map_err(|source| SourceError::State { file: state_file.display().to_string(), source })?;
        let state = Arc::new(state);
        let asynchronous = Arc::new(Asynchronous::new(services.clone()));
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for function in functions {
            for event in &function.events {
                let refuse = |event: &str, reason: String| SourceError::Event {
                    function: function.name.clone(),
                    event: event.to_owned(),
                    reason,
                };
                match event {
                    Event::Sqs(source) if source.enabled => {
                        let mapping = sqs::Mapping::new(services.clone(), function, source)
                            .map_err(|error| refuse(&source.name, error.to_string()))?;
                        tasks.spawn(Arc::new(mapping).run(stopped.clone()));
                    }
                    Event::Stream(source) if source.enabled => {
                        let reader = stream::Reader::new(database.clone(), &source.stream_arn, &function.arn);
                        let mapping = stream::Mapping::new(services.clone(), state.clone(), function, source)
                            .map_err(|error| refuse(&source.name, error.to_string()))?;
                        tasks.spawn(mapping.run(reader, stopped.clone()));
                    }
                    Event::Schedule(source) if source.enabled => {
                        let schedule =
                            schedule::Schedule::new(source, function).map_err(|reason| refuse(&source.name, reason))?;
                        let shown = Source::new(function, &source.name, board::Kind::Schedule, &source.name, None);
                        let shown = services.board.add(shown);
                        let running = schedule.run(asynchronous.clone(), state.clone(), shown, stopped.clone());
                        tasks.spawn(running);
                    }
                    Event::Api(_) | Event::Sqs(_) | Event::Stream(_) | Event::Schedule(_) => {}
                }
            }
        }
        Ok(Sources { stop, tasks: Mutex::new(tasks) })
    }

    /// Takes nothing more, lets batches under way finish for a moment, then ends them. What was not acknowledged comes
    /// again at the next start.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_GRACE, all).await.is_err() {
            tasks.shutdown().await;
        }
    }
}

/// Completes when the runner stops.
async fn stopping(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    drop(stop.wait_for(|stop| *stop).await);
}

/// What a destination is told of a failed invocation, beside what it was about.
fn failure(function_arn: &str, request_id: &str, condition: &str, attempts: u32, error: Option<&InvokeError>) -> Value {
    let mut message = json!({
        "version": "1.0",
        "timestamp": timestamp(SystemTime::now()),
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
    });
    if let Some(error) = error {
        let mut context = json!({"statusCode": 200, "executedVersion": "$LATEST"});
        if error.is_function_error() {
            context["functionError"] = json!("Unhandled");
        }
        message["responseContext"] = context;
    }
    message
}

impl Services {
    /// Sends to a destination queue. That it cannot is said, not hidden, and stops nothing.
    fn tell(&self, destination: Option<&str>, message: &Value) {
        if let Some(queue) = destination
            && let Err(error) = self.sqs.send(queue, &message.to_string(), &SendOptions::default())
        {
            self.say(format!("a failed event could not be sent to {queue}: {error}"));
        }
    }

    fn say(&self, text: String) {
        self.log.line("event sources", text);
    }
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn timestamp(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let seconds = at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at.millisecond())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) mod testing {
    //! A function for tests: answers as told and keeps what it was given.

    use std::collections::VecDeque;

    use local_sqs::ManualClock;

    use super::*;

    type Answer = Box<dyn Fn(&Value) -> Result<String, InvokeError> + Send + Sync>;

    /// Answers each event by a rule and remembers all of them.
    pub struct Scripted {
        answer: Answer,
        events: Mutex<VecDeque<Value>>,
    }

    impl Scripted {
        pub fn new(answer: impl Fn(&Value) -> Result<String, InvokeError> + Send + Sync + 'static) -> Arc<Scripted> {
            Arc::new(Scripted { answer: Box::new(answer), events: Mutex::default() })
        }

        pub fn events(&self) -> Vec<Value> {
            self.events.lock().unwrap().iter().cloned().collect()
        }

        /// One field of every record of every event, event by event.
        pub fn seen(&self, pointer: &str) -> Vec<Vec<String>> {
            let field = |record: &Value| record.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
            let records = |event: &Value| event["Records"].as_array().unwrap().iter().map(field).collect();
            self.events().iter().map(records).collect()
        }
    }

    impl Invoke for Scripted {
        fn invoke(&self, _: &str, _: &str, payload: Bytes) -> BoxFuture<'static, Result<Bytes, InvokeError>> {
            let event: Value = serde_json::from_slice(&payload).unwrap();
            let answer = (self.answer)(&event).map(Bytes::from);
            self.events.lock().unwrap().push_back(event);
            Box::pin(async move { answer })
        }
    }

    /// What a function says that failed.
    pub fn failed(message: &str) -> InvokeError {
        InvokeError::Function { error_type: "Error".into(), message: message.into(), stack: Vec::new() }
    }

    /// A function and queues, and nobody to listen.
    pub fn services(invoke: Arc<dyn Invoke>, sqs: &Sqs) -> Services {
        let faults = Arc::new(Faults::new(&[function()]));
        Services { invoke, sqs: sqs.clone(), log: Log::default(), faults, board: Board::default() }
    }

    /// Faults for that function.
    pub fn plan(services: &Services, plan: &Value) {
        let plan = crate::faults::FaultPlan::parse(plan.to_string().as_bytes()).unwrap();
        services.faults.set(plan).unwrap();
    }

    /// Queues in a folder of their own.
    pub fn queues(names: &[&str]) -> (tempfile::TempDir, Sqs) {
        let folder = tempfile::tempdir().unwrap();
        let sqs =
            Sqs::open(&folder.path().join("sqs.db"), "http://localhost:4566", "000000000000", "eu-west-1").unwrap();
        for name in names {
            let fifo = name.ends_with(".fifo").then(|| ("FifoQueue".to_owned(), "true".to_owned()));
            sqs.ensure_queue(name, &fifo.into_iter().collect()).unwrap();
        }
        (folder, sqs)
    }

    /// As `queues`, with none yet and a clock that stands still.
    pub fn queues_on_a_clock() -> (tempfile::TempDir, Sqs, Arc<ManualClock>) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(1_800_000_000_000));
        let (file, url) = (folder.path().join("sqs.db"), "http://localhost:4566");
        let sqs = Sqs::open_with_clock(&file, url, "000000000000", "eu-west-1", clock.clone()).unwrap();
        (folder, sqs, clock)
    }

    /// The bodies in a queue, taken out of it.
    pub async fn drain(sqs: &Sqs, queue: &str) -> Vec<Value> {
        let messages = sqs.receive(queue, 10, Duration::ZERO).await.unwrap();
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    /// Waits for a condition, with a limit.
    pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let limit = std::time::Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(std::time::Instant::now() < limit, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn function() -> Function {
        Function {
            logical_id: "Settle".into(),
            name: "florin-Settle".into(),
            folder: "settle".into(),
            arn: "arn:aws:lambda:eu-west-1:000000000000:function:florin-Settle".into(),
            timeout_s: 3,
            memory_mb: 128,
            environment: Default::default(),
            events: Vec::new(),
            log_group: "/florin/settle".into(),
            on_failure: None,
            max_retry_attempts: None,
            max_event_age_s: None,
            reserved_concurrency: None,
        }
    }
}
