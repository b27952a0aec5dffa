//! Machine clients at the token endpoint.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::harness::*;

const PARTNER: &str = "partner00000000000000client";

fn partner_properties() -> Value {
    json!({
        "UserPoolId": POOL, "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": "true",
        "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["florin/vouchers.buy"],
        "AccessTokenValidity": 30, "TokenValidityUnits": {"AccessToken": "minutes"},
    })
}

fn with_partner() -> (World, String) {
    let world = World::new();
    let scopes = json!([
        {"ScopeName": "vouchers.buy", "ScopeDescription": "buy"}, {"ScopeName": "vouchers.sell", "ScopeDescription": "sell"}
    ]);
    let server = json!({"UserPoolId": POOL, "Identifier": "florin", "Name": "Florin", "Scopes": scopes});
    world.cognito.ensure_resource_server(POOL, &server).unwrap();
    let info = world.cognito.ensure_client(POOL, PARTNER, &partner_properties()).unwrap();
    (world, info.client_secret.unwrap())
}

async fn token(world: &World, authorization: Option<&str>, form: &str) -> (u16, Value) {
    let mut request = http::Request::post("/oauth2/token").header("content-type", "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = world.cognito.handle(request.body(Bytes::from(form.to_owned())).unwrap()).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn basic(secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{PARTNER}:{secret}")))
}

#[tokio::test]
async fn a_partner_gets_a_token_without_a_user_in_it() {
    let (world, secret) = with_partner();
    let by_header = token(&world, Some(&basic(&secret)), "grant_type=client_credentials").await;
    let form =
        format!("grant_type=client_credentials&client_id={PARTNER}&client_secret={secret}&scope=florin%2Fvouchers.buy");
    let by_form = token(&world, None, &form).await;
    for (status, answer) in [by_header, by_form] {
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["token_type"], "Bearer");
        assert_eq!(answer["expires_in"], 1_800);
        let claims = world.verify(&text(&answer["access_token"])).unwrap();
        assert_eq!(claims.text("sub"), Some(PARTNER));
        assert_eq!(claims.text("client_id"), Some(PARTNER));
        assert_eq!(claims.text("scope"), Some("florin/vouchers.buy"));
        assert_eq!(claims.text("token_use"), Some("access"));
        assert!(claims.text("username").is_none());
        refused(
            world.call("GetUser", json!({"AccessToken": answer["access_token"]})).await,
            "NotAuthorizedException",
            "Access Token does not have required scopes",
        );
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_form_of_oauth() {
    let (world, secret) = with_partner();
    let right = basic(&secret);
    let wrong = basic("wrong");
    let unknown = format!("Basic {}", STANDARD.encode("nobody:secret"));
    for (authorization, form, error) in [
        (Some(wrong.as_str()), "grant_type=client_credentials", "invalid_client"),
        (Some(unknown.as_str()), "grant_type=client_credentials", "invalid_client"),
        (Some("Basic %%%"), "grant_type=client_credentials", "invalid_client"),
        (Some("Bearer x"), "grant_type=client_credentials", "invalid_client"),
        (None, "grant_type=client_credentials", "invalid_request"),
        (None, &format!("grant_type=client_credentials&client_id={PARTNER}"), "invalid_client"),
        (Some(&right), "", "invalid_request"),
        (Some(&right), "grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        (Some(&right), "grant_type=password&username=a&password=b", "unsupported_grant_type"),
        (Some(&right), "grant_type=authorization_code&code=x", "unsupported_grant_type"),
        (Some(&right), "grant_type=client_credentials&scope=florin/vouchers.sell", "invalid_scope"),
        (Some(&right), "grant_type=client_credentials&scope=florin/nothing", "invalid_scope"),
        (Some(&right), "grant_type=client_credentials&scope=aws.cognito.signin.user.admin", "invalid_scope"),
        (Some(&right), "grant_type=client_credentials&scope=florin/vouchers.buy+openid", "invalid_scope"),
        (Some(&right), "grant_type=refresh_token&refresh_token=made-up", "invalid_grant"),
    ] {
        assert_eq!(token(&world, authorization, form).await, (400, json!({"error": error})), "{form}");
    }
}

#[tokio::test]
async fn a_client_of_users_has_no_machine_tokens() {
    let (world, _) = with_partner();
    let form = format!("grant_type=client_credentials&client_id={CLIENT}");
    assert_eq!(token(&world, None, &form).await, (400, json!({"error": "unauthorized_client"})));
}

#[tokio::test]
async fn a_refresh_token_of_a_user_is_taken_here_too() {
    let (world, _) = with_partner();
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    let refresh = text(&tokens["RefreshToken"]);
    let form = format!("grant_type=refresh_token&client_id={CLIENT}&refresh_token={refresh}");
    let (status, answer) = token(&world, None, &form).await;
    assert_eq!(status, 200);
    world.verify(&text(&answer["access_token"])).unwrap();
    world.call("GlobalSignOut", json!({"AccessToken": tokens["AccessToken"]})).await.unwrap();
    assert_eq!(token(&world, None, &form).await, (400, json!({"error": "invalid_grant"})));
}

#[tokio::test]
async fn a_secret_stays_the_same_when_the_template_is_applied_again() {
    let (world, secret) = with_partner();
    let again = world.cognito.ensure_client(POOL, PARTNER, &partner_properties()).unwrap();
    assert_eq!(again.client_secret.as_deref(), Some(secret.as_str()));
    let world = world.reopen();
    let again = world.cognito.ensure_client(POOL, PARTNER, &partner_properties()).unwrap();
    assert_eq!(again.client_secret, Some(secret));
}
