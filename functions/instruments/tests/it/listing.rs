use serde_json::json;
use testkit::request;

use crate::app::{App, bitcoin, change, create, with};

#[tokio::test]
async fn an_admin_lists_an_instrument_and_everybody_sees_it() {
    let app = App::start().await;
    let made = app.send(create(&bitcoin())).await;
    assert_eq!((made.told().as_str(), made.header("etag")), ("201 trading", Some("\"1\"")), "{}", made.body);
    let expected = json!({
        "symbol": "BTC-USD", "kind": "crypto", "base": "BTC", "quote": "USD", "price_tick": "0.01",
        "quantity_lot": "0.0001", "min_notional": "1.00", "maker_fee_bps": 10, "taker_fee_bps": 20,
        "status": "trading", "created_at": "2026-11-21T10:00:00.000Z", "version": 1,
    });
    assert_eq!(made.body, expected);
    assert_eq!(app.told(create(&with(bitcoin(), "price_tick", json!("1")))).await, "409 instrument_taken");
    let stock = json!({
        "symbol": "AAPL-USD", "kind": "stock", "base": "AAPL", "quote": "USD", "price_tick": "0.01",
        "quantity_lot": "1", "min_notional": "0", "maker_fee_bps": 0, "taker_fee_bps": 0,
    });
    assert_eq!(app.told(create(&stock)).await, "201 trading");
    let listed = app.send(request("GET", "/instruments", "/instruments").caller("alice", "")).await;
    assert_eq!(listed.body["items"][1], expected);
    assert_eq!((&listed.body["items"][0]["symbol"], &listed.body["next_cursor"]), (&json!("AAPL-USD"), &json!(null)));
}

#[tokio::test]
async fn only_admins_make_and_change_instruments() {
    let app = App::start().await;
    for groups in ["", "staff"] {
        assert_eq!(app.told(create(&bitcoin()).caller("alice", groups)).await, "403 forbidden", "{groups}");
        // The role is asked for before anything in the body.
        assert_eq!(app.told(create(&json!({})).caller("alice", groups)).await, "403 forbidden", "{groups}");
        let halt = change("BTC-USD", &json!({"status": "halted"})).caller("alice", groups);
        assert_eq!(app.told(halt).await, "403 forbidden", "{groups}");
    }
    assert_eq!(app.told(request("GET", "/instruments", "/instruments")).await, "401 unauthorized");
}

#[tokio::test]
async fn every_bad_field_of_an_instrument_is_named() {
    let app = App::start().await;
    for (field, value) in [
        ("symbol", json!(null)),
        ("symbol", json!("btc-usd")),
        ("symbol", json!("BTC-BTC")),
        ("symbol", json!("BTCUSD")),
        ("symbol", json!("ABCDEFGHIJK-USD")),
        ("kind", json!("bond")),
        ("kind", json!(1)),
        ("base", json!("ETH")),
        ("quote", json!("EUR")),
        ("price_tick", json!(0.01)),
        ("price_tick", json!("0")),
        ("price_tick", json!("-0.01")),
        ("price_tick", json!("0.000000001")),
        ("price_tick", json!("10000000000")),
        ("quantity_lot", json!("")),
        ("quantity_lot", json!("1e-4")),
        ("quantity_lot", json!("0.000000001")),
        ("min_notional", json!("1.001")),
        ("min_notional", json!("-1")),
        ("maker_fee_bps", json!(-1)),
        ("maker_fee_bps", json!(1001)),
        ("maker_fee_bps", json!("10")),
        ("taker_fee_bps", json!(1.5)),
        ("taker_fee_bps", json!(70_000)),
    ] {
        let reply = app.send(create(&with(bitcoin(), field, value.clone()))).await;
        assert_eq!(reply.told(), "400 invalid_field", "{field} {value}: {}", reply.body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"), "{value}: {}", reply.body);
    }
    assert_eq!(app.told(create(&with(bitcoin(), "status", json!("halted")))).await, "400 unknown_field");
    assert!(app.stores.exchange.instruments().await.expect("a list").is_empty());
}

#[tokio::test]
async fn halting_is_idempotent_and_reaches_the_book_each_time() {
    let app = App::start().await;
    app.send(create(&bitcoin())).await;
    let halt = || change("BTC-USD", &json!({"status": "halted"}));
    let first = app.send(halt()).await;
    assert_eq!((first.told().as_str(), first.header("etag")), ("200 halted", Some("\"2\"")));
    app.clock.advance_seconds(1);
    let again = app.send(halt()).await;
    assert_eq!((again.told().as_str(), again.header("etag")), ("200 halted", Some("\"2\"")));
    assert_eq!(app.queued().await, [json!("h"), json!("h")]);
    // Three changes within a second are three wishes, in their order.
    for status in ["trading", "halted", "trading"] {
        assert_eq!(app.told(change("BTC-USD", &json!({"status": status}))).await, format!("200 {status}"));
    }
    assert_eq!(app.queued().await, [json!("u"), json!("h"), json!("u")]);
}

#[tokio::test]
async fn a_change_of_what_has_changed_is_refused() {
    let app = App::start().await;
    app.send(create(&bitcoin())).await;
    let halt = |version: &str| change("BTC-USD", &json!({"status": "halted"})).header("If-Match", version);
    assert_eq!(app.told(halt("\"2\"")).await, "412 version_mismatch");
    assert_eq!(app.told(halt("\"x\"")).await, "412 version_mismatch");
    assert_eq!(app.told(halt("\"1\"")).await, "200 halted");
    let resume = change("BTC-USD", &json!({"status": "trading"})).header("If-Match", "\"1\"");
    assert_eq!(app.told(resume).await, "412 version_mismatch");
    assert_eq!(app.queued().await.len(), 1);
    for (symbol, body, told) in [
        ("ETH-USD", json!({"status": "halted"}), "404 not_found"),
        ("eth", json!({"status": "halted"}), "404 not_found"),
        ("BTC-USD", json!({"status": "closed"}), "400 invalid_field"),
        ("BTC-USD", json!({"status": null}), "400 invalid_field"),
        ("BTC-USD", json!({}), "400 invalid_field"),
        ("BTC-USD", json!({"status": "halted", "price_tick": "1"}), "400 unknown_field"),
    ] {
        assert_eq!(app.told(change(symbol, &body)).await, told, "{symbol} {body}");
    }
}

#[tokio::test]
async fn a_halt_that_the_book_cannot_be_told_of_is_tried_again() {
    let mut app = App::start().await;
    app.send(create(&bitcoin())).await;
    let queue = app.stores.queue.clone();
    let nowhere = aws::client::Environment::at("http://127.0.0.1:9", "eu-west-1").expect("a client");
    app.stores.queue = aws::queues::Queue::new(nowhere.sqs(), "http://127.0.0.1:9/queue.fifo".into());
    assert_eq!(app.told(change("BTC-USD", &json!({"status": "halted"}))).await, "503 unavailable");
    app.stores.queue = queue;
    assert_eq!(app.told(change("BTC-USD", &json!({"status": "halted"}))).await, "200 halted");
    assert_eq!(app.queued().await, [json!("h")]);
}
