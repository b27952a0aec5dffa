//! Account types.

use serde_json::{Value, json};

use crate::app::{App, to};

#[tokio::test]
async fn the_first_types_are_on_offer_in_an_empty_bank() {
    let app = App::empty().await;
    let page = app.call("ana", "GET", "/account-types").await.expect(200);
    let names: Vec<_> = page["items"].as_array().expect("items").iter().map(|kind| kind["type"].clone()).collect();
    assert_eq!(names, ["checking", "premium", "salary", "savings"]);
    assert_eq!(page["next_cursor"], Value::Null);
    let savings = json!({
        "type": "savings", "name": "Savings account", "description": "Earns interest",
        "monthly_fee": "5.00", "interest_rate": "3.00", "status": "active",
    });
    assert_eq!(page["items"][3], savings);
    assert_eq!(app.call("ana", "GET", "/account-types/savings").await.expect(200), savings);
}

#[tokio::test]
async fn an_admin_adds_types_and_only_active_ones_are_listed() {
    let app = App::start().await;
    let student = json!({"type": "student", "name": " Student account ", "interest_rate": "1.5"});
    let expected = json!({
        "type": "student", "name": "Student account", "description": "",
        "monthly_fee": "0.00", "interest_rate": "1.50", "status": "active",
    });
    assert_eq!(app.call_with("root:admins", "POST", "/account-types", &student).await.expect(201), expected);
    let old =
        json!({"type": "antique", "name": "Antique", "description": "Gone", "monthly_fee": "9", "status": "inactive"});
    app.call_with("root:admins", "POST", "/account-types", &old).await.expect(201);
    let page = app.call("ana", "GET", "/account-types?limit=4").await.expect(200);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(4));
    let next = page["next_cursor"].as_str().expect("a second page");
    let rest = app.call("ana", "GET", &format!("/account-types?cursor={next}")).await.expect(200);
    assert_eq!(rest, json!({"items": [expected], "next_cursor": null}));
    assert_eq!(app.call("ana", "GET", "/account-types/antique").await.expect(200)["status"], "inactive");
    let opened = app.call_with("ana", "POST", "/accounts", &json!({"type": "student", "currency": "PEN"})).await;
    assert_eq!(opened.expect(201)["type"], "student");
}

#[tokio::test]
async fn every_refusal_has_its_code_and_the_earlier_rule_wins() {
    let app = App::start().await;
    let fine = r#"{"type":"student","name":"Student"}"#;
    app.send(to("root:admins", "POST", "/account-types").body(fine).build()).await.expect(201);
    for (who, body, status, code, pointer) in [
        ("ana", "{", 403, "forbidden", None),
        ("sam:staff", fine, 403, "forbidden", None),
        ("root:admins", "{", 400, "malformed_json", None),
        ("root:admins", r#"{"type":"student"}"#, 400, "invalid_field", Some("/name")),
        ("root:admins", r#"{"type":"Student","name":"S"}"#, 400, "invalid_field", Some("/type")),
        ("root:admins", r#"{"type":"student","name":"  "}"#, 400, "invalid_field", Some("/name")),
        ("root:admins", r#"{"type":"student","name":"S","monthly_fee":5}"#, 400, "invalid_field", Some("/monthly_fee")),
        (
            "root:admins",
            r#"{"type":"student","name":"S","monthly_fee":"-5"}"#,
            400,
            "invalid_field",
            Some("/monthly_fee"),
        ),
        (
            "root:admins",
            r#"{"type":"student","name":"S","interest_rate":"1e1"}"#,
            400,
            "invalid_field",
            Some("/interest_rate"),
        ),
        ("root:admins", r#"{"type":"student","name":"S","status":"on"}"#, 400, "invalid_field", Some("/status")),
        ("root:admins", r#"{"type":"student","name":"S","fee":"1"}"#, 400, "unknown_field", Some("/fee")),
        ("root:admins", fine, 409, "account_type_taken", None),
        ("root:admins", r#"{"type":"savings","name":"Mine"}"#, 409, "account_type_taken", None),
    ] {
        let reply = app.send(to(who, "POST", "/account-types").body(body).build()).await;
        assert_eq!(reply.refusal(), (status, code), "{who} {body}: {}", reply.body);
        assert_eq!(reply.body.pointer("/errors/0/pointer").and_then(Value::as_str), pointer, "{who} {body}");
    }
    for path in ["/account-types/unheard_of", "/account-types/Savings", "/account-types/a%20b"] {
        assert_eq!(app.call("ana", "GET", path).await.refusal(), (404, "not_found"), "{path}");
    }
    assert_eq!(app.call("ana", "GET", "/account-types?active=1").await.refusal(), (400, "invalid_parameter"));
    assert_eq!(app.call("ana", "GET", "/account-types?cursor=x").await.refusal(), (400, "invalid_cursor"));
}
