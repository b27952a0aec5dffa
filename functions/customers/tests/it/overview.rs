//! All there is to know about one customer.

use aws::{client::Environment, ledger::Ledger};
use serde_json::{Value, json};
use testkit::{command, money};

use crate::app::{App, path};

#[tokio::test]
async fn the_profile_has_accounts_transfers_and_a_sum_per_currency() {
    let app = App::start().await;
    app.customer("alice", None, None).await;
    app.customer("bob", None, None).await;
    let usd = app.stack.account("alice", "USD", "100.00", app.now()).await;
    let more = app.stack.account("alice", "USD", "20.00", app.now()).await;
    let pen = app.stack.account("alice", "PEN", "7.00", app.now()).await;
    let bob = app.stack.account("bob", "USD", "0.00", app.now()).await;
    for (name, from, to, amount) in [("t1", &usd, &bob, "30.00"), ("t2", &usd, &more, "5.00")] {
        app.bank.clock.tick();
        let command = command(name, Some(&from.id), Some(&to.id), money(amount, "USD"));
        app.stack.transfer(&command, app.now()).await.expect("posted");
    }

    let profile = format!("{}/profile", path("alice"));
    let (status, seen, _) = app.as_customer("alice", "GET", &profile, None).await;
    assert_eq!(status, 200, "{seen}");
    assert_eq!(seen["customer"]["given_name"], "alice");
    assert_eq!(seen["accounts"].as_array().map(Vec::len), Some(3));
    assert!(seen["accounts"].as_array().into_iter().flatten().any(|account| account["account_id"] == json!(pen.id)));
    assert_eq!(
        seen["summary"]["balances"],
        json!([{"currency": "PEN", "posted": "7.00", "held": "0.00", "available": "7.00"},
               {"currency": "USD", "posted": "90.00", "held": "0.00", "available": "90.00"}])
    );
    assert_eq!((&seen["summary"]["accounts"], &seen["summary"]["active_accounts"]), (&json!(3), &json!(3)));
    assert_eq!(seen["errors"], json!([]));
    let newest = &seen["transfers"][0];
    assert_eq!((&newest["amount"], &newest["to_account"]), (&json!("5.00"), &json!(more.id)));
    let ids: Vec<_> = seen["transfers"].as_array().into_iter().flatten().map(|seen| &seen["transfer_id"]).collect();
    let mut once = ids.clone();
    once.dedup();
    assert_eq!(ids, once, "a transfer between two own accounts comes once");
    assert_eq!(seen["summary"]["last_activity"], newest["created_at"]);

    let staff = app.staff("GET", &profile, None).await;
    assert_eq!((staff.0, &staff.1["summary"]), (200, &seen["summary"]));
    assert_eq!(app.as_customer("bob", "GET", &profile, None).await.0, 404);
    assert_eq!(app.staff("GET", &format!("{}/profile", path("nobody")), None).await.0, 404);

    let received = app.as_customer("bob", "GET", &format!("{}/transfers", path("bob")), None).await.1;
    let from = received["items"][0]["from_account"].as_str().expect("masked");
    assert!(from.starts_with("****") && !from.contains(usd.id.as_str()), "the sender's account is masked: {from}");
}

#[tokio::test]
async fn transfers_come_in_pages_newest_first() {
    let app = App::start().await;
    app.customer("bob", None, None).await;
    let alice = app.stack.account("alice", "USD", "100.00", app.now()).await;
    let bob = app.stack.account("bob", "USD", "0.00", app.now()).await;
    for nth in 1..=5 {
        app.bank.clock.tick();
        let command = command(&format!("t{nth}"), Some(&alice.id), Some(&bob.id), money(&format!("{nth}.00"), "USD"));
        app.stack.transfer(&command, app.now()).await.expect("posted");
    }
    let (mut amounts, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}/transfers?limit=2{cursor}", path("bob"));
        let (status, page, _) = app.as_customer("bob", "GET", &path, None).await;
        assert_eq!(status, 200, "{page}");
        amounts.extend(page["items"].as_array().into_iter().flatten().map(|item| item["amount"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(amounts, ["5.00", "4.00", "3.00", "2.00", "1.00"].map(Value::from).to_vec());
}

#[tokio::test]
async fn a_profile_without_its_ledger_still_tells_who_the_customer_is() {
    let mut app = App::start().await;
    app.customer("alice", None, None).await;
    app.bank.ledger =
        Ledger::new(Environment::at("http://127.0.0.1:9", "eu-west-1").expect("a client").dynamodb(), "gone".into());
    let (status, seen, _) = app.staff("GET", &format!("{}/profile", path("alice")), None).await;
    assert_eq!((status, &seen["customer"]["given_name"]), (200, &json!("alice")));
    assert_eq!((&seen["accounts"], &seen["transfers"]), (&Value::Null, &Value::Null));
    assert_eq!(seen["summary"]["balances"], Value::Null);
    let parts: Vec<_> = seen["errors"].as_array().into_iter().flatten().map(|error| error["part"].clone()).collect();
    assert_eq!(parts, vec![json!("accounts"), json!("transfers")]);
}
