use serde_json::json;

use crate::{Bank, act, post, send};

#[tokio::test]
async fn a_reversal_is_a_new_transfer_the_other_way_once() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    let (_, original, _) = bank.serve(post("alice", "k", send(&alice, bob.id.as_str(), "40")).build()).await;
    let id = original["transfer_id"].as_str().expect("an id").to_owned();
    assert_eq!(bank.told(act("alice", "", &id, "reverse", "r")).await, "403 forbidden");
    assert_eq!(bank.told(act("clerk", "staff", &id, "reverse", "r")).await, "403 forbidden");
    let (status, reversal, _) = bank.serve(act("root", "admins", &id, "reverse", "r").build()).await;
    assert_eq!(status, 201, "{reversal}");
    assert_eq!((reversal["type"].as_str(), reversal["reverses"].as_str()), (Some("reversal"), Some(id.as_str())));
    assert_eq!(reversal["from_account"], json!(bob.id));
    assert_eq!(bank.told(act("root", "admins", &id, "reverse", "r")).await, "201 completed replayed");
    assert_eq!(bank.told(act("root", "admins", &id, "reverse", "r2")).await, "409 already_reversed");
    let get = testkit::request("GET", "/transfers/{id}", &format!("/transfers/{id}")).caller("alice", "");
    let (_, shown, _) = bank.serve(get.build()).await;
    assert_eq!((shown["status"].as_str(), &shown["reversed_by"]), (Some("reversed"), &reversal["transfer_id"]));
    let back = reversal["transfer_id"].as_str().expect("an id").to_owned();
    assert_eq!(bank.told(act("root", "admins", &back, "reverse", "r3")).await, "409 not_reversible");
    // The original's own repetition still tells how it was.
    let (_, again, _) = bank.serve(post("alice", "k", send(&alice, bob.id.as_str(), "40")).build()).await;
    assert_eq!(again, original);
    assert_eq!(bank.balance(&alice).await, "100.00 0.00 100.00");
    bank.assert_clean().await;
}

#[tokio::test]
async fn money_that_is_gone_is_not_taken_back_and_the_refusal_is_remembered() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    let (_, original, _) = bank.serve(post("alice", "k", send(&alice, bob.id.as_str(), "40")).build()).await;
    let id = original["transfer_id"].as_str().expect("an id").to_owned();
    let spend = json!({"type": "withdrawal", "amount": "1", "currency": "USD", "from_account": bob.id});
    assert_eq!(bank.told(post("bob", "w", spend)).await, "201 completed");
    assert_eq!(bank.told(act("root", "admins", &id, "reverse", "r")).await, "422 insufficient_funds");
    let topup = json!({"type": "deposit", "amount": "1", "currency": "USD", "to_account": bob.id});
    assert_eq!(bank.told(post("bob", "d", topup)).await, "201 completed");
    assert_eq!(bank.told(act("root", "admins", &id, "reverse", "r")).await, "422 insufficient_funds replayed");
    assert_eq!(bank.told(act("root", "admins", &id, "reverse", "r2")).await, "201 completed");
    bank.assert_clean().await;
}

#[tokio::test]
async fn what_never_moved_cannot_be_reversed() {
    let bank = Bank::start().await;
    let alice = bank.account("alice", "USD", "100").await;
    let mut body = json!({"type": "withdrawal", "amount": "900", "currency": "USD", "from_account": alice.id});
    let (_, refused, _) = bank.serve(post("alice", "k", body.clone()).build()).await;
    let id = refused["transfer_id"].as_str().expect("an id").to_owned();
    assert_eq!(bank.told(act("root", "admins", &id, "reverse", "r")).await, "409 not_reversible");
    body["amount"] = json!("9");
    body["hold"] = json!(true);
    let (_, held, _) = bank.serve(post("alice", "h", body).build()).await;
    let id = held["transfer_id"].as_str().expect("an id").to_owned();
    assert_eq!(bank.told(act("root", "admins", &id, "reverse", "r")).await, "409 not_reversible");
    assert_eq!(bank.told(act("root", "admins", "trf_unknown", "reverse", "r")).await, "404 not_found");
    assert_eq!(bank.told(act("root", "admins", "a%2fb", "reverse", "r")).await, "404 not_found");
}
