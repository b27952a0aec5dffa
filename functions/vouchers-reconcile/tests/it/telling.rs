use std::time::Duration;

use domain::voucher::Notice;
use edge::clock::Clock;
use testkit::{PATIENCE, delivered, refused};

use crate::{SUPPORT, Works};

#[tokio::test]
async fn an_outcome_that_a_dead_request_should_have_told_goes_by_sms() {
    let works = Works::start().await;
    let until = works.clock.now().plus_seconds(25);
    let id = works.held("v", Some(until)).await;
    works.stack.settle(&id, &delivered("ABC-1"), works.clock.now()).await;
    works.clock.advance_seconds(29);
    assert_eq!((works.moved().await, works.texts().await.len()), (0, 0), "it may still answer");
    works.clock.advance_seconds(1);
    assert_eq!(works.moved().await, 1);
    assert_eq!(works.texts().await, ["Florin: your voucher code for Claro 5 GB for 30 days is ABC-1."]);
    assert_eq!((works.purchase(&id).await.notice, works.due_in(&id).await), (Notice::Queued, None));
    assert_eq!(works.moved().await, 0);
}

#[tokio::test]
async fn a_request_that_answers_at_the_last_moment_keeps_the_sms_from_going_out() {
    let works = Works::start().await;
    let until = works.clock.now().plus_seconds(25);
    for round in 0..20 {
        let id = works.held(&format!("v{round}"), Some(until)).await;
        works.stack.settle(&id, &delivered("ABC-1"), works.clock.now()).await;
    }
    works.clock.advance_seconds(30);
    let answering = async {
        let mut answered = 0;
        for round in 0..20 {
            let purchase = works.purchase(&testkit::voucher_id(&format!("v{round}"))).await;
            let Some(answer) = purchase.answer() else { continue };
            let saved = works.vouchers.save(&answer).await.expect("an answer");
            answered += usize::from(saved == aws::vouchers::Saved::Done);
        }
        answered
    };
    let (report, answered) = tokio::join!(works.sweep(), answering);
    report.expect("a run");
    assert_eq!(works.texts().await.len() + answered, 20, "each is told once");
}

#[tokio::test]
async fn an_sms_that_was_not_handed_over_is_handed_over_once() {
    let works = Works::start().await;
    for (name, outcome) in [("d", delivered("ABC-1")), ("r", refused())] {
        let id = works.held(name, None).await;
        works.stack.settle(&id, &outcome, works.clock.now()).await;
    }
    works.clock.advance_seconds(PATIENCE.resend_seconds - 1);
    assert_eq!(works.moved().await, 0, "vouchers-settle may be about to");
    works.clock.advance_seconds(1);
    assert_eq!((works.moved().await, works.texts().await.len()), (2, 2));
    assert_eq!((works.moved().await, works.texts().await.len()), (0, 0));
}

#[tokio::test]
async fn a_run_that_died_between_two_steps_is_made_good_by_a_later_one() {
    let works = Works::start().await;
    let until = works.clock.now().plus_seconds(25);
    let id = works.held("v", Some(until)).await;
    works.stack.settle(&id, &refused(), works.clock.now()).await;
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    // After it stood in for the dead request, and after it handed the SMS over.
    works.save(works.purchase(&id).await.stand_in(works.clock.now())).await;
    let sms = works.purchase(&id).await.sms(SUPPORT).expect("an SMS");
    works.queues.sms.send(&sms, Duration::ZERO).await.expect("sent");
    assert_eq!(works.moved().await, 1);
    let messages = works.services.take("SmsQueue").await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], messages[1], "the same SMS under the same id");
    assert_eq!(works.purchase(&id).await.notice, Notice::Queued);
}

#[tokio::test]
async fn what_is_told_is_never_looked_at_again() {
    let works = Works::start().await;
    let id = works.held("v", None).await;
    let settled = works.stack.settle(&id, &delivered("ABC-1"), works.clock.now()).await;
    works.vouchers.hand_over_sms(&works.queues.sms, SUPPORT, &settled).await.expect("handed over");
    works.texts().await;
    works.clock.advance_seconds(86_400);
    let report = works.sweep().await.expect("a run");
    assert_eq!(report["due"], 0);
}
