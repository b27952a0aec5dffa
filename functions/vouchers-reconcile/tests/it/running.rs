use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue::S;
use domain::Timestamp;
use edge::clock::Clock;
use supplier::Supplier;
use testkit::{ManualClock, PATIENCE, Says, TestSupplier};

use crate::Works;

#[tokio::test]
async fn the_supplier_is_spared() {
    let works = Works::with(TestSupplier::slow(Duration::from_millis(20)).await).await;
    works.test_supplier.always_says(Says::Delivered("ABC-1"));
    for nth in 0..40 {
        works.unknown(&format!("v{nth}")).await;
    }
    works.clock.advance_seconds(30);
    assert_eq!(works.moved().await, 40);
    assert_eq!((works.test_supplier.calls().len(), works.outcomes().await.len()), (40, 40));
    let at_once = works.test_supplier.most_at_once();
    assert!((2..=10).contains(&at_once), "{at_once} at once");
}

#[tokio::test]
async fn a_supplier_that_is_silent_is_asked_no_more_in_this_run_and_nobody_loses_his_turn() {
    let mut works = Works::with(TestSupplier::slow(Duration::from_millis(20)).await).await;
    works.supplier = Supplier::new(works.test_supplier.url(), None, Duration::from_secs(60)).expect("a supplier");
    works.test_supplier.always_says(Says::Status(500));
    for nth in 0..40 {
        works.unknown(&format!("v{nth}")).await;
    }
    works.held("held", None).await;
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    let moved = works.moved().await;
    let calls = works.test_supplier.calls();
    assert!((10..20).contains(&calls.len()), "{}", calls.len());
    assert_eq!((moved, works.orders().await.len()), (calls.len() as u64 + 1, 1), "the rest of the work is done");
    works.test_supplier.always_says(Says::Delivered("ABC-1"));
    assert_eq!(works.moved().await, 40 - calls.len() as u64, "those that were not asked about are still due");
    assert_eq!(works.outcomes().await.len(), 40 - calls.len());
}

#[tokio::test]
async fn not_found_proves_nothing_while_the_worker_may_be_calling_whatever_the_grace() {
    let mut works = Works::start().await;
    works.setup.grace_seconds = 0;
    let id = works.unknown("v").await;
    works.test_supplier.always_says(Says::NotFound);
    works.clock.advance_seconds(PATIENCE.deadline_seconds + PATIENCE.resend_seconds - 1);
    assert_eq!((works.moved().await, works.outcomes().await.len()), (1, 0));
    works.clock.advance_seconds(works.due_in(&id).await.expect("due"));
    assert_eq!((works.moved().await, works.outcomes().await.len()), (1, 1));
}

/// Five seconds pass at each look at it.
struct Hurrying(ManualClock);

impl Clock for Hurrying {
    fn now(&self) -> Timestamp {
        self.0.advance_seconds(5);
        self.0.now()
    }
}

#[tokio::test]
async fn a_run_ends_in_time_and_the_next_one_goes_on() {
    let works = Works::start().await;
    for nth in 0..20 {
        works.held(&format!("v{nth}"), None).await;
    }
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    let mut sent = Vec::new();
    for _ in 0..20 {
        works.sweep_by(&Hurrying(works.clock.clone())).await.expect("a run");
        let orders = works.orders().await;
        assert!(orders.len() < 10, "{} in one run", orders.len());
        for order in orders {
            let id = order["voucher_id"].as_str().unwrap_or_default().to_owned();
            if !sent.contains(&id) {
                sent.push(id);
            }
        }
    }
    assert_eq!(sent.len(), 20, "the longest overdue come first, so that each has its turn");
}

#[tokio::test]
async fn one_row_that_does_not_read_keeps_no_other_from_moving_on_and_is_seen() {
    let works = Works::start().await;
    let broken = works.held("broken", None).await;
    works.held("whole", None).await;
    let update = works.stack.environment().dynamodb().update_item();
    update
        .table_name(works.stack.table("VouchersTable"))
        .key("pk", S(broken.to_string()))
        .key("sk", S("voucher".into()))
        .update_expression("SET notice = :nonsense")
        .expression_attribute_values(":nonsense", S("nonsense".into()))
        .send()
        .await
        .expect("the row is broken");
    works.clock.advance_seconds(PATIENCE.resend_seconds);
    let error = works.sweep().await.expect_err("seen").to_string();
    assert_eq!(error, "1 purchases could not be looked after");
    assert_eq!(works.orders().await.len(), 1);
}

#[tokio::test]
async fn what_is_unknown_for_too_long_is_counted_in_each_run() {
    let works = Works::start().await;
    let report = works.sweep().await.expect("a run");
    assert_eq!(report["unknown_too_long"], 0);
    for name in ["a", "b"] {
        works.unknown(name).await;
    }
    works.clock.advance_seconds(3_600);
    works.unknown("young").await;
    works.held("held", None).await;
    works.clock.advance_seconds(23 * 3_600 - 1);
    assert_eq!(works.sweep().await.expect("a run")["unknown_too_long"], 0);
    works.clock.advance_seconds(1);
    // Whether or not they are due: none of them is in this run.
    let report = works.sweep().await.expect("a run");
    assert_eq!((report["due"].as_u64(), report["unknown_too_long"].as_u64()), (Some(0), Some(2)));
}
