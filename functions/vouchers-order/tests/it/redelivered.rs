use domain::voucher::{Outcome, State};
use edge::clock::Clock;
use futures::future::join_all;
use testkit::Says;

use crate::{Works, delivered};

#[tokio::test]
async fn a_submitted_order_is_left_to_its_worker_and_to_vouchers_reconcile() {
    let works = Works::start().await;
    let id = works.bought("v").await;
    let before = works.die_after(works.purchase(&id).await.submit(works.clock.now())).await;
    works.clock.advance_seconds(900);
    works.order(&id).await.expect("done");
    assert_eq!(works.purchase(&id).await, before);
    assert!(works.test_supplier.calls().is_empty());
    assert!(works.outcomes().await.is_empty() && works.orders().await.is_empty());
}

#[tokio::test]
async fn what_is_settled_or_asked_about_is_left_alone() {
    let works = Works::start().await;
    for (name, outcome) in
        [("d", testkit::delivered("ABC-1")), ("r", testkit::refused()), ("u", Outcome::Unknown { acknowledged: false })]
    {
        let id = works.bought(name).await;
        works.die_after(works.purchase(&id).await.submit(works.clock.now())).await;
        let before = works.stack.settle(&id, &outcome, works.clock.now()).await;
        works.order(&id).await.expect("done");
        assert_eq!(works.purchase(&id).await, before);
    }
    assert!(works.test_supplier.calls().is_empty());
    assert!(works.outcomes().await.is_empty());
}

#[tokio::test]
async fn many_deliveries_at_once_make_one_order_at_the_supplier() {
    let works = Works::start().await;
    let id = works.bought("v").await;
    works.test_supplier.always_says(Says::Delivered("ABC-1"));
    let done = join_all((0..8).map(|_| works.order(&id))).await;
    assert!(done.iter().any(Result::is_ok), "{done:?}");
    assert_eq!(works.test_supplier.calls(), [format!("POST {id}")]);
    assert_eq!(works.outcomes().await, [delivered("ABC-1")]);
    assert!(matches!(works.purchase(&id).await.state, State::Submitted { attempts: 1, .. }));
    assert!(works.orders().await.is_empty());
}
