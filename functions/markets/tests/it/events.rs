//! Each event in `events/` decodes and is served.

use testkit::{event, event_request};

use crate::app::App;

#[tokio::test]
async fn every_event_is_served() {
    let app = App::start().await;
    for file in
        ["markets.json", "markets.book.json", "markets.ticker.json", "markets.trades.json", "markets.candles.json"]
    {
        let reply = app.serve(event_request(event(file))).await;
        assert_eq!(reply.status, 200, "{file}: {}", reply.body);
    }
}
