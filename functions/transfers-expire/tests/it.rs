//! The sweep on a real DynamoDB engine.
#![allow(missing_docs)]

use aws_sdk_dynamodb::types::AttributeValue::S;
use domain::transfer::State;
use edge::clock::Clock;
use serde_json::json;
use testkit::{ManualClock, Stack, event, hold, money, transfer_id};
use transfers_expire::sweep;

#[tokio::test]
async fn what_is_due_is_freed_once_and_what_is_not_stays() {
    assert!(event("transfers-expire.json")["at"].is_string());
    let (stack, clock) = (Stack::start().await, ManualClock::default());
    let alice = stack.account("alice", "USD", "100", clock.now()).await;
    for index in 0..25 {
        let seconds = if index < 20 { 60 } else { 600 };
        let wish = hold(&format!("h{index}"), &alice.id, None, money("1", "USD"), seconds);
        stack.transfer(&wish, clock.now()).await.expect("held");
    }
    let ledger = stack.ledger();
    assert_eq!(sweep(&ledger, &clock).await.expect("a sweep"), json!({"freed": 0}));
    clock.advance_seconds(60);
    // Two at once, as when a schedule fires twice.
    let second = stack.ledger();
    let (first, second) = tokio::join!(sweep(&ledger, &clock), sweep(&second, &clock));
    let freed = |outcome: serde_json::Value| outcome["freed"].as_u64().expect("a number");
    assert_eq!(freed(first.expect("a sweep")) + freed(second.expect("a sweep")), 20);
    assert_eq!(sweep(&ledger, &clock).await.expect("a sweep"), json!({"freed": 0}));
    let balance = ledger.account(&alice.id).await.unwrap().unwrap().balance;
    assert_eq!((balance.held, balance.available), (money("5", "USD"), money("95", "USD")));
    let stays = ledger.transfer(&transfer_id("h20")).await.unwrap().unwrap();
    assert!(matches!(stays.state, State::Pending { .. }));
    assert!(ledger.audit().await.unwrap().is_clean());
}

#[tokio::test]
async fn a_row_that_does_not_read_keeps_no_other_hold_from_being_freed() {
    let (stack, clock) = (Stack::start().await, ManualClock::default());
    let alice = stack.account("alice", "USD", "100", clock.now()).await;
    for index in 0..5 {
        let wish = hold(&format!("h{index}"), &alice.id, None, money("1", "USD"), 60);
        stack.transfer(&wish, clock.now()).await.expect("held");
    }
    let spoilt = stack.environment().dynamodb().update_item().table_name(stack.table("LedgerTable"));
    let spoilt = spoilt.key("pk", S(transfer_id("h2").to_string())).key("sk", S("transfer".into()));
    let spoilt =
        spoilt.update_expression("SET currency = :spoilt").expression_attribute_values(":spoilt", S("?".into()));
    spoilt.send().await.expect("the row is spoilt");
    clock.advance_seconds(60);
    let ledger = stack.ledger();
    let told = sweep(&ledger, &clock).await.expect_err("somebody must look at it").to_string();
    assert_eq!(told, "1 holds could not be freed");
    let balance = ledger.account(&alice.id).await.unwrap().unwrap().balance;
    assert_eq!((balance.held, balance.available), (money("1", "USD"), money("99", "USD")));
}
