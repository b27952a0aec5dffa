//! Any value of the headers we read is understood, ignored or refused with 4xx.
#![no_main]

use edge::http::{Caller, Request};
use lambda_http::{Body, http::HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let mut inner = lambda_http::Request::new(Body::Empty);
    for name in ["idempotency-key", "if-match", "prefer", "authorization"] {
        inner.headers_mut().insert(name, value.clone());
    }
    let request = Request::new(inner);
    let claims = json!({"sub": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "username": "u"});
    let caller = Caller::from_claims(&claims).expect("a caller");
    match request.optional_idempotency_key(&caller) {
        Ok(key) => {
            assert!(key.is_some() && (1..=255).contains(&data.len()));
            assert!(data.iter().all(|byte| (0x20..0x7f).contains(byte)));
        }
        Err(problem) => assert_eq!(problem.code.status(), 400),
    }
    if let Err(problem) = request.if_match() {
        assert_eq!(problem.code.status(), 412);
    }
    assert!(request.prefer_wait().is_none_or(|wait| wait.as_secs() <= 25));
    assert!(request.bearer().is_none_or(|token| !token.starts_with(' ')));
});
