//! Many at once: exactly as much succeeds as the money allows, and every key stands for one transfer.

use std::sync::Arc;

use aws::ledger::transfers::Posted;
use domain::{
    account::{AccountStatus, Changed},
    transfer::{Accounts, Rejection, State, decide},
};
use testkit::{Stack, command, hold, money};
use tokio::task::JoinSet;

use crate::{assert_clean, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_simultaneous_withdrawals_with_money_for_10_exactly_10_succeed() {
    let stack = Arc::new(Stack::start().await);
    let alice = stack.account("alice", "USD", "100.00", now()).await;
    let mut tasks = JoinSet::new();
    for index in 0..64 {
        let (stack, id) = (stack.clone(), alice.id.clone());
        tasks.spawn(async move {
            let withdrawal = command(&format!("w{index}"), Some(&id), None, money("10.00", "USD"));
            stack.transfer(&withdrawal, now()).await.expect("an answer")
        });
    }
    let (mut completed, mut rejected) = (0, 0);
    while let Some(posted) = tasks.join_next().await {
        match posted.expect("no panic") {
            Posted::Done(transfer) if matches!(transfer.state, State::Completed { .. }) => completed += 1,
            Posted::Done(transfer) if matches!(transfer.state, State::Rejected { .. }) => rejected += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((completed, rejected), (10, 54));
    let ledger = stack.ledger();
    let account = ledger.account(&alice.id).await.unwrap().unwrap();
    assert!(account.balance.posted.is_zero() && account.balance.available.is_zero(), "{account:?}");
    assert_clean(&ledger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_16_simultaneous_requests_with_one_key_one_moves_money_and_all_get_its_answer() {
    let stack = Arc::new(Stack::start().await);
    let alice = stack.account("alice", "USD", "100.00", now()).await;
    let bob = stack.account("bob", "USD", "0", now()).await;
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (stack, from, to) = (stack.clone(), alice.id.clone(), bob.id.clone());
        tasks.spawn(async move {
            stack
                .transfer(&command("once", Some(&from), Some(&to), money("30", "USD")), now())
                .await
                .expect("an answer")
        });
    }
    let mut done = 0;
    while let Some(posted) = tasks.join_next().await {
        match posted.expect("no panic") {
            Posted::Done(_) => done += 1,
            Posted::Before(transfer) => assert_eq!(transfer.id, testkit::transfer_id("once")),
            Posted::Refused(rejection) => panic!("{rejection:?}"),
        }
    }
    assert_eq!(done, 1);
    let ledger = stack.ledger();
    assert_eq!(ledger.account(&bob.id).await.unwrap().unwrap().balance.posted, money("30", "USD"));
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_known_no_never_becomes_a_late_yes() {
    let stack = Stack::start().await;
    let alice = stack.account("alice", "USD", "1.00", now()).await;
    let withdrawal = command("w", Some(&alice.id), None, money("5", "USD"));
    let refused = stack.transfer(&withdrawal, now()).await;
    assert!(
        matches!(&refused, Ok(Posted::Done(transfer)) if matches!(transfer.state, State::Rejected { .. })),
        "{refused:?}"
    );
    stack.transfer(&command("d", None, Some(&alice.id), money("50", "USD")), now()).await.expect("a deposit");
    let again = stack.transfer(&withdrawal, now()).await;
    assert!(
        matches!(&again, Ok(Posted::Before(transfer)) if matches!(transfer.state, State::Rejected { .. })),
        "{again:?}"
    );
    // Also when the repetition decided before it saw the record: the write itself finds it.
    let late = stack.ledger().post(&late_yes(&withdrawal, &alice)).await;
    assert!(
        matches!(&late, Ok(Posted::Before(transfer)) if matches!(transfer.state, State::Rejected { .. })),
        "{late:?}"
    );
    assert_clean(&stack.ledger()).await;
}

/// The transfer as a racing request decides it that read the account after the deposit.
fn late_yes(command: &domain::transfer::Command, account: &domain::account::Account) -> domain::transfer::Transfer {
    let mut account = account.clone();
    account.balance.available = money("51", "USD");
    let accounts = domain::transfer::Accounts { from: Some(account), to: None };
    domain::transfer::decide(&accounts, command, now()).expect("it would be allowed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transfers_that_cross_each_other_all_settle() {
    let stack = Arc::new(Stack::start().await);
    let mut accounts = Vec::new();
    for name in ["a", "b", "c", "d"] {
        accounts.push(stack.account(name, "EUR", "50.00", now()).await.id);
    }
    let accounts = Arc::new(accounts);
    let mut tasks = JoinSet::new();
    for index in 0..120usize {
        let (stack, accounts) = (stack.clone(), accounts.clone());
        tasks.spawn(async move {
            let (from, to) = (&accounts[index % 4], &accounts[(index / 4 + index + 1) % 4]);
            if from != to {
                let crossing = command(&format!("x{index}"), Some(from), Some(to), money("7.77", "EUR"));
                stack.transfer(&crossing, now()).await.expect("an answer");
            }
        });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.expect("no panic");
    }
    assert_clean(&stack.ledger()).await;
}

#[tokio::test]
async fn an_account_that_was_frozen_or_closed_since_the_decision_refuses_at_the_row() {
    for (status, expected) in
        [(AccountStatus::Frozen, Rejection::AccountFrozen), (AccountStatus::Closed, Rejection::AccountClosed)]
    {
        let stack = Stack::start().await;
        let ledger = stack.ledger();
        let (alice, bob) =
            (stack.account("alice", "USD", "10", now()).await, stack.account("bob", "USD", "0", now()).await);
        let changed = Changed { status, overdraft: bob.overdraft };
        ledger.change_account(&bob, &changed, None).await.expect("changed");
        for wish in [
            command("t", Some(&alice.id), Some(&bob.id), money("5", "USD")),
            hold("h", &alice.id, Some(&bob.id), money("5", "USD"), 60),
            // Short of money as well: the state comes first, and nothing is remembered.
            command("s", Some(&alice.id), Some(&bob.id), money("5000", "USD")),
        ] {
            let mut before = alice.clone();
            before.balance.available = money("9999", "USD");
            let accounts = Accounts { from: Some(before), to: Some(bob.clone()) };
            let decided = decide(&accounts, &wish, now()).expect("it was allowed");
            match ledger.post(&decided).await {
                Ok(Posted::Refused(rejection)) => assert_eq!(rejection, expected),
                other => panic!("{other:?}"),
            }
            assert!(ledger.transfer(&wish.id).await.unwrap().is_none(), "nothing is remembered");
        }
        assert_clean(&ledger).await;
    }
}
