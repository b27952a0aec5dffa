use serde_json::json;
use testkit::request;

use crate::app::{App, delete, get, limit, post, post_waiting};

#[tokio::test]
async fn an_open_order_is_taken_back_once() {
    let app = App::start().await;
    let order = app.send_while_running(post_waiting("alice", "k", &limit("buy"))).await.id();
    let reply = app.send_while_running(delete("alice", &order).header("Prefer", "wait=10")).await;
    assert_eq!((reply.told().as_str(), &reply.body["reason"]), ("200 cancelled", &json!("requested")));
    assert_eq!(reply.header("preference-applied"), Some("wait=10"));
    assert_eq!(app.holds("alice", "USD").await, "1000 0 0");
    let again = app.send(delete("alice", &order)).await;
    assert_eq!(again.told(), "409 order_not_open");
    assert!(app.queued().await.is_empty());
}

#[tokio::test]
async fn a_cancellation_that_is_not_waited_for_is_in_line() {
    let app = App::start().await;
    let order = app.send(post("alice", "k", &limit("buy"))).await.id();
    assert_eq!(app.told(delete("alice", &order)).await, "202 pending");
    assert_eq!(app.told(delete("alice", &order)).await, "202 pending");
    // Order and cancellation stand in one line, and the same wish within a second is one.
    assert_eq!(app.run().await, 2);
    assert_eq!(app.told(get("alice", &format!("/orders/{order}"))).await, "200 cancelled");
    assert_eq!(app.holds("alice", "USD").await, "1000 0 0");
}

#[tokio::test]
async fn what_is_filled_first_stays_filled() {
    let app = App::start().await;
    let order = app.send(post("alice", "k", &limit("buy"))).await.id();
    app.send(post("bob", "k", &limit("sell"))).await;
    let reply = app.send_while_running(delete("alice", &order).header("Prefer", "wait=10")).await;
    assert_eq!(reply.told(), "409 order_not_open");
    assert_eq!(app.told(get("alice", &format!("/orders/{order}"))).await, "200 filled");
    assert_eq!(app.holds("alice", "BTC").await, "1 0 0");
}

#[tokio::test]
async fn only_its_owner_and_staff_touch_an_order() {
    let app = App::start().await;
    let order = app.send_while_running(post_waiting("alice", "k", &limit("buy"))).await.id();
    assert_eq!(app.told(delete("bob", &order)).await, "404 not_found");
    assert_eq!(app.told(get("bob", &format!("/orders/{order}"))).await, "404 not_found");
    let path = format!("/orders/{order}?customer_id={}", testkit::customer("alice"));
    assert_eq!(app.told(get("bob", &path)).await, "404 not_found");
    let body = json!({"side": "buy", "type": "limit", "price": "1", "quantity": "1"});
    let replacing = request("POST", "/orders/{id}/replace", &format!("/orders/{order}/replace")).key("k").json(&body);
    assert_eq!(app.told(replacing.caller("bob", "")).await, "404 not_found");
    assert!(app.queued().await.is_empty());
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");

    let staff = |method| request(method, "/orders/{id}", &path).caller("sam", "staff");
    assert_eq!(app.told(staff("GET")).await, "200 open");
    assert_eq!(app.told(staff("DELETE")).await, "202 open");
    app.run().await;
    assert_eq!(app.told(staff("GET")).await, "200 cancelled");
}
