//! AWS Lambda on one machine: the Runtime API and a pool of real `bootstrap` processes.
//!
//! ```text
//! invoke ──► queue of the function ──► process that asks GET …/invocation/next
//!    ▲                                          │
//!    └──────────── POST …/response | …/error ◄──┘
//! ```
//!
//! Each process is one execution environment: it serves one invocation at a time, is started when a
//! request finds nobody free, stays warm, and is killed at its timeout or after a long rest. What AWS
//! does to a function that fails, exits, hangs or answers too much happens here in the same words.
//!
//! This crate knows nothing of Florin, of the template or of other services. It must never let a
//! child outlive it (not even after `kill -9`), never hand the host's environment to a function, and
//! never answer an invocation twice.

mod environment;
mod error;
mod instance;
mod logs;
mod pool;
mod record;
mod runtime_api;
mod spawner;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use error::InvokeError;
pub use logs::{LogKind, LogLine, LogSink, stderr_sink};
pub use record::{InvocationRecord, Status};

/// Largest request or response of a synchronous invocation, in bytes (AWS quota: 6 MB).
pub const PAYLOAD_LIMIT: usize = 6_291_556;

/// One function as the pool runs it.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Physical name, `AWS_LAMBDA_FUNCTION_NAME`.
    pub name: String,
    /// ARN without a version.
    pub arn: String,
    /// The executable; its folder is the task root.
    pub bootstrap: PathBuf,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// What the function is told it has. Not enforced.
    pub memory_mb: u32,
    /// How many processes may run at the same time; zero throttles every call. See also
    /// [`LambdaOptions::eager_instances`].
    pub max_instances: usize,
    /// The function's own variables. The reserved ones of Lambda win over them.
    pub environment: BTreeMap<String, String>,
    /// CloudWatch log group, told to the function.
    pub log_group: String,
}

/// What holds for every function of the pool.
#[derive(Clone)]
pub struct LambdaOptions {
    /// Where log lines go; `None` drops them.
    pub logs: Option<LogSink>,
    /// A process that served nothing for so long is ended.
    pub idle_limit: Duration,
    /// How long a process may take from its start to its first `next` (AWS: 10 s); never less than
    /// the function's timeout.
    pub init_limit: Duration,
    /// Longest wait for a process, an initialisation included, before a call is throttled.
    pub queue_wait: Duration,
    /// Most calls that wait for one function; one more is throttled at once.
    pub queue_length: usize,
    /// Up to so many processes of a function are started as soon as a call waits. More only wait for each other on
    /// the cores of one machine, unless they wait for something else: then calls begin to stay waiting.
    pub eager_instances: usize,
    /// For a call that has waited so long one more process is started, up to the function's limit.
    pub crowded_after: Duration,
    /// How many finished invocations are remembered.
    pub history: usize,
}

impl Default for LambdaOptions {
    fn default() -> LambdaOptions {
        LambdaOptions {
            logs: None,
            idle_limit: Duration::from_secs(300),
            init_limit: Duration::from_secs(10),
            queue_wait: Duration::from_secs(29), // the caller behind API Gateway is gone after that
            queue_length: 1000,
            eager_instances: 16,
            crowded_after: Duration::from_millis(500),
            history: 500,
        }
    }
}

/// All functions and their processes. Cheap to clone; every clone is the same pool.
///
/// Must be used inside a tokio runtime with I/O and time enabled. When the last clone is dropped the
/// processes are killed; [`Lambda::shutdown`] does so in order.
#[derive(Clone)]
pub struct Lambda {
    inner: Arc<Inner>,
}

/// One process, as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Physical name of its function.
    pub function: String,
    /// Whether it is being killed.
    pub dying: bool,
}

struct Inner {
    pools: HashMap<String, Arc<pool::Pool>>,
    history: Arc<record::History>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.pools.values().for_each(|pool| pool.close());
    }
}

impl Lambda {
    /// Prepares the pool. Nothing is started before the first call.
    pub fn new(functions: Vec<FunctionSpec>, options: LambdaOptions) -> Lambda {
        let history = Arc::new(record::History::new(options.history));
        let spawner = spawner::Spawner::new();
        let pools = functions
            .into_iter()
            .map(|spec| {
                let name = spec.name.clone();
                let pool = pool::Pool::new(spec, options.clone(), spawner.clone(), history.clone());
                (name, Arc::new(pool))
            })
            .collect();
        Lambda { inner: Arc::new(Inner { pools, history }) }
    }

    /// Runs one synchronous invocation and waits for its answer.
    ///
    /// `name_or_arn` is a physical name or an ARN, with or without a version. `trace` is an X-Ray
    /// header to pass on; without one a new root is made. The invocation goes on if the caller stops
    /// waiting once a process has it.
    pub async fn invoke(&self, name_or_arn: &str, payload: Bytes, trace: Option<&str>) -> Result<Bytes, InvokeError> {
        self.invoke_as(&request_id(), name_or_arn, payload, trace).await
    }

    /// As [`Lambda::invoke`], under a request id of the caller's: an asynchronous event keeps its id
    /// from attempt to attempt.
    pub async fn invoke_as(
        &self,
        request_id: &str,
        name_or_arn: &str,
        payload: Bytes,
        trace: Option<&str>,
    ) -> Result<Bytes, InvokeError> {
        let pool = self
            .inner
            .pools
            .get(function_name(name_or_arn))
            .ok_or_else(|| InvokeError::NotFound(name_or_arn.to_owned()))?;
        if payload.len() > PAYLOAD_LIMIT {
            return Err(InvokeError::PayloadTooLarge(payload.len()));
        }
        pool.invoke(request_id.to_owned(), payload, trace).await
    }

    /// Finished invocations, newest first, as many as [`LambdaOptions::history`] says.
    pub fn invocations(&self) -> Vec<InvocationRecord> {
        self.inner.history.newest_first()
    }

    /// Processes that run at this moment, by function name.
    pub fn instances(&self) -> BTreeMap<String, usize> {
        self.inner.pools.iter().map(|(name, pool)| (name.clone(), pool.instances())).collect()
    }

    /// The process that signs its requests with this access key, its `AWS_ACCESS_KEY_ID`. Every process has its own.
    pub fn process(&self, access_key: &str) -> Option<Process> {
        let mut pools = self.inner.pools.iter();
        pools.find_map(|(name, pool)| Some(Process { function: name.clone(), dying: pool.dying(access_key)? }))
    }

    /// Kills the process that signs with this access key, by `SIGKILL` and whatever it is doing, and completes when it
    /// is dead and reaped. Its invocation fails as on AWS, with `Runtime.ExitError`; the next one gets another process.
    pub async fn kill(&self, access_key: &str) {
        if let Some(pool) = self.inner.pools.values().find(|pool| pool.kill(access_key)) {
            pool.gone(access_key).await;
        }
    }

    /// Retires the processes whose bootstrap has changed on disk: the idle ones now, the busy ones
    /// after their invocation. Answers the names of the functions concerned.
    pub fn reload(&self) -> Vec<String> {
        let mut changed: Vec<String> =
            self.inner.pools.iter().filter(|(_, pool)| pool.reload()).map(|(name, _)| name.clone()).collect();
        changed.sort();
        changed
    }

    /// Refuses new calls, gives running ones a moment to finish, then kills and reaps every process.
    pub async fn shutdown(&self) {
        futures::future::join_all(self.inner.pools.values().map(|pool| pool.shutdown())).await;
    }
}

/// A new request id: a random (version 4) UUID.
pub fn request_id() -> String {
    let random = fastrand::u128(..);
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4_u128 << 76) | (0x2_u128 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[0..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

/// A new X-Ray root, not sampled.
fn new_trace() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.map_or(0, |since| since.as_secs());
    let (high, low, parent) = (fastrand::u32(..), fastrand::u64(..), fastrand::u64(..));
    format!("Root=1-{seconds:08x}-{high:08x}{low:016x};Parent={parent:016x};Sampled=0")
}

/// The function's name in `name`, `name:version`, or `arn:aws:lambda:region:account:function:name[:version]`.
fn function_name(name_or_arn: &str) -> &str {
    let name = match name_or_arn.split_once(":function:") {
        Some((_, name)) => name,
        None => name_or_arn,
    };
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_by_name_and_by_arn_with_or_without_a_version() {
        for given in [
            "florin-transfers",
            "florin-transfers:$LATEST",
            "arn:aws:lambda:eu-west-1:000000000000:function:florin-transfers",
            "arn:aws:lambda:eu-west-1:000000000000:function:florin-transfers:live",
        ] {
            assert_eq!(function_name(given), "florin-transfers", "{given}");
        }
    }

    #[test]
    fn a_request_id_is_a_version_four_uuid() {
        let id = request_id();
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(&id[14..15], "4", "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, request_id());
    }
}
