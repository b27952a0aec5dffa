//! Orders through everything: API, queue, matcher, journal, settlement; on one symbol and on twenty.
//!
//! First as many as they can be, and then half as many, with half of all orders trading. Every order that was taken
//! must have ended or stand in its book afterwards, and the audit must be clean.

mod ways;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::watch;

use crate::{
    client::Client,
    market::{
        drive,
        floor::{Floor, Plan},
        tally::Tally,
        trader::{Style, Trader},
    },
};

use super::{
    counter::Counter,
    load,
    report::{ms, table},
    stage::Stage,
};
use ways::Ways;

/// How many symbols at once, what their base assets are called, and the bar in orders per second.
const LEVELS: [(usize, &str, f64); 2] = [(1, "ONE", 200.0), (20, "MANY", 400.0)];
const TRADERS: usize = 40;
/// From the request to the answer that tells of the trade, at half load.
const BAR_TRADE: Duration = Duration::from_millis(100);
/// Write units of an order, half of them trading.
const BAR_UNITS: f64 = 7.0;
/// The orders that are waiting are settled within this.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two looks whether they are. Each costs a call of `orders`, which is seen in its figures.
const LOOK: Duration = Duration::from_millis(100);

/// Measures and prints.
pub async fn report(root: &Path, binaries: &Path, seconds: u64) -> Result<()> {
    let counter = Counter::listen().await?;
    let logged = ways::Logged::default();
    let stage = Stage::start_with(root, binaries, |config| {
        config.data = binaries.join("data-exchange");
        config.dynamodb = Some(counter.url.clone());
        config.log = logged.log();
    });
    let stage = stage.await?;
    counter.lead_to(&stage.dynamodb_url());
    let outcome = levels(&stage, &counter, &logged, Duration::from_secs(seconds)).await;
    stage.stop().await;
    outcome
}

/// What one level has shown.
struct Level {
    symbols: usize,
    orders: u64,
    accepted_per_second: f64,
    per_second: f64,
    half: f64,
    traded: usize,
    order_to_trade: [Duration; 2],
    trading: f64,
    errors: u64,
    ways: Ways,
}

async fn levels(stage: &Stage, counter: &Counter, logged: &ways::Logged, time: Duration) -> Result<()> {
    println!("\n## The exchange: {TRADERS} traders, half of all orders trade ({} s each)\n", time.as_secs());
    let admin = stage.employ("bench-admin", "admins").await.context("an admin")?;
    let mut done = Vec::new();
    for (symbols, name, _) in LEVELS {
        let plan = Plan { name, symbols, traders: TRADERS, seed: 1, still: true };
        let floor = Floor::open(&stage.api_url(), &admin.token, plan).await?;
        done.push(level(stage, &floor, counter, logged, time).await.with_context(|| format!("{symbols} symbols"))?);
    }
    print(&done);
    let report = stage.audit().await?;
    println!(
        "audit: clean, {} wallets, {} assets",
        report["wallets"],
        report["assets"].as_object().map_or(0, |a| a.len())
    );
    let queues = stage.page("/_local/queues").await?;
    for queue in queues.as_array().into_iter().flatten() {
        let dead = queue["name"].as_str().unwrap_or_default().contains("dead-letters");
        ensure!(!dead || queue["available"] == 0, "dead letters: {queue}");
    }
    let errors: u64 = done.iter().map(|level| level.errors).sum();
    ensure!(errors == 0, "{errors} requests failed");
    Ok(())
}

async fn level(
    stage: &Stage,
    floor: &Floor,
    counter: &Counter,
    logged: &ways::Logged,
    time: Duration,
) -> Result<Level> {
    let tally = Arc::new(Tally::remembering());
    let quick = Style::Half { wait: false };
    // Processes, connections and books get warm.
    load::run(Trader::all(floor, quick, "warm", &tally).await?, Duration::from_secs(1)).await;
    settled(floor, &tally).await?;

    let watch = ways::Watch::start(stage, counter, logged)?;
    let before = tally.all().orders;
    let traders = Trader::all(floor, quick, "full", &tally).await?;
    let started = Instant::now();
    let accepted = load::run(traders, time).await;
    settled(floor, &tally).await?;
    let took = started.elapsed();
    let orders = tally.all().orders - before;
    let ways = watch.stop(stage, counter, logged, orders)?;
    let per_second = orders as f64 / took.as_secs_f64();

    let half = per_second / 2.0;
    let paced = Arc::new(Tally::remembering());
    let traders = Trader::all(floor, Style::Half { wait: true }, "half", &paced).await?;
    let (_end, ended) = watch::channel(false);
    drive(traders, half, Some(time), ended).await;
    settled(floor, &paced).await?;
    let paced_all = paced.all();
    let (traded, order_to_trade) = paced_all.traded();

    let trading = check(floor, &[tally.accepted(), paced.accepted()].concat()).await?;
    Ok(Level {
        symbols: floor.markets.len(),
        orders,
        accepted_per_second: accepted.per_second,
        per_second,
        half: paced_all.orders as f64 / time.as_secs_f64(),
        traded,
        order_to_trade,
        trading,
        errors: tally.all().failed() + paced_all.failed(),
        ways,
    })
}

/// Waits until the last order of each trader is settled, and with it all earlier ones of its book.
async fn settled(floor: &Floor, tally: &Tally) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    let accepted = tally.accepted();
    for seat in &floor.seats {
        let Some((_, order)) = accepted.iter().rev().find(|(trader, _)| *trader == seat.index) else { continue };
        let mut client = Client::connect(&floor.api, Some(&seat.customer.token)).await?;
        while client.get(&format!("/orders/{order}")).await?.expect(200)?["status"] == "pending" {
            if Instant::now() > until {
                bail!("{order} is not settled in {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// Every order that was taken is listed for who placed it, and has ended or stands in its book. Answers the share that
/// has traded.
async fn check(floor: &Floor, accepted: &[(usize, String)]) -> Result<f64> {
    let (mut traded, mut missing) = (0_usize, Vec::new());
    for seat in &floor.seats {
        let mut client = Client::connect(&floor.api, Some(&seat.customer.token)).await?;
        let mut listed = std::collections::HashMap::new();
        let mut path = "/orders?limit=200".to_owned();
        loop {
            let page = client.get(&path).await?.expect(200)?;
            for order in page["items"].as_array().into_iter().flatten() {
                let [id, status, filled] =
                    ["order_id", "status", "filled_quantity"].map(|name| order[name].as_str().unwrap_or_default());
                let filled = filled.parse::<f64>().is_ok_and(|filled| filled > 0.0);
                listed.insert(id.to_owned(), (status.to_owned(), filled));
            }
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/orders?limit=200&cursor={cursor}");
        }
        for (_, order) in accepted.iter().filter(|(trader, _)| *trader == seat.index) {
            match listed.get(order) {
                Some((status, filled)) if status != "pending" => traded += usize::from(*filled),
                other => missing.push(format!("{order} {:?}", other.map(|(status, _)| status))),
            }
        }
    }
    ensure!(missing.is_empty(), "{} orders are lost: {}", missing.len(), missing[..missing.len().min(5)].join(", "));
    Ok(traded as f64 / accepted.len().max(1) as f64)
}

fn print(levels: &[Level]) {
    let rows: Vec<_> = levels
        .iter()
        .map(|level| {
            let [p50, p99] = level.order_to_trade.map(ms);
            let figures =
                [level.accepted_per_second, level.per_second, level.half].map(|figure| format!("{figure:.0}"));
            let [accepted, settled, half] = figures;
            vec![
                level.symbols.to_string(),
                level.orders.to_string(),
                accepted,
                settled,
                half,
                level.traded.to_string(),
                p50,
                p99,
                format!("{:.0} %", level.trading * 100.0),
                level.errors.to_string(),
            ]
        })
        .collect();
    let header =
        ["symbols", "orders", "taken/s", "settled/s", "half load/s", "trades", "p50 ms", "p99", "trading", "errors"];
    table(&header, &rows);
    println!(
        "settled/s: from the first request until the last order is settled. p50, p99: from POST to the answer that tells of the trade, at half load."
    );
    for (level, (symbols, _, bar)) in levels.iter().zip(LEVELS) {
        let verdict = |met: bool| if met { "met" } else { "missed" };
        let units = level.ways.write_units();
        println!(
            "{symbols} symbols: {bar} orders/s {}, order to trade < {} ms {}, {units:.2} write units an order, ≤ {BAR_UNITS} {}",
            verdict(level.per_second >= bar),
            BAR_TRADE.as_millis(),
            verdict(level.order_to_trade[0] < BAR_TRADE),
            verdict(units <= BAR_UNITS),
        );
    }
    println!();
    for level in levels {
        println!(
            "Each order on its way, at full load over {} symbols (with the looks whether it is settled):",
            level.symbols
        );
        level.ways.print();
    }
}
