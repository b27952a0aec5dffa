//! One process: what the pool knows of it, and the task that starts, watches and reaps it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use crate::InvokeError;
use crate::environment::environment;
use crate::logs::ProcessLog;
use crate::pool::{Check, Pool};
use crate::runtime_api::{self, Reported};
use crate::spawner::Stamp;

/// How long a dead process's last requests may take to be read from its sockets.
const LAST_REQUESTS: Duration = Duration::from_millis(500);

/// Number of a process within its pool.
pub(crate) type InstanceId = u64;

/// Where the answer of an invocation goes.
pub(crate) type Reply = oneshot::Sender<Result<Bytes, InvokeError>>;

/// An invocation nobody has yet.
pub(crate) struct Pending {
    pub(crate) request_id: Arc<str>,
    pub(crate) payload: Bytes,
    pub(crate) trace: String,
    pub(crate) since: Instant,
    pub(crate) reply: Reply,
}

/// An invocation on its way to a process.
pub(crate) struct Assignment {
    pub(crate) request_id: Arc<str>,
    pub(crate) payload: Bytes,
    pub(crate) trace: String,
    pub(crate) deadline_ms: u64,
}

/// An invocation a process has.
pub(crate) struct Busy {
    pub(crate) request_id: Arc<str>,
    pub(crate) begun: Instant,
    pub(crate) begun_at: SystemTime,
    pub(crate) queued: Duration,
    pub(crate) init: Option<Duration>,
    pub(crate) request_bytes: usize,
    pub(crate) reply: Reply,
}

/// Where a process stands.
pub(crate) enum Phase {
    /// Has not asked for work yet.
    Starting,
    /// Waits for work.
    Idle { since: Instant },
    /// Has an invocation.
    Busy(Busy),
    /// Has answered, or is to end, and has not asked for more.
    Between { since: Instant },
}

/// What the pool knows of one process.
pub(crate) struct Instance {
    pub(crate) phase: Phase,
    pub(crate) spawned: Instant,
    /// With which it signs its requests, and no other process does.
    pub(crate) access_key: Arc<str>,
    /// Its file when it was started; a rebuild makes it differ.
    pub(crate) stamp: Option<Stamp>,
    pub(crate) pid: Option<u32>,
    pub(crate) log: Option<ProcessLog>,
    /// Init duration, until the first invocation takes it along.
    pub(crate) init: Option<Duration>,
    pub(crate) init_error: Option<Reported>,
    /// To be ended rather than given more work.
    pub(crate) retire: bool,
    /// To die in the middle of what it does.
    pub(crate) killed: bool,
    /// Tells the supervisor to kill it.
    pub(crate) kill: Arc<Notify>,
}

impl Instance {
    pub(crate) fn new(access_key: Arc<str>, stamp: Option<Stamp>) -> Instance {
        Instance {
            phase: Phase::Starting,
            spawned: Instant::now(),
            access_key,
            stamp,
            pid: None,
            log: None,
            init: None,
            init_error: None,
            retire: false,
            killed: false,
            kill: Arc::default(),
        }
    }

    /// Takes an invocation on.
    pub(crate) fn begin(&mut self, pending: Pending, timeout: Duration) -> Assignment {
        let (begun, begun_at) = (Instant::now(), SystemTime::now());
        let deadline = (begun_at + timeout).duration_since(SystemTime::UNIX_EPOCH);
        if let Some(log) = &self.log {
            log.start(pending.request_id.clone());
        }
        self.phase = Phase::Busy(Busy {
            request_id: pending.request_id.clone(),
            begun,
            begun_at,
            queued: begun - pending.since,
            init: self.init.take(),
            request_bytes: pending.payload.len(),
            reply: pending.reply,
        });
        Assignment {
            request_id: pending.request_id,
            payload: pending.payload,
            trace: pending.trace,
            deadline_ms: deadline.map_or(0, |since| since.as_millis() as u64),
        }
    }
}

/// How a process ended.
pub(crate) enum End {
    /// It could not be started.
    NotStarted(io::Error),
    /// It ran and ended.
    Exited(ExitStatus),
}

impl End {
    /// What it means for an invocation.
    pub(crate) fn error(&self, request_id: &str) -> InvokeError {
        let (error_type, reason) = self.describe();
        InvokeError::Exited {
            error_type: error_type.to_owned(),
            message: format!("RequestId: {request_id} Error: {reason}"),
        }
    }

    /// Lambda's name and words for it.
    fn describe(&self) -> (&'static str, String) {
        match self {
            End::NotStarted(error) => {
                let reason = format!("Couldn't find valid bootstrap(s): {error}");
                ("Runtime.InvalidEntrypoint", reason)
            }
            End::Exited(status) if status.success() => {
                let reason = "Runtime exited without providing a reason";
                ("Runtime.ExitError", reason.to_owned())
            }
            End::Exited(status) => {
                use std::os::unix::process::ExitStatusExt;
                let reason = match (status.code(), status.signal()) {
                    (Some(code), _) => format!("exit status {code}"),
                    (None, Some(signal)) => format!("signal: {}", signal_name(signal)),
                    (None, None) => "unknown".to_owned(),
                };
                ("Runtime.ExitError", format!("Runtime exited with error: {reason}"))
            }
        }
    }
}

/// As the Go runtime of Lambda's own supervisor prints signals.
fn signal_name(signal: i32) -> String {
    match signal {
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        7 => "bus error".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

/// Starts a process and stays with it until it is dead and reaped.
pub(crate) async fn supervise(pool: Arc<Pool>, id: InstanceId, access_key: Arc<str>, kill: Arc<Notify>) {
    let end = match launch(&pool, id, &access_key).await {
        Ok((child, listener)) => watch(&pool, id, &kill, child, listener).await,
        Err(error) => End::NotStarted(error),
    };
    pool.ended(id, end);
}

async fn launch(pool: &Arc<Pool>, id: InstanceId, access_key: &str) -> io::Result<(Child, TcpListener)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let spec = pool.spec();
    let bootstrap: PathBuf = std::fs::canonicalize(&spec.bootstrap)?;
    let task_root = bootstrap.parent().unwrap_or(Path::new("/"));
    let log_stream = log_stream();
    let runtime_api = listener.local_addr()?.to_string();
    let environment = environment(spec, task_root, &log_stream, &runtime_api, access_key);
    let started = pool.spawner().start(&bootstrap, task_root, environment).await?;
    let source = pool.log_source(log_stream.into(), started.child.id());
    let log = ProcessLog::follow(source, started.output)?;
    pool.launched(id, started.child.id(), log);
    Ok((started.child, listener))
}

async fn watch(pool: &Arc<Pool>, id: InstanceId, kill: &Notify, mut child: Child, listener: TcpListener) -> End {
    let mut connections = JoinSet::new();
    let mut check_at = Instant::now();
    let end = loop {
        tokio::select! {
            status = child.wait() => match status {
                Ok(status) => break End::Exited(status),
                Err(error) => break End::NotStarted(error),
            },
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(runtime_api::serve(stream, pool.clone(), id));
            },
            Some(_) = connections.join_next() => {}
            () = kill.notified() => kill_now(&mut child),
            () = tokio::time::sleep_until(check_at.into()) => match pool.check(id, Instant::now()) {
                Check::At(instant) => check_at = instant,
                Check::Kill => {
                    kill_now(&mut child);
                    check_at = Instant::now() + Duration::from_secs(1);
                }
            },
        }
    };
    // What it sent before it died still counts: its answer may be in the socket.
    let rest = async { while connections.join_next().await.is_some() {} };
    drop(tokio::time::timeout(LAST_REQUESTS, rest).await);
    end
}

/// The process with all it has started. Its exit status arrives through `wait`.
fn kill_now(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = child.id().and_then(|pid| Pid::from_raw(pid as i32));
    if group.is_none_or(|group| kill_process_group(group, Signal::KILL).is_err()) {
        drop(child.start_kill()); // already dead, then
    }
}

/// A log stream's name: day, version, and a number of the environment.
fn log_stream() -> String {
    let day = time::OffsetDateTime::now_utc().date();
    let (year, month, day) = (day.year(), u8::from(day.month()), day.day());
    format!("{year}/{month:02}/{day:02}/[$LATEST]{:032x}", fastrand::u128(..))
}
