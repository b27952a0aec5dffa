//! SMS on a real DynamoDB engine, through the SDK to an SNS that fails on demand.
#![allow(missing_docs)]

use aws::{client::Environment, phones::Phones, sms::Phone};
use edge::{
    clock::Clock,
    sqs::{self, BatchResponse},
};
use serde_json::{Value, json};
use sms_send::{SmsSend, send};
use testkit::{Lossy, ManualClock, SentSms, Services, Sns, Stack, event};

struct App {
    stack: Stack,
    services: Services,
    function: SmsSend<ManualClock>,
}

impl App {
    async fn start() -> Self {
        let (stack, services) = (Stack::start().await, Services::start().await);
        let function = SmsSend {
            phones: stack.phones(),
            phone: Phone::new(services.environment().sns()),
            metrics: "florin-test".into(),
            clock: ManualClock::default(),
        };
        Self { stack, services, function }
    }

    /// Hands over a batch.
    async fn deliver(&self, event: Value) -> BatchResponse {
        let event = serde_json::from_value(event).expect("an event");
        sqs::batch(event, |sms| send(&self.function, sms)).await
    }

    /// Delivers the one message of `events/sms-send.json`; whether it is done.
    async fn done(&self) -> bool {
        self.deliver(event("sms-send.json")).await == BatchResponse::default()
    }

    /// As long as a message that failed stays away.
    fn later(&self) {
        self.function.clock.advance_seconds(180);
    }

    fn sent(&self) -> usize {
        self.services.sms().len()
    }

    /// As if the sender had died before it could mark the SMS as sent.
    async fn forget_marks(&self) {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let row = self.stack.environment().dynamodb().update_item().table_name(self.stack.table("PhonesTable"));
        let id = serde_json::from_str::<Value>(event("sms-send.json")["Records"][0]["body"].as_str().expect("text"));
        let id = id.expect("JSON")["message_id"].as_str().expect("an id").to_owned();
        let row = row.key("pk", S(format!("sms#{id}"))).key("sk", S("sms".into()));
        let row = row.update_expression("SET #status = :claimed").expression_attribute_names("#status", "status");
        row.expression_attribute_values(":claimed", S("claimed".into())).send().await.expect("an update");
    }
}

#[tokio::test]
async fn a_message_delivered_twice_sends_once() {
    let app = App::start().await;
    assert!(app.done().await);
    let sms = SentSms {
        to: "+51987654321".into(),
        text: "ABC234 is your Florin code. It is valid for 60 seconds. Never tell it to anybody.".into(),
        kind: "Transactional".into(),
    };
    assert_eq!(app.services.sms(), std::slice::from_ref(&sms));
    assert!(app.done().await);
    app.later();
    assert!(app.done().await);
    assert_eq!(app.services.sms(), [sms]);
}

#[tokio::test]
async fn twenty_deliveries_at_once_send_once() {
    let app = App::start().await;
    let mut batch = event("sms-send.json");
    let record = batch["Records"][0].clone();
    batch["Records"] = (0..20).map(|_| record.clone()).collect();
    let failed = app.deliver(batch).await.batch_item_failures.len();
    assert!(failed < 20, "one of them sent it");
    assert_eq!(app.sent(), 1);
    app.later();
    assert!(app.done().await);
    assert_eq!(app.sent(), 1);
}

#[tokio::test]
async fn what_was_surely_not_sent_is_sent_by_a_later_delivery() {
    for sns in [Sns::Throttles, Sns::Refuses] {
        let app = App::start().await;
        app.services.set_sns(sns);
        assert!(!app.done().await, "{sns:?}");
        app.later();
        assert!(!app.done().await, "{sns:?}");
        app.services.set_sns(Sns::Works);
        assert!(app.done().await, "{sns:?}");
        assert!(app.done().await, "{sns:?}");
        assert_eq!(app.sent(), 1, "{sns:?}");
    }
}

#[tokio::test]
async fn an_sns_that_cannot_be_reached_has_sent_nothing() {
    let mut app = App::start().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let nowhere = Environment::at(&format!("http://{closed}"), "eu-west-1").expect("a client");
    let works = std::mem::replace(&mut app.function.phone, Phone::new(nowhere.sns()));
    assert!(!app.done().await);
    app.function.phone = works;
    assert!(app.done().await);
    assert_eq!(app.sent(), 1);
}

#[tokio::test]
async fn what_nobody_knows_is_never_repeated() {
    for (sns, sent) in [(Sns::LosesAnswers, 1), (Sns::Breaks, 0)] {
        let app = App::start().await;
        app.services.set_sns(sns);
        assert!(!app.done().await, "{sns:?}");
        app.services.set_sns(Sns::Works);
        for _ in 0..4 {
            app.later();
            assert!(!app.done().await, "{sns:?}: it is for people");
        }
        assert_eq!(app.sent(), sent, "{sns:?}");
    }
}

#[tokio::test]
async fn a_sender_that_died_after_publishing_is_followed_by_no_second_sms() {
    let app = App::start().await;
    assert!(app.done().await);
    app.forget_marks().await;
    assert!(!app.done().await, "it may be at work still");
    app.later();
    assert!(!app.done().await);
    assert_eq!(app.sent(), 1);
}

#[tokio::test]
async fn a_claim_nobody_heard_of_is_given_back_so_that_a_later_delivery_sends() {
    let mut app = App::start().await;
    let way = Lossy::to(app.stack.endpoint()).await;
    app.function.phones = Phones::new(way.environment().dynamodb(), app.stack.table("PhonesTable"));
    way.lose(3); // as often as the SDK asks
    assert!(!app.done().await);
    assert_eq!(app.sent(), 0);
    app.later();
    assert!(app.done().await);
    assert_eq!(app.sent(), 1);
    // An answer that a repetition makes good costs nothing.
    let mut batch = event("sms-send.json");
    batch["Records"][0]["body"] = json!(json!({"message_id": "x", "to": "+51987654321", "text": "x"}).to_string());
    way.lose(1);
    assert!(app.deliver(batch).await.batch_item_failures.is_empty());
    assert_eq!(app.sent(), 2);
}

#[tokio::test]
async fn that_it_was_sent_is_noted_with_patience() {
    let mut app = App::start().await;
    let way = Lossy::to(app.stack.endpoint()).await;
    app.function.phones = Phones::new(way.environment().dynamodb(), app.stack.table("PhonesTable"));
    way.lose_after(1, 3); // the claim is heard, the mark is not as often as the SDK asks
    assert!(app.done().await, "nobody needs to look at it");
    assert!(app.done().await);
    assert_eq!(app.sent(), 1);
}

#[tokio::test]
async fn what_is_worth_nothing_any_more_is_not_sent() {
    let app = App::start().await;
    let over = app.function.clock.now().plus_seconds(60);
    let mut batch = event("sms-send.json");
    let body = json!({"message_id": "x", "to": "+51987654321", "text": "x", "not_after": over});
    batch["Records"][0]["body"] = json!(body.to_string());
    app.function.clock.advance_seconds(60);
    assert_eq!(app.deliver(batch.clone()).await, BatchResponse::default());
    assert_eq!(app.sent(), 0);
    app.function.clock.advance_seconds(-1);
    assert_eq!(app.deliver(batch).await, BatchResponse::default());
    assert_eq!(app.sent(), 1);
}

#[tokio::test]
async fn a_poison_message_stops_no_other() {
    let app = App::start().await;
    let mut batch = event("sms-send.json");
    let good = batch["Records"][0].clone();
    let bad = |id: &str, body: Value| {
        let mut record = good.clone();
        (record["messageId"], record["body"]) = (json!(id), json!(body.to_string()));
        record
    };
    batch["Records"] = json!([
        bad("bad-1", json!({"message_id": "X", "to": "+51987654321", "text": "x"})),
        bad("bad-2", json!({"message_id": "x", "to": "51987654321", "text": "x"})),
        bad("bad-3", json!({"message_id": "x", "to": "+51987654321", "text": ""})),
        bad("bad-4", json!({"message_id": "x", "to": "+51987654321", "text": "x", "topic": "x"})),
        good,
    ]);
    let failures = app.deliver(batch).await.batch_item_failures;
    let failed: Vec<_> = failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(failed, ["bad-1", "bad-2", "bad-3", "bad-4"]);
    assert_eq!(app.sent(), 1);
}
