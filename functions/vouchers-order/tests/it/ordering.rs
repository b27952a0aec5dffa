use domain::voucher::OrderMessage;
use edge::sqs;
use serde_json::json;
use testkit::{Says, event};

use crate::{Works, acknowledged, delivered, submitted, unknown};

#[tokio::test]
async fn an_order_is_on_record_before_it_goes_out_under_our_reference() {
    let works = Works::start().await;
    let id = works.bought("v").await;
    works.test_supplier.will_say([Says::Delivered("ABC-1")]);
    works.order(&id).await.expect("done");
    assert_eq!(works.purchase(&id).await.state, submitted(1, false, &works.clock));
    let order =
        json!({"reference": id, "product": "CL5", "phone": "+51987654321", "amount": "5.00", "currency": "USD"});
    assert_eq!(works.test_supplier.orders(), [order]);
    assert_eq!(
        works.services.take("VoucherOrderResultQueue").await,
        [json!({"voucher_id": id, "outcome": delivered("ABC-1")})]
    );
    assert!(works.orders().await.is_empty());
}

#[tokio::test]
async fn what_the_supplier_does_not_surely_say_is_unknown() {
    let works = Works::start().await;
    for (says, outcome) in [
        (Says::Refused("no stock"), json!({"status": "refused", "reason": "supplier: no stock"})),
        (Says::Processing, acknowledged()),
        (Says::Status(500), unknown("status_500")),
        (Says::Status(404), unknown("status_404")),
        (Says::Status(302), unknown("status_302")),
        (Says::WrongReference, unknown("wrong_reference")),
        (Says::HangsUp, unknown("broken_connection")),
        (Says::Nothing, unknown("timeout")),
        (Says::Delivered("no code: {}"), unknown("unusable_code")),
        (Says::Delivered("<script>"), unknown("unusable_code")),
    ] {
        let id = works.bought(&format!("{says:?}")).await;
        works.test_supplier.will_say([says.clone()]);
        works.order(&id).await.expect("done");
        assert_eq!(works.outcomes().await, [outcome], "{says:?}");
        assert_eq!(works.purchase(&id).await.state, submitted(1, false, &works.clock));
    }
    assert!(works.orders().await.is_empty(), "none of them is tried again on a guess");
}

#[tokio::test]
async fn a_message_about_no_purchase_fails_until_it_ends_in_the_dead_letters() {
    let works = Works::start().await;
    let event = serde_json::from_value(event("vouchers-order.json")).expect("an event");
    let response = sqs::batch(event, |message: OrderMessage| {
        vouchers_order::order(&works.vouchers, &works.supplier, &works.queues, &works.clock, message)
    });
    assert_eq!(response.await.batch_item_failures.len(), 1);
    assert!(works.test_supplier.calls().is_empty());
    assert!(works.outcomes().await.is_empty());
}

#[tokio::test]
async fn a_queue_that_is_down_fails_the_message_and_loses_nothing() {
    let mut works = Works::start().await;
    let id = works.bought("v").await;
    let results = works.queues.results.clone();
    let nowhere = works.services.queue_url("VoucherOrderResultQueue").replace("order-result", "not-there");
    works.queues.results = aws::queues::Queue::new(works.services.environment().sqs(), nowhere);
    works.test_supplier.will_say([Says::Delivered("ABC-1")]);
    works.order(&id).await.expect_err("not reported");
    works.queues.results = results;
    // It is on record as submitted: vouchers-reconcile asks what became of it.
    works.order(&id).await.expect("done");
    assert_eq!(works.purchase(&id).await.state, submitted(1, false, &works.clock));
    assert_eq!((works.outcomes().await.len(), works.test_supplier.calls()), (0, vec![format!("POST {id}")]));
}

#[tokio::test]
async fn no_words_of_the_supplier_are_taken_for_a_reason_of_ours() {
    let works = Works::start().await;
    for reason in [domain::voucher::INSUFFICIENT_FUNDS, domain::voucher::NOT_ORDERED, domain::voucher::NOT_SENT] {
        let id = works.bought(reason).await;
        works.test_supplier.will_say([Says::Refused(reason)]);
        works.order(&id).await.expect("done");
        assert_eq!(works.outcomes().await, [json!({"status": "refused", "reason": format!("supplier: {reason}")})]);
    }
}

#[tokio::test]
async fn an_order_the_supplier_has_taken_is_followed_until_it_has_an_outcome() {
    let works = Works::start().await;
    let id = works.bought("v").await;
    works.test_supplier.will_say([
        Says::Processing,
        Says::Processing,
        Says::Status(500),
        Says::NotFound,
        Says::Delivered("ABC-1"),
    ]);
    works.order(&id).await.expect("done");
    assert_eq!(works.outcomes().await, [delivered("ABC-1")]);
    let mut calls = vec![format!("GET {id}"); 5];
    calls[0] = format!("POST {id}");
    assert_eq!(works.test_supplier.calls(), calls);
}
