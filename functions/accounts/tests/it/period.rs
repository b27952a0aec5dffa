//! GET /accounts/{id}/statement.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::transfer::{Command, Kind};
use edge::clock::Clock;
use serde_json::{Value, json};
use testkit::{command, money};
use tokio::task::JoinSet;

use crate::{
    app::{App, Reply, id, path},
    statement::{csv, lived_in},
};

async fn ask(app: &App, who: &str, account: &Value, from: &str, to: &str) -> Reply {
    app.call(who, "GET", &path(account, &format!("/statement?from={from}&to={to}"))).await
}

/// `opening → amounts → closing`, the amounts signed, in hundredths; and that they add up.
fn sums(statement: &Value) -> String {
    let minor =
        |value: &Value| -> i64 { value.as_str().expect("an amount").replace('.', "").parse().expect("a number") };
    let (opening, closing) = (minor(&statement["opening"]), minor(&statement["closing"]));
    let mut balance = opening;
    let mut amounts = Vec::new();
    for entry in statement["entries"].as_array().expect("entries") {
        let amount = if entry["direction"] == "debit" { -minor(&entry["amount"]) } else { minor(&entry["amount"]) };
        balance += amount;
        assert_eq!(minor(&entry["balance_after"]), balance, "{entry}");
        amounts.push(amount.to_string());
    }
    assert_eq!(balance, closing, "{statement}");
    format!("{opening} → {} → {closing}", amounts.join(" "))
}

#[tokio::test]
async fn opening_and_entries_are_the_closing_in_every_period() {
    // 100.00 at 10:00:00.003, −30.00 at :01.003, −5.50 at :02.003.
    let (app, ana, ben) = lived_in().await;
    for (from, to, expected) in [
        ("2026-11-21", "2026-11-22", "0 → 10000 -3000 -550 → 6450"),
        ("2026-11-01", "2026-12-01", "0 → 10000 -3000 -550 → 6450"),
        ("2026-11-20", "2026-11-21", "0 →  → 0"),
        // From its first moment on, and before its end.
        ("2026-11-21T10:00:00.003Z", "2026-11-21T10:00:01.003Z", "0 → 10000 → 10000"),
        ("2026-11-21T10:00:00.004Z", "2026-11-21T10:00:01.003Z", "10000 →  → 10000"),
        ("2026-11-21T10:00:01.003Z", "2026-11-21T10:00:01.004Z", "10000 → -3000 → 7000"),
        ("2026-11-21T05:00:01.003-05:00", "2026-11-22", "10000 → -3000 -550 → 6450"),
        ("2026-11-21T10:00:02.004Z", "2026-11-22", "6450 →  → 6450"),
    ] {
        let statement = ask(&app, "ana", &ana, from, to).await.expect(200);
        assert_eq!(sums(&statement), expected, "{from} {to}");
    }
    let statement = ask(&app, "ana", &ana, "2026-11-21", "2026-12-01").await.expect(200);
    let now = app.clock.now().plus_millis(1).to_string();
    let head = ["account_id", "number", "currency", "from", "to"].map(|field| statement[field].clone());
    let expected = json!([id(&ana).as_str(), ana["number"], "USD", "2026-11-21T00:00:00.000Z", now]);
    assert_eq!(json!(head), expected, "a period that is not over ends now");
    let page = app.call("ana", "GET", &path(&ana, "/entries")).await.expect(200);
    let newest_first: Vec<_> = statement["entries"].as_array().expect("entries").iter().rev().cloned().collect();
    assert_eq!(json!(newest_first), page["items"], "the lines of a page, oldest first");
    let received = ask(&app, "ben", &ben, "2026-11-21", "2026-11-22").await.expect(200);
    assert_eq!(sums(&received), "0 → 3000 → 3000");
}

#[tokio::test]
async fn a_leap_year_fits_and_a_day_more_does_not() {
    let (app, ana, _) = lived_in().await;
    for (from, to, status) in [
        ("2023-12-31", "2024-12-31", 200),
        ("2024-01-01", "2025-01-01", 200),
        ("2023-12-31", "2025-01-01", 400),
        ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00.001Z", 400),
        ("2024-02-29", "2024-03-01", 200),
    ] {
        assert_eq!(ask(&app, "ana", &ana, from, to).await.status, status, "{from} {to}");
    }
}

#[tokio::test]
async fn every_refusal_has_its_code_and_the_earlier_rule_wins() {
    let (app, ana, _) = lived_in().await;
    let nowhere = json!({"account_id": "acc_nowhere"});
    for (who, account, query, status, code) in [
        ("ana", &ana, "", 400, "invalid_parameter"),
        ("ana", &ana, "?from=2026-11-01", 400, "invalid_parameter"),
        ("ana", &ana, "?to=2026-11-01", 400, "invalid_parameter"),
        ("ana", &ana, "?from=2026-11-01&to=2026-11-01", 400, "invalid_parameter"),
        ("ana", &ana, "?from=2026-11-02&to=2026-11-01", 400, "invalid_parameter"),
        ("ana", &ana, "?from=2026-02-29&to=2026-03-01", 400, "invalid_parameter"),
        ("ana", &ana, "?from=yesterday&to=2026-03-01", 400, "invalid_parameter"),
        ("ana", &ana, "?from=2027-01-01&to=2027-02-01", 400, "invalid_parameter"),
        ("ana", &ana, "?from=2026-11-01&to=2026-12-01&limit=5", 400, "invalid_parameter"),
        ("ben", &ana, "?from=2026-11-01&to=2026-12-01", 404, "not_found"),
        ("ben", &nowhere, "?from=2026-11-01&to=2026-12-01", 404, "not_found"),
        ("sam:staff", &nowhere, "?from=2026-11-01&to=2026-12-01", 404, "not_found"),
        // Form before existence.
        ("ben", &ana, "?from=x&to=2026-12-01", 400, "invalid_parameter"),
    ] {
        let reply = app.call(who, "GET", &path(account, &format!("/statement{query}"))).await;
        assert_eq!(reply.refusal(), (status, code), "{who} {query}");
    }
    let for_staff = ask(&app, "sam:staff", &ana, "2026-11-01", "2026-12-01").await.expect(200);
    let counterparty = for_staff["entries"][1]["counterparty"].as_str().expect("a number");
    assert!(!counterparty.contains('*'), "staff see the other side in full: {counterparty}");
}

#[tokio::test]
async fn the_same_lines_come_as_a_file_that_no_spreadsheet_executes() {
    let (app, ana, _) = lived_in().await;
    for (nth, text) in ["+1", "-1", "@SUM(A1)", "\t=1", "Café, \"ñ\""].iter().enumerate() {
        app.clock.tick();
        let bill = Command {
            kind: Kind::Payment,
            description: Some((*text).into()),
            ..command(&format!("bill {nth}"), Some(&id(&ana)), None, money("1", "USD"))
        };
        app.stack.transfer(&bill, app.clock.now()).await.expect("posted");
    }
    let (text, headers) = csv(&app, &path(&ana, "/statement?from=2026-11-21&to=2026-11-22")).await;
    assert!(text.is_ascii() || text.contains("Café"));
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(
        lines[0],
        "entry_id,transfer_id,type,direction,amount,currency,balance_after,counterparty,description,created_at"
    );
    let shown: Vec<_> = lines[1..]
        .iter()
        .map(|line| {
            let (_, rest) = line.split_once(",biller,").unwrap_or(("", line));
            rest.rsplit_once(',').expect("a moment").0
        })
        .collect();
    assert_eq!(shown[2..], ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "\"Café, \"\"ñ\"\"\""]);
    assert!(lines[1].contains(",deposit,credit,100.00,USD,100.00,cash,,"), "oldest first: {}", lines[1]);
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8; header=present");
    let name = format!("attachment; filename=\"{}_2026-11-21_2026-11-21.csv\"", id(&ana));
    assert_eq!(headers["content-disposition"], name);
    assert_eq!(headers["vary"], "Accept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_statement_adds_up_while_money_moves() {
    let app = App::start().await;
    let ana = app.open("ana", "USD").await;
    app.deposit(&ana, "1000").await;
    let mut customers = JoinSet::new();
    for who in 0..4 {
        let (app, ana) = (app.clone(), ana.clone());
        customers.spawn(async move {
            for nth in 0..60 {
                app.clock.tick();
                let (from, to) = if (who + nth) % 2 == 0 { (Some(id(&ana)), None) } else { (None, Some(id(&ana))) };
                let command = command(&format!("{who} {nth}"), from.as_ref(), to.as_ref(), money("1.50", "USD"));
                app.stack.transfer(&command, app.clock.now()).await.expect("posted");
            }
        });
    }
    let (mut whole, mut longest) = (0, 0);
    while !customers.is_empty() {
        // An account that never stands still may be unavailable, but never wrong.
        let reply = ask(&app, "ana", &ana, "2026-11-21", "2026-11-22").await;
        if reply.status == 200 {
            sums(&reply.body);
            assert_eq!(reply.body["opening"], "0.00", "{}", reply.body);
            longest = longest.max(reply.body["entries"].as_array().map_or(0, Vec::len));
            whole += 1;
        } else {
            assert_eq!(reply.refusal(), (503, "unavailable"));
        }
        while customers.try_join_next().is_some() {}
    }
    assert!(whole > 0, "not one statement while money moved");
    let last = ask(&app, "ana", &ana, "2026-11-21", "2026-11-22").await.expect(200);
    sums(&last);
    let entries = last["entries"].as_array().map_or(0, Vec::len);
    assert!(entries == 241 && longest <= entries, "{entries} entries, {longest} before");
}

#[tokio::test]
async fn a_period_with_more_than_ten_thousand_entries_is_too_long_and_a_shorter_one_is_not() {
    let app = App::start().await;
    let ana = app.open("ana", "USD").await;
    app.deposit(&ana, "1").await;
    // Ten thousand deposits more, as rows: posting them would take a minute, and a statement that is refused adds
    // nothing up.
    let client = app.stack.environment().dynamodb();
    let table = app.stack.table("LedgerTable");
    let page = app.call("ana", "GET", &path(&ana, "/entries")).await.expect(200);
    let first = page["items"][0]["transfer_id"].as_str().expect("an id").to_owned();
    let key = |sk: &str| AttributeValue::S(sk.to_owned());
    let request = client.get_item().table_name(&table).key("pk", key(&first)).key("sk", key("transfer"));
    let row = request.send().await.expect("read").item.expect("the deposit");
    let rows: Vec<_> = (0..10_000)
        .map(|nth| {
            let (id, at) = (format!("trf_copy{nth}"), app.clock.now().plus_millis(-1 - nth).to_string());
            let mut row = row.clone();
            for (name, value) in [("pk", id.clone()), ("posted_at", at.clone()), ("entry_key", format!("{at}#{id}"))] {
                row.insert(name.to_owned(), AttributeValue::S(value));
            }
            let put = PutRequest::builder().set_item(Some(row)).build().expect("a row");
            WriteRequest::builder().put_request(put).build()
        })
        .collect();
    for some in rows.chunks(25) {
        let request = HashMap::from([(table.clone(), some.to_vec())]);
        let left = client.batch_write_item().set_request_items(Some(request)).send().await.expect("written");
        assert!(left.unprocessed_items.is_none_or(|left| left.is_empty()));
    }
    let reply = ask(&app, "ana", &ana, "2026-11-21", "2026-11-22").await;
    assert_eq!(reply.refusal(), (422, "statement_too_long"), "{}", reply.body);
    assert!(reply.body["detail"].as_str().is_some_and(|detail| detail.contains("shorter")), "{}", reply.body);
    let from = app.clock.now().plus_millis(-4_000).to_string();
    let shorter = ask(&app, "ana", &ana, &from, "2026-11-22").await.expect(200);
    assert_eq!(shorter["entries"].as_array().map(Vec::len), Some(4_001));
}
