//! What the exchange turns down, what it answers twice, and whose orders are whose. Nothing stays locked.

use http::Method;
use serde_json::{Value, json};

use crate::{
    app::journey,
    exchange_floor::{Floor, outcome, with},
};

#[test]
fn a_repeated_order_is_the_same_order() {
    journey(async |app| {
        let floor = Floor::open(app, "HOTEL").await;
        let wish = with(floor.limit("buy", "1", "100.00"), json!({"client_order_id": "mine-1"}));
        let first = floor.buyer.order("key", &wish).await.expect(201);
        let again = floor.buyer.order("key", &wish).await.expect(201);
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(
            [&again.body["order_id"], &again.body["client_order_id"]],
            [&first.body["order_id"], &json!("mine-1")]
        );
        assert_eq!(floor.buyer.holds("USD").await, "9899.8+100.2");
        let other = with(wish.clone(), json!({"quantity": "2"}));
        let reused = floor.buyer.order("key", &other).await;
        assert_eq!((reused.told().as_str(), &reused.body["field"]), ("422 idempotency_key_reused", &json!("quantity")));
        assert_eq!(floor.buyer.order("another key", &wish).await.told(), "409 client_order_id_taken");
        // The names of one are nothing to another.
        let theirs = with(floor.limit("sell", "1", "120.00"), json!({"client_order_id": "mine-1"}));
        floor.seller.trade("key", &theirs).await;

        // Who did not wait is told again what he was told.
        let wish = floor.limit("buy", "1", "90.00");
        let [pending, replayed] =
            [floor.buyer.post("/orders", "fast", &wish).await, floor.buyer.post("/orders", "fast", &wish).await];
        assert_eq!([pending.told(), replayed.told()], ["202 pending", "202 pending"]);
        assert_eq!(pending.body, replayed.body);
        assert_eq!(floor.buyer.holds("USD").await, "9809.62+190.38");
    });
}

#[test]
fn another_ones_order_does_not_exist() {
    journey(async |app| {
        let floor = Floor::open(app, "INDIA").await;
        let order = floor.seller.trade("mine", &floor.limit("sell", "1", "100.00")).await;
        let id = order["order_id"].as_str().expect("an id");
        let wish = json!({"side": "buy", "type": "limit", "quantity": "1", "price": "10.00"});
        assert_eq!(floor.buyer.get(&format!("/orders/{id}")).await.told(), "404 not_found");
        assert_eq!(floor.buyer.cancel(&order).await.told(), "404 not_found");
        assert_eq!(floor.buyer.replace("r", &order, &wish).await.told(), "404 not_found");
        assert_eq!(floor.buyer.get("/orders").await.expect(200).body["items"], json!([]));
        assert_eq!(floor.buyer.get("/trades").await.expect(200).body["items"], json!([]));
        let shown = floor.admin.get(&format!("/orders/{id}?customer_id={}", floor.seller.customer())).await;
        assert_eq!(outcome(&shown.expect(200).body), "open 0 -");
        let nobody = app.public(Method::POST, "/orders", floor.market("buy", "1")).await;
        assert_eq!(nobody.told(), "401 unauthorized");
        let customer = floor.buyer.patch(&format!("/instruments/{}", floor.symbol), &json!({"status": "halted"})).await;
        assert_eq!(customer.told(), "403 forbidden");
    });
}

#[test]
fn what_makes_no_sense_is_refused_and_locks_nothing() {
    journey(async |app| {
        let floor = Floor::open(app, "JULIET").await;
        let (limit, market) = (floor.limit("buy", "1", "100.00"), floor.market("buy", "1"));
        let stop = with(limit.clone(), json!({"type": "stop_limit", "stop_price": "100.00"}));
        for (wish, expected) in [
            (with(limit.clone(), json!({"side": "both"})), "400 invalid_field"),
            (with(limit.clone(), json!({"side": null})), "400 invalid_field"),
            (with(limit.clone(), json!({"type": "stop"})), "400 invalid_field"),
            (with(limit.clone(), json!({"quantity": null})), "400 invalid_field"),
            (with(limit.clone(), json!({"quantity": "0"})), "400 invalid_amount"),
            (with(limit.clone(), json!({"quantity": "-1"})), "400 invalid_amount"),
            (with(limit.clone(), json!({"quantity": "1e3"})), "400 invalid_amount"),
            (with(limit.clone(), json!({"quantity": 1.5})), "400 invalid_amount"),
            (with(limit.clone(), json!({"quantity": "0.0005"})), "400 quantity_lot"),
            (with(limit.clone(), json!({"quantity": "0.009"})), "400 min_notional"),
            (with(limit.clone(), json!({"quantity": "999999999999999"})), "400 max_notional"),
            (with(limit.clone(), json!({"price": null})), "400 invalid_field"),
            (with(limit.clone(), json!({"price": "NaN"})), "400 invalid_amount"),
            (with(limit.clone(), json!({"price": "100.005"})), "400 price_tick"),
            (with(limit.clone(), json!({"stop_price": "1.00"})), "400 invalid_field"),
            (with(limit.clone(), json!({"quote_quantity": "1.00"})), "400 invalid_field"),
            (with(limit.clone(), json!({"time_in_force": "day"})), "400 invalid_field"),
            (with(limit.clone(), json!({"time_in_force": "ioc", "post_only": true})), "400 invalid_field"),
            (with(limit.clone(), json!({"self_trade_prevention": "skip"})), "400 invalid_field"),
            (with(limit.clone(), json!({"client_order_id": "no spaces"})), "400 invalid_field"),
            (with(limit.clone(), json!({"client_order_id": ""})), "400 invalid_field"),
            (with(limit.clone(), json!({"expires_at": "2020-01-01T00:00:00Z"})), "400 invalid_field"),
            (with(limit.clone(), json!({"expires_at": "tomorrow"})), "400 invalid_field"),
            (with(limit.clone(), json!({"hidden": true})), "400 unknown_field"),
            (with(limit.clone(), json!({"symbol": "JULIET"})), "400 invalid_field"),
            (with(limit.clone(), json!({"symbol": "NOTHING-USD"})), "404 not_found"),
            (with(market.clone(), json!({"price": "1.00"})), "400 invalid_field"),
            (with(market.clone(), json!({"quote_quantity": "5.00"})), "400 invalid_field"),
            (with(market.clone(), json!({"time_in_force": "gtc"})), "400 invalid_field"),
            (with(market.clone(), json!({"quantity": null, "quote_quantity": "5.001"})), "400 invalid_amount"),
            (with(market.clone(), json!({"quantity": null, "quote_quantity": "0.50"})), "400 min_notional"),
            (with(stop.clone(), json!({"stop_price": null})), "400 invalid_field"),
            (with(stop, json!({"stop_price": "100.001"})), "400 price_tick"),
            (with(limit.clone(), json!({"quantity": "100"})), "422 insufficient_funds"),
            (Value::Null, "400 malformed_json"),
        ] {
            let answer = floor.buyer.order("one key for all of them", &wish).await;
            assert_eq!(answer.told(), expected, "{wish}: {}", answer.text);
        }
        let keyless = floor.buyer.send(Method::POST, "/orders", &[], &limit).await.expect("an answer");
        assert_eq!(keyless.told(), "400 idempotency_key_missing");
        assert_eq!(floor.buyer.holds("USD").await, "10000+0");
        let orders = floor.buyer.get("/orders").await.expect(200).body;
        assert_eq!(orders["items"].as_array().map(Vec::len), Some(1), "only the unpaid one is on record: {orders}");
    });
}

#[test]
fn the_audit_finds_nothing_on_a_busy_floor() {
    journey(async |app| {
        let floor = Floor::open(app, "KILO").await;
        for turn in 0..5 {
            floor.seller.trade(&format!("s{turn}"), &floor.limit("sell", "1.333", "33.33")).await;
            floor.buyer.trade(&format!("b{turn}"), &floor.market("buy", "0.777")).await;
        }
        app.assert_clean().await;
    });
}
