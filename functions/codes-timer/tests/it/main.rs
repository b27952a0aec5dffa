//! Timers on real queues.
#![allow(missing_docs)]

use std::time::Duration;

use aws::queues::Queue;
use codes_timer::{Queues, pass};
use edge::sqs::{self, BatchResponse};
use serde_json::{Value, json};
use testkit::{ManualClock, Services, event};

struct App {
    services: Services,
    queues: Queues,
    clock: ManualClock,
}

impl App {
    async fn start() -> Self {
        let services = Services::start().await;
        let client = services.environment().sqs();
        let queue = |logical_id: &str| Queue::new(client.clone(), services.queue_url(logical_id));
        let queues = Queues { waiting: queue("AuthCodeTimerQueue"), expired: queue("AuthCodeTimerExpiredQueue") };
        Self { queues, services, clock: ManualClock::default() }
    }

    async fn handle(&self, event: Value) -> BatchResponse {
        let event = serde_json::from_value(event).expect("an event");
        sqs::batch(event, |timer| pass(&self.queues, &self.clock, timer)).await
    }

    async fn waiting(&self) -> usize {
        self.services.take("AuthCodeTimerQueue").await.len()
    }

    async fn expired(&self) -> Vec<Value> {
        self.services.take("AuthCodeTimerExpiredQueue").await
    }

    fn advance_seconds(&self, seconds: u32) {
        self.clock.advance_seconds(i64::from(seconds));
        self.services.advance(Duration::from_secs(u64::from(seconds)));
    }
}

#[tokio::test]
async fn a_timer_that_is_due_moves_on_as_it_is() {
    let app = App::start().await;
    app.advance_seconds(60);
    assert_eq!(app.handle(event("codes-timer.json")).await, BatchResponse::default());
    let sent = app.expired().await;
    assert_eq!(sent, [json!({"phone": "+51987654321", "generation": 7, "expires_at": "2026-11-21T10:01:00.000Z"})]);
    assert_eq!(app.waiting().await, 0);
}

#[tokio::test]
async fn one_that_comes_early_waits_for_the_rest_of_its_time() {
    let app = App::start().await;
    app.advance_seconds(18);
    assert_eq!(app.handle(event("codes-timer.json")).await, BatchResponse::default());
    assert_eq!((app.expired().await.len(), app.waiting().await), (0, 0));
    app.advance_seconds(41);
    assert_eq!(app.waiting().await, 0);
    app.advance_seconds(1);
    assert_eq!(app.waiting().await, 1);
}

#[tokio::test]
async fn one_that_waits_longer_than_a_queue_can_goes_round_again() {
    let app = App::start().await;
    let mut long = event("codes-timer.json");
    let body = json!({"phone": "+51987654321", "generation": 7, "expires_at": "2026-11-21T10:30:00.000Z"});
    long["Records"][0]["body"] = json!(body.to_string());
    app.handle(long.clone()).await;
    app.advance_seconds(899);
    assert_eq!(app.waiting().await, 0);
    app.advance_seconds(1);
    assert_eq!(app.services.take("AuthCodeTimerQueue").await, [body]);
    app.handle(long).await;
    app.advance_seconds(900);
    assert_eq!((app.waiting().await, app.expired().await.len()), (1, 0));
}

#[tokio::test]
async fn what_cannot_be_passed_on_fails_and_comes_again() {
    let mut app = App::start().await;
    app.queues.expired = Queue::new(app.services.environment().sqs(), app.services.queue_url("SmsQueue") + "-gone");
    app.advance_seconds(60);
    assert_eq!(app.handle(event("codes-timer.json")).await.batch_item_failures.len(), 1);
}
