//! How quick the order book is by itself, on one thread: one million operations of four kinds, `orderbook-rs` beside
//! it with the very same operations in the same run.

mod engine;
mod workload;

use std::time::Instant;

use engine::{Engine, Florin, OrderbookRs};
use rustix::time::{ClockId, clock_gettime};
use workload::{Operation, Workload};

const OPERATIONS: usize = 1_000_000;
/// Ours is run so many times; the median counts.
const RUNS: usize = 5;
/// Bars: operations a second, nanoseconds, and how many times as quick as orderbook-rs. They hold for adds and for what
/// exchanges see (45/45/10); the other rows are there to compare.
const ADDS: f64 = 5e6;
const MIXED: f64 = 10e6;
const P99: u128 = 500;
const TIMES: f64 = 10.0;

struct Figures {
    per_second: f64,
    p50: u128,
    p99: u128,
    p999: u128,
    trades: u64,
    volume: u64,
}

fn main() {
    println!("## The book alone: {OPERATIONS} operations on one thread");
    println!("Operations a second of CPU time; nanoseconds on the clock, with the {} it takes to read it.", clock());
    println!(
        "{:<22} {:<14} {:>10} {:>7} {:>7} {:>8} {:>9} {:>10}",
        "", "", "ops/s", "p50 ns", "p99 ns", "p99.9 ns", "trades", "volume"
    );
    let mut missed = Vec::new();
    // `book-load ours mixed`: only this book, only what begins so. For whoever works on it.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let alone = arguments.first().is_some_and(|word| word == "ours");
    let named = arguments.last().filter(|word| *word != "ours");
    for workload in Workload::all(OPERATIONS) {
        if named.is_some_and(|word| !workload.name.starts_with(word)) {
            continue;
        }
        let ours = measure::<Florin>(&workload, RUNS);
        print("florin", workload.name, &ours);
        if alone {
            continue;
        }
        let theirs = measure::<OrderbookRs>(&workload, 1);
        print("orderbook-rs", "", &theirs);
        let times = ours.per_second / theirs.per_second;
        let agree = if (ours.trades, ours.volume) == (theirs.trades, theirs.volume) {
            "the same trades"
        } else {
            "OTHER TRADES"
        };
        println!("{:<22} {times:.1} times as quick, {agree}", "");
        let bar = match workload.name {
            "adds" => Some(ADDS),
            "mixed 45/45/10" => Some(MIXED),
            _ => None,
        };
        if bar.is_some_and(|bar| ours.per_second < bar) {
            missed.push(format!("{}: {:.2} M/s", workload.name, ours.per_second / 1e6));
        }
        if bar.is_some() && ours.p99 >= P99 {
            missed.push(format!("{}: p99 {} ns", workload.name, ours.p99));
        }
        if bar == Some(MIXED) && times < TIMES {
            missed.push(format!("{}: {times:.1} times orderbook-rs", workload.name));
        }
    }
    match missed.as_slice() {
        _ if alone || named.is_some() => {}
        [] => println!("bars met: adds ≥ 5 M/s, mixed ≥ 10 M/s, p99 < 500 ns, mixed ≥ 10 × orderbook-rs"),
        missed => println!("bars missed: {}", missed.join("; ")),
    }
}

fn measure<E: Engine>(workload: &Workload, runs: usize) -> Figures {
    let mut rates: Vec<f64> = (0..runs).map(|_| rate::<E>(workload)).collect();
    rates.sort_by(f64::total_cmp);
    let (mut engine, operations) = prepared::<E>(workload);
    let mut samples = Vec::with_capacity(operations.len());
    let mut before = Instant::now();
    for operation in &operations {
        engine.apply(operation);
        let now = Instant::now();
        samples.push(now - before);
        before = now;
    }
    samples.sort_unstable();
    let at = |per_mille: usize| samples[samples.len() * per_mille / 1000].as_nanos();
    let (trades, volume) = engine.traded();
    Figures { per_second: rates[rates.len() / 2], p50: at(500), p99: at(990), p999: at(999), trades, volume }
}

fn rate<E: Engine>(workload: &Workload) -> f64 {
    let (mut engine, operations) = prepared::<E>(workload);
    let start = cpu_seconds();
    for operation in &operations {
        engine.apply(operation);
    }
    operations.len() as f64 / (cpu_seconds() - start)
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn prepared<E: Engine>(workload: &Workload) -> (E, Vec<E::Operation>) {
    let mut engine = E::new();
    for operation in &workload.before {
        engine.apply(&E::operation(operation));
    }
    engine.forget_traded();
    let translate = |operation: &Operation| E::operation(operation);
    (engine, workload.operations.iter().map(translate).collect())
}

fn clock() -> u128 {
    let start = Instant::now();
    for _ in 0..1_000_000 {
        std::hint::black_box(Instant::now());
    }
    start.elapsed().as_nanos() / 1_000_000
}

fn print(engine: &str, workload: &str, figures: &Figures) {
    let Figures { per_second, p50, p99, p999, trades, volume } = figures;
    println!(
        "{workload:<22} {engine:<14} {:>8.2} M {p50:>7} {p99:>7} {p999:>8} {trades:>9} {volume:>10}",
        per_second / 1e6
    );
}
