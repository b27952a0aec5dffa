//! The gateway before real functions: who gets in, which route a path names, what it answers by itself.

use bytes::Bytes;
use serde_json::json;

use crate::world::{start, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_turned_away_gets_a_problem_document() {
    let world = start().await;
    let tokens = world.customer("alice@example.com").await;
    let token = tokens["access_token"].as_str().expect("a token");
    let authorized: &[(&str, &str)] = &[("authorization", token)];
    let tampered = format!("{}x", &token[..token.len() - 1]);
    let (header, rest) = token.split_once('.').expect("a token");
    let payload = rest.split('.').next().expect("a payload");
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let relabelled = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{rest}");
    let bare = format!("{header}.{payload}");
    let long = format!("/accounts/{}", "a".repeat(10_000));
    let deep = format!("/{}", "a/".repeat(4_000));
    for (method, path, headers, status, code) in [
        ("GET", "/accounts", &[][..], 401, "unauthorized"),
        ("GET", "/accounts", &[("authorization", "garbage")], 401, "unauthorized"),
        ("GET", "/accounts", &[("authorization", "Bearer ")], 401, "unauthorized"),
        ("GET", "/accounts", &[("authorization", &*tampered)], 401, "unauthorized"),
        ("GET", "/accounts", &[("authorization", &*unsigned)], 401, "unauthorized"),
        ("GET", "/accounts", &[("authorization", &*relabelled)], 401, "unauthorized"),
        ("GET", "/accounts", &[("authorization", &*bare)], 401, "unauthorized"),
        ("GET", "/accounts", &[("authorization", tokens["id_token"].as_str().expect("a token"))], 401, "unauthorized"),
        ("GET", "/nothing", authorized, 404, "not_found"),
        ("PATCH", "/accounts", authorized, 404, "not_found"),
        ("HEAD", "/accounts/x/y/z", authorized, 404, ""),
        ("BREW", "/accounts", authorized, 404, "not_found"),
        ("GET", "/", authorized, 404, "not_found"),
        ("GET", "//accounts", authorized, 404, "not_found"),
        ("GET", "/accounts/", authorized, 404, "not_found"),
        ("GET", "/accounts//entries", authorized, 404, "not_found"),
        ("GET", "/accounts/%2e%2e", authorized, 404, "not_found"),
        ("GET", "/accounts/%2e%2e/entries", authorized, 404, "not_found"),
        ("GET", "/accounts/../customers", authorized, 404, "not_found"),
        ("GET", "/accounts/..%2fcustomers", authorized, 404, "not_found"),
        ("GET", "/accounts/%00%ff%zz", authorized, 404, "not_found"),
        ("GET", "/accounts/a%0d%0ab", authorized, 404, "not_found"),
        ("GET", "/%61ccounts", authorized, 404, "not_found"),
        ("GET", "/accounts?cursor=%zz&cursor", authorized, 400, "invalid_cursor"),
        ("GET", &*long, authorized, 413, "payload_too_large"),
        ("GET", &*deep, &[], 404, "not_found"),
    ] {
        let seen = world.http.send(method, path, headers, Bytes::new()).await;
        if method == "HEAD" {
            assert_eq!((seen.status, seen.body.len()), (status, 0), "{seen:?}");
        } else {
            seen.expect_problem(status, code);
        }
        assert_eq!(seen.header("x-amzn-requestid").len(), 36, "{method} {path}: {seen:?}");
        assert_eq!(seen.header("access-control-allow-origin"), "*", "{method} {path}: {seen:?}");
    }
    world.root().get("/v2/accounts", Some(token)).await.expect_problem(404, "not_found");
    for authorization in [token.to_owned(), format!("Bearer {token}")] {
        let seen = world.http.send("GET", "/accounts", &[("authorization", &authorization)], Bytes::new()).await;
        assert_eq!(seen.expect_status(200)["items"], json!([]));
    }
    let odd_host =
        world.http.send("GET", "/accounts", &[("authorization", token), ("host", "a b/..")], Bytes::new()).await;
    odd_host.expect_status(200);
    world.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_limit_and_a_preflight_needs_no_token() {
    let world = start().await;
    let tokens = world.customer("alice@example.com").await;
    let token = tokens["access_token"].as_str().expect("a token");
    let headers = [("authorization", token), ("content-type", "application/json"), ("idempotency-key", "k")];
    for (size, code) in
        [(11 * 1024 * 1024, "payload_too_large"), (1024 * 1024, "payload_too_large"), (1024, "malformed_json")]
    {
        let status = if code == "malformed_json" { 400 } else { 413 };
        world.http.send("POST", "/transfers", &headers, vec![b'['; size]).await.expect_problem(status, code);
    }
    let preflight = [("origin", "https://bank.example.com"), ("access-control-request-method", "POST")];
    let seen = world.http.send("OPTIONS", "/transfers", &preflight, Bytes::new()).await;
    assert_eq!((seen.status, seen.header("access-control-allow-origin")), (200, "*"), "{seen:?}");
    assert!(seen.header("access-control-allow-headers").contains("Idempotency-Key"), "{seen:?}");
    assert!(seen.header("access-control-allow-methods").contains("POST"), "{seen:?}");
    world.http.send("OPTIONS", "/nothing", &preflight, Bytes::new()).await.expect_problem(404, "not_found");
    world.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_route_answers_429_and_leaves_the_others_alone() {
    let parameters = [("SignInThrottleRate", "0.001"), ("SignInThrottleBurst", "3")];
    let world = start_with(|config| {
        config.parameters.extend(parameters.map(|(name, value)| (name.to_owned(), value.to_owned())));
    })
    .await;
    let attempt = json!({"email": "nobody@example.com", "password": "Wrong-password-1"});
    for _ in 0..3 {
        world.http.post("/auth/sign-in", None, &attempt).await.expect_problem(401, "invalid_credentials");
    }
    let seen = world.http.post("/auth/sign-in", None, &attempt).await;
    seen.expect_problem(429, "rate_limited");
    assert_eq!(seen.header("retry-after"), "1");
    world.http.get("/health", None).await.expect_status(200);
    world.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_partners_machine_token_opens_none_of_the_customers_routes() {
    let world = start().await;
    let clients = world.root().get("/_local/clients", None).await.expect_status(200);
    let partner = clients.as_array().expect("clients").iter().find(|client| client["client_secret"].is_string());
    let partner = partner.expect("a machine client");
    let text = |name: &str| partner[name].as_str().expect("text").to_owned();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        text("client_id"),
        text("client_secret")
    );
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let token = world.aws().send("POST", "/oauth2/token", &kind, form).await.expect_status(200);
    let token = token["access_token"].as_str();
    for path in ["/accounts", "/me", "/transfers", "/customers"] {
        world.http.get(path, token).await.expect_problem(401, "unauthorized");
    }
    world.runner.shutdown().await;
}
