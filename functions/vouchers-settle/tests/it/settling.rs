use domain::voucher::{ResultMessage, State, Status};
use edge::{clock::Clock, sqs};
use futures::future::join_all;
use serde_json::json;
use testkit::{buy_paid, event, voucher_id};

use crate::{Log, Works, delivered, refused, unknown};

#[tokio::test]
async fn each_outcome_moves_the_money_it_means() {
    let works = Works::start().await;
    for (name, outcome, status, balance) in [
        ("d", delivered("ABC-1"), Status::Delivered, "495.00 0.00 495.00"),
        ("r", refused(), Status::Failed, "495.00 0.00 495.00"),
        ("u", unknown(), Status::Unknown, "495.00 5.00 490.00"),
    ] {
        let id = works.submitted(name, None).await;
        works.settle(&id, outcome).await.expect("done");
        assert_eq!((works.purchase(&id).await.status(), works.balance().await.as_str()), (status, balance));
    }
    let asked_at = works.clock.now().plus_seconds(30);
    assert!(
        matches!(works.purchase(&voucher_id("u")).await.state, State::Unknown { ask_at, .. } if ask_at == asked_at)
    );
    works.assert_clean().await;
}

#[tokio::test]
async fn a_result_may_come_before_the_submission_is_seen_and_after_not_knowing() {
    let works = Works::start().await;
    let id = works.held("h", None).await;
    works.settle(&id, unknown()).await.expect("done");
    assert_eq!(works.purchase(&id).await.status(), Status::Processing, "not knowing says nothing of an unsent order");
    works.settle(&id, delivered("ABC-1")).await.expect("done");
    let id = works.submitted("u", None).await;
    works.settle(&id, unknown()).await.expect("done");
    works.settle(&id, unknown()).await.expect("done");
    works.settle(&id, refused()).await.expect("done");
    assert_eq!(works.balance().await, "495.00 0.00 495.00");
    works.assert_clean().await;
}

#[tokio::test]
async fn duplicates_at_once_move_the_money_once_and_tell_it_once() {
    let works = Works::start().await;
    let id = works.submitted("v", None).await;
    let done = join_all((0..8).map(|_| works.settle(&id, delivered("ABC-1")))).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(works.balance().await, "495.00 0.00 495.00");
    let messages = works.services.take("SmsQueue").await;
    let expected = json!(format!("voucher-{id}"));
    assert!(!messages.is_empty() && messages.iter().all(|sms| sms["message_id"] == expected), "{messages:?}");
    works.settle(&id, delivered("ABC-1")).await.expect("done");
    assert!(works.texts().await.is_empty(), "once it is noted nothing is handed over any more");
    works.assert_clean().await;
}

#[tokio::test]
async fn outcomes_that_contradict_each_other_at_once_leave_one_of_them() {
    let works = Works::start().await;
    for round in 0..10 {
        let id = works.submitted(&format!("v{round}"), None).await;
        let results = [delivered("ABC-1"), refused(), unknown(), delivered("ABC-2"), refused()];
        let done = join_all(results.map(|outcome| works.settle(&id, outcome))).await;
        // Whoever lost five times comes again.
        assert!(done.iter().any(Result::is_ok), "{done:?}");
        assert!(!works.purchase(&id).await.state.is_open());
    }
    works.assert_clean().await;
}

#[tokio::test]
async fn a_success_after_the_money_went_back_is_paid_by_the_bank_and_told_to_nobody() {
    let works = Works::start().await;
    let id = works.submitted("v", None).await;
    works.settle(&id, refused()).await.expect("done");
    assert_eq!(works.texts().await.len(), 1);
    for _ in 0..3 {
        works.settle(&id, delivered("LATE-1")).await.expect("done");
    }
    let purchase = works.purchase(&id).await;
    assert!(purchase.is_late_success());
    assert_eq!((purchase.status(), works.balance().await.as_str()), (Status::Failed, "500.00 0.00 500.00"));
    assert!(works.texts().await.is_empty());
    let audit = works.stores.ledger.audit().await.expect("the audit runs");
    assert!(audit.is_clean(), "{audit:#?}");
    let books = format!("{audit:?}");
    assert!(books.contains("Losses") || books.contains("losses"), "{books}");
}

#[tokio::test]
async fn a_success_that_came_too_late_is_told_again_by_whoever_hears_of_it_after_a_crash() {
    let works = Works::start().await;
    let id = works.submitted("v", None).await;
    works.settle(&id, refused()).await.expect("done");
    // Booked by a worker that died before it said so.
    works.stack.settle(&id, &delivered("LATE-1").outcome(), works.clock.now()).await;
    let log = Log::default();
    let _logging = log.listen();
    works.settle(&id, delivered("LATE-1")).await.expect("done");
    assert!(log.text().contains("the bank has paid"), "{}", log.text());
    assert!(!log.text().contains("contradicts") && !log.text().contains("LATE-1"), "{}", log.text());
    works.settle(&id, delivered("LATE-2")).await.expect("done");
    assert!(log.text().contains("contradicts itself"), "{}", log.text());
    let before = log.text().len();
    works.settle(&id, refused()).await.expect("done");
    assert_eq!(log.text().len(), before, "{}", log.text());
}

#[tokio::test]
async fn a_delivered_voucher_stays_as_it_was_whatever_is_said_later() {
    let works = Works::start().await;
    let id = works.submitted("v", None).await;
    works.settle(&id, delivered("ABC-1")).await.expect("done");
    let before = works.purchase(&id).await;
    for later in [delivered("ABC-2"), refused(), unknown(), delivered("ABC-1")] {
        works.settle(&id, later).await.expect("done");
    }
    assert_eq!(works.purchase(&id).await, before);
    assert_eq!((works.texts().await.len(), works.balance().await.as_str()), (1, "495.00 0.00 495.00"));
    works.assert_clean().await;
}

#[tokio::test]
async fn a_partners_purchase_is_booked_on_delivery_only() {
    let works = Works::start().await;
    let product = testkit::product("claro-5gb", "5.00");
    for (name, outcome, sms) in [("p1", refused(), "failed"), ("p2", delivered("ABC-1"), "ABC-1")] {
        works.stack.bought(&buy_paid(name, "pos", name, &product), works.clock.now()).await;
        for _ in 0..2 {
            works.settle(&voucher_id(name), outcome.clone()).await.expect("done");
        }
        let texts = works.texts().await;
        assert!(texts.len() == 1 && texts[0].contains(sms), "{texts:?}");
    }
    works.assert_clean().await;
}

#[tokio::test]
async fn poison_fails_alone() {
    let works = Works::start().await;
    let id = works.submitted("v", None).await;
    let mut records = Vec::new();
    for file in ["vouchers-settle.json", "vouchers-settle.refused.json", "vouchers-settle.unknown.json"] {
        let mut event = event(file);
        records.push(event["Records"][0].take());
    }
    for body in [r#"{"voucher_id":"vch_1"}"#, "no JSON"] {
        let mut record = records[0].clone();
        (record["messageId"], record["body"]) = (json!(body), json!(body));
        records.push(record);
    }
    let mut good = records[0].clone();
    let body = json!({"voucher_id": id, "outcome": {"status": "delivered", "code": "ABC-1"}});
    (good["messageId"], good["body"]) = (json!("good"), json!(body.to_string()));
    records.push(good);
    let event = serde_json::from_value(json!({"Records": records})).expect("an event");
    let response = sqs::batch(event, |message: ResultMessage| {
        vouchers_settle::settle(&works.stores, &works.sms, &works.setup, &works.clock, message)
    });
    let failed = response.await.batch_item_failures;
    assert_eq!(failed.len(), 5);
    assert!(failed.iter().all(|failure| failure.item_identifier != "good"));
    assert_eq!(works.purchase(&id).await.status(), Status::Delivered);
}
