//! What each order costs on its way, function by function: invocations, requests and units, CPU, log, and dollars.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::Result;
use local::Log;
use tokio::task::JoinHandle;

use super::super::{
    counter::{Consumed, Counter},
    prices::{DYNAMODB_MS, PRICES},
    process::usage,
    report::{table, us},
    stage::Stage,
};

/// The pause between two looks at the invocations, of which only the latest are remembered.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes that functions log.
#[derive(Clone, Default)]
pub struct Logged(Arc<AtomicU64>);

impl Logged {
    /// A log that is counted and kept by nobody.
    pub fn log(&self) -> Log {
        let bytes = self.0.clone();
        Log::new(Some(Arc::new(move |line: local_lambda::LogLine| {
            bytes.fetch_add(line.text.len() as u64, Ordering::Relaxed);
        })))
    }
}

/// Counts from its start on.
pub struct Watch {
    invocations: Arc<Mutex<BTreeMap<String, u64>>>,
    looking: JoinHandle<()>,
    cpu: BTreeMap<String, Duration>,
    logged: u64,
}

impl Watch {
    /// Starts counting.
    pub fn start(stage: &Stage, counter: &Counter, logged: &Logged) -> Result<Self> {
        counter.take();
        let invocations = Arc::<Mutex<BTreeMap<String, u64>>>::default();
        let (lambda, counts, since) = (stage.lambda().clone(), invocations.clone(), SystemTime::now());
        let looking = tokio::spawn(async move {
            let mut seen = HashSet::new();
            loop {
                for record in lambda.invocations().into_iter().filter(|record| record.started_at >= since) {
                    if seen.insert(record.request_id) {
                        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                        *counts.entry(record.function).or_default() += 1;
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        let logged = logged.0.load(Ordering::Relaxed);
        Ok(Self { invocations, looking, cpu: cpu(&counter.url), logged })
    }

    /// What was counted, for each of so many orders.
    pub fn stop(self, stage: &Stage, counter: &Counter, logged: &Logged, orders: u64) -> Result<Ways> {
        self.looking.abort();
        let orders = orders.max(1) as f64;
        let mut functions = BTreeMap::<String, Way>::new();
        for (key, consumed) in counter.take_by_caller() {
            let name = stage.lambda().process(&key).map_or("gone".to_owned(), |process| process.function);
            functions.entry(name).or_default().consumed.merge(consumed);
        }
        for (name, count) in self.invocations.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            functions.entry(name.clone()).or_default().invocations = *count;
        }
        for (name, used) in cpu(&counter.url) {
            let before = self.cpu.get(&name).copied().unwrap_or_default();
            functions.entry(name).or_default().cpu = used.saturating_sub(before);
        }
        for function in stage.functions() {
            if let Some(way) = functions.remove(&function.name) {
                functions.insert(function.folder.clone(), Way { memory_mb: function.memory_mb, ..way });
            }
        }
        functions.retain(|_, way| way.invocations > 0 || !way.consumed.requests.is_empty());
        let log = (logged.0.load(Ordering::Relaxed) - self.logged) as f64 / orders;
        Ok(Ways { functions, orders, log })
    }
}

/// What one function did.
#[derive(Default)]
struct Way {
    invocations: u64,
    consumed: Consumed,
    cpu: Duration,
    memory_mb: u32,
}

/// What all of them did for a number of orders.
pub struct Ways {
    functions: BTreeMap<String, Way>,
    orders: f64,
    log: f64,
}

impl Ways {
    /// Write units of an order, tables and indexes.
    pub fn write_units(&self) -> f64 {
        let sum: f64 = self.functions.values().map(|way| way.consumed.table_writes + way.consumed.index_writes).sum();
        sum / self.orders
    }

    /// Prints it.
    pub fn print(&self) {
        let each = |figure: f64| format!("{:.2}", figure / self.orders);
        let rows: Vec<_> = self
            .functions
            .iter()
            .map(|(name, way)| {
                vec![
                    name.clone(),
                    each(way.invocations as f64),
                    each(way.consumed.requests.len() as f64),
                    each(way.consumed.table_writes),
                    each(way.consumed.index_writes),
                    each(way.consumed.reads),
                    us(way.cpu.div_f64(self.orders)),
                ]
            })
            .collect();
        table(&["function", "calls", "requests", "WRU", "index", "RRU", "cpu µs"], &rows);
        let puts = |way: &Way| way.consumed.requests.iter().filter(|request| *request == "PutItem").count() as f64;
        if let Some(way) = self.functions.get("orders-match") {
            println!("orders to a put of the matcher: {:.1}", self.orders / puts(way).max(1.0));
        }
        let parts = self.dollars();
        let total: f64 = parts.iter().map(|(_, dollars)| dollars).sum();
        let parts: Vec<_> = parts.iter().map(|(name, dollars)| format!("{name} {dollars:.2}")).collect();
        println!("dollars per million orders: {total:.2} ({})\n", parts.join(", "));
    }

    /// Of a million orders, part by part. CPU is given in proportion to memory: 1,769 MB are one core; a request to
    /// DynamoDB is billed as [`DYNAMODB_MS`]. The queue's requests: one to send, two for each batch that is received.
    fn dollars(&self) -> [(&'static str, f64); 5] {
        let (mut lambda, mut dynamodb, mut fifo) = (0.0, 0.0, 1.0);
        for (name, way) in &self.functions {
            let memory = f64::from(way.memory_mb.max(128));
            let own = way.cpu.as_secs_f64() * (1769.0 / memory).max(1.0);
            let billed = own + DYNAMODB_MS / 1e3 * way.consumed.requests.len() as f64;
            let calls = way.invocations as f64 / self.orders;
            lambda += calls * PRICES.invocations + billed / self.orders * memory / 1024.0 * 1e6 * PRICES.gb_second;
            let writes = way.consumed.table_writes + way.consumed.index_writes;
            dynamodb += (writes * PRICES.writes + way.consumed.reads * PRICES.reads) / self.orders;
            if name == "orders-match" {
                fifo += 2.0 * calls;
            }
        }
        [
            ("API", PRICES.api),
            ("DynamoDB", dynamodb),
            ("Lambda", lambda),
            ("queue", fifo * PRICES.fifo),
            ("logs", self.log / 1e9 * 1e6 * PRICES.log_gb),
        ]
    }
}

/// CPU time of the processes that were told of this DynamoDB, by function.
fn cpu(dynamodb: &str) -> BTreeMap<String, Duration> {
    let mut sums = BTreeMap::<String, Duration>::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    for pid in processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok()) {
        // What is not ours may not be read, and what has just ended cannot.
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { continue };
        let environment = String::from_utf8_lossy(&environment);
        let variable = |name: &str| environment.split('\0').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        if variable("AWS_ENDPOINT_URL_DYNAMODB") == Some(dynamodb)
            && let Some(function) = variable("AWS_LAMBDA_FUNCTION_NAME")
            && let Ok(usage) = usage(pid)
        {
            *sums.entry(function.to_owned()).or_default() += usage.cpu;
        }
    }
    sums
}
