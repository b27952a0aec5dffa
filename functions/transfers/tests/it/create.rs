use serde_json::{Value, json};

use crate::{Bank, post, send};

#[tokio::test]
async fn money_moves_between_accounts_by_id_and_by_number() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100.00").await, bank.account("bob", "USD", "0").await);
    let (status, body, _) = bank.serve(post("alice", "k1", send(&alice, bob.id.as_str(), "12.50")).build()).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["status"], "completed");
    assert_eq!((body["amount"].as_str(), body["currency"].as_str()), (Some("12.50"), Some("USD")));
    assert_eq!(body["from_account"], json!(alice.id));
    assert_eq!(body["to_account"], json!(bob.id));
    assert!(body["transfer_id"].as_str().is_some_and(|id| id.starts_with("trf_")));
    let (status, body, _) = bank.serve(post("alice", "k2", send(&alice, bob.number.as_str(), "0.5")).build()).await;
    assert_eq!((status, body["amount"].as_str()), (201, Some("0.50")), "{body}");
    assert_eq!(bank.balance(&alice).await, "87.00 0.00 87.00");
    assert_eq!(bank.balance(&bob).await, "13.00 0.00 13.00");
    bank.assert_clean().await;
}

#[tokio::test]
async fn deposits_withdrawals_and_payments_go_through_the_banks_own_accounts() {
    let bank = Bank::start().await;
    let alice = bank.account("alice", "VND", "0").await;
    let metadata = json!({"service": "water", "receipt": "R-1", "nested": {"a": [1, "2", null]}});
    for (key, body, balance) in [
        (
            "d",
            json!({"type": "deposit", "amount": "50000", "currency": "VND", "to_account": alice.id}),
            "50000 0 50000",
        ),
        (
            "w",
            json!({"type": "withdrawal", "amount": "1000", "currency": "VND", "from_account": alice.id}),
            "49000 0 49000",
        ),
        (
            "p",
            json!({"type": "payment", "amount": "9000", "currency": "VND", "from_account": alice.id, "metadata": metadata}),
            "40000 0 40000",
        ),
    ] {
        let (status, answer, _) = bank.serve(post("alice", key, body.clone()).build()).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(answer["metadata"], body.get("metadata").cloned().unwrap_or(Value::Null));
        assert_eq!(bank.balance(&alice).await, balance);
    }
    bank.assert_clean().await;
}

#[tokio::test]
async fn deposits_are_for_staff_where_customers_may_not_serve_themselves() {
    let mut bank = Bank::start().await;
    bank.policy.self_service_deposits = false;
    let alice = bank.account("alice", "USD", "0").await;
    let deposit = json!({"type": "deposit", "amount": "5", "currency": "USD", "to_account": alice.id});
    assert_eq!(bank.told(post("alice", "k", deposit.clone())).await, "403 forbidden");
    assert_eq!(bank.told(post("clerk", "k", deposit).caller("clerk", "staff")).await, "201 completed");
    assert_eq!(bank.balance(&alice).await, "5.00 0.00 5.00");
}

#[tokio::test]
async fn a_partners_machine_moves_no_money() {
    let bank = Bank::start().await;
    let alice = bank.account("alice", "USD", "5").await;
    let claims = json!({"sub": "machine", "client_id": "machine", "scope": "florin/vouchers.buy"});
    let request = post("alice", "k", send(&alice, alice.id.as_str(), "1")).claims(claims);
    assert_eq!(bank.told(request).await, "403 forbidden");
}

#[tokio::test]
async fn the_first_of_several_reasons_in_the_published_order_is_told() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "5.00").await, bank.account("bob", "PEN", "5.00").await);
    let nowhere = "acc_00000000000000000000000000";
    // Each request has the fault it is named for and all later ones.
    let unsigned = testkit::request("POST", "/transfers", "/transfers").body("{");
    assert_eq!(bank.told(unsigned).await, "401 unauthorized");
    let no_key = |body: &str| testkit::request("POST", "/transfers", "/transfers").caller("alice", "").body(body);
    assert_eq!(bank.told(no_key("{")).await, "400 malformed_json");
    assert_eq!(bank.told(no_key(r#"{"status": 1}"#)).await, "400 unknown_field");
    assert_eq!(bank.told(no_key(&send(&alice, "nonsense", "9").to_string())).await, "400 invalid_field");
    assert_eq!(bank.told(no_key(&send(&alice, nowhere, "9").to_string())).await, "400 idempotency_key_missing");
    assert_eq!(bank.told(post("alice", "k", send(&alice, nowhere, "9"))).await, "404 not_found");
    assert_eq!(bank.told(post("alice", "k", send(&alice, bob.id.as_str(), "9"))).await, "409 currency_mismatch");
    assert_eq!(bank.told(post("alice", "k", send(&alice, alice.id.as_str(), "9"))).await, "400 same_account");
    let withdrawal = json!({"type": "withdrawal", "amount": "9", "currency": "USD", "from_account": alice.id});
    assert_eq!(bank.told(post("alice", "k", withdrawal)).await, "422 insufficient_funds");
    assert_eq!(bank.balance(&alice).await, "5.00 0.00 5.00");
}

#[tokio::test]
async fn somebody_elses_account_answers_as_one_that_does_not_exist() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "5.00").await, bank.account("bob", "USD", "5.00").await);
    let mut unknown = send(&bob, alice.id.as_str(), "1");
    unknown["from_account"] = json!("acc_00000000000000000000000000");
    let (status, strange, _) = bank.serve(post("alice", "k1", send(&bob, alice.id.as_str(), "1")).build()).await;
    let (unknown_status, missing, _) = bank.serve(post("alice", "k2", unknown).build()).await;
    assert_eq!((status, unknown_status), (404, 404));
    assert_eq!(strange, missing);
    let deposit = json!({"type": "deposit", "amount": "1", "currency": "USD", "to_account": bob.id});
    assert_eq!(bank.told(post("alice", "k3", deposit)).await, "404 not_found");
    assert_eq!(bank.balance(&bob).await, "5.00 0.00 5.00");
}

#[tokio::test]
async fn a_blocked_customer_moves_no_money_from_that_moment_on() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "5.00").await, bank.account("bob", "USD", "5.00").await);
    let mut hold = send(&alice, bob.id.as_str(), "1");
    hold["hold"] = json!(true);
    let (_, held, _) = bank.serve(post("alice", "h", hold).build()).await;
    let id = held["transfer_id"].as_str().expect("an id").to_owned();
    assert_eq!(bank.told(post("alice", "k", send(&alice, bob.id.as_str(), "1"))).await, "201 completed");
    bank.set_customer_status("alice", "blocked").await;
    let told = |key: &str, to: &str| bank.told(post("alice", key, send(&alice, to, "1")));
    assert_eq!(told("k2", bob.id.as_str()).await, "409 customer_not_active");
    assert_eq!(told("k2", "acc_00000000000000000000000000").await, "404 not_found");
    assert_eq!(bank.told(crate::act("alice", "", &id, "capture", "c")).await, "409 customer_not_active");
    // What was done before is still told, money may still reach her, and staff act for her.
    assert_eq!(told("k", bob.id.as_str()).await, "201 completed replayed");
    assert_eq!(bank.told(post("bob", "b", send(&bob, alice.id.as_str(), "1"))).await, "201 completed");
    let by_staff = post("clerk", "s", send(&alice, bob.id.as_str(), "1")).caller("clerk", "staff");
    assert_eq!(bank.told(by_staff).await, "201 completed");
    bank.set_customer_status("alice", "active").await;
    assert_eq!(told("k2", bob.id.as_str()).await, "201 completed");
    bank.assert_clean().await;
}
