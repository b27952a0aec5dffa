//! From exec to the first answer, function by function: CPU, wall, memory; and what a warm request costs.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use bytes::Bytes;
use local_template::Function as Declared;
use serde_json::Value;

use super::{
    report::{median, ms, table, us},
    runtime_api::Function,
    stage::{Customer, Stage},
};

/// Cold starts per function; the medians are shown.
const STARTS: usize = 15;
/// Warm requests after the last of them.
const WARM: u32 = 300;

/// The bars for a function with the DynamoDB client.
const CPU_BAR: Duration = Duration::from_micros(2500);
const MEMORY_BAR: u64 = 6_000_000;

struct Row {
    folder: String,
    size: u64,
    next: (Duration, Duration),
    answer: (Duration, Duration),
    peak: u64,
    warm: (Duration, Duration),
    outcome: String,
}

/// Measures and prints. `limited` are the functions that the bars hold for.
pub async fn report(stage: &Stage, root: &Path, limited: &[String], customer: &Customer) -> Result<()> {
    println!(
        "\n## Cold starts: exec → first /next → first answer (medians of {STARTS}; static musl, DynamoDB over HTTP)\n"
    );
    let mut rows = Vec::new();
    for declared in stage.functions() {
        match event(root, &declared.folder) {
            Some(event) => match measure(stage, declared, here(&event?, stage, customer)?).await {
                Ok(row) => rows.push(row),
                Err(error) => println!("{}: not measured: {error:#}", declared.folder),
            },
            None => println!("{}: not measured: no event in events/", declared.folder),
        }
    }
    let header = [
        "function",
        "bytes",
        "/next cpu ms",
        "wall ms",
        "answer cpu ms",
        "wall ms",
        "peak MB",
        "warm cpu µs",
        "wall µs",
        "answer",
    ];
    let lines: Vec<_> = rows
        .iter()
        .map(|row| {
            vec![
                row.folder.clone(),
                row.size.to_string(),
                ms(row.next.0),
                ms(row.next.1),
                ms(row.answer.0),
                ms(row.answer.1),
                format!("{:.1}", row.peak as f64 / 1e6),
                us(row.warm.0),
                us(row.warm.1),
                row.outcome.clone(),
            ]
        })
        .collect();
    table(&header, &lines);
    for row in rows.iter().filter(|row| limited.contains(&row.folder)) {
        if row.answer.0 > CPU_BAR || row.peak > MEMORY_BAR {
            println!("bar missed by {}: 2.5 ms CPU and 6 MB to the first answer", row.folder);
        }
    }
    Ok(())
}

/// The plainest event of a function that makes it ask AWS for something.
fn event(root: &Path, folder: &str) -> Option<Result<Bytes>> {
    let cases = ["", ".get", ".me", ".sign-in", ".confirmed"];
    let file = cases.iter().map(|case| root.join(format!("events/{folder}{case}.json"))).find(|file| file.is_file())?;
    Some(fs::read(&file).map(Bytes::from).with_context(|| file.display().to_string()))
}

/// The event as this stack would send it: a trigger names the user pool and a user that are there.
fn here(event: &[u8], stage: &Stage, customer: &Customer) -> Result<Bytes> {
    let mut event: Value = serde_json::from_slice(event)?;
    if event["userPoolId"].is_string() {
        let subject = customer.subject();
        event["userPoolId"] = stage.user_pool()?.into();
        event["userName"] = subject.clone().into();
        event["request"]["userAttributes"]["sub"] = subject.into();
    }
    Ok(Bytes::from(event.to_string()))
}

async fn measure(stage: &Stage, declared: &Declared, event: Bytes) -> Result<Row> {
    let bootstrap = stage.bootstrap(declared);
    let environment = stage.environment(declared, &stage.dynamodb_url());
    let size = fs::metadata(&bootstrap)?.len();
    let (mut next, mut answer) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    let (mut peak, mut outcome) = (0, String::new());
    let mut warm = (Duration::ZERO, Duration::ZERO);
    for start in 1..=STARTS {
        let mut function = Function::start(&bootstrap, &environment).await?;
        let to_next = function.since_exec(&function.ready);
        next.0.push(function.ready.usage.cpu);
        next.1.push(to_next);
        let first = function.invoke(event.clone()).await?;
        answer.0.push(first.reading.usage.cpu);
        answer.1.push(to_next + first.took);
        peak = peak.max(first.reading.usage.peak_memory);
        outcome = shown(&first.payload);
        if start == STARTS {
            let mut walls = Vec::new();
            for _ in 0..WARM {
                walls.push(function.invoke(event.clone()).await?.took);
            }
            let spent = function.usage()?.cpu.saturating_sub(first.reading.usage.cpu);
            warm = (spent / WARM, median(&mut walls));
        }
    }
    Ok(Row {
        folder: declared.folder.clone(),
        size,
        next: (median(&mut next.0), median(&mut next.1)),
        answer: (median(&mut answer.0), median(&mut answer.1)),
        peak,
        warm,
        outcome,
    })
}

fn shown(payload: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    answer["statusCode"].as_u64().map_or_else(|| "ok".to_owned(), |status| status.to_string())
}
