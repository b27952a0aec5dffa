//! PATCH and DELETE /accounts/{id}.

use aws::ledger::accounts::ChangeOutcome;
use domain::{
    account::{Account, Change},
    transfer::Resolution,
};
use edge::clock::Clock;
use serde_json::{Value, json};
use testkit::{command, hold, money};
use tokio::task::JoinSet;

use crate::app::{App, id, path, to};

async fn patch(app: &App, who: &str, account: &Value, body: Value) -> crate::app::Reply {
    app.call_with(who, "PATCH", &path(account, ""), &body).await
}

#[tokio::test]
async fn the_owner_closes_an_empty_account_and_it_stays_readable() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    app.deposit(&account, "10").await;
    app.withdraw(&account, "10").await;
    let reply = patch(&app, "ana", &account, json!({"status": "closed"})).await;
    assert_eq!(reply.header("etag"), Some("\"4\""));
    let closed = reply.expect(200);
    assert_eq!((&closed["status"], &closed["version"]), (&json!("closed"), &json!(4)));
    assert_eq!(app.call("ana", "GET", &path(&account, "")).await.expect(200), closed);
    let entries = app.call("ana", "GET", &path(&account, "/entries")).await.expect(200);
    assert_eq!(entries["items"].as_array().map(Vec::len), Some(2));
    assert!(!app.try_deposit(&account, "1").await, "a closed account takes no posting");
}

#[tokio::test]
async fn deleting_closes_and_does_so_once() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    for _ in 0..2 {
        let reply = app.call("ana", "DELETE", &path(&account, "")).await;
        assert_eq!((reply.status, reply.body), (204, Value::Null));
    }
    let closed = app.call("ana", "GET", &path(&account, "")).await.expect(200);
    assert_eq!((&closed["status"], &closed["version"]), (&json!("closed"), &json!(2)));
    let again = patch(&app, "ana", &account, json!({"status": "closed"})).await.expect(200);
    assert_eq!(again, closed);
}

#[tokio::test]
async fn money_on_an_account_owed_by_it_or_held_keeps_it_open() {
    let app = App::start().await;
    let positive = app.open("ana", "USD").await;
    app.deposit(&positive, "0.01").await;
    let negative = app.open("ana", "USD").await;
    patch(&app, "sam:staff", &negative, json!({"overdraft_limit": "5"})).await.expect(200);
    app.withdraw(&negative, "0.01").await;
    let reserved = app.open("ana", "USD").await;
    patch(&app, "sam:staff", &reserved, json!({"overdraft_limit": "5"})).await.expect(200);
    let held = hold("h", &id(&reserved), None, money("1", "USD"), 60);
    app.stack.transfer(&held, app.clock.now()).await.expect("held");
    for account in [&positive, &negative, &reserved] {
        for who in ["ana", "sam:staff", "root:admins"] {
            let reply = patch(&app, who, account, json!({"status": "closed"})).await;
            assert_eq!(reply.refusal(), (409, "balance_not_zero"), "{who}");
            let reply = app.call(who, "DELETE", &path(account, "")).await;
            assert_eq!(reply.refusal(), (409, "balance_not_zero"), "{who}");
        }
        let shown = app.call("ana", "GET", &path(account, "")).await.expect(200);
        assert_eq!(shown["status"], "active");
    }
}

#[tokio::test]
async fn a_frozen_account_refuses_postings_until_it_is_thawed_and_only_the_bank_closes_it() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    let frozen = patch(&app, "sam:staff", &account, json!({"status": "frozen"})).await.expect(200);
    assert_eq!((&frozen["status"], &frozen["version"]), (&json!("frozen"), &json!(2)));
    assert!(!app.try_deposit(&account, "1").await);
    assert_eq!(patch(&app, "ana", &account, json!({"status": "closed"})).await.refusal(), (409, "account_frozen"));
    assert_eq!(app.call("ana", "DELETE", &path(&account, "")).await.refusal(), (409, "account_frozen"));
    patch(&app, "sam:staff", &account, json!({"status": "active"})).await.expect(200);
    app.deposit(&account, "1").await;
    app.withdraw(&account, "1").await;
    patch(&app, "sam:staff", &account, json!({"status": "frozen"})).await.expect(200);
    patch(&app, "sam:staff", &account, json!({"status": "closed"})).await.expect(200);
    for body in [json!({"status": "active"}), json!({"status": "frozen"}), json!({"overdraft_limit": "0"})] {
        assert_eq!(patch(&app, "sam:staff", &account, body).await.refusal(), (409, "account_closed"));
    }
}

#[tokio::test]
async fn what_changes_nothing_is_no_new_version() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    for body in [
        json!({"status": "active"}),
        json!({"overdraft_limit": "0.00"}),
        json!({"status": "active", "overdraft_limit": "0"}),
    ] {
        assert_eq!(patch(&app, "sam:staff", &account, body).await.expect(200), account);
    }
}

#[tokio::test]
async fn an_overdraft_limit_moves_what_is_available_by_the_difference() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    app.deposit(&account, "10").await;
    for (limit, available) in [("50.00", "60.00"), ("20.5", "30.50"), ("20.50", "30.50"), ("0", "10.00")] {
        let changed = patch(&app, "sam:staff", &account, json!({"overdraft_limit": limit})).await.expect(200);
        assert_eq!(changed["balance"], json!({"posted": "10.00", "held": "0.00", "available": available}), "{limit}");
        assert_eq!(app.call("ana", "GET", &path(&account, "")).await.expect(200), changed);
    }
    patch(&app, "sam:staff", &account, json!({"overdraft_limit": "5"})).await.expect(200);
    app.withdraw(&account, "15").await;
    let below = patch(&app, "sam:staff", &account, json!({"overdraft_limit": "1"})).await.expect(200);
    assert_eq!(below["balance"], json!({"posted": "-5.00", "held": "0.00", "available": "-4.00"}));
    app.deposit(&account, "5").await;
    let both =
        patch(&app, "sam:staff", &account, json!({"status": "frozen", "overdraft_limit": "2"})).await.expect(200);
    assert_eq!((&both["status"], &both["overdraft_limit"]), (&json!("frozen"), &json!("2.00")));
    let closed = patch(&app, "sam:staff", &account, json!({"status": "closed"})).await.expect(200);
    assert_eq!(closed["overdraft_limit"], "0.00", "closing ends the overdraft");
    assert_eq!(closed["balance"], json!({"posted": "0.00", "held": "0.00", "available": "0.00"}));
}

#[tokio::test]
async fn every_refusal_has_its_code_and_the_earlier_rule_wins() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    let yen = app.open("ana", "JPY").await;
    let nowhere = json!({"account_id": "acc_nowhere"});
    let nonsense = json!({"status": "open"});
    for (who, account, body, status, code, pointer) in [
        ("ana", &account, "{".to_owned(), 400, "malformed_json", None),
        ("ana", &account, "{}".to_owned(), 400, "invalid_field", Some("")),
        ("ana", &account, r#"{"status":null}"#.to_owned(), 400, "invalid_field", Some("")),
        ("ana", &account, r#"{"status":1}"#.to_owned(), 400, "invalid_field", Some("/status")),
        ("ana", &account, nonsense.to_string(), 400, "invalid_field", Some("/status")),
        ("ana", &account, r#"{"version":9}"#.to_owned(), 400, "unknown_field", Some("/version")),
        ("ana", &account, r#"{"status":"closed","number":"1"}"#.to_owned(), 400, "unknown_field", Some("/number")),
        ("ana", &account, r#"{"overdraft_limit":5}"#.to_owned(), 400, "invalid_amount", Some("/overdraft_limit")),
        (
            "sam:staff",
            &account,
            r#"{"overdraft_limit":"-5"}"#.to_owned(),
            400,
            "invalid_amount",
            Some("/overdraft_limit"),
        ),
        (
            "sam:staff",
            &account,
            r#"{"overdraft_limit":"1e3"}"#.to_owned(),
            400,
            "invalid_amount",
            Some("/overdraft_limit"),
        ),
        (
            "sam:staff",
            &account,
            r#"{"overdraft_limit":"1.001"}"#.to_owned(),
            400,
            "invalid_amount",
            Some("/overdraft_limit"),
        ),
        ("sam:staff", &yen, r#"{"overdraft_limit":"1.0"}"#.to_owned(), 400, "invalid_amount", Some("/overdraft_limit")),
        (
            "sam:staff",
            &account,
            r#"{"status":"closed","overdraft_limit":"1"}"#.to_owned(),
            400,
            "invalid_field",
            Some("/overdraft_limit"),
        ),
        // What a customer may not do he may not do to anybody's account, nor to one that does not exist.
        ("ana", &account, r#"{"status":"frozen"}"#.to_owned(), 403, "forbidden", None),
        ("ana", &account, r#"{"status":"active"}"#.to_owned(), 403, "forbidden", None),
        ("ana", &account, r#"{"overdraft_limit":"1000000"}"#.to_owned(), 403, "forbidden", None),
        ("ana", &account, r#"{"status":"closed","overdraft_limit":"1"}"#.to_owned(), 403, "forbidden", None),
        ("ben", &account, r#"{"status":"frozen"}"#.to_owned(), 403, "forbidden", None),
        ("ben", &nowhere, r#"{"status":"frozen"}"#.to_owned(), 403, "forbidden", None),
        // Role before the value of a field, form before existence, existence before the version.
        ("ana", &account, r#"{"overdraft_limit":"many"}"#.to_owned(), 403, "forbidden", None),
        (
            "sam:staff",
            &nowhere,
            r#"{"overdraft_limit":"many"}"#.to_owned(),
            400,
            "invalid_amount",
            Some("/overdraft_limit"),
        ),
        ("ben", &account, r#"{"status":"closed"}"#.to_owned(), 404, "not_found", None),
        ("ben", &nowhere, r#"{"status":"closed"}"#.to_owned(), 404, "not_found", None),
        ("sam:staff", &nowhere, r#"{"status":"frozen"}"#.to_owned(), 404, "not_found", None),
    ] {
        let reply = app.send(to(who, "PATCH", &path(account, "")).body(&body).build()).await;
        assert_eq!(reply.refusal(), (status, code), "{who} {body}: {}", reply.body);
        assert_eq!(reply.body.pointer("/errors/0/pointer").and_then(Value::as_str), pointer, "{who} {body}");
    }
    for (account, method) in [(&account, "DELETE"), (&nowhere, "DELETE"), (&account, "PATCH"), (&nowhere, "PATCH")] {
        let stale = to("ben", method, &path(account, "")).header("If-Match", "\"99\"").body(r#"{"status":"closed"}"#);
        assert_eq!(app.send(stale.build()).await.refusal(), (404, "not_found"), "existence before the version");
    }
    let paths = [&account, &nowhere].map(|account| path(account, ""));
    let shape = |mut body: Value| {
        body.as_object_mut().expect("a document").remove("instance");
        body
    };
    let (foreign, unknown) = (app.call("ben", "GET", &paths[0]).await, app.call("ben", "GET", &paths[1]).await);
    assert_eq!(shape(foreign.body), shape(unknown.body), "another's account answers as one that does not exist");
    assert_eq!(app.call("ana", "GET", &path(&account, "")).await.expect(200), account);
}

#[tokio::test]
async fn a_version_that_is_demanded_must_be_the_present_one() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    let with = |who: &str, method: &str, tag: &str, body: Value| {
        to(who, method, &path(&account, "")).header("If-Match", tag).json(&body).build()
    };
    let freeze = json!({"status": "frozen"});
    for tag in ["\"2\"", "W/\"7\"", "\"nonsense\"", "0"] {
        let reply = app.send(with("sam:staff", "PATCH", tag, freeze.clone())).await;
        assert_eq!(reply.refusal(), (412, "version_mismatch"), "{tag}");
        let reply = app.send(with("ana", "DELETE", tag, Value::Null)).await;
        assert_eq!(reply.refusal(), (412, "version_mismatch"), "{tag}");
    }
    app.deposit(&account, "1").await;
    // The version before the state: a stale caller is told so before he is told about money.
    let stale = app.send(with("ana", "DELETE", "\"1\"", Value::Null)).await;
    assert_eq!(stale.refusal(), (412, "version_mismatch"));
    let current = app.send(with("ana", "DELETE", "\"2\"", Value::Null)).await;
    assert_eq!(current.refusal(), (409, "balance_not_zero"));
    app.send(with("sam:staff", "PATCH", "\"2\"", freeze.clone())).await.expect(200);
    app.send(with("sam:staff", "PATCH", "*", json!({"status": "active"}))).await.expect(200);
}

#[tokio::test]
async fn a_decision_from_a_stale_reading_is_never_committed() {
    let app = App::start().await;
    let ledger = &app.stores.ledger;
    let close = |account: &Account| account.change(&Change::CLOSE, true).expect("allowed").expect("a change");
    let limit = |account: &Account, limit: &str| {
        let change = Change { status: None, overdraft: Some(money(limit, "USD")) };
        account.change(&change, true).expect("allowed").expect("a change")
    };
    for meanwhile in ["deposit", "hold", "freeze", "limit", "close"] {
        let opened = app.open("ana", "USD").await;
        patch(&app, "sam:staff", &opened, json!({"overdraft_limit": "5"})).await.expect(200);
        let read = ledger.account(&id(&opened)).await.expect("read").expect("there");
        match meanwhile {
            "deposit" => app.deposit(&opened, "1").await,
            "hold" => {
                let held = hold("h", &id(&opened), None, money("1", "USD"), 60);
                app.stack.transfer(&held, app.clock.now()).await.expect("held");
            }
            "freeze" => drop(patch(&app, "sam:staff", &opened, json!({"status": "frozen"})).await.expect(200)),
            "limit" => drop(patch(&app, "sam:staff", &opened, json!({"overdraft_limit": "7"})).await.expect(200)),
            _ => drop(patch(&app, "sam:staff", &opened, json!({"status": "closed"})).await.expect(200)),
        }
        let now = ledger.account(&id(&opened)).await.expect("read").expect("there");
        let closed = ledger.change_account(&read, &close(&read), None).await.expect("the ledger answers");
        assert_eq!(closed, ChangeOutcome::Moved(now.clone()), "closing after: {meanwhile}");
        let demanded = ledger.change_account(&now, &limit(&read, "9"), Some(read.version)).await;
        assert_eq!(demanded.expect("the ledger answers"), ChangeOutcome::Moved(now.clone()), "demanded: {meanwhile}");
        let raised = ledger.change_account(&read, &limit(&read, "9"), None).await.expect("the ledger answers");
        match (meanwhile, raised) {
            // What is on the account does not matter to its limit.
            ("deposit" | "hold", ChangeOutcome::Done(after)) => {
                assert_eq!(after.balance.posted, now.balance.posted);
                let difference = after.balance.available.checked_sub(now.balance.available);
                assert_eq!(difference, Some(money("4", "USD")));
            }
            (_, outcome) => assert_eq!(outcome, ChangeOutcome::Moved(now), "limit after: {meanwhile}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_account_never_closes_with_money_on_it() {
    let app = App::start().await;
    let mut accounts = Vec::new();
    for _ in 0..50 {
        accounts.push(app.open("ana", "USD").await);
        if accounts.len() % 10 == 0 {
            race(&app, &accounts).await;
            for account in accounts.drain(..) {
                // Whatever is still open is emptied and closed, as a customer has a bounded number of accounts.
                let shown = app.call("ana", "GET", &path(&account, "")).await.expect(200);
                if shown["status"] == "active" {
                    app.withdraw(&account, "1").await;
                    app.call("ana", "DELETE", &path(&account, "")).await.expect(204);
                }
            }
        }
    }
}

async fn race(app: &App, accounts: &[Value]) {
    let mut races = JoinSet::new();
    for account in accounts {
        let (app, account) = (app.clone(), account.clone());
        races.spawn(async move {
            let (closing, depositing) = (app.clone(), app.clone());
            let (closed, target) = (account.clone(), account.clone());
            let close = tokio::spawn(async move { closing.call("ana", "DELETE", &path(&closed, "")).await });
            let deposit = tokio::spawn(async move { depositing.try_deposit(&target, "1").await });
            let closed = close.await.expect("no panic");
            let deposited = deposit.await.expect("no panic");
            (account, closed, deposited)
        });
    }
    while let Some(outcome) = races.join_next().await {
        let (account, closed, deposited) = outcome.expect("no panic");
        let shown = app.call("ana", "GET", &path(&account, "")).await.expect(200);
        let (status, posted) = if deposited { ("active", "1.00") } else { ("closed", "0.00") };
        assert_eq!((&shown["status"], &shown["balance"]["posted"]), (&json!(status), &json!(posted)));
        match deposited {
            true => assert_eq!(closed.refusal(), (409, "balance_not_zero")),
            false => assert_eq!(closed.status, 204),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_busy_account_can_be_frozen_and_its_limit_set_without_losing_a_unit() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    let mut work = JoinSet::new();
    for nth in 0..40 {
        let (app, account) = (app.clone(), account.clone());
        work.spawn(async move {
            let now = app.clock.now();
            let deposit = command(&format!("busy {nth}"), None, Some(&id(&account)), money("1", "USD"));
            matches!(app.stack.transfer(&deposit, now).await, Ok(aws::ledger::transfers::Posted::Done(_)))
        });
    }
    for limit in ["10", "30", "20"] {
        patch(&app, "sam:staff", &account, json!({"overdraft_limit": limit})).await.expect(200);
    }
    patch(&app, "sam:staff", &account, json!({"status": "frozen"})).await.expect(200);
    let posted = work.join_all().await.into_iter().filter(|done| *done).count();
    let shown = app.call("ana", "GET", &path(&account, "")).await.expect(200);
    assert_eq!(shown["balance"]["posted"], format!("{posted}.00"));
    assert_eq!(shown["balance"]["available"], format!("{}.00", posted + 20));
    assert_eq!(shown["status"], "frozen");
}

#[tokio::test]
async fn a_hold_can_be_freed_on_a_frozen_account() {
    let app = App::start().await;
    let account = app.open("ana", "USD").await;
    app.deposit(&account, "5").await;
    let now = app.clock.now();
    let posted = app.stack.transfer(&hold("h", &id(&account), None, money("5", "USD"), 60), now).await.expect("held");
    let aws::ledger::transfers::Posted::Done(held) = posted else { panic!("{posted:?}") };
    patch(&app, "sam:staff", &account, json!({"status": "frozen"})).await.expect(200);
    let freed =
        app.stores.ledger.resolve(&held, &Resolution::Void { at: now }, None).await.expect("the ledger answers");
    assert!(matches!(freed, aws::ledger::transfers::Resolved::Done(_)), "{freed:?}");
    let shown = app.call("ana", "GET", &path(&account, "")).await.expect(200);
    assert_eq!(shown["balance"], json!({"posted": "5.00", "held": "0.00", "available": "5.00"}));
}
