use std::time::Duration;

use aws::{queues::Queue, vouchers::Saved};
use domain::voucher::Notice;
use edge::clock::Clock;

use crate::{SUPPORT, Works, delivered, refused};

#[tokio::test]
async fn a_promised_sms_tells_the_code_or_the_failure() {
    let works = Works::start().await;
    let name = "Claro 5 GB for 30 days";
    for (key, outcome, text) in [
        ("d", delivered("ABC-1"), format!("Florin: your voucher code for {name} is ABC-1.")),
        ("r", refused(), format!("Florin: your order of {name} failed and you were not charged. Support: {SUPPORT}")),
    ] {
        let id = works.submitted(key, None).await;
        works.settle(&id, outcome).await.expect("done");
        let messages = works.services.take("SmsQueue").await;
        let expected = serde_json::json!({"message_id": format!("voucher-{id}"), "to": "+51987654321", "text": text});
        assert_eq!(messages, [expected]);
        assert_eq!(works.purchase(&id).await.notice, Notice::Queued);
    }
}

#[tokio::test]
async fn while_a_request_waits_it_tells_and_once_it_must_have_died_an_sms_does() {
    let works = Works::start().await;
    let until = works.clock.now().plus_seconds(25);
    let in_time = works.submitted("in time", Some(until)).await;
    let too_late = works.submitted("too late", Some(until)).await;
    works.clock.advance_seconds(29);
    works.settle(&in_time, delivered("ABC-1")).await.expect("done");
    assert!(works.texts().await.is_empty());
    assert!(works.purchase(&in_time).await.answer().is_some());
    works.clock.advance_seconds(1);
    works.settle(&too_late, delivered("ABC-2")).await.expect("done");
    assert_eq!(works.texts().await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_dies_between_two_steps_is_made_good_by_the_next_delivery() {
    let works = Works::start().await;
    // After the money moved and before the SMS was handed over.
    let id = works.submitted("a", None).await;
    works.stack.settle(&id, &testkit::delivered("ABC-1"), works.clock.now()).await;
    assert_eq!(works.purchase(&id).await.notice, Notice::Sms);
    works.settle(&id, delivered("ABC-1")).await.expect("done");
    assert_eq!((works.texts().await.len(), works.purchase(&id).await.notice), (1, Notice::Queued));
    // After it was handed over and before that was noted: the same SMS again, under the same id.
    let id = works.submitted("b", None).await;
    let settled = works.stack.settle(&id, &testkit::delivered("ABC-2"), works.clock.now()).await;
    works.sms.send(&settled.sms(SUPPORT).expect("an SMS"), Duration::ZERO).await.expect("sent");
    works.settle(&id, delivered("ABC-2")).await.expect("done");
    let messages = works.services.take("SmsQueue").await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], messages[1]);
    // After it was noted.
    works.settle(&id, delivered("ABC-2")).await.expect("done");
    assert!(works.texts().await.is_empty());
    assert_eq!(works.balance().await, "490.00 0.00 490.00");
    works.assert_clean().await;
}

#[tokio::test]
async fn a_queue_that_is_down_fails_the_message_and_the_next_delivery_tells() {
    let mut works = Works::start().await;
    let id = works.submitted("v", None).await;
    let sms = works.sms.clone();
    let nowhere = works.services.queue_url("SmsQueue").replace("sms", "not-there");
    works.sms = Queue::new(works.services.environment().sqs(), nowhere);
    works.settle(&id, delivered("ABC-1")).await.expect_err("not told");
    works.sms = sms;
    works.settle(&id, delivered("ABC-1")).await.expect("done");
    assert_eq!(works.texts().await.len(), 1);
    assert_eq!(works.balance().await, "495.00 0.00 495.00");
}

/// The request's last write and the result meet, again and again: one of them tells.
#[tokio::test]
async fn a_result_and_the_end_of_the_wait_at_once_make_one_sms_or_one_answer() {
    let works = Works::start().await;
    let until = works.clock.now().plus_seconds(25);
    let (mut by_sms, mut here) = (0, 0);
    for round in 0..30 {
        let id = works.submitted(&format!("v{round}"), Some(until)).await;
        let waiting = works.purchase(&id).await.stop_waiting().expect("it waits");
        let stop = async {
            tokio::time::sleep(Duration::from_micros(round * 150)).await;
            works.stores.vouchers.save(&waiting).await.expect("an answer")
        };
        let (done, stopped) = tokio::join!(works.settle(&id, delivered("ABC-1")), stop);
        done.expect("done");
        let (purchase, texts) = (works.purchase(&id).await, works.texts().await.len());
        if stopped == Saved::Done {
            assert_eq!((purchase.notice, texts), (Notice::Queued, 1), "round {round}");
            by_sms += 1;
        } else {
            assert_eq!((purchase.notice, texts), (Notice::Waiting { until }, 0), "round {round}");
            assert!(purchase.answer().is_some());
            here += 1;
        }
    }
    assert_eq!(by_sms + here, 30);
    works.assert_clean().await;
}
