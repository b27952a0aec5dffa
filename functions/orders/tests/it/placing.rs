use domain::{
    exchange::Message,
    order::{Kind, Size},
    order_book::Command,
};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::app::{App, SYMBOL, limit, post, post_waiting, with};

fn reserved(message: &Message) -> u64 {
    match message.command {
        Command::Place(order) => order.reserved,
        _ => panic!("{message:?}"),
    }
}

fn market(side: &str, fields: Value) -> Value {
    with(json!({"symbol": SYMBOL, "side": side, "type": "market"}), fields)
}

#[tokio::test]
async fn an_order_locks_what_it_may_cost_and_goes_to_its_book() {
    let app = App::start().await;
    let reply = app.send(post("alice", "k", &limit("buy"))).await;
    assert_eq!(reply.told(), "202 pending", "{}", reply.body);
    let expected = json!({
        "order_id": reply.id(), "client_order_id": null, "symbol": "BTC-USD", "side": "buy", "type": "limit",
        "time_in_force": "gtc", "price": "100.00", "stop_price": null, "quantity": "1.0000", "quote_quantity": null,
        "post_only": false, "self_trade_prevention": "expire_taker", "expires_at": null, "filled_quantity": "0.0000",
        "average_price": null, "status": "pending", "fees": {"amount": "0.00", "asset": "USD"},
        "created_at": "2026-11-21T10:00:00.000Z", "updated_at": "2026-11-21T10:00:00.000Z",
    });
    assert_eq!(reply.body, expected);
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");
    let queued = app.queued().await;
    assert_eq!(queued.len(), 1);
    assert_eq!((queued[0].symbol.as_str(), reserved(&queued[0])), ("BTC-USD", 10_020));

    assert_eq!(app.told(post("bob", "k", &limit("sell"))).await, "202 pending");
    assert_eq!(app.holds("bob", "BTC").await, "9 1 1");
    assert_eq!(reserved(&app.queued().await[0]), 10_000);
}

#[tokio::test]
async fn each_kind_of_order_arrives_in_its_book_as_it_was_meant() {
    let app = App::start().await;
    for (nth, (fields, status)) in [
        (json!({"post_only": true, "expires_at": "2026-11-21T11:00:00Z"}), "open"),
        (json!({"time_in_force": "ioc"}), "expired"),
        (json!({"time_in_force": "fok", "self_trade_prevention": "skip"}), "expired"),
        (json!({"type": "stop_limit", "stop_price": "120", "client_order_id": "stop-1"}), "untriggered"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = with(limit("buy"), fields);
        let reply = app.send_while_running(post_waiting("alice", &format!("k{nth}"), &body)).await;
        assert_eq!(reply.told(), format!("201 {status}"), "{body} {}", reply.body);
        for (field, value) in body.as_object().expect("an object") {
            let same = match field.as_str() {
                "price" | "stop_price" | "quantity" | "expires_at" => continue,
                _ => reply.body[field] == *value,
            };
            assert!(same, "{field}: {}", reply.body);
        }
    }
    assert_eq!(
        app.send(crate::app::get("alice", "/orders?status=open")).await.each("expires_at"),
        ["2026-11-21T11:00:00.000Z"]
    );
}

#[tokio::test]
async fn a_market_buy_by_quantity_locks_the_cost_of_the_book_with_a_collar() {
    let app = App::start().await;
    assert_eq!(app.told(post("bob", "a", &limit("sell"))).await, "202 pending");
    let deeper = with(limit("sell"), json!({"price": "110"}));
    assert_eq!(app.told(post("bob", "b", &deeper)).await, "202 pending");
    app.run().await;
    let reply = app.send(post("alice", "k", &market("buy", json!({"quantity": "1.5"})))).await;
    assert_eq!((reply.told().as_str(), &reply.body["quantity"]), ("202 pending", &json!("1.5000")));
    // (100 + 55) × 1.002 × 1.05
    assert_eq!(app.holds("alice", "USD").await, "836.92 163.08 1");
    assert_eq!(app.run().await, 1);
    let order = &app.orders_of("alice").await[0];
    assert_eq!((order.status.as_str(), order.notional.to_string().as_str()), ("filled", "155"));
    assert_eq!(app.holds("alice", "USD").await, "844.69 0 0");

    // All that is free if that is less; what it cannot pay expires.
    app.clock.tick();
    let reply = app.send(post("alice", "all", &market("buy", json!({"quantity": "9"})))).await;
    assert_eq!(reply.told(), "202 pending");
    assert_eq!(app.holds("alice", "USD").await, "0 844.69 1");
    app.run().await;
    let order = &app.orders_of("alice").await[0];
    assert_eq!((order.status.as_str(), order.filled.to_string().as_str()), ("expired", "0.5"));
}

#[tokio::test]
async fn a_market_buy_in_an_empty_book_locks_nothing_and_expires() {
    let app = App::start().await;
    for who in ["alice", "carol"] {
        assert_eq!(app.told(post(who, "k", &market("buy", json!({"quantity": "1"})))).await, "202 pending", "{who}");
        assert_eq!(app.stack.wallet(who).await.open_orders, 1);
    }
    assert_eq!(app.holds("alice", "USD").await, "1000 0 1");
    assert_eq!(app.run().await, 2);
    for who in ["alice", "carol"] {
        let order = &app.orders_of(who).await[0];
        assert_eq!(
            (order.status.as_str(), order.reason.map(|reason| reason.as_str())),
            ("expired", Some("no_liquidity"))
        );
        assert_eq!(app.stack.wallet(who).await.open_orders, 0);
    }
}

#[tokio::test]
async fn a_market_buy_by_amount_locks_that_amount() {
    let app = App::start().await;
    let body = market("buy", json!({"quote_quantity": "250.50", "time_in_force": "fok"}));
    let reply = app.send(post("alice", "k", &body)).await;
    assert_eq!((&reply.body["quantity"], &reply.body["quote_quantity"]), (&json!(null), &json!("250.50")));
    assert_eq!(app.holds("alice", "USD").await, "749.5 250.5 1");
    let message = &app.queued().await[0];
    let Command::Place(order) = message.command else { panic!("{message:?}") };
    assert_eq!(order.kind, Kind::Market { size: Size::Budget, all_or_nothing: true });
}

#[tokio::test]
async fn what_cannot_be_paid_stays_on_record_as_rejected() {
    let app = App::start().await;
    for (nth, (who, body)) in [
        ("alice", with(limit("buy"), json!({"quantity": "10"}))),
        ("dave", limit("sell")),
        ("erin", market("buy", json!({"quote_quantity": "1000.01"}))),
        ("carol", limit("buy")),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("k{nth}");
        let named = with(body, json!({"client_order_id": key}));
        let reply = app.send(post(who, &key, &named)).await;
        assert_eq!(reply.told(), "422 insufficient_funds", "{named}");
        let order = app.send(crate::app::get(who, &format!("/orders/{}", reply.id()))).await;
        assert_eq!((order.told().as_str(), &order.body["reason"]), ("200 rejected", &json!("insufficient_funds")));
        // It never had its name.
        app.stack.grant(who, "USD", "2000", domain::Timestamp::from_millis(nth as i64)).await;
        app.stack.grant(who, "BTC", "20", domain::Timestamp::from_millis(nth as i64)).await;
        assert_eq!(app.told(post(who, &key, &named)).await, "422 insufficient_funds replayed");
        assert_eq!(app.told(post(who, &format!("{key} again"), &named)).await, "202 pending");
    }
    assert_eq!(app.queued().await.len(), 4);
}

#[tokio::test]
async fn many_at_once_never_lock_more_than_there_is() {
    let app = App::start().await;
    let keys: Vec<String> = (0..15).map(|nth| format!("k{nth}")).collect();
    let told = join_all(keys.iter().map(|key| app.told(post("alice", key, &limit("buy"))))).await;
    assert_eq!(told.iter().filter(|told| *told == "202 pending").count(), 9, "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "422 insufficient_funds").count(), 6, "{told:?}");
    assert_eq!(app.holds("alice", "USD").await, "98.2 901.8 9");
    assert_eq!(app.queued().await.len(), 9);
}

#[tokio::test]
async fn an_order_that_could_not_be_queued_is_taken_all_the_same() {
    let mut app = App::start().await;
    let nowhere = aws::client::Environment::at("http://127.0.0.1:9", "eu-west-1").expect("a client");
    app.stores.queue = aws::queues::Queue::new(nowhere.sqs(), "http://127.0.0.1:9/queue.fifo".into());
    assert_eq!(app.told(post("alice", "k", &limit("buy"))).await, "202 pending");
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");
    // A repetition brings it in line, and so does orders-sweep.
    let services = app.services.clone();
    app.stores.queue = aws::queues::Queue::new(services.environment().sqs(), services.queue_url("OrderQueue"));
    assert_eq!(app.told(post("alice", "k", &limit("buy"))).await, "202 pending replayed");
    assert_eq!(app.run().await, 1);
    assert_eq!(app.orders_of("alice").await[0].status.as_str(), "open");
}
