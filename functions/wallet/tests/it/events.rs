//! Each event in `events/` decodes and is served; in an empty bank transfers find no account.

use testkit::{event, event_request};

use crate::app::App;

#[tokio::test]
async fn every_event_is_served() {
    let app = App::start().await;
    for (case, expected) in [
        ("get", "200 "),
        ("entries", "200 "),
        ("portfolio", "200 "),
        ("transfer-in", "404 not_found"),
        ("transfer-out", "404 not_found"),
    ] {
        let reply = app.serve(event_request(event(&format!("wallet.{case}.json")))).await;
        assert_eq!(reply.told(), expected, "{case}: {}", reply.body);
    }
}
