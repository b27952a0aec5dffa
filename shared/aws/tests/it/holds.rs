//! Holds are resolved at most once, under any race, and their money is accounted for at every moment.

use std::sync::Arc;

use aws::ledger::{
    Ledger,
    transfers::{PostError, Posted, Resolved},
};
use domain::{
    Timestamp,
    account::Account,
    transfer::{State, Transfer},
};
use testkit::{Stack, command, hold, money};

use crate::{assert_clean, now};

async fn pending(stack: &Stack, name: &str, from: &Account, to: &Account, amount: &str, seconds: u64) -> Transfer {
    let wish = hold(name, &from.id, Some(&to.id), money(amount, "USD"), seconds);
    match stack.transfer(&wish, now()).await {
        Ok(Posted::Done(transfer)) => transfer,
        other => panic!("{other:?}"),
    }
}

async fn balance(ledger: &Ledger, account: &Account) -> [String; 3] {
    let balance = ledger.account(&account.id).await.unwrap().unwrap().balance;
    [balance.posted, balance.held, balance.available].map(|money| money.to_string())
}

async fn capture(ledger: &Ledger, hold: &Transfer, amount: Option<&str>, at: Timestamp) -> Result<Resolved, PostError> {
    let resolution = hold.capture(amount.map(|amount| money(amount, "USD")), at).expect("it is pending");
    ledger.resolve(hold, &resolution, None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn capture_and_void_of_one_hold_raced_100_times_have_one_winner_each_time() {
    let stack = Arc::new(Stack::start().await);
    let (alice, shop) =
        (stack.account("alice", "USD", "1000", now()).await, stack.account("shop", "USD", "0", now()).await);
    let (mut captured, mut voided) = (0, 0);
    for round in 0..100 {
        let hold = pending(&stack, &format!("h{round}"), &alice, &shop, "5.00", 60).await;
        let (first, second) = (stack.ledger(), stack.ledger());
        let (a, b) = (hold.clone(), hold.clone());
        let capturing = tokio::spawn(async move { capture(&first, &a, None, now()).await.expect("an answer") });
        let voiding = tokio::spawn(async move {
            let resolution = b.void(now()).expect("it is pending").expect("something to do");
            second.resolve(&b, &resolution, None).await.expect("an answer")
        });
        match (capturing.await.expect("no panic"), voiding.await.expect("no panic")) {
            (Resolved::Done(_), Resolved::Before(now, _)) if matches!(now.state, State::Captured { .. }) => {
                captured += 1
            }
            (Resolved::Before(now, _), Resolved::Done(_)) if matches!(now.state, State::Voided { .. }) => voided += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(captured + voided, 100);
    let ledger = stack.ledger();
    assert_eq!(
        ledger.account(&shop.id).await.unwrap().unwrap().balance.posted,
        money(&format!("{}.00", captured * 5), "USD")
    );
    assert_eq!(balance(&ledger, &alice).await[1], "0.00");
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_part_capture_releases_the_rest_at_once() {
    let stack = Stack::start().await;
    let (alice, shop) =
        (stack.account("alice", "USD", "100", now()).await, stack.account("shop", "USD", "0", now()).await);
    let ledger = stack.ledger();
    let hold = pending(&stack, "h", &alice, &shop, "80", 60).await;
    assert_eq!(balance(&ledger, &alice).await, ["100.00", "80.00", "20.00"]);
    assert_clean(&ledger).await;
    assert!(matches!(capture(&ledger, &hold, Some("30"), now()).await, Ok(Resolved::Done(_))));
    assert_eq!(balance(&ledger, &alice).await, ["70.00", "0.00", "70.00"]);
    assert_eq!(balance(&ledger, &shop).await, ["30.00", "0.00", "30.00"]);
    assert!(matches!(capture(&ledger, &hold, None, now()).await, Ok(Resolved::Before(..))));
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn the_row_itself_refuses_a_capture_past_the_deadline_and_an_expiry_before_it() {
    let stack = Stack::start().await;
    let (alice, shop) =
        (stack.account("alice", "USD", "100", now()).await, stack.account("shop", "USD", "0", now()).await);
    let ledger = stack.ledger();
    let hold = pending(&stack, "h", &alice, &shop, "80", 60).await;
    let deadline = now().plus_seconds(60);
    let early = domain::transfer::Resolution::Expire { at: deadline.plus_millis(-1) };
    assert!(matches!(ledger.resolve(&hold, &early, None).await, Ok(Resolved::Before(..))));
    let late = domain::transfer::Resolution::Capture { amount: hold.money, at: deadline };
    assert!(matches!(ledger.resolve(&hold, &late, None).await, Ok(Resolved::Before(..))));
    assert_eq!(balance(&ledger, &alice).await, ["100.00", "80.00", "20.00"]);
    assert!(ledger.due_holds(deadline.plus_millis(-1), 10).await.unwrap().is_empty());
    let due = ledger.due_holds(deadline, 10).await.unwrap();
    assert_eq!(due, std::slice::from_ref(&hold.id));
    let expiry = hold.expire(deadline).expect("it is due");
    assert!(matches!(ledger.resolve(&hold, &expiry, None).await, Ok(Resolved::Done(_))));
    assert!(matches!(ledger.resolve(&hold, &expiry, None).await, Ok(Resolved::Before(..))), "only once");
    assert!(ledger.due_holds(deadline, 10).await.unwrap().is_empty());
    assert_eq!(balance(&ledger, &alice).await, ["100.00", "0.00", "100.00"]);
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_hold_counts_against_what_may_be_spent() {
    let stack = Stack::start().await;
    let (alice, shop) =
        (stack.account("alice", "USD", "100", now()).await, stack.account("shop", "USD", "0", now()).await);
    pending(&stack, "h", &alice, &shop, "80", 60).await;
    let more = stack.transfer(&command("w", Some(&alice.id), None, money("20.01", "USD")), now()).await;
    assert!(
        matches!(&more, Ok(Posted::Done(transfer)) if matches!(transfer.state, State::Rejected { .. })),
        "{more:?}"
    );
    assert_clean(&stack.ledger()).await;
}
