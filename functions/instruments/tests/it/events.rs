//! Each event in `events/` decodes and is served.

use testkit::{event, event_request};

use crate::app::App;

#[tokio::test]
async fn every_event_is_served() {
    let app = App::start().await;
    for (file, expected) in [
        ("instruments.create.json", "201 trading"),
        ("instruments.json", "200 "),
        ("instruments.change.json", "200 halted"),
        ("instruments.grant.json", "404 not_found"),
    ] {
        let reply = app.serve(event_request(event(file))).await;
        assert!(reply.told().starts_with(expected), "{file}: {} {}", reply.told(), reply.body);
    }
}
