use serde_json::{Value, json};

use crate::{Bank, act, post, send};

async fn hold(bank: &Bank, key: &str, mut body: Value, seconds: u32) -> String {
    body["hold"] = json!(true);
    body["expires_in"] = json!(seconds);
    let (status, answer, _) = bank.serve(post("alice", key, body).build()).await;
    assert_eq!((status, answer["status"].as_str()), (201, Some("pending")), "{answer}");
    answer["transfer_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_hold_is_captured_in_part_once_and_the_rest_is_free() {
    let bank = Bank::start().await;
    let (alice, shop) = (bank.account("alice", "USD", "100").await, bank.account("shop", "USD", "0").await);
    let id = hold(&bank, "h", send(&alice, shop.id.as_str(), "80"), 600).await;
    assert_eq!(bank.balance(&alice).await, "100.00 80.00 20.00");
    let part = |amount: &str, key: &str| act("alice", "", &id, "capture", key).json(&json!({"amount": amount}));
    assert_eq!(bank.told(part("80.01", "c0")).await, "422 capture_exceeds_hold");
    for (amount, code) in [("0", "invalid_amount"), ("-1", "invalid_amount"), ("1.001", "invalid_amount")] {
        assert_eq!(bank.told(part(amount, "c0")).await, format!("400 {code}"));
    }
    let (status, captured, _) = bank.serve(part("30", "c1").build()).await;
    assert_eq!((status, captured["status"].as_str()), (200, Some("completed")));
    assert_eq!((captured["amount"].as_str(), captured["captured_amount"].as_str()), (Some("80.00"), Some("30.00")));
    assert_eq!(bank.told(part("30", "c1")).await, "200 completed replayed");
    let (status, problem, _) = bank.serve(part("31", "c1").build()).await;
    assert_eq!((status, problem["field"].as_str()), (422, Some("amount")));
    assert_eq!(bank.told(part("30", "c2")).await, "409 hold_not_pending");
    assert_eq!(bank.told(act("alice", "", &id, "void", "v")).await, "409 hold_not_pending");
    assert_eq!(bank.balance(&alice).await, "70.00 0.00 70.00");
    assert_eq!(bank.balance(&shop).await, "30.00 0.00 30.00");
    bank.assert_clean().await;
}

#[tokio::test]
async fn a_hold_is_voided_as_often_as_one_likes_and_frees_its_money_once() {
    let bank = Bank::start().await;
    let (alice, shop) = (bank.account("alice", "USD", "100").await, bank.account("shop", "USD", "0").await);
    let id = hold(&bank, "h", send(&alice, shop.id.as_str(), "80"), 600).await;
    let void =
        || testkit::request("POST", "/transfers/{id}/void", &format!("/transfers/{id}/void")).caller("alice", "");
    assert_eq!(bank.told(void()).await, "200 voided");
    assert_eq!(bank.told(void()).await, "200 voided");
    assert_eq!(bank.told(act("alice", "", &id, "capture", "c")).await, "409 hold_not_pending");
    assert_eq!(bank.balance(&alice).await, "100.00 0.00 100.00");
    bank.assert_clean().await;
}

#[tokio::test]
async fn a_hold_is_expired_from_its_deadline_on() {
    let bank = Bank::start().await;
    let (alice, shop) = (bank.account("alice", "USD", "100").await, bank.account("shop", "USD", "0").await);
    let id = hold(&bank, "h", send(&alice, shop.id.as_str(), "80"), 1).await;
    bank.clock.advance_seconds(1);
    let get = testkit::request("GET", "/transfers/{id}", &format!("/transfers/{id}")).caller("alice", "");
    assert_eq!(bank.told(get).await, "200 expired");
    assert_eq!(bank.told(act("alice", "", &id, "capture", "c")).await, "409 hold_not_pending");
    assert_eq!(bank.told(act("alice", "", &id, "void", "v")).await, "409 hold_not_pending");
    assert_eq!(bank.balance(&alice).await, "100.00 80.00 20.00");
}

#[tokio::test]
async fn only_who_disposes_of_the_money_resolves_a_hold() {
    let bank = Bank::start().await;
    let (alice, shop) = (bank.account("alice", "USD", "100").await, bank.account("shop", "USD", "0").await);
    let id = hold(&bank, "h", send(&alice, shop.id.as_str(), "80"), 600).await;
    assert_eq!(bank.told(act("shop", "", &id, "capture", "c")).await, "404 not_found");
    assert_eq!(bank.told(act("mallory", "", &id, "void", "v")).await, "404 not_found");
    assert_eq!(bank.told(act("clerk", "staff", &id, "capture", "c")).await, "200 completed");
}

#[tokio::test]
async fn holds_have_terms_of_1_second_to_31_days() {
    let bank = Bank::start().await;
    let (alice, shop) = (bank.account("alice", "USD", "100").await, bank.account("shop", "USD", "0").await);
    for (terms, expected) in [
        (json!(0), "400 invalid_field"),
        (json!(2_678_401), "400 invalid_field"),
        (json!(-1), "400 invalid_field"),
        (json!(1.5), "400 invalid_field"),
        (json!("60"), "400 invalid_field"),
        (json!(2_678_400), "201 pending"),
    ] {
        let mut body = send(&alice, shop.id.as_str(), "1");
        body["hold"] = json!(true);
        body["expires_in"] = terms.clone();
        assert_eq!(bank.told(post("alice", &format!("k{terms}"), body)).await, expected, "{terms}");
    }
    let mut body = send(&alice, shop.id.as_str(), "1");
    body["expires_in"] = json!(60);
    assert_eq!(bank.told(post("alice", "k", body)).await, "400 invalid_field");
}
