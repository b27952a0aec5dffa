use domain::voucher::{State, Status};
use edge::clock::Clock;
use serde_json::{Value, json};
use testkit::{PATIENCE, Says};
use vouchers_reconcile::{Desk, sweep};

use crate::{GRACE, Works};

fn delivered() -> Value {
    json!({"status": "delivered", "code": "ABC-1", "supplier_order": "SO-1"})
}

fn not_ordered() -> Value {
    json!({"status": "refused", "reason": "not_ordered"})
}

#[tokio::test]
async fn an_overdue_order_is_asked_about_and_from_then_on_unknown() {
    let works = Works::start().await;
    let id = works.submitted("v").await;
    works.test_supplier.will_say([Says::Delivered("ABC-1")]);
    works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds - 1);
    assert_eq!((works.moved().await, works.test_supplier.calls().len()), (0, 0), "its worker may still report");
    works.clock.advance_seconds(1);
    assert_eq!(works.moved().await, 1);
    assert_eq!(works.test_supplier.calls(), [format!("GET {id}")]);
    assert_eq!(works.outcomes().await, [delivered()]);
    assert_eq!((works.purchase(&id).await.status(), works.due_in(&id).await), (Status::Unknown, Some(30)));
    assert!(works.texts().await.is_empty() && works.orders().await.is_empty());
}

#[tokio::test]
async fn an_unknown_outcome_is_asked_about_until_the_supplier_knows() {
    for (says, outcomes_in_grace, outcomes_later) in [
        (Says::Delivered("ABC-1"), vec![delivered()], vec![delivered()]),
        (
            Says::Refused("no"),
            vec![json!({"status": "refused", "reason": "no"})],
            vec![json!({"status": "refused", "reason": "no"})],
        ),
        (Says::Processing, vec![], vec![]),
        (Says::NotFound, vec![], vec![not_ordered()]),
        (Says::Status(404), vec![], vec![]),
        (Says::Status(500), vec![], vec![]),
        (Says::WrongReference, vec![], vec![]),
        (Says::HangsUp, vec![], vec![]),
        (Says::Nothing, vec![], vec![]),
    ] {
        let works = Works::start().await;
        let id = works.unknown("v").await;
        works.test_supplier.always_says(says.clone());
        works.clock.advance_seconds(30);
        assert_eq!(works.moved().await, 1, "{says:?}");
        assert_eq!(works.outcomes().await, outcomes_in_grace, "{says:?}");
        works.clock.advance_seconds(GRACE - 30);
        assert_eq!(works.moved().await, 1, "{says:?}");
        assert_eq!(works.outcomes().await, outcomes_later, "{says:?}");
        assert_eq!(works.test_supplier.calls(), [format!("GET {id}"), format!("GET {id}")]);
        assert_eq!(works.purchase(&id).await.status(), Status::Unknown, "it settles nothing itself");
    }
}

#[tokio::test]
async fn the_pauses_between_two_questions_grow_to_an_hour() {
    let works = Works::start().await;
    let id = works.unknown("v").await;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let pause = works.due_in(&id).await.expect("due");
        works.clock.advance_seconds(pause - 1);
        assert_eq!(works.moved().await, 0);
        works.clock.advance_seconds(1);
        assert_eq!(works.moved().await, 1);
        pauses.push(pause);
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(works.test_supplier.calls().len(), 9);
}

#[tokio::test]
async fn not_found_counts_from_the_last_submission() {
    let works = Works::start().await;
    let id = works.submitted("v").await;
    works.clock.advance_seconds(GRACE);
    works.save(works.purchase(&id).await.submit_again(works.clock.now())).await;
    works.test_supplier.always_says(Says::NotFound);
    works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds);
    assert_eq!((works.moved().await, works.outcomes().await.len()), (1, 0), "it went out again not long ago");
    works.clock.advance_seconds(GRACE);
    assert_eq!((works.moved().await, works.outcomes().await), (1, vec![not_ordered()]));
}

#[tokio::test]
async fn whoever_asks_has_written_it_before_so_that_no_worker_orders_any_more() {
    let works = Works::start().await;
    let id = works.submitted("v").await;
    let worker_knows = works.purchase(&id).await;
    works.test_supplier.will_say([Says::NotFound]);
    works.clock.advance_seconds(GRACE);
    assert_eq!((works.moved().await, works.outcomes().await), (1, vec![not_ordered()]));
    for late in [worker_knows.submit_again(works.clock.now()), worker_knows.put_back(works.clock.now())] {
        let saved = works.vouchers.save(&late.expect("a step")).await.expect("an answer");
        assert!(matches!(saved, aws::vouchers::Saved::Stale(_)));
    }
    assert!(matches!(works.purchase(&id).await.state, State::Unknown { .. }));
}

#[tokio::test]
async fn a_run_that_died_after_it_had_asked_is_made_good_by_a_later_one() {
    let works = Works::start().await;
    let id = works.submitted("v").await;
    works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds);
    works.save(works.purchase(&id).await.ask(30, works.clock.now())).await;
    assert_eq!(works.moved().await, 0);
    works.test_supplier.will_say([Says::Delivered("ABC-1")]);
    works.clock.advance_seconds(30);
    assert_eq!((works.moved().await, works.outcomes().await), (1, vec![delivered()]));
}

#[tokio::test]
async fn without_a_supplier_nobody_is_asked_and_the_rest_is_done() {
    let works = Works::start().await;
    let unknown = works.unknown("u").await;
    works.held("h", None).await;
    let before = works.purchase(&unknown).await;
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    let Works { vouchers, queues, setup, clock, .. } = &works;
    let report = sweep(&Desk { vouchers, supplier: None, queues, setup, clock }).await.expect("a run");
    assert_eq!((report["due"].as_u64(), report["moved"].as_u64()), (Some(2), Some(1)));
    assert_eq!(works.orders().await.len(), 1);
    assert_eq!(works.purchase(&unknown).await, before);
}
