//! Each event in `events/` decodes and is served; on an empty exchange most of them find nothing.

use testkit::{event, event_request};

use crate::app::App;

#[tokio::test]
async fn every_event_is_served() {
    let app = App::start().await;
    for (case, expected) in [
        ("place-limit", "422 insufficient_funds"),
        ("place-market", "422 insufficient_funds"),
        ("place-stop", "404 not_found"),
        ("cancel", "404 not_found"),
        ("replace", "404 not_found"),
        ("get", "404 not_found"),
        ("list", "200 "),
        ("trades", "200 "),
    ] {
        let reply = app.serve(event_request(event(&format!("orders.{case}.json")))).await;
        assert!(reply.told().starts_with(expected), "{case}: {} {}", reply.told(), reply.body);
    }
}
