//! A restart, also a violent one, keeps everything that was acknowledged.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn users_tokens_keys_codes_and_pauses_survive() {
    let world = World::new();
    world.cognito.ensure_group(POOL, &json!({"GroupName": "staff"})).unwrap();
    let sub = world.registered("alice@example.com").await;
    let body = json!({"UserPoolId": POOL, "Username": "alice@example.com", "GroupName": "staff"});
    world.call("AdminAddUserToGroup", body).await.unwrap();
    world.sign_up("bob@example.com").await.unwrap();
    let code = world.last_code();
    for _ in 0..5 {
        refused_as(world.sign_in("mallory@example.com", PASSWORD).await, "NotAuthorizedException");
    }
    let tokens = world.signed_in("alice@example.com").await;
    let ended = world.signed_in("alice@example.com").await;
    let revoke = json!({"ClientId": CLIENT, "Token": ended["RefreshToken"]});
    world.call("RevokeToken", revoke).await.unwrap();

    // Not even the template is applied again.
    let world = world.reopen();
    world.verify(&text(&tokens["AccessToken"])).unwrap();
    let user = world.call("GetUser", json!({"AccessToken": tokens["AccessToken"]})).await.unwrap();
    assert_eq!(user["Username"], sub.as_str());
    let refreshed = world.refresh(&tokens["RefreshToken"]).await.unwrap();
    let (_, claims) = decoded(&refreshed["AuthenticationResult"]["AccessToken"]);
    assert_eq!(claims["cognito:groups"], json!(["staff"]));
    refused_as(world.refresh(&ended["RefreshToken"]).await, "NotAuthorizedException");
    refused(
        world.sign_in("mallory@example.com", PASSWORD).await,
        "NotAuthorizedException",
        "Password attempts exceeded",
    );
    let confirm = json!({"ClientId": CLIENT, "Username": "bob@example.com", "ConfirmationCode": code});
    world.call("ConfirmSignUp", confirm).await.unwrap();
    world.signed_in("bob@example.com").await;
}

#[tokio::test]
async fn a_challenge_begun_before_a_restart_can_be_answered_after_it() {
    let world = World::new();
    let body = json!({"UserPoolId": POOL, "Username": "staff@example.com", "TemporaryPassword": "Temporary-1"});
    world.call("AdminCreateUser", body).await.unwrap();
    let challenge = world.sign_in("staff@example.com", "Temporary-1").await.unwrap();
    let world = world.reopen();
    let body = json!({
        "ClientId": CLIENT, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": challenge["Session"],
        "ChallengeResponses": {"USERNAME": "staff@example.com", "NEW_PASSWORD": PASSWORD},
    });
    assert!(world.call("RespondToAuthChallenge", body).await.unwrap()["AuthenticationResult"].is_object());
}

#[tokio::test]
async fn neither_passwords_nor_tokens_are_in_the_file() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    let mut kept = std::fs::read(&world.file).unwrap();
    kept.extend(std::fs::read(format!("{}-wal", world.file.display())).unwrap_or_default());
    let holds = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("alice@example.com"));
    for secret in [PASSWORD.to_owned(), text(&tokens["RefreshToken"]), text(&tokens["AccessToken"])] {
        assert!(!holds(&secret), "{secret}");
    }
}
