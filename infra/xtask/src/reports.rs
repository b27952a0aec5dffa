//! `cargo xtask reports`: the main reports of a running Florin, in the terminal.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{bench::report::table, client::Client, people};

/// Who may ask: a demo user.
const STAFF: &str = "staff@example.com";
const PASSWORD: &str = "Florin-demo-1";
/// Those that are shown when none is named.
const MAIN: &[&str] = &[
    "executive-dashboard",
    "customers-by-status",
    "accounts-by-type",
    "totals-by-currency",
    "transfers-by-month",
    "transfers-by-type",
    "transfers-by-status",
    "vip-customers",
    "maintenance-income",
    "trading-volume",
    "open-interest",
    "voucher-sales",
    "voucher-delivery-times",
    "ledger-audit",
];
/// How often a report that is not ready is asked for; each time is waited for at the other end.
const TRIES: usize = 6;

/// What is asked for on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Reports by their names, with parameters as in a query string (`top-balances?top=5`); the main ones when none is named
    reports: Vec<String>,
    /// Rows of each at most
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=200))]
    rows: u16,
    /// A running Florin with its demo users
    #[arg(long, default_value = "http://localhost:3000/v1")]
    api: String,
}

/// Prints each report as a table.
pub fn run_all(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let staff = people::sign_in(&arguments.api, STAFF, PASSWORD).await?;
        let mut client = Client::connect(&arguments.api, Some(&staff.token)).await?;
        let main = || MAIN.iter().map(|name| (*name).to_owned()).collect();
        let reports: Vec<String> = if arguments.reports.is_empty() { main() } else { arguments.reports.clone() };
        for report in reports {
            print(&mut client, &report, arguments.rows).await.with_context(|| report.clone())?;
        }
        Ok(())
    })
}

async fn print(client: &mut Client, report: &str, rows: u16) -> Result<()> {
    let mark = if report.contains('?') { '&' } else { '?' };
    let path = format!("/reports/{report}{mark}limit={rows}");
    let started = Instant::now();
    let mut answer = client.get(&path).await?;
    for _ in 1..TRIES {
        if answer.status != 202 {
            break;
        }
        answer = client.get(&path).await?;
    }
    if answer.status == 202 {
        bail!("not ready after {TRIES} tries; it is query {}", answer.body["query_id"]);
    }
    let body = answer.expect(200)?;
    let took = started.elapsed().as_millis();
    let (title, as_of) = (cell(&body["title"]), cell(&body["as_of"]));
    println!("\n{title} ({report}), as of {}, {took} ms", if as_of.is_empty() { "never" } else { &as_of });
    let columns: Vec<String> =
        body["columns"].as_array().into_iter().flatten().map(|column| cell(&column["name"])).collect();
    let header: Vec<&str> = columns.iter().map(String::as_str).collect();
    let row = |row: &Value| columns.iter().map(|column| cell(&row[column.as_str()])).collect::<Vec<_>>();
    let rows: Vec<_> = body["rows"].as_array().into_iter().flatten().map(row).collect();
    table(&header, &rows);
    if !body["next_cursor"].is_null() {
        println!("… and more");
    }
    Ok(())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
