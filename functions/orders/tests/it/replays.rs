use futures::future::join_all;
use serde_json::json;

use crate::app::{App, limit, post, post_waiting, with};

#[tokio::test]
async fn the_same_request_gets_the_first_answer_again_whatever_has_become_of_it() {
    let app = App::start().await;
    let body = with(limit("buy"), json!({"expires_at": "2026-11-21T10:01:00Z", "client_order_id": "mine"}));
    let first = app.send(post("alice", "k", &body)).await;
    assert_eq!(app.run().await, 1);
    app.clock.advance_seconds(90);
    let again = app.send(post("alice", "k", &body)).await;
    assert_eq!((again.told().as_str(), &again.body), ("202 pending replayed", &first.body));
    app.set_halted(true).await;
    app.set_customer_status("alice", "blocked").await;
    let again = app.send(post("alice", "k", &with(body, json!({"quantity": "1.0000", "time_in_force": "gtc"})))).await;
    assert_eq!((again.told().as_str(), &again.body), ("202 pending replayed", &first.body));
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");
    assert!(app.queued().await.is_empty());
}

#[tokio::test]
async fn who_waited_is_told_the_outcome_again() {
    let app = App::start().await;
    let first = app.send_while_running(post_waiting("alice", "k", &limit("buy"))).await;
    assert_eq!(first.told(), "201 open");
    app.clock.advance_seconds(3_600);
    for request in [post("alice", "k", &limit("buy")), post_waiting("alice", "k", &limit("buy"))] {
        let again = app.send(request).await;
        assert_eq!((again.told().as_str(), &again.body), ("201 open replayed", &first.body));
    }
}

#[tokio::test]
async fn the_same_key_for_something_else_names_the_first_field_that_differs() {
    let app = App::start().await;
    app.send(post("alice", "k", &limit("buy"))).await;
    for (field, value) in [
        ("symbol", json!("ETH-USD")),
        ("side", json!("sell")),
        ("quantity", json!("2")),
        ("price", json!("100.01")),
        ("time_in_force", json!("ioc")),
        ("post_only", json!(true)),
        ("self_trade_prevention", json!("expire_both")),
        ("client_order_id", json!("x")),
        ("expires_at", json!("2030-01-01T00:00:00Z")),
    ] {
        let reply = app.send(post("alice", "k", &with(limit("buy"), json!({field: value})))).await;
        assert_eq!(reply.told(), "422 idempotency_key_reused", "{field} {}", reply.body);
        assert_eq!(reply.body["field"], field);
    }
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");
}

#[tokio::test]
async fn keys_and_names_of_one_customer_never_touch_anothers() {
    let app = App::start().await;
    app.stack.grant("carol", "USD", "500", domain::Timestamp::from_millis(0)).await;
    let body = with(limit("buy"), json!({"client_order_id": "mine"}));
    let (first, second) = (app.send(post("alice", "k", &body)).await, app.send(post("carol", "k", &body)).await);
    assert_eq!((first.told().as_str(), second.told().as_str()), ("202 pending", "202 pending"));
    assert_ne!(first.id(), second.id());
    assert_eq!(app.told(post("alice", "other", &body)).await, "409 client_order_id_taken");
}

#[tokio::test]
async fn twenty_at_once_with_one_key_make_one_order_and_one_lock() {
    let app = App::start().await;
    let body = with(limit("buy"), json!({"client_order_id": "mine"}));
    let told = join_all((0..20).map(|_| app.told(post("alice", "k", &body)))).await;
    let expected = ["202 pending", "202 pending replayed", "409 request_in_progress"];
    assert!(told.iter().all(|told| expected.contains(&told.as_str())), "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "202 pending").count(), 1, "{told:?}");
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");
    assert_eq!(app.orders_of("alice").await.len(), 1);
    assert_eq!(app.queued().await.len(), 1);
}

#[tokio::test]
async fn twenty_at_once_with_one_name_make_one_order() {
    let app = App::start().await;
    let body = with(limit("buy"), json!({"client_order_id": "mine", "quantity": "0.1"}));
    let keys: Vec<String> = (0..20).map(|nth| format!("k{nth}")).collect();
    let told = join_all(keys.iter().map(|key| app.told(post("alice", key, &body)))).await;
    assert_eq!(told.iter().filter(|told| *told == "202 pending").count(), 1, "{told:?}");
    assert!(told.iter().all(|told| ["202 pending", "409 client_order_id_taken"].contains(&told.as_str())), "{told:?}");
    assert_eq!(app.holds("alice", "USD").await, "989.98 10.02 1");
}
