//! Expiry on a real DynamoDB engine.
#![allow(missing_docs)]

use aws::phones::Phones;
use codes_expire::expire;
use domain::{
    customer::PhoneNumber,
    phone_code::{Code, CodeKey, Decision, Lifetime, Limits, Status, decide_issue},
};
use edge::{
    clock::Clock,
    sqs::{self, BatchResponse},
};
use testkit::{ManualClock, Stack, event};

fn phone() -> PhoneNumber {
    PhoneNumber::parse("+51987654321").expect("a phone")
}

/// Issues the next generation.
async fn issue(phones: &Phones, clock: &ManualClock) {
    let lifetime = Lifetime::new(60).expect("a lifetime");
    let limits = Limits { lifetime, per_phone: 5, per_address: 20, per_country: 1_000 };
    let newest = phones.code(&phone()).await.expect("a look");
    let Decision::Issue(new) = decide_issue(newest.as_ref(), &limits, clock.now()) else { panic!("not to be issued") };
    let key = CodeKey::new(&"k".repeat(64)).expect("a key");
    let seal = key.seal(&phone(), new.generation, &Code::from_bytes([7; 16]));
    assert!(phones.issue(&phone(), &new, &seal).await.expect("an answer"));
}

async fn status(phones: &Phones) -> (u64, Status) {
    let code = phones.code(&phone()).await.expect("a look").expect("a code");
    (code.generation, code.status)
}

/// Hands over the event, which names generation 1.
async fn handle(phones: &Phones) -> BatchResponse {
    let event = serde_json::from_value(event("codes-expire.json")).expect("an event");
    sqs::batch(event, |timer| expire(phones, timer)).await
}

#[tokio::test]
async fn a_timer_ends_its_own_generation_and_may_come_twice() {
    let (phones, clock) = (Stack::start().await.phones(), ManualClock::default());
    assert_eq!(handle(&phones).await, BatchResponse::default(), "a row that is gone is no failure");
    issue(&phones, &clock).await;
    clock.advance_seconds(60);
    for _ in 0..2 {
        assert_eq!(handle(&phones).await, BatchResponse::default());
        assert_eq!(status(&phones).await, (1, Status::Expired));
    }
}

#[tokio::test]
async fn an_old_timer_leaves_a_newer_code_alone() {
    let (phones, clock) = (Stack::start().await.phones(), ManualClock::default());
    issue(&phones, &clock).await;
    clock.advance_seconds(60);
    issue(&phones, &clock).await;
    assert_eq!(handle(&phones).await, BatchResponse::default());
    assert_eq!(status(&phones).await, (2, Status::Live));
}
