//! Each event in `events/` decodes and is served; on an empty shop most of them find nothing.

use testkit::{event, event_request};

use crate::app::App;

#[tokio::test]
async fn every_event_is_served() {
    let app = App::start().await;
    for (case, expected) in [
        ("buy", "404 not_found"),
        ("buy-partner", "404 not_found"),
        ("get", "404 not_found"),
        ("search", "422 invalid_phone_code"),
        ("products", "200 "),
        ("create-product", "201 active"),
        ("change-product", "200 "),
    ] {
        let reply = app.serve(&app.clock, event_request(event(&format!("vouchers.{case}.json")))).await;
        assert!(reply.told().starts_with(expected), "{case}: {} {}", reply.told(), reply.body);
    }
}
