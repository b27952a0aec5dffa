//! Closed-loop load: each client sends its next request when the last one is answered.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::task::JoinSet;

use super::report::percentile;

/// One client of a load.
pub trait Work: Send + 'static {
    /// One request, to its answer. An error is counted and printed once per client.
    fn once(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// What a number of clients did in a time.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// How many clients.
    pub clients: usize,
    /// Answers per second.
    pub per_second: f64,
    /// Median latency.
    pub p50: Duration,
    /// 95th percentile.
    pub p95: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// Requests that failed.
    pub errors: usize,
}

/// Lets these clients work: a fifth of the time unmeasured, to warm up, then the time itself.
pub async fn run<W: Work>(clients: Vec<W>, time: Duration) -> Figures {
    let count = clients.len();
    let begin = Instant::now() + time / 5;
    let end = begin + time;
    let mut tasks = JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let (mut latencies, mut errors) = (Vec::new(), Vec::new());
            loop {
                let sent = Instant::now();
                if sent >= end {
                    return (latencies, errors);
                }
                let outcome = client.once().await;
                match outcome {
                    // Counted where it was answered, so that slow answers are not lost at the edges.
                    Ok(()) if sent >= begin => latencies.push(sent.elapsed()),
                    Ok(()) => {}
                    Err(error) => {
                        errors.push(error);
                        tokio::time::sleep(Duration::from_millis(10)).await; // a broken path must not spin
                    }
                }
            }
        });
    }
    let (mut latencies, mut errors) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((mut of_client, failures)) => {
                latencies.append(&mut of_client);
                errors += failures.len();
                if let Some(error) = failures.first() {
                    eprintln!("a client of {count}: {error:#}");
                }
            }
            Err(error) => {
                errors += 1;
                eprintln!("a client of {count} ended: {error}");
            }
        }
    }
    let elapsed = begin.elapsed().as_secs_f64();
    Figures {
        clients: count,
        per_second: latencies.len() as f64 / elapsed,
        p50: percentile(&mut latencies, 50),
        p95: percentile(&mut latencies, 95),
        p99: percentile(&mut latencies, 99),
        errors,
    }
}
