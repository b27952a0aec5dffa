//! Authenticator codes: set-up, challenge, replay, guessing, and pools that demand them.

use ring::hmac;
use serde_json::{Value, json};

use crate::harness::*;

/// RFC 6238, written apart from the code under test.
fn totp(secret: &str, seconds: i64) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = secret.chars().map(|c| format!("{:05b}", alphabet.find(c).unwrap())).collect();
    let key: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|bits| u8::from_str_radix(std::str::from_utf8(bits).unwrap(), 2).unwrap())
        .collect();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &(seconds / 30).to_be_bytes());
    let tag = tag.as_ref();
    let offset = (tag[19] & 15) as usize;
    let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Sets an authenticator up and asks for it at sign-in; answers its secret.
async fn enrolled(world: &World, username: &str) -> String {
    let token = world.access_token(username).await;
    let answer = world.call("AssociateSoftwareToken", json!({"AccessToken": token})).await.unwrap();
    let secret = text(&answer["SecretCode"]);
    let code = totp(&secret, world.now());
    let verify = json!({"AccessToken": token, "UserCode": code, "FriendlyDeviceName": "phone"});
    assert_eq!(world.call("VerifySoftwareToken", verify).await.unwrap()["Status"], "SUCCESS");
    let prefer = json!({"AccessToken": token, "SoftwareTokenMfaSettings": {"Enabled": true, "PreferredMfa": true}});
    world.call("SetUserMFAPreference", prefer).await.unwrap();
    secret
}

async fn respond(world: &World, username: &str, challenge: &Value, code: &str) -> Outcome {
    let body = json!({
        "ClientId": CLIENT, "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": challenge["Session"],
        "ChallengeResponses": {"USERNAME": username, "SOFTWARE_TOKEN_MFA_CODE": code},
    });
    world.call("RespondToAuthChallenge", body).await
}

#[tokio::test]
async fn the_code_stands_between_password_and_tokens() {
    let world = World::new();
    let sub = world.registered("alice@example.com").await;
    let secret = enrolled(&world, "alice@example.com").await;
    assert_eq!(secret.len(), 52);
    world.pass(30);
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    assert!(challenge.get("AuthenticationResult").is_none());
    assert_eq!(challenge["ChallengeName"], "SOFTWARE_TOKEN_MFA");
    assert_eq!(challenge["ChallengeParameters"], json!({"USER_ID_FOR_SRP": sub, "FRIENDLY_DEVICE_NAME": "phone"}));
    let code = totp(&secret, world.now());
    refused(
        respond(&world, "alice@example.com", &challenge, &other_code(&code)).await,
        "CodeMismatchException",
        "Invalid code received for user",
    );
    let tokens = respond(&world, "alice@example.com", &challenge, &code).await.unwrap();
    world.verify(&text(&tokens["AuthenticationResult"]["AccessToken"])).unwrap();
    refused(
        respond(&world, "alice@example.com", &challenge, &code).await,
        "NotAuthorizedException",
        "Invalid session for the user, session can only be used once.",
    );

    let user = world.admin_get("alice@example.com").await;
    assert_eq!(user["UserMFASettingList"], json!(["SOFTWARE_TOKEN_MFA"]));
    assert_eq!(user["PreferredMfaSetting"], "SOFTWARE_TOKEN_MFA");
}

#[tokio::test]
async fn a_code_is_worth_one_sign_in() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let secret = enrolled(&world, "alice@example.com").await;
    let spent = "Your software token has already been used once.";
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    let code = totp(&secret, world.now());
    refused(respond(&world, "alice@example.com", &challenge, &code).await, "ExpiredCodeException", spent);
    // A clock half a minute ahead is right, and spends the codes before it.
    let ahead = totp(&secret, world.now() + 30);
    respond(&world, "alice@example.com", &challenge, &ahead).await.unwrap();
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    refused(respond(&world, "alice@example.com", &challenge, &ahead).await, "ExpiredCodeException", spent);
    for distance in [60, -60] {
        let far = totp(&secret, world.now() + distance);
        refused_as(respond(&world, "alice@example.com", &challenge, &far).await, "CodeMismatchException");
    }
}

#[tokio::test]
async fn guessing_codes_is_paused_over_all_sessions() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let secret = enrolled(&world, "alice@example.com").await;
    world.pass(30);
    let code = totp(&secret, world.now());
    for _ in 0..5 {
        let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
        refused_as(respond(&world, "alice@example.com", &challenge, &other_code(&code)).await, "CodeMismatchException");
    }
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    refused(
        respond(&world, "alice@example.com", &challenge, &code).await,
        "NotAuthorizedException",
        "Password attempts exceeded",
    );
    world.pass(1);
    respond(&world, "alice@example.com", &challenge, &code).await.unwrap();
}

#[tokio::test]
async fn sessions_expire_and_belong_to_one_user_client_and_challenge() {
    let world = World::new();
    world.registered("alice@example.com").await;
    world.registered("bob@example.com").await;
    let secret = enrolled(&world, "alice@example.com").await;
    world.pass(30);
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    let code = totp(&secret, world.now());
    let invalid = "Invalid session for the user.";
    refused(respond(&world, "bob@example.com", &challenge, &code).await, "NotAuthorizedException", invalid);
    let body = json!({
        "ClientId": CLIENT, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": challenge["Session"],
        "ChallengeResponses": {"USERNAME": "alice@example.com", "NEW_PASSWORD": "Another-horse-2"},
    });
    refused(world.call("RespondToAuthChallenge", body).await, "NotAuthorizedException", invalid);
    world.cognito.ensure_client(POOL, "other0client", &client_properties()).unwrap();
    let body = json!({
        "ClientId": "other0client", "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": challenge["Session"],
        "ChallengeResponses": {"USERNAME": "alice@example.com", "SOFTWARE_TOKEN_MFA_CODE": code},
    });
    refused(world.call("RespondToAuthChallenge", body).await, "NotAuthorizedException", invalid);
    let made_up = json!({"Session": "made-up-session-of-some-length"});
    refused(respond(&world, "alice@example.com", &made_up, &code).await, "NotAuthorizedException", invalid);
    world.pass(180);
    refused(
        respond(&world, "alice@example.com", &challenge, &totp(&secret, world.now())).await,
        "NotAuthorizedException",
        "Invalid session for the user, session is expired.",
    );
}

#[tokio::test]
async fn a_secret_counts_when_it_is_proven_and_not_before() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let token = world.access_token("alice@example.com").await;
    let prefer = json!({"AccessToken": token, "SoftwareTokenMfaSettings": {"Enabled": true}});
    refused(
        world.call("SetUserMFAPreference", prefer).await,
        "InvalidParameterException",
        "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA",
    );
    let verify = |code: &str| json!({"AccessToken": token, "UserCode": code});
    refused_as(world.call("VerifySoftwareToken", verify("123456")).await, "SoftwareTokenMFANotFoundException");
    let answer = world.call("AssociateSoftwareToken", json!({"AccessToken": token})).await.unwrap();
    let code = totp(&text(&answer["SecretCode"]), world.now());
    refused(
        world.call("VerifySoftwareToken", verify(&other_code(&code))).await,
        "EnableSoftwareTokenMFAException",
        "Code mismatch",
    );
    world.signed_in("alice@example.com").await;
    world.call("VerifySoftwareToken", verify(&code)).await.unwrap();
    // Proven, but not asked for.
    world.signed_in("alice@example.com").await;
}

#[tokio::test]
async fn a_new_secret_replaces_the_old_one_only_when_proven() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let old = enrolled(&world, "alice@example.com").await;
    world.pass(60);
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    let tokens = respond(&world, "alice@example.com", &challenge, &totp(&old, world.now())).await.unwrap();
    let token = &tokens["AuthenticationResult"]["AccessToken"];
    let answer = world.call("AssociateSoftwareToken", json!({"AccessToken": token})).await.unwrap();
    let new = text(&answer["SecretCode"]);
    world.pass(60);
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    refused_as(
        respond(&world, "alice@example.com", &challenge, &totp(&new, world.now())).await,
        "CodeMismatchException",
    );
    respond(&world, "alice@example.com", &challenge, &totp(&old, world.now())).await.unwrap();
}

#[tokio::test]
async fn a_user_or_an_administrator_may_turn_it_off() {
    let world = World::new();
    world.registered("alice@example.com").await;
    enrolled(&world, "alice@example.com").await;
    let body = json!({
        "UserPoolId": POOL, "Username": "alice@example.com",
        "SoftwareTokenMfaSettings": {"Enabled": false, "PreferredMfa": false},
    });
    world.call("AdminSetUserMFAPreference", body).await.unwrap();
    world.signed_in("alice@example.com").await;
    let body = json!({"UserPoolId": POOL, "Username": "alice@example.com", "SMSMfaSettings": {"Enabled": true}});
    refused_as(world.call("AdminSetUserMFAPreference", body).await, "InvalidParameterException");
}

#[tokio::test]
async fn a_pool_that_demands_a_second_factor_has_it_set_up_at_sign_in() {
    let mut pool = pool_properties();
    pool["MfaConfiguration"] = json!("ON");
    let world = World::with(&pool, &client_properties());
    world.registered("alice@example.com").await;
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    assert_eq!(challenge["ChallengeName"], "MFA_SETUP");
    assert_eq!(challenge["ChallengeParameters"]["MFAS_CAN_SETUP"], "[\"SOFTWARE_TOKEN_MFA\"]");
    let finish = |session: &Value| {
        json!({
            "ClientId": CLIENT, "ChallengeName": "MFA_SETUP", "Session": session,
            "ChallengeResponses": {"USERNAME": "alice@example.com"},
        })
    };
    refused_as(world.call("RespondToAuthChallenge", finish(&challenge["Session"])).await, "InvalidParameterException");
    let associated = world.call("AssociateSoftwareToken", json!({"Session": challenge["Session"]})).await.unwrap();
    let secret = text(&associated["SecretCode"]);
    let verify = |code: String| json!({"Session": associated["Session"], "UserCode": code});
    let code = totp(&secret, world.now());
    refused_as(world.call("VerifySoftwareToken", verify(other_code(&code))).await, "EnableSoftwareTokenMFAException");
    let verified = world.call("VerifySoftwareToken", verify(code)).await.unwrap();
    let tokens = world.call("RespondToAuthChallenge", finish(&verified["Session"])).await.unwrap();
    assert!(tokens["AuthenticationResult"]["AccessToken"].is_string());

    world.pass(30);
    let challenge = world.sign_in("alice@example.com", PASSWORD).await.unwrap();
    assert_eq!(challenge["ChallengeName"], "SOFTWARE_TOKEN_MFA");
    respond(&world, "alice@example.com", &challenge, &totp(&secret, world.now())).await.unwrap();
}

#[tokio::test]
async fn a_pool_without_a_second_factor_offers_none() {
    let mut pool = pool_properties();
    pool["MfaConfiguration"] = json!("OFF");
    let world = World::with(&pool, &client_properties());
    world.registered("alice@example.com").await;
    let token = world.access_token("alice@example.com").await;
    refused_as(
        world.call("AssociateSoftwareToken", json!({"AccessToken": token})).await,
        "SoftwareTokenMFANotFoundException",
    );
}
