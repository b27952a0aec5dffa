//! What is in the tokens, and every way to pass a false one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use local_cognito::{Claims, TokenError};
use ring::hmac;
use serde_json::{Value, json};

use crate::harness::*;

async fn world_with_tokens() -> (World, Value) {
    let world = World::new();
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    (world, tokens)
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn an_access_token_has_the_claims_of_a_real_one() {
    let (world, tokens) = world_with_tokens().await;
    let (header, claims) = decoded(&tokens["AccessToken"]);
    assert_eq!(header["alg"], "RS256");
    let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "auth_time",
            "client_id",
            "event_id",
            "exp",
            "iat",
            "iss",
            "jti",
            "origin_jti",
            "scope",
            "sub",
            "token_use",
            "username"
        ]
    );
    assert_eq!(claims["token_use"], "access");
    assert_eq!(claims["scope"], "aws.cognito.signin.user.admin");
    assert_eq!(claims["client_id"], CLIENT);
    assert_eq!(claims["iss"], format!("{ISSUER_BASE}/{POOL}"));
    assert_eq!(claims["username"], claims["sub"]);
    assert_eq!(claims["auth_time"], world.now());
    assert_eq!(claims["exp"], world.now() + 900);
}

#[tokio::test]
async fn an_id_token_has_the_attributes_the_client_may_read() {
    let (world, tokens) = world_with_tokens().await;
    let (_, claims) = decoded(&tokens["IdToken"]);
    assert_eq!(claims["token_use"], "id");
    assert_eq!(claims["aud"], CLIENT);
    assert_eq!(claims["email"], "alice@example.com");
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["given_name"], "Alice");
    assert_eq!(claims["cognito:username"], claims["sub"]);
    assert!(claims.get("client_id").is_none() && claims.get("scope").is_none());

    let mut client = client_properties();
    client["ReadAttributes"] = json!(["email"]);
    world.cognito.ensure_client(POOL, CLIENT, &client).unwrap();
    let tokens = world.signed_in("alice@example.com").await;
    let (_, claims) = decoded(&tokens["IdToken"]);
    assert_eq!(claims["email"], "alice@example.com");
    assert!(claims.get("given_name").is_none() && claims.get("email_verified").is_none());
}

#[tokio::test]
async fn good_tokens_of_both_kinds_pass_and_the_claims_come_back() {
    let (world, tokens) = world_with_tokens().await;
    for kind in ["AccessToken", "IdToken"] {
        let Claims(claims) = world.verify(&text(&tokens[kind])).unwrap();
        assert_eq!(Value::Object(claims), decoded(&tokens[kind]).1);
    }
}

#[tokio::test]
async fn a_token_is_over_at_its_expiry() {
    let (world, tokens) = world_with_tokens().await;
    let token = text(&tokens["AccessToken"]);
    world.pass(899);
    world.verify(&token).unwrap();
    world.pass(1);
    assert_eq!(world.verify(&token), Err(TokenError::Expired));
    refused(
        world.call("GetUser", json!({"AccessToken": token})).await,
        "NotAuthorizedException",
        "Access Token has expired",
    );
}

#[tokio::test]
async fn unsigned_tokens_are_refused_in_every_spelling() {
    let (world, tokens) = world_with_tokens().await;
    let token = text(&tokens["AccessToken"]);
    let (header, payload) = (decoded(&tokens["AccessToken"]).0, token.split('.').nth(1).unwrap());
    for alg in ["none", "None", "NONE", "", "RS512", "rs256", "HS256"] {
        let header = part(&json!({"alg": alg, "kid": header["kid"]}));
        for signature in ["", token.split('.').nth(2).unwrap()] {
            let forged = format!("{header}.{payload}.{signature}");
            assert_eq!(world.verify(&forged), Err(TokenError::Invalid), "alg {alg:?}");
        }
        assert_eq!(world.verify(&format!("{header}.{payload}")), Err(TokenError::Invalid));
    }
    let without_algorithm = part(&json!({"kid": header["kid"]}));
    assert_eq!(world.verify(&format!("{without_algorithm}.{payload}.")), Err(TokenError::Invalid));
}

#[tokio::test]
async fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let (world, tokens) = world_with_tokens().await;
    let request = http::Request::get(format!("/{POOL}/.well-known/jwks.json")).body(bytes::Bytes::new()).unwrap();
    let response = world.cognito.handle(request).await;
    let jwks: Value = serde_json::from_slice(response.body()).unwrap();
    let (real_header, claims) = decoded(&tokens["AccessToken"]);
    for jwk in jwks["keys"].as_array().unwrap() {
        let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
        for secret in [modulus, jwk["n"].as_str().unwrap().into(), jwk.to_string().into_bytes()] {
            for alg in ["HS256", "RS256"] {
                let header = part(&json!({"alg": alg, "kid": real_header["kid"]}));
                let signed = format!("{header}.{}", part(&claims));
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
                let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
                assert_eq!(world.verify(&forged), Err(TokenError::Invalid));
            }
        }
    }
}

#[tokio::test]
async fn any_changed_character_spoils_a_token() {
    let (world, tokens) = world_with_tokens().await;
    let token = text(&tokens["AccessToken"]);
    for index in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(bytes).unwrap();
        assert_eq!(world.verify(&tampered), Err(TokenError::Invalid), "at {index}");
    }
    let (header, mut claims) = decoded(&tokens["AccessToken"]);
    claims["cognito:groups"] = json!(["admins"]);
    let signature = token.rsplit('.').next().unwrap();
    assert_eq!(world.verify(&format!("{}.{}.{signature}", part(&header), part(&claims))), Err(TokenError::Invalid));
    for mangled in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{token}."),
        format!("{token}.x"),
        format!("{token}="),
        format!("Bearer {token}"),
        format!("{} ", token),
        token.replace('.', ".."),
        "x".repeat(100_000),
        format!("{}.{}", "e30", "e30.e30"),
    ] {
        assert_eq!(world.verify(&mangled), Err(TokenError::Invalid), "{}", &mangled[..mangled.len().min(60)]);
    }
}

#[tokio::test]
async fn a_token_of_another_pool_is_refused_in_both_directions() {
    let (world, tokens) = world_with_tokens().await;
    let other = "eu-west-1_otherPool";
    world.cognito.ensure_pool(other, &pool_properties()).unwrap();
    let token = text(&tokens["AccessToken"]);
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(world.now().unsigned_abs());
    assert_eq!(world.cognito.verify(other, &token, now), Err(TokenError::Invalid));
    assert_eq!(world.cognito.verify("eu-west-1_nowhere", &token, now), Err(TokenError::Invalid));
}

#[tokio::test]
async fn only_access_tokens_speak_for_a_user() {
    let (world, tokens) = world_with_tokens().await;
    for token in [tokens["IdToken"].clone(), tokens["RefreshToken"].clone(), json!("a.b.c"), json!("")] {
        refused(
            world.call("GetUser", json!({"AccessToken": token})).await,
            "NotAuthorizedException",
            "Invalid Access Token",
        );
    }
}

#[tokio::test]
async fn the_key_set_names_both_keys_and_the_discovery_document_points_to_it() {
    let (world, tokens) = world_with_tokens().await;
    let get = async |path: String| {
        let request = http::Request::get(path).body(bytes::Bytes::new()).unwrap();
        let response = world.cognito.handle(request).await;
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    let (status, jwks) = get(format!("/{POOL}/.well-known/jwks.json")).await;
    assert_eq!(status, 200);
    let kids: Vec<&Value> = jwks["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids.len(), 2);
    assert_ne!(kids[0], kids[1]);
    for kind in ["IdToken", "AccessToken"] {
        assert!(kids.contains(&&decoded(&tokens[kind]).0["kid"]));
    }
    let (_, discovery) = get(format!("/{POOL}/.well-known/openid-configuration")).await;
    assert_eq!(discovery["issuer"], format!("{ISSUER_BASE}/{POOL}"));
    assert_eq!(discovery["jwks_uri"], format!("{ISSUER_BASE}/{POOL}/.well-known/jwks.json"));
    assert_eq!(get("/eu-west-1_nowhere/.well-known/jwks.json".to_owned()).await.0, 404);
    assert_eq!(get(format!("/{POOL}/.well-known/other")).await.0, 404);
}
