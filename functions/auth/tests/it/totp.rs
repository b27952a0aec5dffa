//! One-time codes, from the first secret to a sign-in that needs one.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::json;

use crate::app::{App, PASSWORD, email};

/// RFC 6238 with SHA-1, six digits, 30 s; the secret in base 32.
fn code(secret: &str, steps_from_now: i64) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits = Vec::new();
    for letter in secret.bytes().filter(|letter| *letter != b'=') {
        let value = ALPHABET.iter().position(|known| *known == letter).expect("base 32");
        bits.extend((0..5).rev().map(|bit| (value >> bit) & 1 == 1));
    }
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | u8::from(*bit))).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let step = i64::try_from(now / 30).expect("small") + steps_from_now;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let start = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes([tag[start], tag[start + 1], tag[start + 2], tag[start + 3]]) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[tokio::test]
async fn after_the_app_has_proven_its_secret_sign_in_asks_for_a_code() {
    let app = App::start().await;
    app.customer("alice", None).await;
    let (_, tokens) = app.sign_in("alice", PASSWORD).await;
    let token = tokens["access_token"].as_str().expect("a token");

    let (status, begun) = app.send(app.with_token("POST", "/auth/totp", token)).await;
    assert_eq!(status, 200, "{begun}");
    let secret = begun["secret"].as_str().expect("a secret");
    let uri = begun["uri"].as_str().expect("a URI");
    assert!(uri.starts_with(&format!("otpauth://totp/Florin:alice%40example.com?secret={secret}&issuer=Florin")));
    assert!(app.sign_in("alice", PASSWORD).await.1["access_token"].is_string(), "nothing is asked for yet");

    let confirm =
        |text: &str| app.send(app.with_token("POST", "/auth/totp/confirm", token).json(&json!({"code": text})));
    assert_eq!(confirm("12345").await.1["code"], "invalid_code");
    assert_eq!(confirm(&code(secret, -1000)).await.1["code"], "invalid_code");
    assert_eq!(confirm(&code(secret, 0)).await.0, 204);

    let (status, challenge) = app.sign_in("alice", PASSWORD).await;
    assert_eq!((status, &challenge["challenge"]), (200, &json!("SOFTWARE_TOKEN_MFA")), "{challenge}");
    let answer = |code: &str| json!({"email": email("alice"), "challenge": "SOFTWARE_TOKEN_MFA", "session": challenge["session"], "code": code});
    assert_eq!(app.outcome("/auth/challenge", answer(&code(secret, -1000))).await, (422, "invalid_code".into()));
    // The pool takes no code twice; the next step's is within its tolerance.
    let (_, challenge) = app.sign_in("alice", PASSWORD).await;
    let answer = json!({"email": email("alice"), "challenge": "SOFTWARE_TOKEN_MFA", "session": challenge["session"],
                        "code": code(secret, 1)});
    let (status, tokens) = app.post("/auth/challenge", answer).await;
    assert_eq!(status, 200, "{tokens}");
    assert!(tokens["access_token"].is_string());
}
