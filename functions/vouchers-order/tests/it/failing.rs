use std::time::Duration;

use domain::voucher::{MAX_ATTEMPTS, Notice, State};
use edge::clock::Clock;
use serde_json::json;
use supplier::Supplier;
use testkit::{Says, buy_from, voucher_id};
use tokio::net::TcpListener;

use crate::{DEADLINE, Works, delivered, nowhere, submitted, unknown};

#[tokio::test]
async fn an_order_that_surely_never_left_is_tried_three_times_and_then_refused() {
    let works = Works::start().await;
    let (id, supplier) = (works.bought("v").await, nowhere().await);
    for (attempt, pause) in [(1, 5), (2, 20)] {
        works.order_from(&supplier, &id).await.expect("done");
        assert_eq!(
            works.purchase(&id).await.state,
            State::Held { attempts: attempt, since: works.clock.now(), doubt: false }
        );
        works.services.advance(Duration::from_secs(pause - 1));
        assert!(works.orders().await.is_empty(), "not before {pause} s");
        works.services.advance(Duration::from_secs(1));
        assert_eq!(works.orders().await, [json!({"voucher_id": id})]);
        works.clock.advance_seconds(i64::try_from(pause).expect("seconds"));
    }
    let refused = json!({"status": "refused", "reason": "supplier_unreachable"});
    works.order_from(&supplier, &id).await.expect("done");
    assert_eq!(works.outcomes().await, std::slice::from_ref(&refused));
    assert!(works.purchase(&id).await.is_given_up());
    // Delivered once more, it says so once more, and orders nothing.
    works.order(&id).await.expect("done");
    assert_eq!(works.outcomes().await, [refused]);
    assert!(works.test_supplier.calls().is_empty() && works.orders().await.is_empty());
}

#[tokio::test]
async fn a_supplier_that_comes_back_is_ordered_from() {
    let works = Works::start().await;
    let id = works.bought("v").await;
    works.order_from(&nowhere().await, &id).await.expect("done");
    works.test_supplier.will_say([Says::Delivered("ABC-1")]);
    works.order(&id).await.expect("done");
    assert_eq!(works.purchase(&id).await.state, submitted(2, false, &works.clock));
    assert_eq!(works.outcomes().await, [delivered("ABC-1")]);
}

#[tokio::test]
async fn a_worker_that_dies_between_two_steps_is_made_good_by_the_next_delivery() {
    let works = Works::start().await;
    // After it was put back and before it was sent again: the same message does.
    let id = works.bought("b").await;
    let submitted_once = works.die_after(works.purchase(&id).await.submit(works.clock.now())).await;
    works.die_after(submitted_once.put_back(works.clock.now())).await;
    works.test_supplier.will_say([Says::Delivered("ABC-2")]);
    works.order(&id).await.expect("done");
    assert_eq!(works.purchase(&id).await.state, submitted(2, false, &works.clock));
    assert_eq!(works.outcomes().await, [delivered("ABC-2")]);
    // After the last try was put back and before it was refused.
    let id = works.bought("d").await;
    for _ in 0..MAX_ATTEMPTS {
        let next = works.die_after(works.purchase(&id).await.submit(works.clock.now())).await;
        works.die_after(next.put_back(works.clock.now())).await;
    }
    works.order(&id).await.expect("done");
    assert_eq!(works.outcomes().await, [json!({"status": "refused", "reason": "supplier_unreachable"})]);
}

#[tokio::test]
async fn an_order_in_doubt_that_cannot_be_sent_is_never_refused_but_unknown() {
    let works = Works::start().await;
    let (id, supplier) = (works.bought("v").await, nowhere().await);
    works.die_after(works.purchase(&id).await.submit(works.clock.now())).await;
    works.die_after(works.purchase(&id).await.order_again(works.clock.now())).await;
    for attempts in 1..MAX_ATTEMPTS {
        works.order_from(&supplier, &id).await.expect("done");
        let held = State::Held { attempts, since: works.clock.now(), doubt: true };
        assert_eq!(works.purchase(&id).await.state, held);
        assert!(works.outcomes().await.is_empty());
    }
    works.order_from(&supplier, &id).await.expect("done");
    assert_eq!(works.purchase(&id).await.state, submitted(MAX_ATTEMPTS, true, &works.clock));
    assert_eq!(works.outcomes().await, [unknown("unreachable")]);
}

/// Somebody who takes connections and never says a word: no TLS comes about, and nothing of a request leaves.
struct Mute {
    listener: TcpListener,
    supplier: Supplier,
}

impl Mute {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let supplier = Supplier::new(&url, None, DEADLINE * 10).expect("a supplier");
        Self { listener, supplier }
    }
}

#[tokio::test]
async fn a_request_that_stops_waiting_meanwhile_does_not_keep_the_order_from_being_tried_again() {
    let (works, mute) = (Works::start().await, Mute::start().await);
    let account = works.stack.account("alice", "USD", "20.00", works.clock.now()).await;
    let product = testkit::product("claro-5gb", "5.00");
    let wait_until = Some(works.clock.now().plus_seconds(25));
    let command = domain::voucher::Buy { wait_until, ..buy_from("v", "alice", &account.id, &product) };
    works.stack.bought(&command, works.clock.now()).await;
    let id = voucher_id("v");
    let stop = async {
        let (connection, _) = mute.listener.accept().await.expect("a connection");
        works.die_after(works.purchase(&id).await.stop_waiting()).await;
        drop(connection);
    };
    let (ordered, ()) = tokio::join!(works.order_from(&mute.supplier, &id), stop);
    ordered.expect("done");
    let purchase = works.purchase(&id).await;
    assert_eq!(
        (purchase.state, purchase.notice),
        (State::Held { attempts: 1, since: works.clock.now(), doubt: false }, Notice::Sms)
    );
    works.services.advance(Duration::from_secs(5));
    assert_eq!(works.orders().await.len(), 1);
    assert!(works.outcomes().await.is_empty());
}

#[tokio::test]
async fn a_worker_that_somebody_took_over_from_says_nothing_any_more() {
    let (works, mute) = (Works::start().await, Mute::start().await);
    for name in ["asked about", "ordered again"] {
        let id = works.bought(name).await;
        let take_over = async {
            let (connection, _) = mute.listener.accept().await.expect("a connection");
            let purchase = works.purchase(&id).await;
            let now = works.clock.now();
            let next = if name == "asked about" { purchase.ask(false, 30, now) } else { purchase.order_again(now) };
            let next = works.die_after(next).await;
            drop(connection);
            next
        };
        let (ordered, taken) = tokio::join!(works.order_from(&mute.supplier, &id), take_over);
        ordered.expect("done");
        assert_eq!(works.purchase(&id).await, taken);
    }
    works.services.advance(Duration::from_secs(900));
    assert!(works.orders().await.is_empty() && works.outcomes().await.is_empty());
}
