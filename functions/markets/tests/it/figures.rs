use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_market_that_nobody_has_traded_on_has_no_prices() {
    let app = App::start().await;
    let ticker = app.get("/markets/BTC-USD/ticker").await;
    let expected = json!({
        "symbol": "BTC-USD", "last_price": null, "best_bid": null, "best_ask": null, "high_24h": null, "low_24h": null,
        "volume_24h": "0.0000", "change_24h": null,
    });
    assert_eq!(ticker.body, expected);
    let listed = app.get("/markets").await;
    let expected = json!({
        "symbol": "BTC-USD", "kind": "crypto", "base": "BTC", "quote": "USD", "price_tick": "0.01",
        "quantity_lot": "0.0001", "min_notional": "0.01", "maker_fee_bps": 10, "taker_fee_bps": 20,
        "status": "trading", "last_price": null, "change_24h": null, "volume_24h": "0.0000",
    });
    assert_eq!(listed.body, json!({"items": [expected], "next_cursor": null}));
}

#[tokio::test]
async fn the_window_moves_minute_by_minute() {
    let mut app = App::start().await;
    // It is ten o'clock. Two trades within one hour, at 10:20 and at 10:40, another one at 15:00.
    for (seconds, price) in [(1_200, "100"), (1_200, "120"), (15_600, "90")] {
        app.clock.advance_seconds(seconds);
        app.trade("1", price).await;
    }
    app.order("alice", "buy", "1", "80").await;
    app.order("bob", "sell", "1", "130").await;
    let expected = json!({
        "symbol": "BTC-USD", "last_price": "90.00", "best_bid": "80.00", "best_ask": "130.00", "high_24h": "120.00",
        "low_24h": "90.00", "volume_24h": "3.0000", "change_24h": "-10.00",
    });
    assert_eq!(app.get("/markets/BTC-USD/ticker").await.body, expected);
    let listed = app.get("/markets").await.body;
    assert_eq!(
        [&listed["items"][0]["last_price"], &listed["items"][0]["change_24h"], &listed["items"][0]["volume_24h"]],
        ["90.00", "-10.00", "3.0000"]
    );
    // 10:30 of the next day: the trade of 10:20 is no longer in it, that of 10:40 is.
    app.clock.advance_seconds(19 * 3_600 + 1_800);
    let ticker = app.get("/markets/BTC-USD/ticker").await.body;
    assert_eq!([&ticker["change_24h"], &ticker["volume_24h"]], ["-30.00", "2.0000"]);
    // Two days later: nothing, but the last price is known.
    app.clock.advance_seconds(2 * 86_400);
    let ticker = app.get("/markets/BTC-USD/ticker").await.body;
    assert_eq!(
        [&ticker["last_price"], &ticker["volume_24h"], &ticker["change_24h"]],
        [&json!("90.00"), &json!("0.0000"), &json!(null)]
    );
    assert_eq!(app.get("/markets").await.body["items"][0]["last_price"], "90.00");
}
