use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{customer, request};

use crate::app::{App, bitcoin, create, grant, with};

fn wish(name: &str, quantity: &str) -> Value {
    json!({"customer_id": customer(name), "quantity": quantity})
}

async fn started() -> App {
    let app = App::start().await;
    app.send(create(&bitcoin())).await;
    app.customer("alice").await;
    app
}

#[tokio::test]
async fn a_grant_is_free_in_the_wallet_and_booked_against_issuance() {
    let app = started().await;
    let reply = app.send(grant("BTC-USD", "k", &wish("alice", "0.5"))).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let id = reply.body["grant_id"].as_str().expect("an id");
    assert!(id.starts_with("grt_"));
    let expected = json!({
        "grant_id": id, "symbol": "BTC-USD", "asset": "BTC", "customer_id": customer("alice"),
        "quantity": "0.50000000", "created_at": "2026-11-21T10:00:00.000Z",
    });
    assert_eq!(reply.body, expected);
    assert_eq!(app.stack.holding("alice", "BTC").await, ["0.5", "0"]);
    let granted = app.stores.exchange.granted().await.expect("a sum");
    assert_eq!(granted.values().map(ToString::to_string).collect::<Vec<_>>(), ["0.5"]);
}

#[tokio::test]
async fn the_same_key_gives_once() {
    let app = started().await;
    let told = join_all((0..20).map(|_| app.told(grant("BTC-USD", "k", &wish("alice", "0.5"))))).await;
    let expected = ["201 ", "201  replayed", "409 request_in_progress"];
    assert!(told.iter().all(|told| expected.contains(&told.as_str())), "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "201 ").count(), 1, "{told:?}");
    app.clock.advance_seconds(9);
    let again = app.send(grant("BTC-USD", "k", &wish("alice", "0.50"))).await;
    assert_eq!(
        (again.told().as_str(), &again.body["created_at"]),
        ("201  replayed", &json!("2026-11-21T10:00:00.000Z"))
    );
    for (body, field) in [(wish("alice", "0.6"), "quantity"), (wish("bob", "0.5"), "customer_id")] {
        let reply = app.send(grant("BTC-USD", "k", &body)).await;
        assert_eq!((reply.told().as_str(), &reply.body["field"]), ("422 idempotency_key_reused", &json!(field)));
    }
    assert_eq!(app.stack.holding("alice", "BTC").await, ["0.5", "0"]);
}

#[tokio::test]
async fn bad_grants_give_nothing() {
    let app = started().await;
    for (nth, (symbol, body, told)) in [
        ("BTC-USD", with(wish("alice", "1"), "customer_id", json!(null)), "400 invalid_field"),
        ("BTC-USD", with(wish("alice", "1"), "customer_id", json!("acc_1")), "400 invalid_field"),
        ("BTC-USD", with(wish("alice", "1"), "quantity", json!(1)), "400 invalid_amount"),
        ("BTC-USD", wish("alice", "0"), "400 invalid_amount"),
        ("BTC-USD", wish("alice", "-1"), "400 invalid_amount"),
        ("BTC-USD", wish("alice", "1e3"), "400 invalid_amount"),
        ("BTC-USD", wish("alice", "0.000000001"), "400 invalid_amount"),
        ("BTC-USD", with(wish("alice", "1"), "asset", json!("USD")), "400 unknown_field"),
        ("BTC-USD", wish("nobody", "1"), "404 not_found"),
        ("ETH-USD", wish("alice", "1"), "404 not_found"),
        ("eth", wish("alice", "1"), "404 not_found"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(app.told(grant(symbol, &format!("k{nth}"), &body)).await, told, "{symbol} {body}");
    }
    let path = "/instruments/BTC-USD/grants";
    let keyless = request("POST", "/instruments/{symbol}/grants", path).json(&wish("alice", "1"));
    assert_eq!(app.told(keyless.caller("root", "admins")).await, "400 idempotency_key_missing");
    for groups in ["", "staff"] {
        let told = app.told(grant("BTC-USD", "k", &wish("alice", "1")).caller("alice", groups)).await;
        assert_eq!(told, "403 forbidden", "{groups}");
    }
    assert_eq!(app.stack.holding("alice", "BTC").await, ["0", "0"]);
}
