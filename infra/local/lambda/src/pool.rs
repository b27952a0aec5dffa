//! The processes of one function and the calls that wait for them.
//!
//! Calls queue; processes take from the queue when they ask for work. So a call that found nobody
//! free is served by whoever is first, a new process or an old one. All state is behind one lock
//! that is never held across an await.

mod closing;
mod killing;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::{Notify, oneshot};

use crate::environment::access_key;
use crate::instance::{Assignment, Busy, End, Instance, InstanceId, Pending, Phase, supervise};
use crate::logs::{self, ProcessLog, Source};
use crate::record::{History, InvocationRecord, Status};
use crate::runtime_api::Reported;
use crate::spawner::{Spawner, Stamp};
use crate::{FunctionSpec, InvokeError, LambdaOptions, PAYLOAD_LIMIT};

/// How long a call waits for a process that has just answered and not yet asked for more, before
/// another is started for it. Without it a caller that calls again at once would start a second one.
const PATIENCE: Duration = Duration::from_millis(20);

/// The answer to a process that asks for work.
pub(crate) enum Next {
    /// Here it is.
    Now(Assignment),
    /// It will come here.
    Parked(oneshot::Receiver<Assignment>),
    /// There will be none: the process is not entitled to it or is being ended.
    Refused,
}

/// What the supervisor is to do, or when to ask again.
pub(crate) enum Check {
    At(Instant),
    Kill,
}

/// One function.
pub(crate) struct Pool {
    spec: FunctionSpec,
    options: LambdaOptions,
    spawner: Spawner,
    history: Arc<History>,
    arn: HeaderValue,
    state: Mutex<State>,
    /// Notified when a process has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Pending>,
    /// Parked processes, the one used last at the end: it is used again first, so that the others rest.
    idle: Vec<(InstanceId, oneshot::Sender<Assignment>)>,
    instances: HashMap<InstanceId, Instance>,
    last_id: InstanceId,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(spec: FunctionSpec, options: LambdaOptions, spawner: Spawner, history: Arc<History>) -> Pool {
        let arn = HeaderValue::from_str(&spec.arn).unwrap_or(HeaderValue::from_static(""));
        Pool { spec, options, spawner, history, arn, state: Mutex::default(), ended: Notify::new() }
    }

    pub(crate) fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    pub(crate) fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    pub(crate) fn arn(&self) -> &HeaderValue {
        &self.arn
    }

    pub(crate) fn instances(&self) -> usize {
        self.state().instances.len()
    }

    pub(crate) fn log_source(&self, log_stream: Arc<str>, pid: Option<u32>) -> Source {
        Source {
            function: self.spec.name.as_str().into(),
            log_stream,
            memory_mb: self.spec.memory_mb,
            pid,
            sink: self.options.logs.clone(),
            history: self.history.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ── What callers ask ────────────────────────────────────────────────────────────────────────

    pub(crate) async fn invoke(
        self: &Arc<Self>,
        request_id: String,
        payload: Bytes,
        trace: Option<&str>,
    ) -> Result<Bytes, InvokeError> {
        let request_id: Arc<str> = request_id.into();
        let (reply, mut answer) = oneshot::channel();
        let waits = self.submit(Pending {
            request_id: request_id.clone(),
            payload,
            trace: trace.map_or_else(crate::new_trace, str::to_owned),
            since: Instant::now(),
            reply,
        })?;
        if waits {
            let limit = self.options.queue_wait;
            tokio::select! {
                biased;
                answer = &mut answer => return answer.unwrap_or(Err(InvokeError::ShuttingDown)),
                () = tokio::time::sleep(PATIENCE.min(limit)) => self.fill(&mut self.state(), false),
            }
            tokio::select! {
                biased;
                answer = &mut answer => return answer.unwrap_or(Err(InvokeError::ShuttingDown)),
                () = tokio::time::sleep(self.options.crowded_after.min(limit)) => self.relieve(&mut self.state()),
            }
            tokio::select! {
                biased;
                answer = &mut answer => return answer.unwrap_or(Err(InvokeError::ShuttingDown)),
                () = tokio::time::sleep(limit) => if self.withdraw(&request_id) {
                    return Err(InvokeError::Throttled);
                },
            }
        }
        answer.await.unwrap_or(Err(InvokeError::ShuttingDown))
    }

    /// Hands the call to a parked process, or queues it; true if it has to wait.
    fn submit(self: &Arc<Self>, pending: Pending) -> Result<bool, InvokeError> {
        let mut state = self.state();
        if state.closed {
            return Err(InvokeError::ShuttingDown);
        }
        while let Some((id, hand)) = state.idle.pop() {
            if let Some(instance) = state.instances.get_mut(&id)
                && !hand.is_closed()
            {
                // If the process dies at this very moment, its supervisor answers for it.
                drop(hand.send(instance.begin(pending, self.spec.timeout)));
                return Ok(false);
            }
        }
        if self.spec.max_instances == 0 || state.queue.len() >= self.options.queue_length {
            return Err(InvokeError::Throttled);
        }
        state.queue.push_back(pending);
        self.fill(&mut state, true);
        Ok(true)
    }

    /// Takes a call back that no process has taken; false if one has.
    fn withdraw(&self, request_id: &str) -> bool {
        let mut state = self.state();
        let before = state.queue.len();
        state.queue.retain(|pending| &*pending.request_id != request_id);
        state.queue.len() < before
    }

    /// Starts processes for the calls that wait, as far as they are worth their start.
    ///
    /// With `patience`, a process that has just answered counts as one that will take a call.
    fn fill(self: &Arc<Self>, state: &mut State, patience: bool) {
        let limit = self.spec.max_instances.min(self.options.eager_instances);
        self.start(state, patience, state.queue.len(), limit);
    }

    /// Starts processes for the calls that have waited so long that the present ones must be waiting for something
    /// themselves: then more of them do more.
    fn relieve(self: &Arc<Self>, state: &mut State) {
        let overdue = |pending: &&Pending| pending.since.elapsed() >= self.options.crowded_after;
        let overdue = state.queue.iter().filter(overdue).count();
        self.start(state, false, overdue, self.spec.max_instances);
    }

    fn start(self: &Arc<Self>, state: &mut State, patience: bool, wanted: usize, limit: usize) {
        let coming = |state: &State| {
            let coming = |instance: &&Instance| match instance.phase {
                Phase::Starting => true,
                Phase::Between { .. } => patience && !instance.retire,
                Phase::Idle { .. } | Phase::Busy(_) => false,
            };
            state.instances.values().filter(coming).count()
        };
        while !state.closed && coming(state) < wanted && state.instances.len() < limit {
            state.last_id += 1;
            let access_key: Arc<str> = access_key(&self.spec.name).into();
            let instance = Instance::new(access_key.clone(), Stamp::of(&self.spec.bootstrap));
            let kill = instance.kill.clone();
            state.instances.insert(state.last_id, instance);
            tokio::spawn(supervise(self.clone(), state.last_id, access_key, kill));
        }
    }

    // ── What processes say ──────────────────────────────────────────────────────────────────────

    pub(crate) fn next(&self, id: InstanceId) -> Next {
        let mut state = self.state();
        let State { queue, idle, instances, closed, .. } = &mut *state;
        let Some(instance) = instances.get_mut(&id) else {
            return Next::Refused;
        };
        match instance.phase {
            Phase::Busy(_) => return Next::Refused,
            Phase::Starting => instance.init = Some(instance.spawned.elapsed()),
            Phase::Idle { .. } => idle.retain(|(parked, _)| *parked != id), // asked again: the first call is void
            Phase::Between { .. } => {}
        }
        if *closed || instance.retire {
            instance.phase = Phase::Between { since: Instant::now() };
            instance.kill.notify_one();
            return Next::Refused;
        }
        while let Some(pending) = queue.pop_front() {
            if !pending.reply.is_closed() {
                return Next::Now(instance.begin(pending, self.spec.timeout));
            }
        }
        let (hand, parked) = oneshot::channel();
        instance.phase = Phase::Idle { since: Instant::now() };
        idle.push((id, hand));
        Next::Parked(parked)
    }

    /// Takes the response of an invocation; false if the process does not have it (any more).
    pub(crate) fn respond(&self, id: InstanceId, request_id: &str, body: Bytes) -> bool {
        self.complete(id, Some(request_id), Ok(body))
    }

    pub(crate) fn respond_too_large(&self, id: InstanceId, request_id: &str) {
        let error = InvokeError::Function {
            error_type: "Function.ResponseSizeTooLarge".to_owned(),
            message: format!("Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."),
            stack: Vec::new(),
        };
        self.complete(id, Some(request_id), Err(error));
    }

    /// Takes the error of an invocation; false if the process does not have it (any more).
    pub(crate) fn fail(&self, id: InstanceId, request_id: &str, error: Reported) -> bool {
        self.complete(id, Some(request_id), Err(error.into()))
    }

    /// Takes the error of an initialisation and ends the process.
    pub(crate) fn fail_init(&self, id: InstanceId, error: Reported) -> bool {
        let mut state = self.state();
        match state.instances.get_mut(&id) {
            Some(instance) if matches!(instance.phase, Phase::Starting) => {
                instance.init_error = Some(error);
                instance.kill.notify_one();
                true
            }
            _ => false,
        }
    }

    fn complete(&self, id: InstanceId, request_id: Option<&str>, result: Result<Bytes, InvokeError>) -> bool {
        let mut state = self.state();
        let Some(instance) = state.instances.get_mut(&id) else {
            return false;
        };
        let between = Phase::Between { since: Instant::now() };
        match std::mem::replace(&mut instance.phase, between) {
            Phase::Busy(busy) if request_id.is_none_or(|id| *busy.request_id == *id) => {
                let log = instance.log.clone();
                let pid = instance.pid.filter(|_| matches!(result, Err(InvokeError::Timeout { .. })));
                drop(state);
                self.finish(busy, result, log.as_ref(), pid);
                true
            }
            other => {
                instance.phase = other;
                false
            }
        }
    }

    /// Answers the caller, then lets log and history know.
    fn finish(&self, busy: Busy, result: Result<Bytes, InvokeError>, log: Option<&ProcessLog>, dying: Option<u32>) {
        let duration = busy.begun.elapsed();
        let status = match &result {
            Ok(_) => Status::Success,
            Err(InvokeError::Timeout { .. }) => Status::Timeout,
            Err(error) => Status::Error { error_type: error.error_type().to_owned(), message: error.to_string() },
        };
        let timed_out = (status == Status::Timeout).then(|| logs::timed_out(&busy.request_id, self.spec.timeout));
        let record = Box::new(InvocationRecord {
            request_id: busy.request_id.to_string(),
            function: self.spec.name.clone(),
            started_at: busy.begun_at,
            duration,
            queued: busy.queued,
            init_duration: busy.init,
            max_memory_used_mb: dying.and_then(logs::peak_memory_mb), // of a living one the log task reads it
            status,
            request_bytes: busy.request_bytes,
        });
        drop(busy.reply.send(result)); // the caller may have left
        match log {
            Some(log) => log.finish(record, timed_out),
            None => self.log_source("".into(), None).never_started(*record),
        }
    }

    // ── What the supervisor sees ────────────────────────────────────────────────────────────────

    pub(crate) fn launched(&self, id: InstanceId, pid: Option<u32>, log: ProcessLog) {
        let mut state = self.state();
        let closed = state.closed;
        if let Some(instance) = state.instances.get_mut(&id) {
            instance.pid = pid;
            instance.log = Some(log);
            if closed {
                instance.kill.notify_one();
            }
        }
    }

    /// Enforces the limits of one process. An invocation that begins after `now` cannot be due before
    /// `now + timeout`, so a check at least that often is never late and needs no wake-up per invocation.
    pub(crate) fn check(&self, id: InstanceId, now: Instant) -> Check {
        let timeout = self.spec.timeout;
        let mut state = self.state();
        let State { idle, instances, .. } = &mut *state;
        let Some(instance) = instances.get_mut(&id) else {
            return Check::Kill;
        };
        let due = match &instance.phase {
            Phase::Starting => instance.spawned + self.options.init_limit.max(timeout),
            Phase::Idle { since } => *since + self.options.idle_limit,
            Phase::Busy(busy) => busy.begun + timeout,
            Phase::Between { since } => *since + timeout,
        };
        if now < due {
            return Check::At(due.min(now + timeout));
        }
        match &instance.phase {
            Phase::Starting => {
                let limit = self.options.init_limit.max(timeout).as_secs_f64();
                instance.init_error = Some(Reported {
                    error_type: "Sandbox.Timedout".to_owned(),
                    message: format!("Initialization timed out after {limit:.2} seconds"),
                    stack: Vec::new(),
                });
            }
            Phase::Idle { .. } => {
                idle.retain(|(parked, _)| *parked != id);
                instance.phase = Phase::Between { since: now };
            }
            Phase::Busy(busy) => {
                let error = InvokeError::Timeout { request_id: busy.request_id.to_string(), after: timeout };
                drop(state);
                self.complete(id, None, Err(error));
            }
            Phase::Between { .. } => {}
        }
        Check::Kill
    }

    /// A process is dead and reaped: whoever waited for it learns, and the queue gets another.
    pub(crate) fn ended(self: &Arc<Self>, id: InstanceId, end: End) {
        let mut state = self.state();
        state.idle.retain(|(parked, _)| *parked != id);
        let Some(instance) = state.instances.remove(&id) else {
            return;
        };
        let failed = match instance.phase {
            Phase::Busy(busy) => {
                let error = end.error(&busy.request_id);
                Some((busy, error))
            }
            // One failed start fails one call: a function that cannot start must not spin, nor hang its callers.
            Phase::Starting => state.queue.pop_front().map(|pending| {
                let error = match instance.init_error {
                    Some(reported) => reported.into(),
                    None => end.error(&pending.request_id),
                };
                if let Some(log) = &instance.log {
                    log.start(pending.request_id.clone());
                }
                (never_begun(pending, instance.spawned), error)
            }),
            Phase::Idle { .. } | Phase::Between { .. } => None,
        };
        self.fill(&mut state, false);
        drop(state);
        if let Some((busy, error)) = failed {
            self.finish(busy, Err(error), instance.log.as_ref(), None);
        }
        self.ended.notify_waiters();
    }
}

/// A call that failed with the start of its process: it lasted as long as that.
fn never_begun(pending: Pending, spawned: Instant) -> Busy {
    Busy {
        request_id: pending.request_id,
        begun: spawned,
        begun_at: SystemTime::now() - spawned.elapsed(),
        queued: spawned.saturating_duration_since(pending.since),
        init: None,
        request_bytes: pending.payload.len(),
        reply: pending.reply,
    }
}
