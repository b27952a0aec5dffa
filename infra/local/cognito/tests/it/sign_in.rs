//! Password sign-in, pauses after wrong passwords, refresh, sign-out, secret hashes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn the_right_password_gives_three_tokens() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let answer = world.sign_in("Alice@EXAMPLE.com", PASSWORD).await.unwrap();
    assert_eq!(answer["ChallengeParameters"], json!({}));
    let result = &answer["AuthenticationResult"];
    assert_eq!(result["TokenType"], "Bearer");
    assert_eq!(result["ExpiresIn"], 900);
    for token in ["AccessToken", "IdToken", "RefreshToken"] {
        assert!(text(&result[token]).len() > 100, "{token}");
    }
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_have_one_answer() {
    let world = World::new();
    world.registered("alice@example.com").await;
    for username in ["alice@example.com", "nobody@example.com"] {
        refused(
            world.sign_in(username, "Wrong-horse-1").await,
            "NotAuthorizedException",
            "Incorrect username or password.",
        );
    }
    let mut client = client_properties();
    client["PreventUserExistenceErrors"] = json!("LEGACY");
    world.cognito.ensure_client(POOL, CLIENT, &client).unwrap();
    refused(world.sign_in("nobody@example.com", PASSWORD).await, "UserNotFoundException", "User does not exist.");
}

#[tokio::test]
async fn who_has_not_confirmed_is_told_so() {
    let world = World::new();
    world.sign_up("alice@example.com").await.unwrap();
    refused(world.sign_in("alice@example.com", PASSWORD).await, "UserNotConfirmedException", "User is not confirmed.");
}

#[tokio::test]
async fn five_wrong_passwords_start_pauses_that_double() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let wrong = async || world.sign_in("alice@example.com", "Wrong-horse-1").await;
    for _ in 0..5 {
        refused(wrong().await, "NotAuthorizedException", "Incorrect username or password.");
    }
    let exceeded = "Password attempts exceeded";
    refused(world.sign_in("alice@example.com", PASSWORD).await, "NotAuthorizedException", exceeded);
    for pause in [1, 2, 4, 8] {
        world.pass(pause - 1);
        refused(wrong().await, "NotAuthorizedException", exceeded);
        world.pass(1);
        refused(wrong().await, "NotAuthorizedException", "Incorrect username or password.");
    }
    // A quiet quarter of an hour forgets them, and so does the right password after a pause.
    world.pass(900);
    refused(wrong().await, "NotAuthorizedException", "Incorrect username or password.");
    world.signed_in("alice@example.com").await;
    for _ in 0..4 {
        refused(wrong().await, "NotAuthorizedException", "Incorrect username or password.");
    }
    world.signed_in("alice@example.com").await;
}

#[tokio::test]
async fn guesses_made_at_once_do_not_outrun_the_pause() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let guesses = (0..12).map(|_| world.sign_in("alice@example.com", "Wrong-horse-1"));
    let outcomes = futures::future::join_all(guesses).await;
    let heard = outcomes.into_iter().filter(|o| matches!(o, Err((_, m)) if m.starts_with("Incorrect"))).count();
    assert_eq!(heard, 5);
}

#[tokio::test]
async fn names_that_do_not_exist_are_paused_like_others() {
    let world = World::new();
    for _ in 0..5 {
        refused_as(world.sign_in("nobody@example.com", PASSWORD).await, "NotAuthorizedException");
    }
    refused(
        world.sign_in("NOBODY@example.com", PASSWORD).await,
        "NotAuthorizedException",
        "Password attempts exceeded",
    );
}

#[tokio::test]
async fn a_sign_in_takes_less_than_a_tenth_of_a_second_beside_other_work() {
    let world = World::new();
    world.registered("alice@example.com").await;
    // The best of several: other tests share the processors.
    let mut best = std::time::Duration::MAX;
    for _ in 0..10 {
        let begun = std::time::Instant::now();
        world.signed_in("alice@example.com").await;
        best = best.min(begun.elapsed());
    }
    assert!(best < std::time::Duration::from_millis(100), "{best:?}");
}

#[tokio::test]
async fn a_refresh_token_gives_new_tokens_of_the_same_sign_in() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let first = world.signed_in("alice@example.com").await;
    world.pass(3_600);
    let answer = world.refresh(&first["RefreshToken"]).await.unwrap();
    let second = &answer["AuthenticationResult"];
    assert!(second.get("RefreshToken").is_none());
    let (_, before) = decoded(&first["AccessToken"]);
    let (_, after) = decoded(&second["AccessToken"]);
    for claim in ["sub", "auth_time", "origin_jti", "username"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert_ne!(before["jti"], after["jti"]);
    assert_eq!(after["iat"], world.now());
    assert_eq!(after["exp"], world.now() + 900);

    world.pass(23 * 3_600);
    refused(world.refresh(&first["RefreshToken"]).await, "NotAuthorizedException", "Refresh Token has expired");
    refused(world.refresh(&json!("garbage")).await, "NotAuthorizedException", "Invalid Refresh Token");
}

#[tokio::test]
async fn a_refresh_token_of_another_client_is_invalid() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    world.cognito.ensure_client(POOL, "other0client", &client_properties()).unwrap();
    let body = json!({
        "ClientId": "other0client", "AuthFlow": "REFRESH_TOKEN",
        "AuthParameters": {"REFRESH_TOKEN": tokens["RefreshToken"]},
    });
    refused(world.call("InitiateAuth", body).await, "NotAuthorizedException", "Invalid Refresh Token");
}

#[tokio::test]
async fn a_global_sign_out_ends_every_session_and_none_that_begins_later() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let one = world.signed_in("alice@example.com").await;
    let two = world.signed_in("alice@example.com").await;
    world.call("GlobalSignOut", json!({"AccessToken": one["AccessToken"]})).await.unwrap();
    for tokens in [&one, &two] {
        refused(
            world.call("GetUser", json!({"AccessToken": tokens["AccessToken"]})).await,
            "NotAuthorizedException",
            "Access Token has been revoked",
        );
        refused(
            world.refresh(&tokens["RefreshToken"]).await,
            "NotAuthorizedException",
            "Refresh Token has been revoked",
        );
        // The gateway does not know, as on AWS.
        world.verify(&text(&tokens["AccessToken"])).unwrap();
    }
    let later = world.signed_in("alice@example.com").await;
    world.call("GetUser", json!({"AccessToken": later["AccessToken"]})).await.unwrap();
}

#[tokio::test]
async fn revoking_one_refresh_token_leaves_the_other_sign_ins() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let one = world.signed_in("alice@example.com").await;
    let two = world.signed_in("alice@example.com").await;
    let access = json!({"ClientId": CLIENT, "Token": one["AccessToken"]});
    refused_as(world.call("RevokeToken", access).await, "UnsupportedTokenTypeException");
    let body = json!({"ClientId": CLIENT, "Token": one["RefreshToken"]});
    world.call("RevokeToken", body.clone()).await.unwrap();
    world.call("RevokeToken", body).await.unwrap();
    refused_as(world.call("GetUser", json!({"AccessToken": one["AccessToken"]})).await, "NotAuthorizedException");
    refused_as(world.refresh(&one["RefreshToken"]).await, "NotAuthorizedException");
    world.refresh(&two["RefreshToken"]).await.unwrap();
    world.call("GetUser", json!({"AccessToken": two["AccessToken"]})).await.unwrap();
}

#[tokio::test]
async fn without_token_revocation_there_is_no_family_but_a_sign_out_still_counts() {
    let mut client = client_properties();
    client["EnableTokenRevocation"] = json!(false);
    let world = World::with(&pool_properties(), &client);
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    assert!(decoded(&tokens["AccessToken"]).1.get("origin_jti").is_none());
    world.call("GetUser", json!({"AccessToken": tokens["AccessToken"]})).await.unwrap();
    let body = json!({"ClientId": CLIENT, "Token": tokens["RefreshToken"]});
    refused_as(world.call("RevokeToken", body).await, "UnsupportedOperationException");
    world.call("GlobalSignOut", json!({"AccessToken": tokens["AccessToken"]})).await.unwrap();
    refused_as(world.call("GetUser", json!({"AccessToken": tokens["AccessToken"]})).await, "NotAuthorizedException");
}

#[tokio::test]
async fn flows_the_client_does_not_have_are_refused() {
    let mut client = client_properties();
    client["ExplicitAuthFlows"] = json!(["ALLOW_REFRESH_TOKEN_AUTH"]);
    let world = World::with(&pool_properties(), &client);
    world.registered("alice@example.com").await;
    refused(
        world.sign_in("alice@example.com", PASSWORD).await,
        "InvalidParameterException",
        "USER_PASSWORD_AUTH flow not enabled for this client",
    );
    let srp = json!({
        "ClientId": CLIENT, "AuthFlow": "USER_SRP_AUTH",
        "AuthParameters": {"USERNAME": "alice@example.com", "SRP_A": "abcdef"},
    });
    refused(
        world.call("InitiateAuth", srp).await,
        "InvalidParameterException",
        "USER_SRP_AUTH is not enabled for the client.",
    );
    let admin = json!({
        "UserPoolId": POOL, "ClientId": CLIENT, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "alice@example.com", "PASSWORD": PASSWORD},
    });
    refused(
        world.call("AdminInitiateAuth", admin.clone()).await,
        "InvalidParameterException",
        "Auth flow not enabled for this client",
    );
    world.cognito.ensure_client(POOL, CLIENT, &client_properties()).unwrap();
    assert!(world.call("AdminInitiateAuth", admin).await.unwrap()["AuthenticationResult"].is_object());
    let as_user = json!({"ClientId": CLIENT, "AuthFlow": "ADMIN_NO_SRP_AUTH", "AuthParameters": {}});
    refused(
        world.call("InitiateAuth", as_user).await,
        "InvalidParameterException",
        "Initiate Auth method not supported.",
    );
    let custom = json!({"ClientId": CLIENT, "AuthFlow": "CUSTOM_AUTH", "AuthParameters": {}});
    refused_as(world.call("InitiateAuth", custom).await, "InvalidParameterException");
}

#[tokio::test]
async fn missing_parameters_and_unknown_clients_are_named() {
    let world = World::new();
    let body = json!({"ClientId": CLIENT, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": {"USERNAME": "a"}});
    refused(world.call("InitiateAuth", body).await, "InvalidParameterException", "Missing required parameter PASSWORD");
    let body = json!({"ClientId": "nope", "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": {}});
    refused(
        world.call("InitiateAuth", body).await,
        "ResourceNotFoundException",
        "User pool client nope does not exist.",
    );
    refused(
        world.call("InitiateAuth", json!({"AuthFlow": "USER_PASSWORD_AUTH"})).await,
        "InvalidParameterException",
        "1 validation error detected: Value null at 'clientId' failed to satisfy constraint: Member must not be null",
    );
}

#[tokio::test]
async fn a_client_with_a_secret_wants_its_hash() {
    let mut client = client_properties();
    client["GenerateSecret"] = json!("true");
    let world = World::with(&pool_properties(), &client);
    let info = world.cognito.ensure_client(POOL, CLIENT, &client).unwrap();
    let secret = info.client_secret.unwrap();
    let hash = |username: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        STANDARD.encode(hmac::sign(&key, format!("{username}{CLIENT}").as_bytes()))
    };
    refused(
        world.sign_up("alice@example.com").await,
        "NotAuthorizedException",
        &format!("Client {CLIENT} is configured with secret but SECRET_HASH was not received"),
    );
    let mut body = json!({
        "ClientId": CLIENT, "Username": "alice@example.com", "Password": PASSWORD,
        "SecretHash": hash("bob@example.com"),
    });
    refused(
        world.call("SignUp", body.clone()).await,
        "NotAuthorizedException",
        &format!("SecretHash does not match for the client: {CLIENT}"),
    );
    body["SecretHash"] = json!(hash("alice@example.com"));
    let sub = text(&world.call("SignUp", body).await.unwrap()["UserSub"]);
    world.call("AdminConfirmSignUp", json!({"UserPoolId": POOL, "Username": "alice@example.com"})).await.unwrap();
    let sign_in = json!({
        "ClientId": CLIENT, "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "alice@example.com", "PASSWORD": PASSWORD, "SECRET_HASH": hash("alice@example.com")},
    });
    let tokens = world.call("InitiateAuth", sign_in).await.unwrap()["AuthenticationResult"].clone();
    let refresh = |hash: String| {
        json!({
            "ClientId": CLIENT, "AuthFlow": "REFRESH_TOKEN_AUTH",
            "AuthParameters": {"REFRESH_TOKEN": tokens["RefreshToken"], "SECRET_HASH": hash},
        })
    };
    // The hash of a refresh is over the real user name.
    refused_as(world.call("InitiateAuth", refresh(hash("alice@example.com"))).await, "NotAuthorizedException");
    world.call("InitiateAuth", refresh(hash(&sub))).await.unwrap();
}
