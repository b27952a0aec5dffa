//! Transfers through everything (gateway, authorizer, function, DynamoDB) beside the ceiling of the same machine.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::client::Client;

use super::{
    ceiling::{self, Bare},
    load::{self, Figures, Work},
    report::{ms, table},
    stage::Stage,
};

/// How many clients at once.
const LEVELS: [usize; 3] = [1, 8, 32];
/// The share of the ceiling to be reached at the last level.
const BAR: f64 = 0.5;
/// Accounts of one customer, under the bank's limit.
const ACCOUNTS_EACH: usize = 16;

/// One client of the API: moves cents between two accounts of its own, to and fro.
struct Mover {
    client: Client,
    accounts: [String; 2],
    sent: u64,
    run: String,
}

impl Work for Mover {
    async fn once(&mut self) -> Result<()> {
        self.sent += 1;
        let (from, to) = if self.sent.is_multiple_of(2) { (0, 1) } else { (1, 0) };
        let body = json!({"type": "transfer", "amount": "0.01", "currency": "USD",
            "from_account": self.accounts[from], "to_account": self.accounts[to]});
        let key = format!("{} {}", self.run, self.sent);
        self.client.post("/transfers", Some(&key), &body).await?.expect(201)?;
        Ok(())
    }
}

/// Whose token, and between which accounts.
struct Seat {
    token: String,
    accounts: [String; 2],
}

/// Measures, prints, and holds the ledger to its audit.
pub async fn report(stage: &Stage, seconds: u64) -> Result<()> {
    let time = Duration::from_secs(seconds);
    println!("\n## Transfers through the whole path, beside the bare transaction ({seconds} s each)\n");
    let seats = seats(stage).await?;
    let sdk =
        aws::client::Environment::at(&stage.dynamodb_url(), stage.region()).map_err(anyhow::Error::msg)?.dynamodb();
    let bare_table = ceiling::table(&sdk, stage.ledger_table()?).await?;

    let (mut lines, mut errors, mut last) = (Vec::new(), 0, 0.0);
    for clients in LEVELS {
        let mut bare = Vec::new();
        for index in 0..clients {
            bare.push(Bare::new(sdk.clone(), &bare_table, &format!("{clients:02}"), index).await?);
        }
        let ceiling = load::run(bare, time).await;
        let mut movers = Vec::new();
        for (index, seat) in seats.iter().take(clients).enumerate() {
            let client = Client::connect(&stage.api_url(), Some(&seat.token)).await?;
            let run = format!("load {clients} {index}");
            movers.push(Mover { client, accounts: seat.accounts.clone(), sent: 0, run });
        }
        let path = load::run(movers, time).await;
        errors += ceiling.errors + path.errors;
        last = path.per_second / ceiling.per_second;
        lines.push(line(&ceiling, &path, last));
    }
    let header = [
        "clients",
        "ceiling/s",
        "p50 ms",
        "p95",
        "p99",
        "transfers/s",
        "p50 ms",
        "p95",
        "p99",
        "of the ceiling",
        "errors",
    ];
    table(&header, &lines);
    let verdict = if last >= BAR { "met" } else { "missed" };
    println!(
        "bar {verdict}: {:.0} % of the ceiling at {} clients, {:.0} % wanted",
        last * 100.0,
        LEVELS[2],
        BAR * 100.0
    );

    let report = stage.audit().await?;
    println!("audit: clean, {} accounts, {} transfers", report["accounts"], report["transfers"]);
    ensure!(errors == 0, "{errors} requests failed");
    Ok(())
}

fn line(ceiling: &Figures, path: &Figures, ratio: f64) -> Vec<String> {
    let mut cells = vec![path.clients.to_string()];
    for figures in [ceiling, path] {
        cells.push(format!("{:.0}", figures.per_second));
        cells.extend([figures.p50, figures.p95, figures.p99].map(ms));
    }
    cells.push(format!("{:.0} %", ratio * 100.0));
    cells.push((ceiling.errors + path.errors).to_string());
    cells
}

/// A seat for every client of the largest level.
async fn seats(stage: &Stage) -> Result<Vec<Seat>> {
    let wanted = LEVELS.into_iter().max().unwrap_or_default();
    let mut seats = Vec::new();
    while seats.len() < wanted {
        let customer = stage.customer(&format!("bench-{}", seats.len())).await.context("a customer for the load")?;
        let mut client = Client::connect(&stage.api_url(), Some(&customer.token)).await?;
        for _ in 0..ACCOUNTS_EACH / 2 {
            let accounts = [stage.account(&mut client, "1000.00").await?, stage.account(&mut client, "1000.00").await?];
            seats.push(Seat { token: customer.token.clone(), accounts });
        }
    }
    Ok(seats)
}
