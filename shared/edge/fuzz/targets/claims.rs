//! Any claims are a caller or nobody. A machine is no customer, and only a group by its exact name makes staff.
#![no_main]

use edge::http::Caller;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let claims = serde_json::from_str::<Value>(text).unwrap_or_else(
        |_| json!({"sub": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "username": "u", "cognito:groups": text}),
    );
    let Some(caller) = Caller::from_claims(&claims) else { return };
    assert!(caller.is_staff() || !caller.is_admin());
    if claims.get("username").is_none_or(|name| !name.is_string()) {
        assert!(caller.customer().is_none() && !caller.is_staff());
    }
    if caller.is_staff() {
        let groups = claims["cognito:groups"].as_str().expect("staff without groups");
        assert!(groups.contains("staff") || groups.contains("admins"));
    }
});
