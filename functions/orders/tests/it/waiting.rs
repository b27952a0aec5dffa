use serde_json::json;

use crate::app::{App, get, limit, post, post_waiting, with};

#[tokio::test]
async fn an_answer_that_waited_tells_what_wallet_and_lists_already_show() {
    let app = App::start().await;
    let maker = app.send_while_running(post_waiting("bob", "m", &limit("sell"))).await;
    assert_eq!(maker.told(), "201 open");
    let reply =
        app.send_while_running(post_waiting("alice", "k", &with(limit("buy"), json!({"quantity": "0.4"})))).await;
    assert_eq!(reply.told(), "201 filled", "{}", reply.body);
    assert_eq!(reply.header("preference-applied"), Some("wait=10"));
    assert_eq!(
        [&reply.body["filled_quantity"], &reply.body["average_price"], &reply.body["fees"]["amount"]],
        ["0.4000", "100.00", "0.08"]
    );
    assert_eq!(app.holds("alice", "USD").await, "959.92 0 0");
    assert_eq!(app.holds("alice", "BTC").await, "0.4 0 0");
    let mine = app.send(get("alice", "/trades")).await;
    let theirs = app.send(get("bob", "/trades")).await;
    assert_eq!((mine.each("role"), theirs.each("role")), (vec!["taker"], vec!["maker"]));
    assert_eq!(mine.each("trade_id"), theirs.each("trade_id"));
    assert_eq!((mine.each("fee"), theirs.each("fee")), (vec!["0.08"], vec!["0.04"]));
    assert_eq!((mine.each("quantity"), mine.each("price")), (vec!["0.4000"], vec!["100.00"]));
    let maker = app.send(get("bob", &format!("/orders/{}", maker.id()))).await;
    assert_eq!((maker.told().as_str(), &maker.body["filled_quantity"]), ("200 partially_filled", &json!("0.4000")));
}

#[tokio::test]
async fn who_waits_in_vain_is_told_that_it_is_pending() {
    let app = App::start().await;
    let reply = app.send(post("alice", "k", &limit("buy")).header("Prefer", "wait=1")).await;
    assert_eq!((reply.told().as_str(), reply.header("preference-applied")), ("202 pending", Some("wait=1")));
    app.run().await;
    let again = app.send(post("alice", "k", &limit("buy")).header("Prefer", "wait=1")).await;
    assert_eq!(again.told(), "201 open replayed");
}

#[tokio::test]
async fn what_the_book_refuses_is_an_outcome_and_no_error() {
    let app = App::start().await;
    app.send_while_running(post_waiting("bob", "m", &limit("sell"))).await;
    let body = with(limit("buy"), json!({"post_only": true}));
    let reply = app.send_while_running(post_waiting("alice", "k", &body)).await;
    assert_eq!((reply.told().as_str(), &reply.body["reason"]), ("201 rejected", &json!("would_take")));
    assert_eq!(app.holds("alice", "USD").await, "1000 0 0");
}
