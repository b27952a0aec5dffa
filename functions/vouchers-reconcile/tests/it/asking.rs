use std::time::Duration;

use domain::voucher::{State, Status};
use edge::clock::Clock;
use serde_json::{Value, json};
use supplier::Supplier;
use testkit::{PATIENCE, Says, TestSupplier};
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
            vec![json!({"status": "refused", "reason": "supplier: no"})],
            vec![json!({"status": "refused", "reason": "supplier: no"})],
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
async fn an_order_whose_worker_died_goes_out_again_once_if_the_supplier_does_not_have_it() {
    let works = Works::start().await;
    let id = works.submitted("v").await;
    works.test_supplier.always_says(Says::NotFound);
    works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds);
    assert_eq!((works.moved().await, works.orders().await), (1, vec![json!({"voucher_id": id})]));
    let held = State::Held { attempts: 0, since: works.clock.now(), doubt: true };
    assert_eq!(works.purchase(&id).await.state, held);
    // The second worker died as well: from now on it is only asked about.
    works.save(works.purchase(&id).await.submit(works.clock.now())).await;
    works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds);
    assert_eq!((works.moved().await, works.orders().await.len(), works.outcomes().await.len()), (1, 0, 0));
    assert_eq!(works.purchase(&id).await.status(), Status::Unknown);
    // "Not found" counts from the last submission.
    works.clock.advance_seconds(GRACE - PATIENCE.deadline_seconds - PATIENCE.resend_seconds - 1);
    assert_eq!((works.moved().await, works.outcomes().await.len()), (1, 0));
    works.clock.advance_seconds(GRACE);
    assert_eq!((works.moved().await, works.outcomes().await), (1, vec![not_ordered()]));
}

#[tokio::test]
async fn not_found_after_it_had_the_order_is_a_contradiction_and_gives_no_money_back() {
    for (name, says) in [("processing", vec![Says::Processing]), ("silent", vec![Says::Nothing])] {
        let works = Works::start().await;
        let id = works.submitted(name).await;
        works.test_supplier.will_say(says);
        works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds);
        assert_eq!(works.moved().await, 1);
        works.clock.advance_seconds(GRACE);
        works.test_supplier.will_say([Says::NotFound]);
        assert_eq!(works.moved().await, 1);
        let expected = if name == "processing" { vec![] } else { vec![not_ordered()] };
        assert_eq!(works.outcomes().await, expected);
        assert_eq!(works.purchase(&id).await.is_acknowledged(), name == "processing");
    }
}

#[tokio::test]
async fn what_an_answer_means_is_written_over_the_purchase_that_was_asked_about() {
    // While the supplier thinks, somebody else writes the purchase.
    let mut works = Works::with(TestSupplier::slow(Duration::from_secs(1)).await).await;
    works.supplier = Supplier::new(works.test_supplier.url(), None, Duration::from_secs(60)).expect("a supplier");
    let (overdue, unknown) = (works.submitted("overdue").await, works.unknown("unknown").await);
    works.clock.advance_seconds(GRACE);
    works.test_supplier.always_says(Says::NotFound);
    let meanwhile = async {
        while works.test_supplier.calls().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for id in [&overdue, &unknown] {
            works.save(works.purchase(id).await.ask(true, 30, works.clock.now())).await;
        }
    };
    let (report, ()) = tokio::join!(works.sweep(), meanwhile);
    assert_eq!(report.expect("a run")["moved"], 0);
    assert!(works.outcomes().await.is_empty() && works.orders().await.is_empty());
    for id in [&overdue, &unknown] {
        assert!(works.purchase(id).await.is_acknowledged());
    }
}

#[tokio::test]
async fn a_run_that_died_after_it_had_asked_is_made_good_by_a_later_one() {
    let works = Works::start().await;
    let id = works.submitted("v").await;
    works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds);
    works.save(works.purchase(&id).await.ask(false, 30, works.clock.now())).await;
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
