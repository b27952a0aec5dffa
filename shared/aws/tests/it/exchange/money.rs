//! Money between bank and wallet, and grants.

use std::sync::Arc;

use aws::{
    exchange::{Granted, Placed, What},
    ledger::transfers::Posted,
};
use domain::{
    account::{AccountStatus, Change},
    instrument::Asset,
    transfer::{Accounts, Rejection, State, Status, decide_reversal},
    wallet::{Direction, Grant, MAX_OPEN_ORDERS},
};
use testkit::{Stack, buy, customer, grant_id};

use super::{decide, id, wish};
use crate::now;

async fn balance(stack: &Stack, account: &domain::account::Account) -> String {
    stack.ledger().account(&account.id).await.unwrap().unwrap().balance.available.to_string()
}

#[tokio::test]
async fn money_goes_into_a_wallet_and_back_and_a_repetition_moves_nothing() {
    let stack = Stack::start().await;
    let (exchange, ledger) = (stack.exchange(), stack.ledger());
    let account = stack.account("alice", "USD", "100", now()).await;
    let into = decide(&stack, &wish("in", "alice", &account, Direction::In, "60.50")).await;
    assert!(matches!(exchange.post(&ledger, &into).await, Ok(Posted::Done(_))));
    let again = exchange.post(&ledger, &into).await;
    assert!(matches!(&again, Ok(Posted::Before(before)) if *before == into), "{again:?}");
    assert_eq!(stack.holding("alice", "USD").await, ["60.5", "0"]);
    assert_eq!(balance(&stack, &account).await, "39.50");
    let back = decide(&stack, &wish("out", "alice", &account, Direction::Out, "60.50")).await;
    assert!(matches!(exchange.post(&ledger, &back).await, Ok(Posted::Done(_))));
    assert_eq!(stack.holding("alice", "USD").await, ["0", "0"]);
    assert_eq!(balance(&stack, &account).await, "100.00");
    let entries = exchange.entries(&customer("alice"), None, 10, |_| true).await.unwrap().entries;
    let directions: Vec<_> = entries
        .iter()
        .map(|entry| match &entry.what {
            What::Transfer { direction, account: other, amount, .. } => {
                assert_eq!((other, amount.to_string().as_str()), (&account.id, "60.5"));
                direction.as_str()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(directions.len(), 2);
    let statement = ledger.entries(&account.id, None, 10).await.unwrap().unwrap().entries;
    assert_eq!(statement.len(), 3, "the account's own entries tell it too");
    // Nobody else takes it back.
    let accounts = Accounts { from: None, to: ledger.account(&account.id).await.unwrap() };
    let reversal = decide_reversal(&into, &accounts, id("r"), "staff".into(), None, now());
    assert_eq!(reversal, Err(Rejection::NotReversible));
    crate::assert_clean(&ledger).await;
}

#[tokio::test]
async fn what_is_not_there_any_more_is_refused_and_remembered() {
    let stack = Stack::start().await;
    let (exchange, ledger) = (stack.exchange(), stack.ledger());
    let account = stack.account("alice", "USD", "100", now()).await;
    let [first, second] = [
        decide(&stack, &wish("a", "alice", &account, Direction::In, "70")).await,
        decide(&stack, &wish("b", "alice", &account, Direction::In, "70")).await,
    ];
    assert!(matches!(exchange.post(&ledger, &first).await, Ok(Posted::Done(_))));
    let refused = exchange.post(&ledger, &second).await;
    assert!(matches!(&refused, Ok(Posted::Done(t)) if t.status(now()) == Status::Rejected), "{refused:?}");
    let [first, second] = [
        decide(&stack, &wish("c", "alice", &account, Direction::Out, "70")).await,
        decide(&stack, &wish("d", "alice", &account, Direction::Out, "70")).await,
    ];
    assert!(matches!(exchange.post(&ledger, &first).await, Ok(Posted::Done(_))));
    let refused = exchange.post(&ledger, &second).await;
    assert!(matches!(&refused, Ok(Posted::Done(t)) if t.status(now()) == Status::Rejected), "{refused:?}");
    // Of a wallet that nobody has ever touched as well.
    let bobs = stack.account("bob", "USD", "0", now()).await;
    let mut nothing = decide(&stack, &wish("e", "bob", &bobs, Direction::Out, "1")).await;
    assert!(matches!(nothing.state, State::Rejected { .. }));
    nothing.state = State::Completed { posted_at: now(), reversed_by: None };
    let refused = exchange.post(&ledger, &nothing).await;
    assert!(matches!(&refused, Ok(Posted::Done(t)) if t.status(now()) == Status::Rejected), "{refused:?}");
    assert_eq!(balance(&stack, &account).await, "100.00");
    crate::assert_clean(&ledger).await;
}

#[tokio::test]
async fn an_account_that_was_frozen_or_closed_since_the_decision_refuses_both_ways() {
    let stack = Stack::start().await;
    let (exchange, ledger) = (stack.exchange(), stack.ledger());
    let account = stack.account("alice", "USD", "0", now()).await;
    stack.grant("alice", "USD", "50", now()).await;
    let out = decide(&stack, &wish("out", "alice", &account, Direction::Out, "50")).await;
    for (status, rejection) in
        [(AccountStatus::Frozen, Rejection::AccountFrozen), (AccountStatus::Closed, Rejection::AccountClosed)]
    {
        let row = ledger.account(&account.id).await.unwrap().unwrap();
        let change = Change { status: Some(status), overdraft: None };
        let changed = row.change(&change, true).unwrap().unwrap();
        ledger.change_account(&row, &changed, None).await.unwrap();
        let refused = exchange.post(&ledger, &out).await;
        assert!(matches!(&refused, Ok(Posted::Refused(by)) if *by == rejection), "{refused:?}");
        let mut into = out.clone();
        (into.debit, into.credit) = (out.credit.clone(), out.debit.clone());
        let refused = exchange.post(&ledger, &into).await;
        assert!(matches!(&refused, Ok(Posted::Refused(by)) if *by == rejection), "{refused:?}");
    }
    assert_eq!(stack.holding("alice", "USD").await, ["50", "0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_and_withdrawals_that_race_spend_a_wallet_once() {
    let stack = Arc::new(Stack::start().await);
    let market = stack.market("BTC-USD").await;
    let account = stack.account("alice", "USD", "0", now()).await;
    stack.grant("alice", "USD", "10", now()).await;
    let (mut decided, mut tasks) = (Vec::new(), Vec::new());
    for index in 0..20 {
        let out = decide(&stack, &wish(&format!("w{index}"), "alice", &account, Direction::Out, "1")).await;
        // A dollar, whose fee rounds to nothing.
        let order = market.decide(&format!("o{index}"), "alice", &buy("0.01", "100"), now()).await.unwrap();
        decided.push((out, order));
    }
    for (out, (order, lock)) in decided {
        let (first, second) = (stack.clone(), stack.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                match first.exchange().post(&first.ledger(), &out).await {
                    Ok(Posted::Done(transfer) | Posted::Before(transfer)) => {
                        break u32::from(transfer.status(now()) == Status::Completed);
                    }
                    Ok(Posted::Refused(other)) => panic!("{other:?}"),
                    Err(_) => {}
                }
            }
        }));
        tasks.push(tokio::spawn(async move {
            loop {
                match second.exchange().place(&second.ledger(), &order, &lock, MAX_OPEN_ORDERS).await {
                    Ok(Placed::Done | Placed::Before(_)) => break 100,
                    Ok(Placed::Refused(_)) => break 0,
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => {}
                }
            }
        }));
    }
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("no panic");
    }
    let (orders, withdrawals) = (sum / 100, sum % 100);
    assert_eq!(orders + withdrawals, 10);
    assert_eq!(stack.holding("alice", "USD").await, ["0".to_owned(), orders.to_string()]);
    assert_eq!(balance(&stack, &account).await, format!("{withdrawals}.00"));
    assert_eq!(u64::from(orders), stack.wallet("alice").await.open_orders);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_is_given_once() {
    let stack = Arc::new(Stack::start().await);
    let grant = Grant {
        id: grant_id("g"),
        customer: customer("alice"),
        asset: Asset::parse("BTC").unwrap(),
        quantity: "0.00000001".parse().unwrap(),
        by: "admin".into(),
        at: now(),
    };
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let (stack, grant) = (stack.clone(), grant.clone());
        tasks.push(tokio::spawn(async move { stack.exchange().grant(&stack.ledger(), &grant).await }));
    }
    let mut done = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(Granted::Done) => done += 1,
            Ok(Granted::Before(before)) => assert_eq!(before, grant),
            Err(error) => assert!(matches!(error, aws::ledger::transfers::PostError::InProgress), "{error:?}"),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(stack.holding("alice", "BTC").await, ["0.00000001", "0"]);
    let exchange = stack.exchange();
    assert_eq!(exchange.grant_by_id(&grant.id).await.unwrap(), Some(grant.clone()));
    assert_eq!(exchange.granted().await.unwrap()[&grant.asset], grant.quantity);
    let entries = exchange.entries(&grant.customer, None, 5, |_| true).await.unwrap().entries;
    assert!(matches!(&entries[..], [entry] if matches!(&entry.what, What::Grant { id, .. } if *id == grant.id)));
}
