//! GET /accounts/{id}/entries and /accounts/{id}/balance.

use accounts::handle;
use domain::transfer::{Command, Kind};
use edge::{
    clock::Clock,
    http::{Settings, render},
};
use serde_json::{Value, json};
use testkit::{SequentialEntropy, command, hold, money};

use crate::app::{App, id, path, to};

/// Ana with a deposit of 100.00, a transfer of 30.00 to Ben, a payment of 5.50 outside and a hold of 10.00.
pub(crate) async fn lived_in() -> (App, Value, Value) {
    let app = App::start().await;
    let (ana, ben) = (app.open("ana", "USD").await, app.open("ben", "USD").await);
    app.deposit(&ana, "100").await;
    app.clock.advance_seconds(1);
    let rent = Command {
        description: Some("Rent, \"March\"".into()),
        ..command("rent", Some(&id(&ana)), Some(&id(&ben)), money("30", "USD"))
    };
    app.stack.transfer(&rent, app.clock.now()).await.expect("posted");
    app.clock.advance_seconds(1);
    let bill = Command {
        kind: Kind::Payment,
        description: Some("=1+1".into()),
        ..command("bill", Some(&id(&ana)), None, money("5.5", "USD"))
    };
    app.stack.transfer(&bill, app.clock.now()).await.expect("posted");
    app.clock.advance_seconds(1);
    app.stack.transfer(&hold("h", &id(&ana), None, money("10", "USD"), 3600), app.clock.now()).await.expect("held");
    (app, ana, ben)
}

#[tokio::test]
async fn entries_run_back_from_the_present_balance_and_mask_the_other_side() {
    let (app, ana, ben) = lived_in().await;
    let page = app.call("ana", "GET", &path(&ana, "/entries")).await.expect(200);
    let lines: Vec<_> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|line| {
            ["type", "direction", "amount", "currency", "balance_after", "counterparty"]
                .map(|field| line[field].as_str().unwrap_or_default().to_owned())
                .join(" ")
        })
        .collect();
    let number = |account: &Value| account["number"].as_str().expect("a number").to_owned();
    let masked = |account: &Value| format!("****************{}", &number(account)[16..]);
    let expected = [
        "payment debit 5.50 USD 64.50 biller".to_owned(),
        format!("transfer debit 30.00 USD 70.00 {}", masked(&ben)),
        "deposit credit 100.00 USD 100.00 cash".to_owned(),
    ];
    assert_eq!(lines, expected);
    let rent = &page["items"][1];
    assert_eq!(rent["entry_id"], format!("{}d", rent["transfer_id"].as_str().expect("an id")));
    assert_eq!(rent["description"], "Rent, \"March\"");
    assert_eq!(rent["created_at"], "2026-11-21T10:00:01.003Z");
    assert_eq!(page["items"][2]["description"], Value::Null);

    let received = app.call("ben", "GET", &path(&ben, "/entries")).await.expect(200);
    assert_eq!(received["items"][0]["counterparty"], masked(&ana));
    assert_eq!(received["items"][0]["entry_id"], format!("{}c", rent["transfer_id"].as_str().expect("an id")));
    assert_eq!(received["items"][0]["balance_after"], "30.00");
    let for_staff = app.call("sam:staff", "GET", &path(&ben, "/entries")).await.expect(200);
    assert_eq!(for_staff["items"][0]["counterparty"], number(&ana));
}

#[tokio::test]
async fn pages_of_entries_make_one_unbroken_statement() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    for nth in 1..=13 {
        app.deposit(&account, &format!("{nth}")).await;
    }
    let whole = app.call("ana", "GET", &path(&account, "/entries")).await.expect(200);
    assert_eq!(whole["items"].as_array().map(Vec::len), Some(13));
    assert_eq!((&whole["items"][0]["balance_after"], &whole["next_cursor"]), (&json!("91.00"), &Value::Null));
    for limit in [1, 4, 13] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page =
                app.call("ana", "GET", &path(&account, &format!("/entries?limit={limit}{cursor}"))).await.expect(200);
            seen.extend(page["items"].as_array().expect("items").clone());
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(json!(seen), whole["items"], "by {limit}");
    }
}

#[tokio::test]
async fn a_balance_is_told_now_and_at_any_moment() {
    let (app, ana, _) = lived_in().await;
    let now = app.call("ana", "GET", &path(&ana, "/balance")).await.expect(200);
    let expected = json!({
        "account_id": id(&ana).as_str(), "at": app.clock.now().to_string(),
        "posted": "64.50", "held": "10.00", "available": "54.50", "currency": "USD",
    });
    assert_eq!(now, expected);
    for (at, posted, held) in [
        ("2026-11-21T09:00:00Z", "0.00", "0.00"),
        ("2026-11-21T10:00:00.002Z", "0.00", "0.00"),
        ("2026-11-21T10:00:00.003Z", "100.00", "0.00"),
        ("2026-11-21T10:00:01.002Z", "100.00", "0.00"),
        ("2026-11-21T10:00:01.003Z", "70.00", "0.00"),
        ("2026-11-21T05:00:02.003-05:00", "64.50", "0.00"),
        ("2026-11-21T10:00:03.003Z", "64.50", "10.00"),
    ] {
        let then = app.call("ana", "GET", &path(&ana, &format!("/balance?at={at}"))).await.expect(200);
        assert_eq!((&then["posted"], &then["held"]), (&json!(posted), &json!(held)), "{at}");
    }
    let future = app.call("ana", "GET", &path(&ana, "/balance?at=2027-01-01T00:00:00Z")).await.expect(200);
    assert_eq!(future, expected, "the present is what is known of the future");
}

#[tokio::test]
async fn every_refusal_has_its_code_and_the_earlier_rule_wins() {
    let (app, ana, _) = lived_in().await;
    let nowhere = json!({"account_id": "acc_nowhere"});
    for (who, account, rest, status, code) in [
        ("ben", &ana, "/entries", 404, "not_found"),
        ("ben", &nowhere, "/entries", 404, "not_found"),
        ("ben", &ana, "/balance", 404, "not_found"),
        ("ben", &ana, "/balance?at=2026-11-21T10:00:00Z", 404, "not_found"),
        ("sam:staff", &nowhere, "/entries", 404, "not_found"),
        ("sam:staff", &nowhere, "/balance", 404, "not_found"),
        ("ana", &ana, "/entries?limit=0", 400, "invalid_parameter"),
        ("ana", &ana, "/entries?from=2026", 400, "invalid_parameter"),
        ("ana", &ana, "/entries?cursor=x", 400, "invalid_cursor"),
        ("ana", &ana, "/balance?at=yesterday", 400, "invalid_parameter"),
        ("ana", &ana, "/balance?at=2026-02-30T00:00:00Z", 400, "invalid_parameter"),
        ("ana", &ana, "/balance?time=2026-02-20T00:00:00Z", 400, "invalid_parameter"),
        // Form before existence.
        ("ben", &ana, "/entries?limit=0", 400, "invalid_parameter"),
        ("ben", &ana, "/balance?at=x", 400, "invalid_parameter"),
    ] {
        let reply = app.call(who, "GET", &path(account, rest)).await;
        assert_eq!(reply.refusal(), (status, code), "{who} {rest}");
    }
    let page = app.call("ana", "GET", &path(&ana, "/entries?limit=1")).await.expect(200);
    let other = app.open("ana", "USD").await;
    let cursor = page["next_cursor"].as_str().expect("a second page");
    let reply = app.call("ana", "GET", &path(&other, &format!("/entries?cursor={cursor}"))).await;
    assert_eq!(reply.refusal(), (400, "invalid_cursor"), "a cursor is of one account");
}

pub(crate) async fn csv(app: &App, path: &str) -> (String, lambda_http::http::HeaderMap) {
    let request = to("ana", "GET", path).header("Accept", "text/csv").build();
    let outcome = handle(&app.stores, &app.clock, &SequentialEntropy::default(), request).await;
    let settings = Settings { allowed_origin: "*".into() };
    let (parts, body) = render(outcome, &settings, path, "r").expect("a response").into_parts();
    assert_eq!(parts.status, 200);
    (String::from_utf8(body.as_ref().to_vec()).expect("text"), parts.headers)
}

#[tokio::test]
async fn a_statement_comes_as_csv_that_no_spreadsheet_executes() {
    let (app, ana, ben) = lived_in().await;
    let (text, headers) = csv(&app, &path(&ana, "/entries")).await;
    let page = app.call("ana", "GET", &path(&ana, "/entries")).await.expect(200);
    let field = |nth: usize, name: &str| page["items"][nth][name].as_str().unwrap_or_default().to_owned();
    let line = |nth: usize, amounts: &str, counterparty: &str, description: &str| {
        let (entry, transfer, at) = (field(nth, "entry_id"), field(nth, "transfer_id"), field(nth, "created_at"));
        format!("{entry},{transfer},{amounts},{counterparty},{description},{at}\r\n")
    };
    let masked = format!("****************{}", &ben["number"].as_str().expect("a number")[16..]);
    let expected = [
        "entry_id,transfer_id,type,direction,amount,currency,balance_after,counterparty,description,created_at\r\n"
            .to_owned(),
        line(0, "payment,debit,5.50,USD,64.50", "biller", "'=1+1"),
        line(1, "transfer,debit,30.00,USD,70.00", &masked, "\"Rent, \"\"March\"\"\""),
        line(2, "deposit,credit,100.00,USD,100.00", "cash", ""),
    ];
    assert_eq!(text, expected.concat());
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8; header=present");
    assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{}.csv\"", id(&ana)));
    assert!(headers.get("link").is_none());
}

#[tokio::test]
async fn a_csv_statement_is_whole_unless_a_limit_is_named() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    for _ in 0..205 {
        app.deposit(&account, "1").await;
    }
    let (text, headers) = csv(&app, &path(&account, "/entries")).await;
    assert_eq!(text.lines().count(), 206, "more than one page of JSON");
    assert!(text.lines().nth(1).is_some_and(|line| line.contains(",205.00,")));
    assert!(text.lines().last().is_some_and(|line| line.contains(",1.00,USD,1.00,")));
    assert!(headers.get("link").is_none());
    let (first, headers) = csv(&app, &path(&account, "/entries?limit=200")).await;
    assert_eq!(first.lines().count(), 201);
    let link = headers["link"].to_str().expect("text");
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a link");
    let (rest, _) = csv(&app, &path(&account, &format!("/entries{next}"))).await;
    assert_eq!(rest.lines().skip(1).collect::<Vec<_>>(), text.lines().skip(201).collect::<Vec<_>>());
}
