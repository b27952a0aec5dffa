//! What one operation asks of DynamoDB, of Lambda and of the log, and what a million of them cost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    counter::{Consumed, Counter},
    event::Event,
    prices::{Bill, DATE, DYNAMODB_MS, PRICES},
    report::{table, us},
    runtime_api::Function,
    stage::{Customer, Stage},
};

/// Repetitions of each operation; what is shown is per operation.
const TIMES: usize = 20;

struct Row {
    name: &'static str,
    consumed: Consumed,
    cpu: Duration,
    bill: Bill,
}

/// A function behind the counting proxy.
struct Counted<'a> {
    function: Function,
    counter: &'a Counter,
    memory_mb: u32,
    customer: String,
}

impl<'a> Counted<'a> {
    async fn start(stage: &Stage, folder: &str, counter: &'a Counter, customer: &Customer) -> Result<Self> {
        let declared = stage.function(folder)?;
        let environment = stage.environment(declared, &counter.url);
        let mut function = Function::start(&stage.bootstrap(declared), &environment).await?;
        // The first request pays for connections; it is not an operation.
        function.invoke(Event::new("GET", "/nowhere").of(&customer.id)).await?;
        Ok(Self { function, counter, memory_mb: declared.memory_mb, customer: customer.id.clone() })
    }

    /// Runs one operation once per event; answers the row and the bodies.
    async fn run(&mut self, name: &'static str, events: Vec<Event>) -> Result<(Row, Vec<Value>)> {
        let count = events.len() as u32;
        let events: Vec<Bytes> = events.into_iter().map(|event| event.of(&self.customer)).collect();
        self.counter.take();
        self.logged().await;
        let (cpu, log) = (self.function.usage()?.cpu, self.function.log_bytes());
        let mut bodies = Vec::new();
        for event in events {
            let answer: Value = serde_json::from_slice(&self.function.invoke(event).await?.payload)?;
            let status = answer["statusCode"].as_u64().unwrap_or_default();
            ensure!((200..300).contains(&status), "{name}: {answer}");
            bodies.push(serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default());
        }
        let cpu = self.function.usage()?.cpu.saturating_sub(cpu) / count;
        self.logged().await;
        let log = (self.function.log_bytes() - log) as f64 / f64::from(count);
        let mut consumed = self.counter.take();
        let share = |units: f64| units / f64::from(count);
        consumed.table_writes = share(consumed.table_writes);
        consumed.index_writes = share(consumed.index_writes);
        consumed.reads = share(consumed.reads);
        let each = consumed.requests.len() / count as usize;
        consumed.requests.truncate(each);
        let bill = Bill::of(&consumed, cpu.as_secs_f64() * 1e3, self.memory_mb, log);
        Ok((Row { name, consumed, cpu, bill }, bodies))
    }

    /// Waits until the pipe of its log is read.
    async fn logged(&self) {
        let mut before = usize::MAX;
        while before != self.function.log_bytes() {
            before = self.function.log_bytes();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Measures and prints.
pub async fn report(stage: &Stage, customer: &Customer) -> Result<()> {
    let counter = Counter::before(&stage.dynamodb_url()).await?;
    let rows = operations(stage, &counter, customer).await?;
    println!("\n## Cost of an operation (ReturnConsumedCapacity of every request, per operation)\n");
    let figures = |units: f64| format!("{units:.1}");
    let lines: Vec<_> = rows
        .iter()
        .map(|row| {
            vec![
                row.name.to_owned(),
                figures(row.consumed.table_writes),
                figures(row.consumed.index_writes),
                figures(row.consumed.reads),
                row.consumed.requests.len().to_string(),
                us(row.cpu),
                format!("{:.2}", row.bill.dynamodb),
                format!("{:.2}", row.bill.lambda),
                format!("{:.2}", row.bill.logs),
                format!("{:.2}", row.bill.api),
                format!("{:.2}", row.bill.total()),
            ]
        })
        .collect();
    let header = [
        "operation",
        "WRU",
        "index",
        "RRU",
        "requests",
        "cpu µs",
        "DynamoDB",
        "Lambda",
        "logs",
        "API",
        "$ per million",
    ];
    table(&header, &lines);
    println!(
        "requests of a transfer: {}",
        rows.iter().find(|row| row.name == "transfer").map_or_else(String::new, |row| row.consumed.requests.join(", "))
    );
    println!("\nPrices: {DATE}.");
    table(
        &["what", "$"],
        &[
            ("API Gateway REST, million requests", PRICES.api),
            ("Lambda, million invocations", PRICES.invocations),
            ("Lambda arm64, million GB-seconds", PRICES.gb_second * 1e6),
            ("DynamoDB, million write units", PRICES.writes),
            ("DynamoDB, million read units", PRICES.reads),
            ("CloudWatch Logs, GB taken in", PRICES.log_gb),
        ]
        .map(|(what, price)| vec![what.to_owned(), format!("{price:.3}")]),
    );
    println!(
        "Billed time: CPU at the function's share of a core, and an assumed {DYNAMODB_MS} ms per DynamoDB request."
    );
    Ok(())
}

async fn operations(stage: &Stage, counter: &Counter, customer: &Customer) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut accounts = Counted::start(stage, "accounts", counter, customer).await?;
    let mut transfers = Counted::start(stage, "transfers", counter, customer).await?;
    let mut customers = Counted::start(stage, "customers", counter, customer).await?;

    let open = |_| Event::new("POST", "/accounts").body(json!({"type": "checking", "currency": "USD"}));
    let (row, opened) = accounts.run("open an account", (0..2).map(open).collect()).await?;
    rows.push(row);
    let id = |index: usize| opened[index]["account_id"].as_str().map(str::to_owned).context("no account_id");
    let (from, to) = (id(0)?, id(1)?);

    let post = |key: &str, body: Value| {
        (0..TIMES)
            .map(|n| Event::new("POST", "/transfers").key(format!("{key} {n}")).body(body.clone()))
            .collect::<Vec<_>>()
    };
    let deposit = json!({"type": "deposit", "amount": "1000.00", "currency": "USD", "to_account": from});
    rows.push(transfers.run("deposit", post("deposit", deposit)).await?.0);
    let transfer = json!({"type": "transfer", "amount": "1.00", "currency": "USD", "from_account": from, "to_account": to, "description": "Rent"});
    let (row, made) = transfers.run("transfer", post("transfer", transfer.clone())).await?;
    rows.push(row);
    rows.push(transfers.run("transfer, repeated", post("transfer", transfer)).await?.0);
    let payment = json!({"type": "payment", "amount": "1.00", "currency": "USD", "from_account": from, "metadata": {"service": "electricity"}});
    rows.push(transfers.run("payment", post("payment", payment)).await?.0);
    let hold = json!({"type": "transfer", "amount": "1.00", "currency": "USD", "from_account": from, "to_account": to, "hold": true});
    let (row, holds) = transfers.run("hold", post("hold", hold)).await?;
    rows.push(row);
    let ids = |made: &[Value]| {
        made.iter().filter_map(|transfer| transfer["transfer_id"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let (captured, voided) = (ids(&holds[..TIMES / 2]), ids(&holds[TIMES / 2..]));
    let capture = captured.iter().map(|id| Event::new("POST", "/transfers/{id}/capture").id(id).key("capture"));
    rows.push(transfers.run("capture", capture.collect()).await?.0);
    let void = voided.iter().map(|id| Event::new("POST", "/transfers/{id}/void").id(id));
    rows.push(transfers.run("void", void.collect()).await?.0);
    let one = ids(&made).into_iter().map(|id| Event::new("GET", "/transfers/{id}").id(&id));
    rows.push(transfers.run("read a transfer", one.collect()).await?.0);
    let list = (0..TIMES).map(|_| Event::new("GET", "/transfers").query("account", &from).query("limit", 20));
    rows.push(transfers.run("list 20 transfers", list.collect()).await?.0);

    let times = |make: &dyn Fn() -> Event| (0..TIMES).map(|_| make()).collect::<Vec<_>>();
    rows.push(accounts.run("read an account", times(&|| Event::new("GET", "/accounts/{id}").id(&from))).await?.0);
    rows.push(accounts.run("own accounts", times(&|| Event::new("GET", "/accounts"))).await?.0);
    let entries = || Event::new("GET", "/accounts/{id}/entries").id(&from).query("limit", 20);
    rows.push(accounts.run("statement of 20 entries", times(&entries)).await?.0);
    rows.push(
        customers.run("read a customer", times(&|| Event::new("GET", "/customers/{id}").id(&customer.id))).await?.0,
    );
    rows.push(
        customers.run("profile", times(&|| Event::new("GET", "/customers/{id}/profile").id(&customer.id))).await?.0,
    );
    Ok(rows)
}
