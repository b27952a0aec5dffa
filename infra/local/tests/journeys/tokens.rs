//! Every kind of token that is none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};

use crate::app::journey;

#[test]
fn what_is_no_access_token_of_this_pool_is_401() {
    journey(|app| async move {
        let ana = app.sign_up("ana.token").await;
        let token = ana.token().to_owned();
        let [head, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
        let decoded: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let with = |name: &str, value: Value| {
            let mut changed = decoded.clone();
            changed[name] = value;
            encode(&changed)
        };
        let none = encode(&json!({"alg": "none", "typ": "JWT"}));
        let hmac = encode(&json!({"alg": "HS256", "typ": "JWT"}));
        let flipped: String = signature.chars().rev().collect();
        for (what, header) in [
            ("none at all", None),
            ("an empty one", Some(String::new())),
            ("only the word", Some("Bearer".into())),
            ("garbage", Some("Bearer abc.def.ghi".into())),
            ("not ASCII", Some("Bearer tökén".into())),
            ("another scheme", Some(format!("Basic {token}"))),
            ("alg none", Some(format!("Bearer {none}.{claims}."))),
            ("alg none with the signature", Some(format!("Bearer {none}.{claims}.{signature}"))),
            ("alg HS256", Some(format!("Bearer {hmac}.{claims}.{signature}"))),
            ("tampered signature", Some(format!("Bearer {head}.{claims}.{flipped}"))),
            (
                "another subject",
                Some(format!(
                    "Bearer {head}.{}.{signature}",
                    with("sub", json!("00000000-0000-0000-0000-000000000000"))
                )),
            ),
            ("promoted", Some(format!("Bearer {head}.{}.{signature}", with("cognito:groups", json!(["admins"]))))),
            ("prolonged", Some(format!("Bearer {head}.{}.{signature}", with("exp", json!(4_000_000_000_u64))))),
            (
                "another pool",
                Some(format!("Bearer {head}.{}.{signature}", with("iss", json!("http://localhost/eu-west-1_other")))),
            ),
            ("the id token", Some(format!("Bearer {}", ana.tokens["id_token"].as_str().expect("an id token")))),
            (
                "the refresh token",
                Some(format!("Bearer {}", ana.tokens["refresh_token"].as_str().expect("a refresh token"))),
            ),
            ("two of them", Some(format!("Bearer {token} {token}"))),
            ("a very long one", Some(format!("Bearer {}", "x".repeat(5000)))),
        ] {
            let headers: Vec<_> = header.iter().map(|value| ("authorization", value.as_str())).collect();
            let answer = app.http.send(Method::GET, "/me", &headers, "").await.expect("an answer");
            assert_eq!(answer.told(), "401 unauthorized", "{what}: {}", answer.text);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
        }
        // The same before anything else about the request is looked at.
        let answer = app.http.send(Method::POST, "/transfers", &[], "{not json").await.expect("an answer");
        assert_eq!(answer.told(), "401 unauthorized");
        // With or without the word.
        let bare = app.http.send(Method::GET, "/me", &[("authorization", &token)], "").await.expect("an answer");
        assert_eq!(bare.status.as_u16(), 200);
    });
}
