//! What happens at the bank appears in the lake: once, whatever is killed on the way.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws::{client::Environment, lake::Scan, objects::Bucket};
use domain::Timestamp;
use http::Method;
use lake::{Record, Table, Value as Cell, file, keys::File, records};
use serde_json::json;

use crate::app::{App, Http, Person, alone, transfer, withdrawal};

/// As long as the slowest machine may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Rows by table and key: version and columns.
type View = BTreeMap<(&'static str, Vec<Option<Cell>>), (i64, Vec<Option<Cell>>)>;

fn view(records: Vec<Record>) -> View {
    let mut newest: BTreeMap<(&'static str, Vec<Option<Cell>>), Record> = BTreeMap::new();
    for record in records {
        let key = (record.table.name, record.key().into_iter().map(|value| value.cloned()).collect());
        let known = newest.entry(key).or_insert_with(|| record.clone());
        if known.version < record.version {
            *known = record;
        } else if known.version == record.version {
            assert_eq!(known.values, record.values, "one version, two contents");
        }
    }
    newest.retain(|_, record| !record.deleted);
    newest.into_iter().map(|(key, record)| (key, (record.version, record.values))).collect()
}

/// A bank whose lake is filled as fast as can be.
async fn start() -> App {
    App::start(|config| {
        config.parameters.insert("LakeWindowSeconds".to_owned(), "0".to_owned());
    })
    .await
}

fn environment(app: &App) -> Environment {
    Environment::at(&app.runner.aws_url(), "eu-west-1").expect("an environment")
}

/// What the files of the lake show.
async fn shown(app: &App) -> View {
    let name = app.runner.stack().resources["LakeBucket"].ref_value.clone();
    let bucket = Bucket::new(environment(app).s3(), name);
    let mut found = Vec::new();
    for object in bucket.list("tables/").await.expect("a list") {
        let place = File::parse(&object.key).unwrap_or_else(|| panic!("{} is no file", object.key));
        let content = bucket.get(&object.key).await.expect("an object").expect("it is there");
        found.extend(file::decode(Table::named(place.table).expect("a table"), content).expect("a file"));
    }
    view(found)
}

/// What the rows of the three tables tell.
async fn rows(app: &App) -> View {
    let mut found = records::first_account_types();
    let tables = app.runner.stack().tables().iter();
    for table in tables.filter(|table| ["LedgerTable", "CustomersTable", "VouchersTable"].contains(&&*table.logical_id))
    {
        let mut scan = Scan::new(environment(app).dynamodb(), table.name.clone(), 0, 1);
        while let Some(some) = scan.next(Timestamp::from_millis(0)).await.expect("a page") {
            found.extend(some);
        }
    }
    view(found)
}

/// Waits until the lake shows the rows of the bank, which stands still.
async fn assert_followed(app: &App) {
    let (rows, started) = (rows(app).await, Instant::now());
    loop {
        let mut shown = shown(app).await;
        shown.retain(|(table, _), _| !["trades", "orders", "instruments", "grants"].contains(table));
        if shown == rows {
            return;
        }
        let missing: Vec<_> = rows.iter().filter(|(key, row)| shown.get(*key) != Some(row)).take(3).collect();
        let extra = shown.keys().filter(|key| !rows.contains_key(*key)).count();
        assert!(started.elapsed() < LIMIT, "the lake does not show {missing:?}, and {extra} rows that are not");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Some life: money comes, moves, is held, is refused, and goes.
async fn live(ana: &Person, ben: &Person, round: usize) {
    let (from, to) = (ana.open("USD", "100").await, ben.open("USD", "0").await);
    for (name, body) in [
        ("move", transfer(&from, &to, "12.50")),
        ("too much", transfer(&from, &to, "5000")),
        ("back", transfer(&to, &from, "0.01")),
        ("out", withdrawal(&from, "3")),
    ] {
        let answer = ana.post("/transfers", &format!("{name} {round}"), &body).await;
        assert!(answer.status.as_u16() < 500, "{}", answer.text);
    }
}

#[test]
fn what_happens_through_the_api_appears_in_the_lake() {
    alone(async {
        let app = start().await;
        let (ana, ben) = (app.sign_up("ana.lake").await, app.sign_up("ben.lake").await);
        live(&ana, &ben, 0).await;
        assert_followed(&app).await;
        live(&ana, &ben, 1).await;
        assert_followed(&app).await;
        app.runner.shutdown().await;
    });
}

#[test]
fn lake_ingest_killed_before_and_after_its_puts_changes_no_number() {
    alone(async {
        let app = start().await;
        let (ana, ben) = (app.sign_up("ana.lakekill").await, app.sign_up("ben.lakekill").await);
        let http = Http::new(app.runner.url());
        for (round, (when, write)) in
            [("before", 1), ("after", 1), ("before", 2), ("after", 2), ("after", 3), ("before", 4)]
                .into_iter()
                .enumerate()
        {
            let kill = json!({"function": "lake-ingest", "when": when, "write": write, "service": "s3"});
            let plan = json!({"seed": 1, "kills": [kill]}).to_string();
            let set = http.send(Method::PUT, "/_local/faults", &[], plan).await.expect("an answer");
            assert!(set.status.is_success(), "{}", set.text);
            live(&ana, &ben, round).await;
            assert_followed(&app).await;
        }
        app.runner.shutdown().await;
    });
}
