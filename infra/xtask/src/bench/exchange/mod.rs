//! Orders through everything: API, queue, matcher, journal, settlement; on one symbol and on twenty.
//!
//! First as many as they can be, and then half as many, with half of all orders trading. Then once more as many as they
//! can be, with a proxy before DynamoDB that counts: it takes its share of the machine, so the rates are taken without it.
//! Every order that was taken must have ended or stand in its book afterwards, and the audit must be clean.

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
/// As quick as they can.
const QUICK: Style = Style::Half { wait: false };
/// From the request to the answer that tells of the trade, at half load.
const BAR_TRADE: Duration = Duration::from_millis(100);
/// Write units of an order, half of them trading.
const BAR_UNITS: f64 = 7.0;
/// The orders that are waiting are settled within this.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two looks whether they are. Each costs a call of `orders`, which is seen in its figures.
const LOOK: Duration = Duration::from_millis(100);

/// Measures and prints.
pub async fn report(root: &Path, binaries: &Path, profile: &str, seconds: u64) -> Result<()> {
    let time = Duration::from_secs(seconds);
    println!("\n## The exchange: {TRADERS} traders, half of all orders trade ({seconds} s each)\n");
    let logged = ways::Logged::default();
    let start = |dynamodb: Option<String>| {
        Stage::start_with(root, binaries, |config| {
            profile.clone_into(&mut config.profile);
            config.data = binaries.join("data-exchange");
            config.dynamodb = dynamodb;
            config.log = logged.log();
        })
    };
    let stage = start(None).await?;
    let done = rates(&stage, time).await;
    stage.stop().await;
    print_rates(&done?);

    let counter = Counter::listen().await?;
    let stage = start(Some(counter.url.clone())).await?;
    counter.lead_to(&stage.dynamodb_url());
    let done = costs(&stage, &counter, &logged, time).await;
    stage.stop().await;
    print_costs(&done?);
    Ok(())
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
}

/// What the orders of one level have cost.
struct Cost {
    symbols: usize,
    per_second: f64,
    ways: Ways,
}

async fn rates(stage: &Stage, time: Duration) -> Result<Vec<Level>> {
    let admin = stage.employ("bench-admin", "admins").await.context("an admin")?;
    let mut done = Vec::new();
    for (symbols, name, _) in LEVELS {
        let floor = floor(stage, &admin.token, symbols, name).await?;
        done.push(level(&floor, time).await.with_context(|| format!("{symbols} symbols"))?);
    }
    in_order(stage).await?;
    let errors: u64 = done.iter().map(|level| level.errors).sum();
    ensure!(errors == 0, "{errors} requests failed");
    Ok(done)
}

async fn costs(stage: &Stage, counter: &Counter, logged: &ways::Logged, time: Duration) -> Result<Vec<Cost>> {
    let admin = stage.employ("bench-admin", "admins").await.context("an admin")?;
    let mut done = Vec::new();
    for (symbols, name, _) in LEVELS {
        let floor = floor(stage, &admin.token, symbols, name).await?;
        let tally = warmed(&floor).await?;
        let watch = ways::Watch::start(stage, counter, logged)?;
        let full = full(&floor, &tally, time).await?;
        let ways = watch.stop(stage, counter, logged, full.orders)?;
        check(&floor, &tally.accepted()).await?;
        ensure!(tally.all().failed() == 0, "{} requests failed", tally.all().failed());
        done.push(Cost { symbols, per_second: full.per_second, ways });
    }
    in_order(stage).await?;
    Ok(done)
}

async fn floor(stage: &Stage, admin: &str, symbols: usize, name: &str) -> Result<Floor> {
    let plan = Plan { name, symbols, traders: TRADERS, seed: 1, still: true };
    Floor::open(&stage.api_url(), admin, plan).await
}

/// The audit is clean, and nothing has ended among the dead letters.
async fn in_order(stage: &Stage) -> Result<()> {
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
    Ok(())
}

/// Processes, connections and books get warm.
async fn warmed(floor: &Floor) -> Result<Arc<Tally>> {
    let tally = Arc::new(Tally::remembering());
    load::run(Trader::all(floor, QUICK, "warm", &tally).await?, Duration::from_secs(1)).await;
    settled(floor, &tally).await?;
    Ok(tally)
}

/// As many orders as can be.
struct Full {
    orders: u64,
    accepted_per_second: f64,
    per_second: f64,
}

async fn full(floor: &Floor, tally: &Arc<Tally>, time: Duration) -> Result<Full> {
    let before = tally.all().orders;
    let traders = Trader::all(floor, QUICK, "full", tally).await?;
    let started = Instant::now();
    let accepted = load::run(traders, time).await;
    settled(floor, tally).await?;
    let took = started.elapsed();
    let orders = tally.all().orders - before;
    let per_second = orders as f64 / took.as_secs_f64();
    Ok(Full { orders, accepted_per_second: accepted.per_second, per_second })
}

async fn level(floor: &Floor, time: Duration) -> Result<Level> {
    let tally = warmed(floor).await?;
    let Full { orders, accepted_per_second, per_second } = full(floor, &tally, time).await?;

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
        accepted_per_second,
        per_second,
        half: paced_all.orders as f64 / time.as_secs_f64(),
        traded,
        order_to_trade,
        trading,
        errors: tally.all().failed() + paced_all.failed(),
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

fn print_rates(levels: &[Level]) {
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
        println!(
            "{symbols} symbols: {bar} orders/s {}, order to trade < {} ms {}",
            verdict(level.per_second >= bar),
            BAR_TRADE.as_millis(),
            verdict(level.order_to_trade[0] < BAR_TRADE),
        );
    }
    println!();
}

fn print_costs(levels: &[Cost]) {
    for Cost { symbols, per_second, ways } in levels {
        println!(
            "Each order on its way over {symbols} symbols, counted, {per_second:.0} settled/s (with the looks whether it is settled):"
        );
        ways.print();
        let units = ways.write_units();
        println!("{units:.2} write units an order, ≤ {BAR_UNITS} {}\n", verdict(units <= BAR_UNITS));
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}
