//! Runs queries: a few at a time, on threads of their own, each within its bounds and able to be stopped.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{interval, timeout};

use crate::executions::{Execution, Executions, Request, State};
use crate::failure::Failure;
use crate::results::Writer;
use crate::session::Session;
use crate::sql::{Asked, Malformed, Sql};
use crate::types::ResultColumn;
use crate::{Catalogue, Table, location};

/// Below the folder of the objects, where no bucket can be: a bucket's name does not begin with a point.
const OWN: &str = ".athena";
/// A thread's stack. Trees as deep as a query may be are taken down on it, level by level.
const STACK: usize = 256 * 1024 * 1024;
/// How often a running query is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a query may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Memory for sorting, joining and grouping, in bytes.
    pub memory: usize,
    /// Time, once it runs.
    pub time: Duration,
    /// Bytes of its result.
    pub result: u64,
    /// Queries that run at once.
    pub running: usize,
    /// Queries that wait for their turn.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 512 * 1024 * 1024,
            time: Duration::from_secs(60),
            result: 256 * 1024 * 1024,
            running: 3,
            waiting: 200,
        }
    }
}

/// Athena. Clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) objects: PathBuf,
    pub(crate) executions: Executions,
    limits: Limits,
    turn: Semaphore,
    /// Of each query that has not ended, what stops it.
    stops: Mutex<HashMap<String, Arc<Notify>>>,
    /// `None` only while it is dropped.
    threads: Option<Runtime>,
}

/// Why a query is not begun.
#[derive(Debug)]
pub(crate) enum Refused {
    /// `InvalidRequestException`.
    Invalid(String),
    /// The same, of a query that is none.
    Malformed(String),
    /// `TooManyRequestsException`.
    Busy,
    /// `InternalServerException`.
    Internal(String),
}

/// How a query ended.
enum Outcome {
    Succeeded { columns: Vec<ResultColumn> },
    Failed(Failure),
    Cancelled(&'static str),
}

impl Engine {
    /// An engine with the usual limits, over the objects in a folder: `<objects>/<bucket>/<key>`.
    pub fn new(catalogue: Catalogue, objects: impl Into<PathBuf>) -> Result<Self> {
        Self::with_limits(catalogue, objects, Limits::default())
    }

    /// An engine with limits of its own.
    pub fn with_limits(catalogue: Catalogue, objects: impl Into<PathBuf>, limits: Limits) -> Result<Self> {
        let objects = objects.into();
        std::fs::create_dir_all(&objects).with_context(|| format!("making {}", objects.display()))?;
        let objects = objects.canonicalize()?;
        let executions = Executions::open(objects.join(OWN).join("executions")).context("reading earlier queries")?;
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(limits.running + 1)
            .thread_name("query")
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        let inner = Inner {
            catalogue: Arc::new(catalogue),
            objects,
            executions,
            limits,
            turn: Semaphore::new(limits.running),
            stops: Mutex::default(),
            threads: Some(threads),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How many queries there are in each state, by its name.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        self.inner.executions.counts().into_iter().map(|(state, count)| (state.name(), count)).collect()
    }

    /// Begins a query and answers its id. The same token with the same request is the query that was begun with it.
    pub(crate) async fn start(&self, request: Request) -> Result<String, Refused> {
        let inner = &self.inner;
        if let Some(earlier) = request.token.as_deref().and_then(|token| inner.executions.of_token(token)) {
            return if earlier.request == request {
                Ok(earlier.id)
            } else {
                Err(Refused::Invalid("Idempotent parameters do not match".to_owned()))
            };
        }
        let output = inner.output(&request)?;
        let utility = inner.check(request.query.clone()).await?;
        let id = id();
        let output = format!("{output}{id}.{}", if utility { "txt" } else { "csv" });
        let stop = Arc::new(Notify::new());
        {
            let mut stops = inner.stops.lock().unwrap_or_else(PoisonError::into_inner);
            if stops.len() >= inner.limits.running + inner.limits.waiting {
                return Err(Refused::Busy);
            }
            stops.insert(id.clone(), stop.clone());
        }
        let execution = Execution {
            id: id.clone(),
            request,
            output,
            utility,
            state: State::Queued,
            reason: None,
            submitted: now(),
            started: None,
            completed: None,
            scanned: 0,
            columns: Vec::new(),
        };
        inner.executions.insert(execution.clone()).map_err(|error| Refused::Internal(error.to_string()))?;
        let engine = Arc::downgrade(inner);
        let running = async move {
            // Whoever drops the engine is not kept from it by queries that run.
            let Some(inner) = engine.upgrade() else { return };
            inner.run(&execution, &stop).await;
        };
        inner.threads()?.spawn(running);
        Ok(id)
    }

    /// Stops a query. One that has ended stays as it is.
    pub(crate) fn stop(&self, id: &str) {
        let stops = self.inner.stops.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stop) = stops.get(id) {
            stop.notify_one();
        }
    }
}

impl Inner {
    fn threads(&self) -> Result<&Runtime, Refused> {
        self.threads.as_ref().ok_or_else(|| Refused::Internal("the engine has ended".to_owned()))
    }

    /// Where the result of a request goes: `s3://bucket/prefix/`.
    fn output(&self, request: &Request) -> Result<String, Refused> {
        let group = self.catalogue.work_groups.get(&request.work_group);
        if group.is_none() && request.work_group != "primary" {
            return Err(Refused::Invalid(format!("WorkGroup {} is not found.", request.work_group)));
        }
        let own = request.output.as_ref().filter(|_| !group.is_some_and(|group| group.enforced));
        let output = own.or_else(|| group.and_then(|group| group.output.as_ref()));
        let Some(output) = output else {
            let message = "No output location provided. An output location is required either through the Workgroup result \
                           configuration setting or as an API input.";
            return Err(Refused::Invalid(message.to_owned()));
        };
        let output = if output.ends_with('/') { output.clone() } else { format!("{output}/") };
        match location::folder(&self.objects, &output) {
            Some(_) => Ok(output),
            None => Err(Refused::Invalid(format!("outputLocation is not a valid S3 path: {output}"))),
        }
    }

    /// Whether a query is SHOW or DESCRIBE. Reads it on a thread that is made for deep trees.
    async fn check(&self, query: String) -> Result<bool, Refused> {
        let read = self.threads()?.spawn(async move {
            let asked = Sql::read(&query)?.asked()?;
            Ok::<_, Malformed>(matches!(asked, Asked::Tables(_) | Asked::Databases | Asked::Columns(_)))
        });
        match read.await {
            Ok(Ok(utility)) => Ok(utility),
            Ok(Err(Malformed(message))) => Err(Refused::Malformed(message)),
            Err(error) => Err(Refused::Internal(error.to_string())),
        }
    }

    async fn run(self: &Arc<Self>, execution: &Execution, stop: &Notify) {
        let (id, started) = (&execution.id, std::sync::atomic::AtomicBool::new(false));
        let work = async {
            let _turn = self.turn.acquire().await.map_err(|error| Failure::new("INTERNAL_ERROR", error));
            started.store(true, std::sync::atomic::Ordering::Relaxed);
            self.executions.change(id, |execution| {
                execution.state = State::Running;
                execution.started = Some(now());
            });
            let (inner, execution) = (self.clone(), execution.clone());
            // On a task of its own: what panics there has failed, and what does not let go of its thread can be left to itself.
            let task = tokio::spawn(async move { inner.query(&execution).await });
            let abort = Abort(task.abort_handle());
            let outcome = timeout(self.limits.time, task).await;
            drop(abort);
            match outcome {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => Outcome::Failed(Failure::new("GENERIC_INTERNAL_ERROR", error)),
                Err(_) => {
                    let message = format!("Query exceeded the maximum execution time limit of {:?}", self.limits.time);
                    Outcome::Failed(Failure::new("EXCEEDED_TIME_LIMIT", message))
                }
            }
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = stop.notified() => Outcome::Cancelled("Query cancelled by user"),
        };
        self.executions.change(id, |execution| {
            execution.completed = Some(now());
            match outcome {
                Outcome::Succeeded { columns } => {
                    execution.state = State::Succeeded;
                    execution.columns = columns;
                }
                Outcome::Failed(failure) => {
                    execution.state = State::Failed;
                    execution.reason = Some(failure.0);
                }
                Outcome::Cancelled(reason) => {
                    execution.state = State::Cancelled;
                    execution.reason = Some(reason.to_owned());
                }
            }
        });
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    async fn query(self: &Arc<Self>, execution: &Execution) -> Outcome {
        match self.answer(execution).await {
            Ok(outcome) => outcome,
            Err(failure) => Outcome::Failed(failure),
        }
    }

    async fn answer(self: &Arc<Self>, execution: &Execution) -> Result<Outcome, Failure> {
        let request = &execution.request;
        let syntax = |Malformed(message): Malformed| Failure::new("SYNTAX_ERROR", message);
        let mut sql = Sql::read(&request.query).map_err(syntax)?;
        sql.bind(&request.parameters)?;
        let lines = match sql.asked().map_err(syntax)? {
            Asked::Query(statement) => {
                let session =
                    Session::new(self.catalogue.clone(), self.objects.clone(), &request.database, &self.limits);
                let session = session.map_err(|error| Failure::of(&error, &sql))?;
                let plan = session.plan(*statement, &sql).await.map_err(|error| Failure::of(&error, &sql))?;
                return self.collect(execution, &session, plan, &sql).await;
            }
            Asked::Write => {
                let message = "the local stand-in for Athena reads only: one SELECT, VALUES, SHOW or DESCRIBE";
                return Err(Failure(format!("Insufficient permissions to execute the query. {message}")));
            }
            Asked::Tables(database) => {
                let database = database.unwrap_or_else(|| request.database.clone());
                let tables = self.catalogue.databases.get(&database);
                let tables =
                    tables.ok_or_else(|| Failure(format!("SCHEMA_NOT_FOUND: Schema '{database}' does not exist")))?;
                tables.tables.keys().cloned().collect()
            }
            Asked::Databases => self.catalogue.databases.keys().cloned().collect(),
            Asked::Columns(name) => described(self.named(&name, &request.database)?),
        };
        let mut writer = self.writer(execution)?;
        for line in &lines {
            writer.row([Some(line.as_str())].into_iter()).map_err(internal)?;
        }
        writer.finish().map_err(internal)?;
        Ok(Outcome::Succeeded {
            columns: vec![ResultColumn { kind: "string".to_owned(), ..ResultColumn::text("result") }],
        })
    }

    /// Runs a plan to its end and writes what comes.
    async fn collect(
        &self,
        execution: &Execution,
        session: &Session,
        plan: Arc<dyn ExecutionPlan>,
        sql: &Sql,
    ) -> Result<Outcome, Failure> {
        let group = self.catalogue.work_groups.get(&execution.request.work_group);
        let cutoff = group.and_then(|group| group.bytes_scanned_cutoff).unwrap_or(u64::MAX);
        let columns = columns(&plan.schema());
        let mut writer = self.writer(execution)?;
        writer.row(columns.iter().map(|column| Some(column.name.as_str()))).map_err(internal)?;
        let of_engine = |error| Failure::of(&error, sql);
        let mut batches = execute_stream(plan.clone(), session.tasks()).map_err(of_engine)?;
        let mut look = interval(LOOK);
        loop {
            let ended = tokio::select! {
                batch = batches.next() => match batch {
                    Some(batch) => {
                        writer.batch(&batch.map_err(of_engine)?).map_err(internal)?;
                        false
                    }
                    None => true,
                },
                _ = look.tick() => false,
            };
            let scanned = scanned(&plan);
            self.executions.note_scanned(&execution.id, scanned);
            if scanned > cutoff {
                return Ok(Outcome::Cancelled("Bytes scanned limit was exceeded"));
            }
            if writer.written() > self.limits.result {
                let message = format!("the result is larger than {} bytes", self.limits.result);
                return Err(Failure::new("EXCEEDED_RESULT_LIMIT", message));
            }
            if ended {
                break;
            }
        }
        writer.finish().map_err(internal)?;
        Ok(Outcome::Succeeded { columns })
    }

    fn writer(&self, execution: &Execution) -> Result<Writer, Failure> {
        let target = self.result(&execution.output).ok_or_else(|| internal("there is no place for the result"))?;
        Writer::create(self.objects.join(OWN).join("results").join(&execution.id), target).map_err(internal)
    }

    /// The file of a result.
    pub(crate) fn result(&self, output: &str) -> Option<PathBuf> {
        let (folder, name) = output.rsplit_once('/')?;
        Some(location::folder(&self.objects, &format!("{folder}/"))?.join(name))
    }

    fn named(&self, name: &[String], database: &str) -> Result<&Table, Failure> {
        let (database, table) = match name {
            [.., database, table] => (database.as_str(), table),
            [table] => (database, table),
            [] => return Err(Failure::new("SYNTAX_ERROR", "a table is named")),
        };
        let found = self.catalogue.databases.get(database).and_then(|database| database.tables.get(table));
        found.ok_or_else(|| Failure(format!("TABLE_NOT_FOUND: Table '{database}.{table}' does not exist")))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without waiting: whoever drops the engine may be a thread that must not.
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// Ends a task when it goes.
struct Abort(tokio::task::AbortHandle);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new("GENERIC_INTERNAL_ERROR", error)
}

fn columns(schema: &SchemaRef) -> Vec<ResultColumn> {
    schema.fields().iter().map(|field| ResultColumn::of(field.name(), field.data_type())).collect()
}

fn described(table: &Table) -> Vec<String> {
    let columns = match &table.view {
        Some(view) => &view.columns,
        None => &table.columns,
    };
    let line = |column: &crate::Column| format!("{:<20}\t{:<20}\t{:<20}", column.name, column.kind, "");
    let mut lines: Vec<_> = columns.iter().chain(&table.partition_keys).map(line).collect();
    if !table.partition_keys.is_empty() {
        lines.push(format!("{:<20}\t{:<20}\t{:<20}", "", "", ""));
        lines.push("# Partition Information".to_owned());
        lines.push(format!("{:<20}\t{:<20}\t{:<20}", "# col_name", "data_type", "comment"));
        lines.extend(table.partition_keys.iter().map(line));
    }
    lines
}

/// Bytes that a plan has read so far.
fn scanned(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.sum_by_name("bytes_scanned")).map_or(0, |sum| sum.as_usize());
    own as u64 + plan.children().into_iter().map(scanned).sum::<u64>()
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A random UUID.
pub(crate) fn id() -> String {
    let mut bits = fastrand::u128(..);
    bits = bits & !(0xf << 76) | 0x4 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
