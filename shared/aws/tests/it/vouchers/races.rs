//! Many at once: one purchase per id and per payment reference, as many as the money allows, one outcome each.

use std::sync::Arc;

use aws::vouchers::{Purchased, Saved};
use domain::{
    transfer::SystemAccount,
    voucher::{Settlement, State},
};
use testkit::{Stack, buy_from, buy_paid, delivered, money, refused};
use tokio::task::JoinSet;

use super::{assert_of_one_mind, system};
use crate::{assert_clean, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_50_simultaneous_purchases_with_one_id_one_reserves_money_and_all_get_its_answer() {
    let stack = Arc::new(Stack::start().await);
    let account = stack.account("alice", "USD", "100", now()).await;
    let plan = stack.product("plan", "5").await;
    let command = Arc::new(buy_from("once", "alice", &account.id, &plan));
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (stack, command) = (stack.clone(), command.clone());
        tasks.spawn(async move { stack.buy(&command, now()).await.expect("an answer") });
    }
    let mut done = 0;
    while let Some(purchased) = tasks.join_next().await {
        match purchased.expect("no panic") {
            Purchased::Done(_) => done += 1,
            Purchased::Before(purchase) => assert_eq!(purchase.id, command.id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(done, 1);
    let balance = stack.ledger().account(&account.id).await.unwrap().unwrap().balance;
    assert_eq!((balance.held, balance.available), (money("5", "USD"), money("95", "USD")));
    assert_clean(&stack.ledger()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_20_simultaneous_purchases_with_money_for_5_exactly_5_are_held_and_the_others_remembered_as_refused() {
    let stack = Arc::new(Stack::start().await);
    let account = stack.account("alice", "USD", "25", now()).await;
    let plan = stack.product("plan", "5").await;
    let mut tasks = JoinSet::new();
    for index in 0..20 {
        let (stack, command) = (stack.clone(), buy_from(&format!("v{index}"), "alice", &account.id, &plan));
        tasks.spawn(async move {
            match stack.buy(&command, now()).await.expect("an answer") {
                Purchased::Done(purchase) => purchase,
                other => panic!("{other:?}"),
            }
        });
    }
    let mut held = 0;
    while let Some(purchase) = tasks.join_next().await {
        let purchase = purchase.expect("no panic");
        assert_eq!(stack.vouchers().purchase(&purchase.id).await.unwrap().as_ref(), Some(&purchase));
        assert_of_one_mind(&stack, &purchase, "bought").await;
        held += usize::from(purchase.state.is_open());
    }
    assert_eq!(held, 5);
    let balance = stack.ledger().account(&account.id).await.unwrap().unwrap().balance;
    assert!(balance.available.is_zero() && balance.held == money("25", "USD"), "{balance:?}");
    assert_clean(&stack.ledger()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_10_simultaneous_purchases_with_one_payment_reference_one_is_made() {
    let stack = Arc::new(Stack::start().await);
    let plan = stack.product("plan", "5").await;
    let mut tasks = JoinSet::new();
    for index in 0..10 {
        let (stack, command) = (stack.clone(), buy_paid(&format!("v{index}"), "client", "paid", &plan));
        tasks.spawn(async move { stack.buy(&command, now()).await.expect("an answer") });
    }
    let (mut done, mut taken) = (0, 0);
    while let Some(purchased) = tasks.join_next().await {
        match purchased.expect("no panic") {
            Purchased::Done(_) => done += 1,
            Purchased::ReferenceTaken => taken += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((done, taken), (1, 9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_contrary_outcomes_at_once_exactly_one_settles_and_the_money_goes_with_it() {
    let stack = Arc::new(Stack::start().await);
    let account = stack.account("alice", "USD", "500", now()).await;
    let plan = stack.product("plan", "5").await;
    let (mut paid, mut freed) = (0, 0);
    for round in 0..60 {
        let command = buy_from(&format!("v{round}"), "alice", &account.id, &plan);
        let purchase = stack.bought(&command, now()).await;
        let mut tasks = JoinSet::new();
        for outcome in [delivered("1"), refused()] {
            let (vouchers, ledger, purchase) = (stack.vouchers(), stack.ledger(), purchase.clone());
            tasks.spawn(async move {
                let Settlement::Changes(next, money) = purchase.settle(&outcome, 30, now()) else {
                    panic!("it settles")
                };
                (vouchers.settle(&ledger, &next, &money, now()).await.expect("an answer"), *next)
            });
        }
        let (mut winner, mut learnt) = (None, None);
        while let Some(settled) = tasks.join_next().await {
            match settled.expect("no panic") {
                (Saved::Done, next) => assert!(winner.replace(next).is_none(), "both settled"),
                (Saved::Stale(row), _) => learnt = Some(*row),
            }
        }
        let winner = winner.expect("one settles");
        assert_eq!(learnt.as_ref(), Some(&winner), "the other learns what is true");
        assert_of_one_mind(&stack, &winner, "settled").await;
        match winner.state {
            State::Delivered { .. } => paid += 1,
            _ => freed += 1,
        }
    }
    assert_eq!(paid + freed, 60);
    let owed = money("5", "USD").amount() * rust_decimal::Decimal::from(paid);
    assert_eq!(system(&stack, SystemAccount::Supplier).await.amount(), owed);
    assert!(stack.ledger().account(&account.id).await.unwrap().unwrap().balance.held.is_zero());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outcome_and_a_request_that_stops_waiting_at_the_same_moment_leave_one_teller() {
    let stack = Arc::new(Stack::start().await);
    let account = stack.account("alice", "USD", "500", now()).await;
    let plan = stack.product("plan", "5").await;
    for round in 0..40 {
        let command = buy_from(&format!("v{round}"), "alice", &account.id, &plan);
        let command = domain::voucher::Buy { wait_until: Some(now().plus_seconds(25)), ..command };
        let purchase = stack.bought(&command, now()).await;
        let (settling, stopping) = (stack.clone(), stack.vouchers());
        let id = purchase.id.clone();
        let settled = tokio::spawn(async move { settling.settle(&id, &delivered("1"), now()).await });
        let stopped = tokio::spawn(async move {
            stopping.save(&purchase.stop_waiting().expect("it waits")).await.expect("an answer") == Saved::Done
        });
        let (_, stopped) = (settled.await.expect("no panic"), stopped.await.expect("no panic"));
        let end = stack.vouchers().purchase(&command.id).await.unwrap().unwrap();
        assert_eq!(end.owes_sms(), stopped, "who promised an SMS owes it, and nobody else: {end:?}");
        assert_eq!(end.answer().is_some(), !stopped);
        assert_of_one_mind(&stack, &end, "settled").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outcome_delivered_many_times_at_once_moves_money_once() {
    let stack = Arc::new(Stack::start().await);
    let account = stack.account("alice", "USD", "5", now()).await;
    let plan = stack.product("plan", "5").await;
    for command in [buy_from("a", "alice", &account.id, &plan), buy_paid("p", "client", "paid", &plan)] {
        stack.bought(&command, now()).await;
        let mut tasks = JoinSet::new();
        for index in 0..16 {
            let (stack, id) = (stack.clone(), command.id.clone());
            tasks.spawn(async move { stack.settle(&id, &delivered("1"), now().plus_seconds(index)).await });
        }
        while let Some(purchase) = tasks.join_next().await {
            assert_of_one_mind(&stack, &purchase.expect("no panic"), "settled").await;
        }
    }
    assert_eq!(system(&stack, SystemAccount::Supplier).await, money("10", "USD"));
}
