//! Placing: nothing is locked twice, nothing more than is free, and a repetition finds what its first request did.

use std::sync::Arc;

use aws::exchange::{Placed, Refused};
use domain::{
    order::{OrderFields, Reason, Status},
    wallet::{LockRefusal, MAX_OPEN_ORDERS},
};
use testkit::{Stack, buy, customer, order_id, sell};

use crate::now;

#[tokio::test]
async fn a_wallet_nobody_has_touched_is_empty_and_locks_nothing() {
    let stack = Stack::start().await;
    let market = stack.market("BTC-USD").await;
    let wallet = stack.wallet("alice").await;
    assert_eq!((wallet.version, wallet.open_orders, wallet.holdings.len()), (0, 0, 0));
    let refused = market.place("o1", "alice", &sell("1", "100"), now()).await.unwrap();
    assert_eq!(refused, Placed::Refused(LockRefusal::InsufficientFunds));
    // The row itself says no as well, not only the decision.
    stack.grant("bob", "BTC", "1", now()).await;
    let (mut order, lock) = market.decide("o2", "bob", &sell("1", "100"), now()).await.unwrap();
    order.customer = customer("alice");
    let refused = stack.exchange().place(&stack.ledger(), &order, &lock, MAX_OPEN_ORDERS).await.unwrap();
    assert_eq!(refused, Placed::Refused(LockRefusal::InsufficientFunds));
    assert_eq!(market.order("o2", "alice").await, None);
    assert_eq!(stack.wallet("alice").await.version, 0);
}

#[tokio::test]
async fn the_first_touch_of_an_asset_locks_it_and_counts_the_order() {
    let stack = Stack::start().await;
    let market = stack.market("BTC-USD").await;
    stack.grant("alice", "USD", "1000.50", now()).await;
    assert_eq!(market.place("o1", "alice", &buy("1", "100"), now()).await.unwrap(), Placed::Done);
    assert_eq!(stack.holding("alice", "USD").await, ["900.3", "100.2"]);
    let wallet = stack.wallet("alice").await;
    assert_eq!((wallet.open_orders, wallet.version), (1, 2));
    let order = market.order("o1", "alice").await.expect("an order");
    assert_eq!((order.status, order.reserved, order.seq), (Status::Pending, 10_020, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_orders_at_once_lock_what_is_there_and_no_more() {
    let stack = Arc::new(Stack::start().await);
    let market = Arc::new(stack.market("BTC-USD").await);
    stack.grant("alice", "BTC", "20.5", now()).await;
    let (mut decided, mut tasks) = (Vec::new(), Vec::new());
    for index in 0..50 {
        decided.push(market.decide(&format!("o{index}"), "alice", &sell("1", "100"), now()).await.unwrap());
    }
    for (order, lock) in decided {
        let stack = stack.clone();
        tasks.push(tokio::spawn(async move {
            // A busy wallet is no answer; whoever asks asks again.
            loop {
                match stack.exchange().place(&stack.ledger(), &order, &lock, MAX_OPEN_ORDERS).await {
                    Ok(placed) => break placed,
                    Err(error) => assert!(format!("{error:?}").contains("Conflict"), "{error:?}"),
                }
            }
        }));
    }
    let (mut done, mut refused) = (0, 0);
    for task in tasks {
        match task.await.expect("no panic") {
            Placed::Done => done += 1,
            Placed::Refused(LockRefusal::InsufficientFunds) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((done, refused), (20, 30));
    assert_eq!(stack.holding("alice", "BTC").await, ["0.5", "20"]);
    assert_eq!(stack.wallet("alice").await.open_orders, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_order_sent_twenty_times_at_once_is_placed_once() {
    let stack = Arc::new(Stack::start().await);
    let market = Arc::new(stack.market("BTC-USD").await);
    stack.grant("alice", "BTC", "20", now()).await;
    let fields = OrderFields { client_order_id: Some("mine"), ..sell("1", "100") };
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let (order, lock) = market.decide("o", "alice", &fields, now()).await.unwrap();
        let stack = stack.clone();
        tasks.push(tokio::spawn(async move {
            stack.exchange().place(&stack.ledger(), &order, &lock, MAX_OPEN_ORDERS).await
        }));
    }
    let mut done = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(Placed::Done) => done += 1,
            Ok(Placed::Before(order)) => assert_eq!(order.first_difference("BTC-USD", &fields, None), None),
            Err(aws::ledger::transfers::PostError::InProgress) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(stack.holding("alice", "BTC").await, ["19", "1"]);
}

#[tokio::test]
async fn a_repetition_is_known_before_funds_limits_and_names_are_looked_at() {
    let stack = Stack::start().await;
    let market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "2", now()).await;
    let fields = OrderFields { client_order_id: Some("mine"), ..sell("2", "100") };
    let (order, lock) = market.decide("o", "alice", &fields, now()).await.unwrap();
    let place = |max| {
        let (stack, order, lock) = (&stack, &order, &lock);
        async move { stack.exchange().place(&stack.ledger(), order, lock, max).await.unwrap() }
    };
    assert_eq!(place(1).await, Placed::Done);
    let Placed::Before(before) = place(1).await else { panic!("it is known") };
    assert_eq!(*before, order);
    assert_eq!(before.first_difference("BTC-USD", &sell("2", "101"), None), Some("price"));
    // A new order: too many are open, which comes before funds.
    let (mut other, lock) = (order.clone(), lock.clone());
    (other.id, other.client_order_id) = (order_id("other"), None);
    let placed = stack.exchange().place(&stack.ledger(), &other, &lock, 1).await.unwrap();
    assert_eq!(placed, Placed::Refused(LockRefusal::TooManyOpenOrders));
}

#[tokio::test]
async fn a_clients_name_for_an_order_is_taken_once_per_customer() {
    let stack = Stack::start().await;
    let market = stack.market("BTC-USD").await;
    for who in ["alice", "bob"] {
        stack.grant(who, "BTC", "2", now()).await;
    }
    let fields = OrderFields { client_order_id: Some("mine"), ..sell("1", "100") };
    assert_eq!(market.place("o1", "alice", &fields, now()).await.unwrap(), Placed::Done);
    assert_eq!(market.place("o2", "alice", &fields, now()).await.unwrap(), Placed::ClientIdTaken(order_id("o1")));
    assert_eq!(market.place("o3", "bob", &fields, now()).await.unwrap(), Placed::Done);
    assert_eq!(stack.holding("alice", "BTC").await, ["1", "1"]);
    let exchange = stack.exchange();
    assert_eq!(exchange.order_named(&customer("alice"), "mine").await.unwrap(), Some(order_id("o1")));
    assert_eq!(exchange.order_named(&customer("alice"), "other").await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_order_stays_on_record_and_locks_nothing() {
    let stack = Stack::start().await;
    let market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "1", now()).await;
    let (order, lock) = market.decide("o", "alice", &sell("1", "100"), now()).await.unwrap();
    let refused = order.clone().refused(Reason::InsufficientFunds);
    let exchange = stack.exchange();
    assert_eq!(exchange.refuse(&refused).await.unwrap(), Refused::Done);
    assert_eq!(exchange.refuse(&refused).await.unwrap(), Refused::Before(Box::new(refused.clone())));
    let placed = exchange.place(&stack.ledger(), &order, &lock, MAX_OPEN_ORDERS).await.unwrap();
    assert_eq!(placed, Placed::Before(Box::new(refused)), "a known no never turns into a late yes");
    assert_eq!(stack.holding("alice", "BTC").await, ["1", "0"]);
}

#[tokio::test]
async fn a_market_buy_that_nobody_sells_to_locks_nothing_and_is_placed() {
    let stack = Stack::start().await;
    let market = stack.market("BTC-USD").await;
    let fields = OrderFields { order_type: "market", price: None, ..buy("1", "1") };
    assert_eq!(market.place("o", "alice", &fields, now()).await.unwrap(), Placed::Done);
    let wallet = stack.wallet("alice").await;
    assert_eq!((wallet.open_orders, wallet.holdings.len()), (1, 0));
    let mut market = market;
    market.apply(&[market.command("o", "alice").await], now()).await.unwrap();
    market.settle().await.unwrap();
    assert_eq!(stack.wallet("alice").await.open_orders, 0);
    assert_eq!(market.order("o", "alice").await.unwrap().reason, Some(Reason::NoLiquidity));
}
