use serde_json::json;
use testkit::request;

use crate::app::{App, get, post, wish};

#[tokio::test]
async fn every_bad_field_gets_its_code_and_moves_nothing() {
    let app = App::start().await;
    let account = app.account("alice", "100.00").await;
    for (nth, (field, value, code)) in [
        ("direction", json!(null), "invalid_field"),
        ("direction", json!(1), "invalid_field"),
        ("direction", json!("IN"), "invalid_field"),
        ("direction", json!("inout"), "invalid_field"),
        ("account_id", json!(null), "invalid_field"),
        ("account_id", json!(7), "invalid_field"),
        ("account_id", json!(""), "invalid_field"),
        ("account_id", json!("trf_1"), "invalid_field"),
        ("amount", json!(null), "invalid_amount"),
        ("amount", json!(10), "invalid_amount"),
        ("amount", json!("0"), "invalid_amount"),
        ("amount", json!("-1"), "invalid_amount"),
        ("amount", json!("1e1"), "invalid_amount"),
        ("amount", json!("1.001"), "invalid_amount"),
        ("amount", json!("１"), "invalid_amount"),
        ("currency", json!(null), "unsupported_currency"),
        ("currency", json!("BTC"), "unsupported_currency"),
        ("currency", json!("usd"), "unsupported_currency"),
        ("customer_id", json!("cus_1"), "unknown_field"),
        ("wallet", json!("x"), "unknown_field"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = wish("in", &account, "10.00");
        body[field] = value.clone();
        let reply = app.send(post("alice", &format!("k{nth}"), &body)).await;
        assert_eq!(reply.told(), format!("400 {code}"), "{field} {value}: {}", reply.body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"), "{value}: {}", reply.body);
    }
    for field in ["direction", "account_id", "amount", "currency"] {
        let mut body = wish("in", &account, "10.00");
        body.as_object_mut().expect("an object").remove(field);
        assert_eq!(app.told(post("alice", "k", &body)).await, "400 invalid_field", "{field}");
    }
    let keyless = request("POST", "/wallet/transfers", "/wallet/transfers").json(&wish("in", &account, "10.00"));
    assert_eq!(app.told(keyless.caller("alice", "")).await, "400 idempotency_key_missing");
    assert_eq!(app.told(post("alice", "", &wish("in", &account, "1"))).await, "400 invalid_idempotency_key");
    assert_eq!(app.money("alice", &account).await, "100.00 0 0");
}

#[tokio::test]
async fn parameters_that_do_not_parse_are_refused() {
    let app = App::start().await;
    for (path, code) in [
        ("/wallet?asset=USD", "400 invalid_parameter"),
        ("/wallet?customer_id=x", "404 not_found"),
        ("/wallet/entries?limit=0", "400 invalid_parameter"),
        ("/wallet/entries?cursor=abc", "400 invalid_cursor"),
        ("/wallet/entries?type=grant", "400 invalid_parameter"),
        ("/portfolio?quote_currency=usd", "400 unsupported_currency"),
        ("/portfolio?quote=USD", "400 invalid_parameter"),
    ] {
        assert_eq!(app.told(get("alice", path)).await, code, "{path}");
    }
    assert_eq!(app.told(request("GET", "/wallet", "/wallet")).await, "401 unauthorized");
    let machine = json!({"sub": "pos", "client_id": "pos", "scope": "florin/vouchers.buy"});
    assert_eq!(app.told(request("GET", "/wallet", "/wallet").claims(machine)).await, "403 forbidden");
}
