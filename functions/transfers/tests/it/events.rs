//! Each event in `events/` decodes and is served; on an empty bank most of them find nothing.

use testkit::{event, event_request};

use crate::Bank;

#[tokio::test]
async fn every_event_is_served() {
    let bank = Bank::start().await;
    for (case, expected) in [
        ("deposit", 404),
        ("transfer", 404),
        ("payment", 404),
        ("hold", 404),
        ("list", 200),
        ("get", 404),
        ("capture", 404),
        ("void", 404),
        ("reverse", 404),
    ] {
        let request = event_request(event(&format!("transfers.{case}.json")));
        let (status, body, _) = bank.serve(request).await;
        assert_eq!(status, expected, "{case}: {body}");
    }
}
