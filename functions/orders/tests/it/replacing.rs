use serde_json::{Value, json};
use testkit::{RequestBuilder, request};

use crate::app::{App, delete, get, limit, post_waiting, with};

fn replace(name: &str, key: &str, order: &str, body: &Value) -> RequestBuilder {
    let path = format!("/orders/{order}/replace");
    request("POST", "/orders/{id}/replace", &path).key(key).json(body).caller(name, "")
}

fn better() -> Value {
    json!({"side": "buy", "type": "limit", "price": "101", "quantity": "2", "client_order_id": "better"})
}

#[tokio::test]
async fn one_order_takes_the_place_of_another_in_one_step() {
    let app = App::start().await;
    let old = app.send_while_running(post_waiting("alice", "k", &limit("buy"))).await.id();
    let first = app.send(replace("alice", "r", &old, &better())).await;
    assert_eq!((first.told().as_str(), &first.body["replaces"]), ("202 pending", &json!(old)));
    // Both are locked until the book has decided.
    assert_eq!(app.holds("alice", "USD").await, "697.4 302.6 2");
    let again = app.send(replace("alice", "r", &old, &better())).await;
    assert_eq!((again.told().as_str(), &again.body), ("202 pending replayed", &first.body));
    assert_eq!(app.run().await, 1);
    assert_eq!(app.holds("alice", "USD").await, "797.6 202.4 1");
    let gone = app.send(get("alice", &format!("/orders/{old}"))).await;
    assert_eq!((gone.told().as_str(), &gone.body["reason"]), ("200 cancelled", &json!("replaced")));
    assert_eq!(app.told(get("alice", &format!("/orders/{}", first.id()))).await, "200 open");
    // The old one is gone: the same request still gets its answer, another one does not.
    assert_eq!(app.told(replace("alice", "r", &old, &better())).await, "202 pending replayed");
    let unnamed = json!({"side": "buy", "type": "limit", "price": "101", "quantity": "2"});
    assert_eq!(app.told(replace("alice", "other", &old, &unnamed)).await, "409 order_not_open");
    assert_eq!(app.holds("alice", "USD").await, "797.6 202.4 1");
}

#[tokio::test]
async fn whoever_comes_too_late_replaces_nothing() {
    let app = App::start().await;
    let old = app.send_while_running(post_waiting("alice", "k", &limit("buy"))).await.id();
    assert_eq!(app.told(delete("alice", &old)).await, "202 open");
    let late = replace("alice", "r", &old, &better()).header("Prefer", "wait=10");
    let reply = app.send_while_running(late).await;
    assert_eq!((reply.told().as_str(), &reply.body["reason"]), ("201 rejected", &json!("not_open")));
    assert_eq!(app.holds("alice", "USD").await, "1000 0 0");
}

#[tokio::test]
async fn bad_replacements_lock_nothing() {
    let app = App::start().await;
    let old = app.send_while_running(post_waiting("alice", "k", &limit("buy"))).await.id();
    for (fields, told) in [
        (json!({"price": "101.001"}), "400 price_tick"),
        (json!({"quantity": 2}), "400 invalid_amount"),
        (json!({"symbol": "BTC-USD"}), "400 unknown_field"),
        (json!({"side": "up"}), "400 invalid_field"),
        (json!({"quantity": "100"}), "422 insufficient_funds"),
    ] {
        assert_eq!(app.told(replace("alice", "r", &old, &with(better(), fields.clone()))).await, told, "{fields}");
        assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1", "{fields}");
    }
    let no_key = request("POST", "/orders/{id}/replace", &format!("/orders/{old}/replace")).json(&better());
    assert_eq!(app.told(no_key.caller("alice", "")).await, "400 idempotency_key_missing");
    assert!(app.queued().await.is_empty());
}
