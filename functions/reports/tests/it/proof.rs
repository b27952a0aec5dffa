//! Each number of each report, compared with the same number computed straight from the objects.

use std::collections::BTreeSet;

use domain::Timestamp;
use fastrand::Rng;
use lake::Record;
use reports::catalogue::{REPORTS, Report};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    app::App,
    truth::{CASES, Cells, account_of},
    world::World,
};

/// A row of an answer as cells; names are another test's.
fn cells(columns: &[String], row: &Value) -> Cells {
    let own = columns.iter().filter(|column| !column.ends_with("customer_name"));
    own.map(|column| match &row[column.as_str()] {
        Value::Null => String::new(),
        Value::String(text) => {
            let number = text.contains('.').then(|| Decimal::from_str_exact(text).ok()).flatten();
            number.map_or_else(|| text.clone(), |number| number.normalize().to_string())
        }
        value => value.to_string(),
    })
    .collect()
}

async fn compare(app: &App, world: &World, what: &str) {
    for case in CASES {
        let query = match case.query {
            "account=" => format!("account={}", account_of(world)),
            query => query.to_owned(),
        };
        let path = format!("/reports/{}?{query}", case.report);
        let (columns, rows) = app.report(path.trim_end_matches('?')).await;
        let found: Vec<Cells> = rows.iter().map(|row| cells(&columns, row)).collect();
        let expected = (case.truth)(world);
        for (nth, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "{what}: {path}, row {nth} of {columns:?}");
        }
        assert_eq!(found.len(), expected.len(), "{what}: {path}\nfound {found:#?}\nexpected {expected:#?}");
    }
}

/// Every version, some of them many times, in several files, and then all of it once more as the files of the days.
async fn fill(app: &App, world: &World, seed: u64) {
    let (mut rng, all) = (Rng::with_seed(seed), world.records());
    for part in 0..3 {
        let some: Vec<Record> = all.iter().filter(|_| rng.usize(..3) > 0).cloned().collect();
        app.fill(&format!("part-{part}"), &some).await;
    }
    app.fill("whole", &all).await;
}

#[test]
fn every_report_is_compared_and_describes_its_columns() {
    let compared: BTreeSet<_> = CASES.iter().map(|case| case.report).collect();
    let all: BTreeSet<_> = REPORTS.iter().map(|report| report.name).collect();
    assert_eq!(compared, all);
    assert_eq!(all.len(), REPORTS.len(), "a name twice");
    for report in REPORTS {
        let places = report.sql.matches('?').count();
        assert!(
            !report.title.is_empty() && report.columns.iter().all(|column| !column.meaning.is_empty()),
            "{}",
            report.name
        );
        assert!(places >= report.parameters.len(), "{}", report.name);
        for column in report.columns {
            let beside = column.currency.is_none_or(|beside| report.columns.iter().any(|other| other.name == beside));
            assert!(beside, "{}: no currency beside {}", report.name, column.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_number_is_that_of_the_objects() {
    for seed in [1, 2, 3] {
        let (app, world) = (App::start().await, World::of(seed));
        fill(&app, &world, seed).await;
        compare(&app, &world, &format!("seed {seed}")).await;
        // The second ingest on top of the first.
        app.fill("again", &world.records()).await;
        compare(&app, &world, &format!("seed {seed}, twice")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_number_is_that_of_the_objects_for_any_seed() {
    let seed = fastrand::u64(..);
    let (app, world) = (App::start().await, World::of(seed));
    fill(&app, &world, seed).await;
    compare(&app, &world, &format!("seed {seed}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_lake_has_reports_of_nothing() {
    let (app, empty) = (App::start().await, World::default());
    for report in REPORTS {
        let (columns, rows) = app.report(&path(report)).await;
        let own: Vec<_> = columns.iter().filter(|column| !column.ends_with("customer_name")).collect();
        let described: Vec<_> = report.columns.iter().map(|column| column.name).collect();
        assert_eq!(own, described, "{}", report.name);
        let found: Vec<Cells> = rows.iter().map(|row| cells(&columns, row)).collect();
        let expected: Vec<Cells> = match report.name {
            "balance-changes" => Vec::new(),
            name => CASES.iter().find(|case| case.report == name).map(|case| (case.truth)(&empty)).expect("a case"),
        };
        assert_eq!(found, expected, "{}", report.name);
        let reply = app.get(&path(report)).await;
        assert_eq!(reply.body["as_of"], Value::Null);
    }
}

fn path(report: &Report) -> String {
    let account = domain::id::AccountId::from_bytes([7; 16]);
    let query = if report.name == "balance-changes" { format!("?account={account}") } else { String::new() };
    format!("/reports/{}{query}", report.name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_have_the_decimals_of_their_currency_and_none_is_a_float() {
    let (app, world) = (App::start().await, World::of(4));
    app.fill("whole", &world.records()).await;
    let (_, rows) = app.report("/reports/totals-by-currency").await;
    for row in rows {
        let decimals = match row["currency"].as_str().expect("a currency") {
            "USD" | "PEN" => 2,
            "KWD" => 3,
            "JPY" => 0,
            _ => continue,
        };
        let volume = row["volume"].as_str().expect("text");
        let fraction = volume.split_once('.').map_or("", |(_, fraction)| fraction);
        assert_eq!(fraction.len(), decimals, "{row}");
    }
    for report in REPORTS {
        let reply = app.get(&path(report)).await;
        let floats = reply.body["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .flat_map(|row| row.as_object().expect("a row").values());
        assert_eq!(floats.filter(|value| value.is_f64()).count(), 0, "{}", report.name);
        let as_of: Timestamp = reply.body["as_of"].as_str().expect("a moment").parse().expect("a moment");
        assert_eq!(as_of.to_string(), crate::world::NOW);
    }
}

#[test]
fn the_readme_quotes_the_sql_as_it_is() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let dashboard = Report::named("executive-dashboard").map(|report| plain(report.sql)).expect("a report");
    let quoted: Vec<_> =
        readme.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).map(plain).collect();
    assert!(quoted.len() >= 10, "{quoted:?}");
    for quote in quoted {
        assert!(dashboard.contains(&quote), "the README quotes {quote}");
    }
}
