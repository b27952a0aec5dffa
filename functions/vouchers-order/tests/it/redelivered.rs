use domain::voucher::{Outcome, State};
use edge::clock::Clock;
use futures::future::join_all;
use serde_json::json;
use testkit::Says;

use crate::{Works, delivered, submitted, unknown};

#[tokio::test]
async fn the_supplier_is_asked_before_a_submitted_order_goes_out_again() {
    for (says, calls, outcomes, doubt) in [
        (vec![Says::Delivered("ABC-1")], 1, vec![delivered("ABC-1")], false),
        (vec![Says::Refused("no")], 1, vec![json!({"status": "refused", "reason": "no"})], false),
        (vec![Says::Processing], 1, vec![], false),
        (vec![Says::Status(503)], 1, vec![unknown("status_503")], false),
        (vec![Says::Status(404)], 1, vec![unknown("malformed_answer")], false),
        (vec![Says::Nothing], 1, vec![unknown("timeout")], false),
        (vec![Says::NotFound, Says::Delivered("ABC-1")], 2, vec![delivered("ABC-1")], true),
        (vec![Says::NotFound, Says::Processing], 2, vec![unknown("processing")], true),
        (vec![Says::NotFound, Says::Nothing], 2, vec![unknown("timeout")], true),
        // It said that it has no such order; that it cannot be reached now says nothing about the first one.
        (vec![Says::NotFoundAndGone], 1, vec![unknown("unreachable")], true),
    ] {
        let works = Works::start().await;
        let id = works.bought("v").await;
        let before = works.die_after(works.purchase(&id).await.submit(works.clock.now())).await;
        works.clock.advance_seconds(900);
        works.test_supplier.will_say(says.clone());
        works.order(&id).await.expect("done");
        assert_eq!(works.outcomes().await, outcomes, "{says:?}");
        let expected = [format!("GET {id}"), format!("POST {id}")];
        assert_eq!(works.test_supplier.calls(), expected[..calls], "{says:?}");
        let state = if doubt { submitted(1, true, &works.clock) } else { before.state };
        assert_eq!(works.purchase(&id).await.state, state, "{says:?}");
        assert!(works.orders().await.is_empty());
    }
}

#[tokio::test]
async fn what_is_settled_or_asked_about_is_left_alone() {
    let works = Works::start().await;
    for (name, outcome) in [("d", testkit::delivered("ABC-1")), ("r", testkit::refused()), ("u", Outcome::Unknown)] {
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
    // Whoever calls does so under the one reference, so that it is one order; each answer is the same.
    assert!(works.test_supplier.calls().iter().all(|call| call.ends_with(id.as_str())));
    let outcomes = works.outcomes().await;
    assert!(!outcomes.is_empty() && outcomes.iter().all(|outcome| *outcome == delivered("ABC-1")), "{outcomes:?}");
    assert!(matches!(works.purchase(&id).await.state, State::Submitted { attempts: 1, .. }));
    assert!(works.orders().await.is_empty());
}
