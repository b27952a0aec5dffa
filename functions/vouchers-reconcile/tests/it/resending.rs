use domain::voucher::{MAX_ATTEMPTS, Status};
use edge::clock::Clock;
use serde_json::json;
use testkit::PATIENCE;

use crate::Works;

#[tokio::test]
async fn an_order_whose_worker_never_began_is_sent_again() {
    let works = Works::start().await;
    let id = works.held("v", None).await;
    works.clock.advance_seconds(PATIENCE.resend_seconds - 1);
    assert_eq!((works.moved().await, works.orders().await.len()), (0, 0), "it may still begin");
    for pause in [1, 120, 240, 480, 960] {
        works.clock.advance_seconds(pause - 1);
        assert_eq!((works.moved().await, works.orders().await.len()), (0, 0), "once at a time");
        works.clock.advance_seconds(1);
        assert_eq!(works.moved().await, 1);
        assert_eq!(works.orders().await, [json!({"voucher_id": id})]);
    }
    assert!(works.test_supplier.calls().is_empty() && works.outcomes().await.is_empty());
}

#[tokio::test]
async fn an_order_that_has_waited_for_an_hour_is_given_up_unless_it_may_have_reached_the_supplier() {
    let works = Works::start().await;
    let (sure, doubtful) = (works.held("sure", None).await, works.submitted("doubtful").await);
    works.clock.advance_seconds(1_000);
    works.save(works.purchase(&doubtful).await.order_again(works.clock.now())).await;
    works.clock.advance_seconds(2_600);
    assert_eq!(works.moved().await, 2);
    assert_eq!(works.outcomes().await, [json!({"status": "refused", "reason": "supplier_unreachable"})]);
    assert!(works.orders().await.is_empty());
    assert!(works.purchase(&sure).await.is_given_up());
    assert_eq!((works.purchase(&doubtful).await.status(), works.due_in(&doubtful).await), (Status::Unknown, Some(30)));
}

#[tokio::test]
async fn what_was_given_up_is_refused() {
    let works = Works::start().await;
    let id = works.held("v", None).await;
    for _ in 0..MAX_ATTEMPTS {
        works.save(works.purchase(&id).await.submit(works.clock.now())).await;
        works.save(works.purchase(&id).await.put_back(works.clock.now())).await;
    }
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    assert_eq!(works.moved().await, 1);
    assert_eq!(works.outcomes().await, [json!({"status": "refused", "reason": "supplier_unreachable"})]);
    assert!(works.orders().await.is_empty() && works.test_supplier.calls().is_empty());
}

#[tokio::test]
async fn two_runs_at_once_send_one_order() {
    let works = Works::start().await;
    for name in ["a", "b", "c"] {
        works.held(name, None).await;
    }
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    let (first, second) = tokio::join!(works.sweep(), works.sweep());
    let moved = |report: Result<serde_json::Value, _>| report.expect("a run")["moved"].as_u64().unwrap_or_default();
    assert_eq!(moved(first) + moved(second), 3);
    assert_eq!(works.orders().await.len(), 3);
}

#[tokio::test]
async fn a_run_that_died_before_it_sent_is_made_good_by_a_later_one() {
    let works = Works::start().await;
    let id = works.held("v", None).await;
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    works.save(works.purchase(&id).await.resend(works.clock.now())).await;
    assert_eq!(works.moved().await, 0);
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    assert_eq!((works.moved().await, works.orders().await.len()), (1, 1));
}
