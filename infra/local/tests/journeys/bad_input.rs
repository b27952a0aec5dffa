//! Paths, methods and bodies that no honest client sends. Bodies field by field are tested with each function.

use http::Method;
use serde_json::{Value, json};

use crate::app::journey;

#[test]
fn path_tricks_reach_no_other_route() {
    journey(|app| async move {
        let ana = app.sign_up("ana.path").await;
        let long = format!("/accounts/{}", "a".repeat(10_000));
        for path in [
            "/accounts/%2e%2e/customers",
            "/accounts/%2e%2e%2fcustomers",
            "/accounts/../customers",
            "//accounts",
            "/accounts//entries",
            "/accounts/acc_1%00",
            "/accounts/%ff%fe",
            "/accounts/%",
            "/accounts/acc_1%2fentries",
            "/accounts/acc_1/../../health",
            "/ACCOUNTS",
            "/nowhere",
            "/transfers/trf_%23posted",
            "/_local/sms",
            &long,
        ] {
            let answer = ana.get(path).await;
            let short = &path[..path.len().min(60)];
            assert!(matches!(answer.status.as_u16(), 400 | 403 | 404 | 413), "{short}: {}", answer.status);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
            assert!(answer.body["code"].is_string(), "{path}: {}", answer.text);
        }
    });
}

#[test]
fn methods_that_a_route_does_not_have_are_unknown() {
    journey(|app| async move {
        let ana = app.sign_up("ana.method").await;
        for (method, path) in [
            (Method::DELETE, "/transfers"),
            (Method::PUT, "/transfers"),
            (Method::PATCH, "/me"),
            (Method::DELETE, "/transfers/trf_1"),
            (Method::TRACE, "/accounts"),
            (Method::from_bytes(b"BREW").expect("a method"), "/accounts"),
        ] {
            let answer = ana.send(method.clone(), path, &[], &Value::Null).await.expect("an answer");
            assert_eq!(answer.told(), "404 not_found", "{method} {path}");
        }
    });
}

#[test]
fn great_bodies_are_refused_and_nothing_moves() {
    journey(|app| async move {
        let ana = app.sign_up("ana.great").await;
        let account = ana.open("USD", "10").await;
        let bearer = format!("Bearer {}", ana.token());
        let headers =
            [("authorization", bearer.as_str()), ("idempotency-key", "k"), ("content-type", "application/json")];
        for (size, codes) in [
            (1_000_000, &["413 payload_too_large", "400 malformed_json"][..]),
            (11_000_000, &["413 payload_too_large"][..]),
        ] {
            let answer =
                app.http.send(Method::POST, "/transfers", &headers, vec![b'x'; size]).await.expect("an answer");
            assert!(codes.contains(&answer.told().as_str()), "{size}: {}", answer.told());
        }
        for body in ["", "{", "null", "[]", "\u{0}", "{\"type\":\"withdrawal\"}"] {
            let answer = app.http.send(Method::POST, "/transfers", &headers, body).await.expect("an answer");
            assert_eq!(answer.status.as_u16(), 400, "{body:?}: {}", answer.text);
        }
        assert_eq!(ana.balance(&account).await, "10.00 0.00 10.00");
    });
}

#[test]
fn public_routes_refuse_nonsense_by_name() {
    journey(|app| async move {
        for (path, body, code) in [
            ("/auth/sign-up", json!({}), "invalid_field"),
            (
                "/auth/sign-up",
                json!({"email": "x", "password": "Secret-word-1", "given_name": "A", "family_name": "B"}),
                "invalid_field",
            ),
            (
                "/auth/sign-up",
                json!({"email": "weak@example.com", "password": "weak", "given_name": "A", "family_name": "B"}),
                "invalid_password",
            ),
            (
                "/auth/sign-up",
                json!({"email": "a@example.com", "password": "Secret-word-1", "given_name": "A", "family_name": "B", "groups": ["admins"]}),
                "unknown_field",
            ),
            ("/auth/sign-in", json!({"email": 5, "password": "x"}), "invalid_field"),
            (
                "/auth/sign-in",
                json!({"email": "nobody@example.com", "password": "Secret-word-1"}),
                "invalid_credentials",
            ),
        ] {
            let answer = app.public(Method::POST, path, body.clone()).await;
            assert_eq!(answer.body["code"], code, "{path} {body}: {}", answer.text);
        }
    });
}
