use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn the_book_follows_its_journal() {
    let mut app = App::start().await;
    let empty = app.get("/markets/BTC-USD/book").await;
    assert_eq!(empty.body, json!({"symbol": "BTC-USD", "bids": [], "asks": [], "sequence": 0}));
    assert_eq!(empty.headers["cache-control"], "public, max-age=1");
    for (who, side, quantity, price) in [
        ("alice", "buy", "1", "99"),
        ("alice", "buy", "0.5", "99.5"),
        ("alice", "buy", "0.25", "99"),
        ("bob", "sell", "2", "101"),
        ("bob", "sell", "1", "100.01"),
    ] {
        app.order(who, side, quantity, price).await;
    }
    let book = app.get("/markets/BTC-USD/book").await;
    let (bids, asks) =
        (json!([["99.50", "0.5000"], ["99.00", "1.2500"]]), json!([["100.01", "1.0000"], ["101.00", "2.0000"]]));
    assert_eq!((&book.body["bids"], &book.body["asks"], &book.body["sequence"]), (&bids, &asks, &json!(5)));
    let top = app.get("/markets/BTC-USD/book?depth=1").await;
    assert_eq!((&top.body["bids"], &top.body["asks"]), (&json!([["99.50", "0.5000"]]), &json!([["100.01", "1.0000"]])));
    // A warm replica and one made from nothing say the same, snapshot or not.
    app.order("alice", "buy", "1.5", "101").await;
    let warm = app.get("/markets/BTC-USD/book").await;
    assert_eq!((&warm.body["asks"], &warm.body["sequence"]), (&json!([["101.00", "1.5000"]]), &json!(6)));
    app.forget();
    assert_eq!(app.get("/markets/BTC-USD/book").await.body, warm.body);
    app.save_snapshot().await;
    app.order("bob", "sell", "1", "102").await;
    let warm = app.get("/markets/BTC-USD/book").await;
    app.forget();
    let cold = app.get("/markets/BTC-USD/book").await;
    assert_eq!((&cold.body, &cold.body["sequence"]), (&warm.body, &json!(7)));
}

#[tokio::test]
async fn the_latest_trades_are_told_without_names() {
    let mut app = App::start().await;
    for nth in 0..5 {
        app.clock.advance_seconds(1);
        app.trade("0.1", &format!("{}", 100 + nth)).await;
    }
    let trades = app.get("/markets/BTC-USD/trades?limit=3").await;
    let items = trades.body["items"].as_array().expect("a page");
    let prices: Vec<_> = items.iter().map(|item| item["price"].as_str().unwrap_or_default()).collect();
    assert_eq!(prices, ["104.00", "103.00", "102.00"]);
    assert_eq!(trades.body["next_cursor"], json!(null));
    let keys: Vec<_> = items[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["created_at", "price", "quantity", "side", "trade_id"]);
    assert_eq!((&items[0]["quantity"], &items[0]["side"]), (&json!("0.1000"), &json!("buy")));
    assert_eq!(items[0]["created_at"], "2026-11-21T10:00:05.000Z");

    // From a snapshot on, those before it are read from the journal.
    let all = app.get("/markets/BTC-USD/trades").await.body;
    app.save_snapshot().await;
    app.forget();
    assert_eq!(app.get("/markets/BTC-USD/trades").await.body, all);
    assert_eq!(app.get("/markets/BTC-USD/trades?limit=3").await.body, trades.body);
    app.trade("0.2", "99").await;
    let after = app.get("/markets/BTC-USD/trades").await.body;
    assert_eq!((&after["items"][0]["price"], &after["items"][1]), (&json!("99.00"), &all["items"][0]));
    app.forget();
    assert_eq!(app.get("/markets/BTC-USD/trades").await.body, after);
}

#[tokio::test]
async fn trades_far_back_in_the_journal_are_found() {
    let mut app = App::start().await;
    app.trade("0.1", "100").await;
    // A hundred and more versions without a trade.
    for nth in 0..130 {
        app.order("alice", "buy", "0.1", &format!("{}", 10 + nth % 50)).await;
    }
    app.save_snapshot().await;
    app.forget();
    let trades = app.get("/markets/BTC-USD/trades?limit=1").await;
    assert_eq!(trades.body["items"][0]["price"], "100.00", "{}", trades.body);
    assert_eq!(app.get("/markets/BTC-USD/ticker").await.body["last_price"], "100.00");
}

#[tokio::test]
async fn a_book_is_asked_for_again_after_a_while_only() {
    let mut app = App::start().await;
    app.stores.warm = aws::exchange::Warm::new(
        app.stack.exchange(),
        aws::exchange::Freshness {
            instruments: std::time::Duration::from_secs(3_600),
            books: std::time::Duration::from_secs(3_600),
        },
    );
    app.order("alice", "buy", "1", "99").await;
    let before = app.get("/markets/BTC-USD/book").await.body;
    let requests = app.stores.warm.exchange().usage().requests;
    app.order("alice", "buy", "1", "98").await;
    assert_eq!(app.get("/markets/BTC-USD/book").await.body, before);
    assert_eq!(app.stores.warm.exchange().usage().requests, requests);
}
