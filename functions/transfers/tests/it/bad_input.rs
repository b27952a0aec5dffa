use serde_json::{Value, json};
use testkit::request;

use crate::{Bank, post, send};

#[tokio::test]
async fn every_bad_field_gets_its_code_and_changes_nothing() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    let cases: Vec<(&str, Value, &str)> = vec![
        ("amount", json!(1), "invalid_amount"),
        ("amount", json!(1.5), "invalid_amount"),
        ("amount", json!(null), "invalid_amount"),
        ("amount", json!(true), "invalid_amount"),
        ("amount", json!(["1"]), "invalid_amount"),
        ("amount", json!("1e2"), "invalid_amount"),
        ("amount", json!("NaN"), "invalid_amount"),
        ("amount", json!("Infinity"), "invalid_amount"),
        ("amount", json!("1.001"), "invalid_amount"),
        ("amount", json!("-1"), "invalid_amount"),
        ("amount", json!("0"), "invalid_amount"),
        ("amount", json!("0.00"), "invalid_amount"),
        ("amount", json!(""), "invalid_amount"),
        ("amount", json!(" 1"), "invalid_amount"),
        ("amount", json!("１"), "invalid_amount"),
        ("amount", json!("123456789012345678901234567890"), "invalid_amount"),
        ("currency", json!("usd"), "unsupported_currency"),
        ("currency", json!("ZZZ"), "unsupported_currency"),
        ("currency", json!(840), "unsupported_currency"),
        ("currency", json!(null), "unsupported_currency"),
        ("type", json!("gift"), "invalid_field"),
        ("type", json!("reversal"), "invalid_field"),
        ("type", json!(1), "invalid_field"),
        ("from_account", json!(null), "invalid_field"),
        ("from_account", json!(7), "invalid_field"),
        ("from_account", json!("trf_1"), "invalid_field"),
        ("from_account", json!("acc_1#posted"), "invalid_field"),
        ("to_account", json!(null), "invalid_field"),
        ("to_account", json!("00000000000000000000"), "invalid_field"),
        ("to_account", json!(["acc_1"]), "invalid_field"),
        ("description", json!("x".repeat(141)), "invalid_field"),
        ("description", json!("two\nlines"), "invalid_field"),
        ("description", json!({}), "invalid_field"),
        ("metadata", json!("text"), "invalid_field"),
        ("metadata", json!({"big": "x".repeat(2000)}), "invalid_field"),
        ("hold", json!("true"), "invalid_field"),
        ("hold", json!(1), "invalid_field"),
        ("status", json!("completed"), "unknown_field"),
        ("transfer_id", json!("trf_1"), "unknown_field"),
        ("posted_at", json!("2020-01-01T00:00:00Z"), "unknown_field"),
    ];
    for (index, (field, value, code)) in cases.into_iter().enumerate() {
        let mut body = send(&alice, bob.id.as_str(), "1");
        body[field] = value.clone();
        let (status, problem, _) = bank.serve(post("alice", &format!("k{index}"), body).build()).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{field} {value}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"), "{value}: {problem}");
    }
    // With another type it is the account that does not belong to it which is named.
    for (kind, pointer) in [("deposit", "/from_account"), ("withdrawal", "/to_account")] {
        let mut body = send(&alice, bob.id.as_str(), "1");
        body["type"] = json!(kind);
        let (status, problem, _) = bank.serve(post("alice", kind, body).build()).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("invalid_field")), "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(bank.balance(&alice).await, "100.00 0.00 100.00");
    assert_eq!(bank.balance(&bob).await, "0.00 0.00 0.00");
}

#[tokio::test]
async fn bodies_that_are_no_object_are_refused() {
    let bank = Bank::start().await;
    bank.account("alice", "USD", "100").await;
    let bodies =
        ["", "{", "[]", "null", "\"x\"", "1", "{}", "{\"amount\":}", &"[".repeat(5000), &"x".repeat(1_000_000)];
    for body in bodies {
        let told = bank.told(request("POST", "/transfers", "/transfers").caller("alice", "").key("k").body(body)).await;
        let expected = ["400 malformed_json", "400 invalid_field", "400 invalid_amount", "413 payload_too_large"];
        assert!(expected.contains(&told.as_str()), "{}: {told}", &body[..body.len().min(30)]);
    }
}
