//! POST /accounts.

use std::sync::{Arc, Mutex};

use aws::ledger::accounts::Opened;
use domain::{
    account::{MAX_OPEN_ACCOUNTS, OpenAccount},
    customer::CustomerStatus,
    id::AccountId,
    number::AccountNumber,
};
use edge::{clock::Clock, entropy::Entropy};
use serde_json::{Value, json};
use testkit::{customer, money};
use tokio::task::JoinSet;

use crate::app::{App, path, to};

fn savings() -> Value {
    json!({"type": "savings", "currency": "USD"})
}

#[tokio::test]
async fn a_customer_opens_an_account_of_his_own() {
    let app = App::start().await;
    let reply = app.call_with("ana", "POST", "/accounts", &savings()).await;
    assert_eq!(reply.header("etag"), Some("\"1\""));
    let account = reply.expect(201);
    let number = account["number"].as_str().expect("a number");
    assert!(AccountNumber::parse(number).is_some(), "{number}");
    let expected = json!({
        "account_id": account["account_id"], "number": number, "customer_id": customer("ana").as_str(),
        "type": "savings", "currency": "USD", "status": "active",
        "balance": {"posted": "0.00", "held": "0.00", "available": "0.00"}, "overdraft_limit": "0.00",
        "opened_at": "2026-11-21T10:00:00.000Z", "version": 1,
    });
    assert_eq!(account, expected);
    assert_eq!(app.call("ana", "GET", &path(&account, "")).await.expect(200), expected);
}

#[tokio::test]
async fn staff_opens_an_account_for_a_customer() {
    let app = App::start().await;
    let body = json!({"customer_id": customer("ana").as_str(), "type": "checking", "currency": "VND"});
    let account = app.call_with("sam:staff", "POST", "/accounts", &body).await.expect(201);
    assert_eq!(account["customer_id"], customer("ana").as_str());
    assert_eq!(account["balance"]["posted"], "0");
    assert_eq!(app.call("ana", "GET", &path(&account, "")).await.status, 200);
}

#[tokio::test]
async fn every_refusal_has_its_code_and_the_earlier_rule_wins() {
    let app = App::start().await;
    let blocked = app.register("cleo", "Cleo", "Ruiz", None).await;
    app.set_status(&blocked, CustomerStatus::Blocked).await;
    let idle = app.register("dan", "Dan", "Sosa", None).await;
    app.set_status(&idle, CustomerStatus::Inactive).await;
    let inactive = json!({"type": "gone", "name": "Gone", "status": "inactive"});
    app.call_with("root:admins", "POST", "/account-types", &inactive).await.expect(201);
    let of = |owner: &str, kind: &str| json!({"customer_id": owner, "type": kind, "currency": "USD"}).to_string();
    let ben = customer("ben");
    let nobody = customer("nobody");
    for (who, body, status, code, pointer) in [
        ("ana", "{".to_owned(), 400, "malformed_json", None),
        ("ana", "".to_owned(), 400, "malformed_json", None),
        ("ana", "{}".to_owned(), 400, "invalid_field", Some("/type")),
        ("ana", r#"{"type":"savings"}"#.to_owned(), 400, "invalid_field", Some("/currency")),
        ("ana", r#"{"type":7,"currency":"USD"}"#.to_owned(), 400, "invalid_field", Some("/type")),
        ("ana", r#"{"type":"No such","currency":"USD"}"#.to_owned(), 400, "invalid_field", Some("/type")),
        ("ana", r#"{"type":"savings","currency":"XYZ"}"#.to_owned(), 400, "unsupported_currency", Some("/currency")),
        ("ana", r#"{"type":"savings","currency":840}"#.to_owned(), 400, "unsupported_currency", Some("/currency")),
        (
            "ana",
            r#"{"type":"savings","currency":"USD","status":"frozen"}"#.to_owned(),
            400,
            "unknown_field",
            Some("/status"),
        ),
        (
            "ana",
            r#"{"type":"savings","currency":"USD","balance":{"posted":"9"}}"#.to_owned(),
            400,
            "unknown_field",
            Some("/balance"),
        ),
        ("ana", of("ana", "savings"), 400, "invalid_field", Some("/customer_id")),
        ("ana", of(ben.as_str(), "savings"), 404, "not_found", None),
        ("ana", of(nobody.as_str(), "savings"), 404, "not_found", None),
        ("sam:staff", of(nobody.as_str(), "savings"), 404, "not_found", None),
        ("sam:staff", of(ben.as_str(), "unheard_of"), 404, "not_found", None),
        ("sam:staff", of(ben.as_str(), "gone"), 404, "not_found", None),
        ("cleo", savings().to_string(), 409, "customer_not_active", None),
        ("dan", savings().to_string(), 409, "customer_not_active", None),
        ("sam:staff", of(idle.id.as_str(), "savings"), 409, "customer_not_active", None),
        // Existence before state.
        ("sam:staff", of(idle.id.as_str(), "unheard_of"), 404, "not_found", None),
        // Form before existence.
        ("ana", of(ben.as_str(), "No such"), 400, "invalid_field", Some("/type")),
    ] {
        let reply = app.send(to(who, "POST", "/accounts").body(&body).build()).await;
        assert_eq!(reply.refusal(), (status, code), "{who} {body}: {}", reply.body);
        assert_eq!(reply.body.pointer("/errors/0/pointer").and_then(Value::as_str), pointer, "{who} {body}");
    }
    // Form before the idempotency key, the key before existence.
    let bad_key = to("ana", "POST", "/accounts").key("");
    assert_eq!(app.send(bad_key.body("{}").build()).await.refusal(), (400, "invalid_field"));
    let bad_key = to("ana", "POST", "/accounts").key("ä");
    assert_eq!(
        app.send(bad_key.body(&of(ben.as_str(), "savings")).build()).await.refusal(),
        (400, "invalid_idempotency_key")
    );
    let listed = app.call("sam:staff", "GET", "/accounts").await.expect(200);
    assert_eq!(listed["items"], json!([]), "no refusal leaves an account behind");
}

#[tokio::test]
async fn a_partners_machine_and_a_request_without_claims_are_nobody_here() {
    let app = App::start().await;
    let claims = json!({"sub": "partner", "client_id": "partner", "scope": "florin/vouchers.buy"});
    for (method, path) in [
        ("GET", "/accounts"),
        ("POST", "/accounts"),
        ("GET", "/accounts/acc_1"),
        ("PATCH", "/accounts/acc_1"),
        ("DELETE", "/accounts/acc_1"),
        ("GET", "/accounts/acc_1/entries"),
        ("GET", "/accounts/acc_1/balance"),
        ("GET", "/account-types"),
        ("POST", "/account-types"),
        ("GET", "/account-types/savings"),
        ("GET", "/payees?phone=1"),
    ] {
        let partner = to("ana", method, path).claims(claims.clone()).body("{").build();
        assert_eq!(app.send(partner).await.refusal(), (403, "forbidden"), "{method} {path}");
        let nobody = to("ana", method, path).claims(Value::Null).body("{").build();
        assert_eq!(app.send(nobody).await.refusal(), (401, "unauthorized"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_repeated_opening_is_answered_as_the_first_one_whatever_became_of_the_account() {
    let app = App::start().await;
    let open = |body: Value| app.send(to("ana", "POST", "/accounts").key("k1").json(&body).build());
    let first = open(savings()).await;
    assert_eq!(first.header("idempotent-replayed"), None);
    let account = first.expect(201);
    app.deposit(&account, "5").await;
    app.call_with("sam:staff", "PATCH", &path(&account, ""), &json!({"status": "frozen"})).await.expect(200);
    app.clock.advance_seconds(86_400 * 400);

    let again = open(savings()).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("etag"), Some("\"1\""));
    assert_eq!(again.expect(201), account);

    let named = json!({"customer_id": customer("ana").as_str(), "type": "savings", "currency": "USD"});
    assert_eq!(open(named).await.expect(201), account, "naming oneself is the same request");
    for (body, field) in [
        (json!({"customer_id": customer("ben").as_str(), "type": "salary", "currency": "EUR"}), "customer_id"),
        (json!({"type": "salary", "currency": "EUR"}), "type"),
        (json!({"type": "savings", "currency": "EUR"}), "currency"),
    ] {
        let reply = open(body).await;
        assert_eq!(reply.refusal(), (422, "idempotency_key_reused"));
        assert_eq!(reply.body["field"], field);
    }
    // Another caller's key of the same text is another key.
    let other = app.send(to("ben", "POST", "/accounts").key("k1").json(&savings()).build()).await.expect(201);
    assert_ne!(other["account_id"], account["account_id"]);
}

#[tokio::test]
async fn a_repeated_opening_finds_its_account_after_deletion_and_after_a_block() {
    let app = App::start().await;
    let ana = app.stores.customers.customer(&customer("ana")).await.expect("read").expect("there");
    let open = || app.send(to("ana", "POST", "/accounts").key("k1").json(&savings()).build());
    let account = open().await.expect(201);
    app.call("ana", "DELETE", &path(&account, "")).await.expect(204);
    assert_eq!(open().await.expect(201), account);
    app.set_status(&ana, CustomerStatus::Blocked).await;
    assert_eq!(open().await.expect(201), account);
    let listed = app.call("ana", "GET", "/accounts").await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_identical_openings_at_once_make_one_account() {
    let app = App::start().await;
    let mut requests = JoinSet::new();
    for _ in 0..16 {
        let app = app.clone();
        requests.spawn(async move { app.send(to("ana", "POST", "/accounts").key("k").json(&savings()).build()).await });
    }
    let mut answers = Vec::new();
    while let Some(reply) = requests.join_next().await {
        let reply = reply.expect("no panic");
        let replayed = reply.header("idempotent-replayed").is_some();
        answers.push((reply.expect(201), replayed));
    }
    assert!(answers.iter().all(|(account, _)| *account == answers[0].0), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1);
    assert_eq!(app.call("ana", "GET", "/accounts").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn without_a_key_every_opening_makes_an_account() {
    let app = App::start().await;
    let (one, two) = (app.open("ana", "USD").await, app.open("ana", "USD").await);
    assert_ne!(one["account_id"], two["account_id"]);
    assert_ne!(one["number"], two["number"]);
}

/// Gives what it was told to, in order.
struct Scripted(Mutex<Vec<[u8; 16]>>);

impl Entropy for Scripted {
    fn bytes(&self) -> [u8; 16] {
        self.0.lock().expect("no panic").remove(0)
    }
}

#[tokio::test]
async fn a_number_that_is_taken_is_never_given_twice() {
    let mut app = App::start().await;
    let script = |bytes: &[u8]| Arc::new(Scripted(Mutex::new(bytes.iter().map(|byte| [*byte; 16]).collect())));
    app.entropy = script(&[1, 7]);
    let first = app.open("ana", "USD").await;
    app.entropy = script(&[2, 7, 7, 8]);
    let second = app.open("ben", "USD").await;
    assert_eq!(first["number"], AccountNumber::from_bytes([7; 16]).as_str());
    assert_eq!(second["number"], AccountNumber::from_bytes([8; 16]).as_str());
    app.entropy = script(&[3, 7, 7, 8, 8]);
    let reply = app.call_with("ben", "POST", "/accounts", &savings()).await;
    assert_eq!(reply.refusal(), (503, "unavailable"), "a generator that repeats itself is given up on");
}

#[tokio::test]
async fn the_transaction_itself_looks_at_the_owner() {
    let app = App::start().await;
    let ben = app.stores.customers.customer(&customer("ben")).await.expect("read").expect("there");
    app.set_status(&ben, CustomerStatus::Blocked).await;
    for (owner, seed, expected) in
        [("ana", 1, Opened::Done), ("ben", 2, Opened::OwnerNotActive), ("nobody", 3, Opened::OwnerUnknown)]
    {
        let id = AccountId::from_bytes([seed; 16]);
        let currency = money("0", "USD").currency();
        let command = OpenAccount { id: id.clone(), owner: customer(owner), kind: "savings".into(), currency };
        let account = command.decide(AccountNumber::from_bytes([seed; 16]), app.clock.now());
        let ledger = &app.stores.ledger;
        let opened = ledger.open_account(&account, &app.stores.customers_table).await.expect("the ledger answers");
        assert_eq!(opened, expected, "{owner}");
        let there = expected == Opened::Done;
        assert_eq!(ledger.account(&id).await.expect("read").is_some(), there, "{owner}");
        assert_eq!(ledger.account_by_number(&account.number).await.expect("read").is_some(), there, "{owner}");
    }
}

#[tokio::test]
async fn a_customer_has_a_bounded_number_of_accounts_that_are_not_closed() {
    let app = App::start().await;
    let mut last = Value::Null;
    for _ in 0..MAX_OPEN_ACCOUNTS {
        last = app.open("ana", "USD").await;
    }
    let reply = app.call_with("ana", "POST", "/accounts", &savings()).await;
    assert_eq!(reply.refusal(), (409, "too_many_accounts"));
    app.open("ben", "USD").await;
    app.call("ana", "DELETE", &path(&last, "")).await.expect(204);
    app.open("ana", "USD").await;
}
