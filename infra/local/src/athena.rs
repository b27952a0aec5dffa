//! Athena's engine: a process of its own, because it takes as long to build as everything else together. It is built when the
//! bank is up, started when it is built, started again when it ends, and ended with the runner. Until it runs, whoever asks is
//! told why it does not.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::aws_endpoint;
use crate::binaries;
use crate::log::Log;
use crate::serve::stopped;

/// The engine's binary.
pub const BINARY: &str = "local-athena";

/// How long it may take to say on which port it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long it is left alone after it has ended by itself.
const PAUSE: Duration = Duration::from_secs(2);
/// How often a binary that is not there is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// What the engine needs to know.
pub struct Settings {
    /// Whether the template has a catalogue at all.
    pub needed: bool,
    /// The repository.
    pub root: PathBuf,
    /// Cargo's profile.
    pub profile: String,
    /// Whether to build it.
    pub build: bool,
    /// Where it is, once it is built.
    pub binary: PathBuf,
    /// The catalogue's file.
    pub catalogue: PathBuf,
    /// The folder of the buckets.
    pub objects: PathBuf,
    /// Where cargo's words go.
    pub build_log: PathBuf,
    /// Where its own go.
    pub log: Log,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The template has no catalogue.
    NotNeeded,
    /// The bank is not up yet.
    Waiting,
    /// Cargo is at it, and there is none from before.
    Building,
    /// There is none, and nobody builds it or it does not build.
    Missing,
    /// It has been started.
    Starting,
    /// It answers.
    Running { port: u16, process: Option<u32> },
    /// It has ended, and why.
    Ended(String),
}

/// The engine. Clones share it.
#[derive(Clone)]
pub struct Athena {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    client: Client<HttpConnector, Full<Bytes>>,
    state: Mutex<State>,
    stop: watch::Sender<bool>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

struct State {
    phase: Phase,
    since: SystemTime,
    starts: u64,
    /// What cargo did, if it did not end well.
    build_failed: Option<String>,
}

/// A process that listens.
struct Process {
    child: Child,
    port: u16,
    /// Its further words, so that it never waits for somebody to read them.
    errors: Lines<BufReader<ChildStderr>>,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Athena {
    /// An engine that is not begun.
    pub fn new(settings: Settings) -> Self {
        let phase = if settings.needed { Phase::Waiting } else { Phase::NotNeeded };
        let state = State { phase, since: SystemTime::now(), starts: 0, build_failed: None };
        let inner = Inner {
            settings,
            client: aws_endpoint::client(),
            state: Mutex::new(state),
            stop: watch::Sender::new(false),
            keeper: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Begins: builds it where that is asked for, and keeps it running from then on.
    pub fn begin(&self) {
        if self.inner.settings.needed {
            let keeper = tokio::spawn(keep(self.inner.clone()));
            *self.inner.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper);
        }
    }

    /// Ends it.
    pub async fn shutdown(&self) {
        self.inner.stop.send_replace(true);
        let keeper = self.inner.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            drop(keeper.await);
        }
    }

    /// Serves one request of Athena or Glue.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let Phase::Running { port, .. } = self.inner.state().phase else {
            return unavailable(&self.summary());
        };
        match self.inner.forward(port, request).await {
            Ok(response) => response,
            Err(error) => unavailable(&format!("Athena's engine does not answer: {error:#}")),
        }
    }

    /// How far it is, in one line.
    pub fn summary(&self) -> String {
        let state = self.inner.state();
        let log = self.inner.settings.build_log.display();
        let text = match &state.phase {
            Phase::NotNeeded => "not needed: the template has no catalogue".to_owned(),
            Phase::Waiting | Phase::Building => {
                format!("building; its queries are answered in some minutes, cargo's words are in {log}")
            }
            Phase::Missing => format!("missing: there is no {}", self.inner.settings.binary.display()),
            Phase::Starting => "starting".to_owned(),
            Phase::Running { .. } => "running".to_owned(),
            Phase::Ended(why) => format!("started again soon: {why}"),
        };
        match &state.build_failed {
            Some(how) => format!("{text} (it does not build, {how}: see {log})"),
            None => text,
        }
    }

    /// The page: how far it is, since when, and its queries.
    pub async fn page(&self) -> Value {
        let (phase, since, starts) = {
            let state = self.inner.state();
            (state.phase.clone(), state.since, state.starts)
        };
        let name = match phase {
            Phase::NotNeeded => "not_needed",
            Phase::Waiting | Phase::Building => "building",
            Phase::Missing => "missing",
            Phase::Starting => "starting",
            Phase::Running { .. } => "running",
            Phase::Ended(_) => "ended",
        };
        let mut page = json!({
            "state": name,
            "detail": self.summary(),
            "since": crate::sources::timestamp(since),
            "starts": starts,
            "build_log": self.inner.settings.build_log,
        });
        if let Phase::Running { port, process } = phase {
            page["process"] = process.into();
            let asked = Request::get("/health").body(Bytes::new()).context("asking for its health");
            let health = match asked {
                Ok(asked) => self.inner.forward(port, asked).await,
                Err(error) => Err(error),
            };
            page["queries"] = match health {
                Ok(response) => serde_json::from_slice::<Value>(response.body()).unwrap_or_default()["queries"].clone(),
                Err(error) => format!("{error:#}").into(),
            };
        }
        page
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase) {
        let mut state = self.state();
        if state.phase != phase {
            (state.phase, state.since) = (phase, SystemTime::now());
        }
    }

    async fn forward(&self, port: u16, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = Uri::try_from(format!("http://127.0.0.1:{port}{path}"))?;
        for header in [HOST, CONTENT_LENGTH] {
            parts.headers.remove(header);
        }
        let response = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
        let (mut parts, body) = response.into_parts();
        parts.headers.remove(CONTENT_LENGTH);
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    /// Has cargo build it, or find that there is nothing to do.
    async fn build(&self) {
        let outcome = async {
            let log = std::fs::File::create(&self.settings.build_log)?;
            let mut cargo = binaries::cargo(&self.settings.root, &self.settings.profile, &[BINARY.to_owned()]);
            cargo.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let status = cargo.status().await?;
            if !status.success() {
                bail!("{status}");
            }
            Ok(())
        };
        let failed = outcome.await.err().map(|error: anyhow::Error| format!("{error:#}"));
        if let Some(how) = &failed {
            let log = self.settings.build_log.display();
            self.settings.log.line("athena", format!("the engine does not build, {how}: see {log}"));
        }
        self.state().build_failed = failed;
    }

    /// Starts it and waits until it listens.
    async fn start(&self) -> Result<Process> {
        let settings = &self.settings;
        let mut command = Command::new(&settings.binary);
        command.arg("--catalogue").arg(&settings.catalogue).arg("--objects").arg(&settings.objects);
        // The other end of its standard input is ours: it ends when we do, whatever ends us.
        command.arg("--until-stdin-closes").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().process_group(0).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| settings.binary.display().to_string())?;
        let (output, errors) = (child.stdout.take().context("no output")?, child.stderr.take().context("no output")?);
        let (mut output, mut errors) = (BufReader::new(output).lines(), BufReader::new(errors).lines());
        let line = timeout(START_LIMIT, output.next_line()).await.context("it does not say where it listens")??;
        let port = line.as_deref().and_then(|line| line.rsplit_once(':')?.1.parse().ok());
        let Some(port) = port else {
            let why = timeout(START_LIMIT, errors.next_line()).await.ok().and_then(Result::ok).flatten();
            bail!("{}", why.or(line).unwrap_or_else(|| "it has ended without a word".to_owned()));
        };
        Ok(Process { child, port, errors, _output: output })
    }
}

/// Builds and runs the engine until it is time to stop.
async fn keep(inner: Arc<Inner>) {
    let mut stop = inner.stop.subscribe();
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = building_and_running(&inner) => {}
    }
    inner.set(Phase::Missing);
}

async fn building_and_running(inner: &Arc<Inner>) {
    let built = watch::Sender::new(!inner.settings.build);
    let build = async {
        if inner.settings.build {
            inner.build().await;
            built.send_replace(true);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = build => {}
        () = running(inner, built.subscribe()) => {}
    }
}

async fn running(inner: &Arc<Inner>, mut built: watch::Receiver<bool>) {
    loop {
        let Some(stamp) = stamp(&inner.settings.binary) else {
            inner.set(if *built.borrow() { Phase::Missing } else { Phase::Building });
            sleep(LOOK).await;
            continue;
        };
        inner.set(Phase::Starting);
        let why = match inner.start().await {
            Err(error) => format!("{error:#}"),
            Ok(mut process) => {
                inner.state().starts += 1;
                inner.set(Phase::Running { port: process.port, process: process.child.id() });
                match outlived(inner, &mut process, stamp, &mut built).await {
                    // A newer one waits.
                    None => continue,
                    Some(why) => why,
                }
            }
        };
        inner.settings.log.line("athena", format!("the engine has ended: {why}"));
        inner.set(Phase::Ended(why));
        sleep(PAUSE).await;
    }
}

type Stamp = (Option<SystemTime>, u64);

/// Identity of the binary: a build changes it.
fn stamp(binary: &std::path::Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(binary).ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}

/// Waits until a process ends and says why; `None` if a build has made a newer one.
async fn outlived(
    inner: &Inner,
    process: &mut Process,
    stamped: Stamp,
    built: &mut watch::Receiver<bool>,
) -> Option<String> {
    let mut last = None;
    let mut waits = !*built.borrow_and_update();
    loop {
        tokio::select! {
            status = process.child.wait() => {
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                return Some(last.map_or(status.clone(), |last| format!("{status}: {last}")));
            }
            Ok(Some(line)) = process.errors.next_line() => {
                inner.settings.log.line("athena", line.clone());
                last = Some(line);
            }
            changed = built.changed(), if waits => {
                waits = changed.is_ok() && !*built.borrow_and_update();
                if stamp(&inner.settings.binary).is_some_and(|now| now != stamped) {
                    drop(process.child.kill().await);
                    return None;
                }
            }
        }
    }
}

fn unavailable(why: &str) -> Response<Bytes> {
    let body = json!({"__type": "ServiceUnavailableException", "message": why, "Message": why});
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static("ServiceUnavailableException"));
    response
}
