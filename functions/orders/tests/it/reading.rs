use edge::clock::Clock;
use serde_json::json;
use testkit::customer;

use crate::app::{App, get, limit, post, with};

#[tokio::test]
async fn orders_are_listed_newest_first_in_pages_that_fit_together() {
    let app = App::start().await;
    app.stack.market("ETH-USD").await;
    app.stack.grant("alice", "ETH", "5", app.clock.now()).await;
    let mut placed = Vec::new();
    for nth in 0..7 {
        app.clock.tick();
        let symbol = if nth % 3 == 0 { "ETH-USD" } else { "BTC-USD" };
        let body = with(limit("buy"), json!({"symbol": symbol, "quantity": "0.1", "client_order_id": nth.to_string()}));
        placed.insert(0, app.send(post("alice", &format!("k{nth}"), &body)).await.id());
    }
    let all = app.send(get("alice", "/orders")).await;
    assert_eq!(all.each("order_id"), placed);
    let (mut seen, mut path) = (Vec::new(), "/orders?limit=3".to_owned());
    loop {
        let page = app.send(get("alice", &path)).await;
        seen.extend(page.each("order_id").into_iter().map(str::to_owned));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/orders?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, placed);
    assert_eq!(app.send(get("alice", "/orders?symbol=ETH-USD")).await.each("client_order_id"), ["6", "3", "0"]);
    assert_eq!(app.send(get("alice", "/orders?status=filled")).await.each("order_id").len(), 0);
    assert_eq!(app.send(get("alice", "/orders?status=pending&symbol=BTC-USD")).await.each("order_id").len(), 4);

    let cursor = app.send(get("alice", "/orders?limit=3")).await.body["next_cursor"].as_str().expect("one").to_owned();
    assert_eq!(app.told(get("bob", &format!("/orders?cursor={cursor}"))).await, "400 invalid_cursor");
    assert_eq!(app.told(get("alice", &format!("/orders?symbol=BTC-USD&cursor={cursor}"))).await, "400 invalid_cursor");
    assert_eq!(app.told(get("alice", &format!("/trades?cursor={cursor}"))).await, "400 invalid_cursor");
}

#[tokio::test]
async fn everybody_sees_own_orders_and_trades_only_and_staff_those_of_whom_they_name() {
    let app = App::start().await;
    app.send(post("bob", "s", &limit("sell"))).await;
    for key in ["a", "b"] {
        app.clock.tick();
        app.send(post("alice", key, &with(limit("buy"), json!({"quantity": "0.5"})))).await;
        app.run().await;
    }
    for path in ["/orders", "/trades"] {
        let whose = format!("{path}?customer_id={}", customer("alice"));
        assert_eq!(app.send(get("alice", path)).await.each("order_id").len(), 2, "{path}");
        assert_eq!(app.send(get("carol", path)).await.each("order_id").len(), 0, "{path}");
        assert_eq!(app.told(get("bob", &whose)).await, "404 not_found", "{path}");
        assert_eq!(app.told(get("bob", &format!("{path}?customer_id=x"))).await, "404 not_found", "{path}");
        let staff = testkit::request("GET", path, &whose).caller("sam", "staff");
        assert_eq!(app.send(staff).await.each("order_id").len(), 2, "{path}");
    }
    let first = app.send(get("bob", "/trades?limit=1")).await;
    let cursor = first.body["next_cursor"].as_str().expect("a next page");
    let second = app.send(get("bob", &format!("/trades?limit=1&cursor={cursor}"))).await;
    assert_ne!(first.each("trade_id"), second.each("trade_id"));
    assert_eq!(second.body["next_cursor"], json!(null));
    assert_eq!(app.send(get("bob", "/trades?symbol=ETH-USD")).await.each("trade_id").len(), 0);
}
