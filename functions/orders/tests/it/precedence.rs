//! Which refusal wins when several apply: fields, key, existence, state, limits, funds.

use serde_json::{Value, json};
use testkit::{RequestBuilder, request};

use crate::app::{App, limit, post, with};

fn without_key(body: &Value) -> RequestBuilder {
    request("POST", "/orders", "/orders").json(body).caller("alice", "")
}

#[tokio::test]
async fn the_first_of_two_refusals_is_the_answer() {
    let mut app = App::start().await;
    let order = limit("buy");
    let off_tick = with(order.clone(), json!({"price": "100.001"}));
    let too_late = with(order.clone(), json!({"expires_at": "2026-11-21T09:00:00Z"}));
    let elsewhere = with(order.clone(), json!({"symbol": "ETH-USD"}));
    let dear = with(order.clone(), json!({"quantity": "11"}));
    let named = |body: &Value| with(body.clone(), json!({"client_order_id": "mine"}));

    assert_eq!(app.told(request("POST", "/orders", "/orders").key("k").body("{")).await, "401 unauthorized");
    let partner = json!({"sub": "pos", "client_id": "pos", "scope": "florin/vouchers.buy"});
    let machine = request("POST", "/orders", "/orders").key("k").json(&order).claims(partner);
    assert_eq!(app.told(machine).await, "403 forbidden");
    for (body, told) in [
        (with(order.clone(), json!({"more": 1})), "400 unknown_field"),
        (off_tick.clone(), "400 price_tick"),
        (too_late.clone(), "400 invalid_field"),
        (elsewhere.clone(), "400 idempotency_key_missing"),
        (with(elsewhere.clone(), json!({"price": "-1"})), "400 invalid_amount"),
        (dear.clone(), "400 idempotency_key_missing"),
    ] {
        assert_eq!(app.told(without_key(&body)).await, told, "{body}");
    }
    assert_eq!(app.told(post("alice", "k", &elsewhere)).await, "404 not_found");
    assert_eq!(app.told(post("alice", "k", &with(elsewhere, json!({"side": "up"})))).await, "400 invalid_field");

    assert_eq!(app.told(post("alice", "first", &named(&order))).await, "202 pending");
    app.set_halted(true).await;
    app.set_customer_status("alice", "blocked").await;
    assert_eq!(app.told(post("alice", "k", &off_tick)).await, "400 price_tick");
    assert_eq!(app.told(post("alice", "k", &too_late)).await, "400 invalid_field");
    assert_eq!(app.told(post("alice", "k", &named(&dear))).await, "409 customer_not_active");
    app.set_customer_status("alice", "active").await;
    assert_eq!(app.told(post("alice", "k", &named(&dear))).await, "409 instrument_halted");
    app.set_halted(false).await;
    app.limits.max_open_orders = 1;
    assert_eq!(app.told(post("alice", "k", &named(&dear))).await, "409 client_order_id_taken");
    assert_eq!(app.told(post("alice", "k", &dear)).await, "409 too_many_open_orders");
    app.limits.max_open_orders = 2;
    // Of all these refusals only this one is remembered.
    assert_eq!(app.told(post("alice", "k", &dear)).await, "422 insufficient_funds");
    assert_eq!(app.told(post("alice", "k", &dear)).await, "422 insufficient_funds replayed");
    assert_eq!(app.told(post("alice", "k", &order)).await, "422 idempotency_key_reused");
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");
    assert_eq!(app.queued().await.len(), 1);
}
