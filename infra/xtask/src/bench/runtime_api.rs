//! One execution environment of one function: its process and the Runtime API it talks to, with a reading of the
//! process at each step. Smaller than the runner's, so that nothing but the function is measured.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use axum::{
    Router,
    body::Bytes,
    extract::{Path as PathOf, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
    time::timeout,
};

use super::process::{Usage, usage};

/// How long a function may take for anything; the template's timeouts are shorter.
const PATIENCE: Duration = Duration::from_secs(30);

/// A moment in the life of the process.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// When the request of the process arrived.
    pub at: Instant,
    /// What it had used by then.
    pub usage: Usage,
}

/// What a function answered.
#[derive(Debug)]
pub struct Answer {
    /// The payload.
    pub payload: Bytes,
    /// From handing out the event to the answer.
    pub took: Duration,
    /// The process when it answered.
    pub reading: Reading,
}

enum Arrival {
    Ready(Reading),
    Answered(Bytes, Reading),
    Failed(String),
}

struct Api {
    pid: OnceLock<u32>,
    arrivals: UnboundedSender<Arrival>,
    events: tokio::sync::Mutex<UnboundedReceiver<Bytes>>,
    arn: String,
}

/// A running function. Killed when dropped.
pub struct Function {
    child: Child,
    started: Instant,
    /// The process at its first request for work.
    pub ready: Reading,
    arrivals: UnboundedReceiver<Arrival>,
    events: UnboundedSender<Bytes>,
    log: Arc<Mutex<Vec<u8>>>,
    server: JoinHandle<()>,
}

impl Function {
    /// Starts a bootstrap with exactly this environment and waits until it asks for work.
    pub async fn start(bootstrap: &Path, environment: &BTreeMap<String, String>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (arrivals_in, mut arrivals) = mpsc::unbounded_channel();
        let (events, events_out) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            pid: OnceLock::new(),
            arrivals: arrivals_in,
            events: tokio::sync::Mutex::new(events_out),
            arn: environment.get("FUNCTION_ARN").cloned().unwrap_or_default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .with_state(api.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("Runtime API: {error}");
            }
        });

        let started = Instant::now();
        let mut child = Command::new(bootstrap)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| bootstrap.display().to_string())?;
        let pid = child.id().context("the function ended at once")?;
        api.pid.get_or_init(|| pid);
        let log = Arc::default();
        keep(child.stdout.take(), &log);
        keep(child.stderr.take(), &log);
        let ready = tokio::select! {
            arrival = timeout(PATIENCE, arrivals.recv()) => arrival.context("the function does not ask for work")?,
            status = child.wait() => bail!("the function ended while starting ({}): {}", status?, text(&log)),
        };
        match ready {
            Some(Arrival::Ready(ready)) => Ok(Self { child, started, ready, arrivals, events, log, server }),
            Some(Arrival::Failed(message)) => bail!("the function failed while starting: {message}"),
            Some(Arrival::Answered(..)) | None => bail!("the function answered before it was asked"),
        }
    }

    /// How long from exec to this reading.
    pub fn since_exec(&self, reading: &Reading) -> Duration {
        reading.at.duration_since(self.started)
    }

    /// One invocation, up to the answer; the next one waits until the function asks for work again.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Answer> {
        let begun = Instant::now();
        self.events.send(event).map_err(|_| anyhow!("the Runtime API has ended"))?;
        let (payload, reading) = match self.arrival().await? {
            Arrival::Answered(payload, reading) => (payload, reading),
            Arrival::Failed(message) => bail!("the function failed: {message}\n{}", self.log()),
            Arrival::Ready(_) => bail!("the function asked for work without answering"),
        };
        match self.arrival().await? {
            Arrival::Ready(_) => Ok(Answer { payload, took: reading.at.duration_since(begun), reading }),
            Arrival::Answered(..) | Arrival::Failed(_) => bail!("the function answered twice"),
        }
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// How many bytes it has written to its log so far.
    pub fn log_bytes(&self) -> usize {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What the process has used by now.
    pub fn usage(&self) -> Result<Usage> {
        usage(self.child.id().context("the function has ended")?)
    }

    async fn arrival(&mut self) -> Result<Arrival> {
        tokio::select! {
            arrival = timeout(PATIENCE, self.arrivals.recv()) =>
                arrival.context("the function does not answer")?.context("the Runtime API has ended"),
            status = self.child.wait() => bail!("the function ended ({}): {}", status?, text(&self.log)),
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn keep(output: Option<impl AsyncRead + Unpin + Send + 'static>, log: &Arc<Mutex<Vec<u8>>>) {
    let log = log.clone();
    if let Some(mut output) = output {
        tokio::spawn(async move {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = output.read(&mut buffer).await {
                log.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
            }
        });
    }
}

fn text(log: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&log.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

impl Api {
    /// The process is waiting for our answer, so its figures stand still while they are read.
    async fn reading(&self) -> Option<Reading> {
        let at = Instant::now();
        let pid = loop {
            match self.pid.get() {
                Some(pid) => break *pid,
                None => tokio::task::yield_now().await,
            }
        };
        Some(Reading { at, usage: usage(pid).ok()? })
    }

    async fn arrived(&self, arrival: impl FnOnce(Reading) -> Arrival) {
        let arrival = match self.reading().await {
            Some(reading) => arrival(reading),
            None => Arrival::Failed("its figures do not read".into()),
        };
        // The receiver is gone only when the function is being dropped.
        self.arrivals.send(arrival).ok();
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    api.arrived(Arrival::Ready).await;
    match api.events.lock().await.recv().await {
        None => StatusCode::GONE.into_response(),
        Some(event) => {
            let deadline = std::time::SystemTime::now() + PATIENCE;
            let deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
            let headers = [
                ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
                ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
                ("Lambda-Runtime-Invoked-Function-Arn", api.arn.clone()),
                (
                    "Lambda-Runtime-Trace-Id",
                    "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
                ),
                ("Content-Type", "application/json".to_owned()),
            ];
            (headers, event).into_response()
        }
    }
}

async fn response(State(api): State<Arc<Api>>, PathOf(_): PathOf<String>, body: Bytes) -> StatusCode {
    api.arrived(|reading| Arrival::Answered(body, reading)).await;
    StatusCode::ACCEPTED
}

async fn error(State(api): State<Arc<Api>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let kind =
        headers.get("Lambda-Runtime-Function-Error-Type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    api.arrivals.send(Arrival::Failed(format!("{kind} {}", String::from_utf8_lossy(&body)))).ok();
    StatusCode::ACCEPTED
}
