//! Accounts that take no postings: frozen for a while, or closed for good.

use domain::account::{Account, AccountStatus, Changed};
use serde_json::json;

use crate::{Bank, act, post, send};

async fn becomes(bank: &Bank, account: &Account, status: AccountStatus) {
    let ledger = bank.stack.ledger();
    let account = ledger.account(&account.id).await.unwrap().expect("an account");
    let changed = Changed { status, overdraft: account.overdraft };
    let outcome = ledger.change_account(&account, &changed, None).await.expect("an answer");
    assert!(matches!(outcome, aws::ledger::accounts::ChangeOutcome::Done(_)), "{outcome:?}");
}

async fn hold(bank: &Bank, key: &str, from: &Account, to: &Account) -> String {
    let mut body = send(from, to.id.as_str(), "10");
    body["hold"] = json!(true);
    let (status, answer, _) = bank.serve(post("alice", key, body).build()).await;
    assert_eq!(status, 201, "{answer}");
    answer["transfer_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_frozen_account_takes_no_postings_and_gives_back_what_it_holds() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "100").await);
    let (_, moved, _) = bank.serve(post("alice", "t", send(&alice, bob.id.as_str(), "5")).build()).await;
    let moved = moved["transfer_id"].as_str().expect("an id").to_owned();
    let (first, second) = (hold(&bank, "h1", &alice, &bob).await, hold(&bank, "h2", &alice, &bob).await);
    becomes(&bank, &alice, AccountStatus::Frozen).await;
    assert_eq!(bank.told(post("alice", "a", send(&alice, bob.id.as_str(), "999"))).await, "409 account_frozen");
    assert_eq!(bank.told(post("bob", "b", send(&bob, alice.id.as_str(), "1"))).await, "409 account_frozen");
    assert_eq!(bank.told(act("root", "admins", &moved, "reverse", "r")).await, "409 account_frozen");
    assert_eq!(bank.told(act("alice", "", &first, "capture", "c")).await, "409 account_frozen");
    assert_eq!(bank.told(act("alice", "", &first, "void", "v")).await, "200 voided");
    assert_eq!(bank.balance(&alice).await, "95.00 10.00 85.00");
    // None of these refusals is remembered.
    becomes(&bank, &alice, AccountStatus::Active).await;
    assert_eq!(bank.told(post("alice", "a", send(&alice, bob.id.as_str(), "1"))).await, "201 completed");
    assert_eq!(bank.told(act("alice", "", &second, "capture", "c")).await, "200 completed");
    assert_eq!(bank.told(act("root", "admins", &moved, "reverse", "r")).await, "201 completed");
    bank.assert_clean().await;
}

#[tokio::test]
async fn a_receiver_may_close_while_a_hold_for_him_is_pending_and_gets_nothing_then() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    let (first, second) = (hold(&bank, "h1", &alice, &bob).await, hold(&bank, "h2", &alice, &bob).await);
    assert_eq!(bank.told(act("alice", "", &first, "capture", "c")).await, "200 completed");
    assert_eq!(
        bank.told(post(
            "bob",
            "w",
            json!({"type": "withdrawal", "amount": "10", "currency": "USD", "from_account": bob.id})
        ))
        .await,
        "201 completed"
    );
    becomes(&bank, &bob, AccountStatus::Closed).await;
    assert_eq!(bank.told(act("alice", "", &second, "capture", "c")).await, "409 account_closed");
    assert_eq!(bank.told(act("root", "admins", &first, "reverse", "r")).await, "409 account_closed");
    assert_eq!(bank.told(act("alice", "", &second, "void", "v")).await, "200 voided");
    assert_eq!(bank.balance(&alice).await, "90.00 0.00 90.00");
    bank.assert_clean().await;
}
