use serde_json::{Value, json};

use crate::app::App;

fn rows(body: &Value) -> Vec<String> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let row = |item: &Value| {
        let fields = ["open", "high", "low", "close", "volume"].map(|field| text(item, field));
        format!("{} {}", &text(item, "open_time")[11..16], fields.join(" "))
    };
    body["items"].as_array().unwrap_or_else(|| panic!("{body}")).iter().map(row).collect()
}

/// Trades at 10:00, 10:01, 10:01, 10:06, 11:30.
async fn traded() -> App {
    let mut app = App::start().await;
    for (seconds, quantity, price) in
        [(0, "1", "100"), (60, "1", "110"), (30, "2", "90"), (270, "1", "95"), (5_040, "1", "105")]
    {
        app.clock.advance_seconds(seconds);
        app.trade(quantity, price).await;
    }
    app
}

#[tokio::test]
async fn candles_of_each_interval_are_folded_from_those_that_are_stored() {
    let app = traded().await;
    let minutes = [
        "10:00 100.00 100.00 100.00 100.00 1.0000",
        "10:01 110.00 110.00 90.00 90.00 3.0000",
        "10:06 95.00 95.00 95.00 95.00 1.0000",
        "11:30 105.00 105.00 105.00 105.00 1.0000",
    ];
    assert_eq!(rows(&app.get("/markets/BTC-USD/candles").await.body), minutes);
    assert_eq!(
        rows(&app.get("/markets/BTC-USD/candles?interval=5m").await.body),
        ["10:00 100.00 110.00 90.00 90.00 4.0000", "10:05 95.00 95.00 95.00 95.00 1.0000", minutes[3]]
    );
    assert_eq!(
        rows(&app.get("/markets/BTC-USD/candles?interval=1h").await.body),
        ["10:00 100.00 110.00 90.00 95.00 5.0000", "11:00 105.00 105.00 105.00 105.00 1.0000"]
    );
    let days = app.get("/markets/BTC-USD/candles?interval=1d").await;
    assert_eq!(rows(&days.body), ["00:00 100.00 110.00 90.00 105.00 6.0000"]);
    assert_eq!(
        (&days.body["next_cursor"], &days.headers["cache-control"]),
        (&json!(null), &"public, max-age=1".parse().expect("a value"))
    );
}

#[tokio::test]
async fn a_stretch_names_the_candles_that_open_in_it_and_each_is_whole() {
    let app = traded().await;
    let day = "2026-11-21T";
    for (query, expected) in [
        ("interval=1m&limit=2".to_owned(), vec!["10:06", "11:30"]),
        (format!("interval=1m&from={day}10:01:00Z&to={day}11:30:00Z"), vec!["10:01", "10:06"]),
        (format!("interval=1m&from={day}10:00:00.001Z"), vec!["10:01", "10:06", "11:30"]),
        (format!("interval=1m&from={day}10:02:00Z&to={day}10:02:00Z"), vec![]),
        (format!("interval=1m&from={day}12:00:00Z&to={day}10:00:00Z"), vec![]),
    ] {
        let reply = app.get(&format!("/markets/BTC-USD/candles?{query}")).await;
        let times: Vec<_> = rows(&reply.body).iter().map(|row| row[..5].to_owned()).collect();
        assert_eq!(times, expected, "{query}");
    }
    let cut = format!("/markets/BTC-USD/candles?interval=5m&from={day}09:58:00Z&to={day}10:01:00Z");
    assert_eq!(rows(&app.get(&cut).await.body), ["10:00 100.00 110.00 90.00 90.00 4.0000"]);
    let past = format!("/markets/BTC-USD/candles?interval=1d&from={day}00:00:01Z");
    assert!(rows(&app.get(&past).await.body).is_empty());
}
