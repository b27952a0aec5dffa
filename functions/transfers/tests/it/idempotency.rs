use serde_json::json;

use crate::{Bank, act, post, send};

#[tokio::test]
async fn the_same_key_and_body_get_the_first_answer_again() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    let body = send(&alice, bob.id.as_str(), "60");
    let (_, first, _) = bank.serve(post("alice", "k", body.clone()).build()).await;
    bank.clock.advance_seconds(3600);
    let (status, second, replayed) = bank.serve(post("alice", "k", body.clone()).build()).await;
    assert_eq!((status, replayed), (201, true));
    assert_eq!(first, second);
    // By its number the same account is meant, so it is the same request.
    assert_eq!(
        bank.told(post("alice", "k", send(&alice, bob.number.as_str(), "60.00"))).await,
        "201 completed replayed"
    );
    assert_eq!(bank.balance(&bob).await, "60.00 0.00 60.00");
}

#[tokio::test]
async fn the_same_key_with_another_body_names_the_first_field_that_differs() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    let body = send(&alice, bob.id.as_str(), "10");
    assert_eq!(bank.told(post("alice", "k", body.clone())).await, "201 completed");
    for (field, value) in
        [("amount", json!("11")), ("description", json!("x")), ("metadata", json!({"a": 1})), ("hold", json!(true))]
    {
        let mut other = body.clone();
        other[field] = value;
        let (status, problem, _) = bank.serve(post("alice", "k", other).build()).await;
        assert_eq!((status, problem["code"].as_str()), (422, Some("idempotency_key_reused")), "{problem}");
        assert_eq!(problem["field"], field);
    }
    // Neither is it told whether somebody has the other number.
    let nobody = domain::number::AccountNumber::from_bytes([9; 16]);
    let (status, problem, _) = bank.serve(post("alice", "k", send(&alice, nobody.as_str(), "10")).build()).await;
    assert_eq!((status, problem["field"].as_str()), (422, Some("to_account")), "{problem}");
    let withdrawal = json!({"type": "withdrawal", "amount": "10", "currency": "USD", "from_account": alice.id});
    let (_, problem, _) = bank.serve(post("alice", "k", withdrawal).build()).await;
    assert_eq!(problem["field"], "type");
    assert_eq!(bank.balance(&alice).await, "90.00 0.00 90.00");
}

#[tokio::test]
async fn keys_of_one_caller_never_reach_anothers_money() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "100").await);
    let (_, first, _) = bank.serve(post("alice", "k", send(&alice, bob.id.as_str(), "10")).build()).await;
    let (_, second, replayed) = bank.serve(post("bob", "k", send(&bob, alice.id.as_str(), "10")).build()).await;
    assert!(!replayed);
    assert_ne!(first["transfer_id"], second["transfer_id"]);
}

#[tokio::test]
async fn a_refusal_for_lack_of_funds_is_remembered_and_any_other_is_not() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "1").await, bank.account("bob", "USD", "100").await);
    let body = send(&alice, bob.id.as_str(), "50");
    let (status, refusal, _) = bank.serve(post("alice", "k", body.clone()).build()).await;
    assert_eq!((status, refusal["code"].as_str()), (422, Some("insufficient_funds")));
    assert_eq!(bank.told(post("bob", "topup", send(&bob, alice.id.as_str(), "60"))).await, "201 completed");
    assert_eq!(bank.told(post("alice", "k", body.clone())).await, "422 insufficient_funds replayed");
    let id = refusal["transfer_id"].as_str().expect("the attempt is on record").to_owned();
    let record = testkit::request("GET", "/transfers/{id}", &format!("/transfers/{id}")).caller("alice", "");
    let (status, record, _) = bank.serve(record.build()).await;
    assert_eq!(
        (status, record["status"].as_str(), record["reason"].as_str()),
        (200, Some("rejected"), Some("insufficient_funds"))
    );
    assert_eq!(bank.told(post("alice", "k2", body)).await, "201 completed");

    let frozen = bank.account("carl", "USD", "10").await;
    let body = json!({"type": "withdrawal", "amount": "1", "currency": "PEN", "from_account": frozen.id});
    assert_eq!(bank.told(post("carl", "k", body)).await, "409 currency_mismatch");
    let body = json!({"type": "withdrawal", "amount": "1", "currency": "USD", "from_account": frozen.id});
    assert_eq!(bank.told(post("carl", "k", body)).await, "201 completed");
}

#[tokio::test]
async fn a_holds_repetition_is_still_pending_whatever_became_of_it() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    let mut body = send(&alice, bob.id.as_str(), "10");
    body["hold"] = json!(true);
    let (_, first, _) = bank.serve(post("alice", "k", body.clone()).build()).await;
    let id = first["transfer_id"].as_str().expect("an id").to_owned();
    assert_eq!(bank.told(act("alice", "", &id, "capture", "c")).await, "200 completed");
    let (_, again, replayed) = bank.serve(post("alice", "k", body.clone()).build()).await;
    assert!(replayed);
    assert_eq!(first, again);
    bank.clock.advance_seconds(40 * 24 * 3600);
    let (_, again, _) = bank.serve(post("alice", "k", body).build()).await;
    assert_eq!(first, again);
}

#[tokio::test]
async fn keys_are_1_to_255_printable_characters() {
    let bank = Bank::start().await;
    let alice = bank.account("alice", "USD", "5").await;
    let body = send(&alice, alice.id.as_str(), "1");
    for key in ["", &"k".repeat(256), &"k".repeat(300), "tab\there", "schlüssel"] {
        assert_eq!(bank.told(post("alice", key, body.clone())).await, "400 invalid_idempotency_key", "{key}");
    }
    assert_eq!(bank.told(post("alice", &"k".repeat(255), body)).await, "400 same_account");
}
