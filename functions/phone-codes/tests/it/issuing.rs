use edge::clock::Clock;
use futures::future::join_all;
use serde_json::json;
use testkit::{document, event, event_request};

use crate::app::{App, PHONE};

#[tokio::test]
async fn a_code_reaches_the_phone_is_good_once_and_has_a_timer() {
    let app = App::start().await;
    let (status, body, _) = document(phone_codes::handle(&app.codes, event_request(event("phone-codes.json"))).await);
    assert_eq!(status, 202, "{body}");
    assert!(body["message"].as_str().is_some_and(|message| message.contains("60 seconds")), "{body}");

    let sms = app.services.take("SmsQueue").await;
    let [sms] = &sms[..] else { panic!("one SMS: {sms:?}") };
    assert_eq!(sms.as_object().expect("an object").len(), 4, "{sms}");
    assert_eq!(sms["not_after"], json!(app.codes.clock.now().plus_seconds(60)));
    assert_eq!(sms["to"], PHONE);
    let text = sms["text"].as_str().expect("a text");
    let (code, rest) = text.split_at(6);
    assert_eq!(rest, " is your Florin code. It is valid for 60 seconds. Never tell it to anybody.");
    assert!(!sms["message_id"].as_str().expect("an id").contains("987654321"), "{sms}");

    app.advance_seconds(59);
    assert_eq!(app.services.take("AuthCodeTimerQueue").await, Vec::<serde_json::Value>::new(), "not due");
    assert!(app.verify(PHONE, code).await);
    assert!(!app.verify(PHONE, code).await);
    app.advance_seconds(1);
    let timers = app.services.take("AuthCodeTimerQueue").await;
    assert_eq!(timers, [json!({"phone": PHONE, "generation": 1, "expires_at": "2026-11-21T10:01:00.000Z"})]);
}

#[tokio::test]
async fn a_good_code_is_reused_and_answered_in_the_same_words() {
    let app = App::start().await;
    let first = app.ask_from("203.0.113.7", PHONE).await;
    app.advance_seconds(30);
    assert_eq!(app.ask_from("203.0.113.7", PHONE).await, first);
    assert_eq!(app.sms().await.len(), 1);
    app.advance_seconds(30);
    assert_eq!(app.ask_from("203.0.113.7", PHONE).await, first);
    assert_eq!(app.sms().await.len(), 1, "its time was over");
}

#[tokio::test]
async fn of_twenty_requests_at_once_one_sends() {
    let app = App::start().await;
    let addresses: Vec<_> = (0..20).map(|index| format!("203.0.113.{index}")).collect();
    let answers = join_all(addresses.iter().map(|address| app.ask_from(address, PHONE))).await;
    assert!(answers.iter().all(|(status, ..)| *status == 202), "{answers:?}");
    let sms = app.sms().await;
    let [(to, code)] = &sms[..] else { panic!("one SMS: {sms:?}") };
    assert_eq!(to, PHONE);
    assert!(app.verify(PHONE, code).await);
    assert_eq!(app.services.secret_readings(), 1, "the secret is read once");
}

#[tokio::test]
async fn a_code_whose_sms_was_never_handed_over_is_replaced() {
    let mut app = App::start().await;
    let broken = app.broken_queue();
    let good = std::mem::replace(&mut app.codes.sms, broken);
    let (status, body, _) = app.ask_from("203.0.113.7", PHONE).await;
    assert_eq!((status, &body["code"]), (503, &json!("unavailable")));
    app.codes.sms = good;
    // Whoever issued it might still be at it.
    assert_eq!(app.ask(PHONE).await, 202);
    assert_eq!(app.sms().await, []);
    app.advance_seconds(10);
    assert_eq!(app.ask(PHONE).await, 202);
    let sms = app.sms().await;
    assert!(app.verify(PHONE, &sms[0].1).await);
}

#[tokio::test]
async fn a_code_without_a_timer_is_sent_and_ends_all_the_same() {
    let mut app = App::start().await;
    app.codes.timers = app.broken_queue();
    assert_eq!(app.ask(PHONE).await, 202);
    let sms = app.sms().await;
    app.advance_seconds(60);
    assert!(!app.verify(PHONE, &sms[0].1).await);
}

#[tokio::test]
async fn a_used_code_is_followed_by_another() {
    let app = App::start().await;
    assert_eq!(app.ask(PHONE).await, 202);
    let first = app.sms().await.remove(0).1;
    assert!(app.verify(PHONE, &first).await);
    assert_eq!(app.ask(PHONE).await, 202);
    let second = app.sms().await.remove(0).1;
    assert!(!app.verify(PHONE, &first).await);
    assert!(app.verify(PHONE, &second).await);
}
