//! What a user does with his own profile.

use serde_json::{Value, json};

use crate::harness::*;

fn update(token: &str, name: &str, value: &str) -> Value {
    json!({"AccessToken": token, "UserAttributes": [{"Name": name, "Value": value}]})
}

#[tokio::test]
async fn a_user_sees_and_changes_his_attributes() {
    let world = World::new();
    let sub = world.registered("alice@example.com").await;
    let token = world.access_token("alice@example.com").await;
    world.call("UpdateUserAttributes", update(&token, "given_name", "Alicia")).await.unwrap();
    let user = world.call("GetUser", json!({"AccessToken": token})).await.unwrap();
    assert_eq!(user["Username"], sub.as_str());
    assert_eq!(attribute(&user, "given_name").as_deref(), Some("Alicia"));
    world.call("UpdateUserAttributes", update(&token, "given_name", "")).await.unwrap();
    let user = world.call("GetUser", json!({"AccessToken": token})).await.unwrap();
    assert_eq!(attribute(&user, "given_name"), None);
    for (name, value) in [("email_verified", "true"), ("custom:tenant", "t1"), ("nickname", "al")] {
        refused(
            world.call("UpdateUserAttributes", update(&token, name, value)).await,
            "NotAuthorizedException",
            "A client attempted to write unauthorized attribute",
        );
    }
    refused_as(world.call("UpdateUserAttributes", update(&token, "sub", "x")).await, "InvalidParameterException");
    let body = json!({"AccessToken": token, "UserAttributeNames": ["email"]});
    refused_as(world.call("DeleteUserAttributes", body).await, "InvalidParameterException");
}

#[tokio::test]
async fn a_new_address_counts_at_once_but_unverified() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let token = world.access_token("alice@example.com").await;
    let answer = world.call("UpdateUserAttributes", update(&token, "email", "new@example.com")).await.unwrap();
    assert_eq!(answer["CodeDeliveryDetailsList"][0]["Destination"], "n***@e***");
    assert_eq!(world.last_sent().to, "new@example.com");
    let user = world.admin_get("new@example.com").await;
    assert_eq!(attribute(&user, "email_verified").as_deref(), Some("false"));
    let verify = |code: &str| json!({"AccessToken": token, "AttributeName": "email", "Code": code});
    let code = world.last_code();
    refused_as(world.call("VerifyUserAttribute", verify(&other_code(&code))).await, "CodeMismatchException");
    world.call("VerifyUserAttribute", verify(&code)).await.unwrap();
    let user = world.admin_get("new@example.com").await;
    assert_eq!(attribute(&user, "email_verified").as_deref(), Some("true"));
    // The old address is free again.
    world.sign_up("alice@example.com").await.unwrap();
}

#[tokio::test]
async fn where_the_pool_verifies_first_the_old_address_holds_until_the_code_is_shown() {
    let mut pool = pool_properties();
    pool["UserAttributeUpdateSettings"] = json!({"AttributesRequireVerificationBeforeUpdate": ["email"]});
    let world = World::with(&pool, &client_properties());
    world.registered("alice@example.com").await;
    world.registered("bob@example.com").await;
    let token = world.access_token("alice@example.com").await;
    refused(
        world.call("UpdateUserAttributes", update(&token, "email", "BOB@example.com")).await,
        "AliasExistsException",
        "An account with the given email already exists.",
    );
    world.call("UpdateUserAttributes", update(&token, "email", "new@example.com")).await.unwrap();
    world.signed_in("alice@example.com").await;
    refused_as(world.sign_in("new@example.com", PASSWORD).await, "NotAuthorizedException");
    let again = json!({"AccessToken": token, "AttributeName": "email"});
    world.call("GetUserAttributeVerificationCode", again).await.unwrap();
    assert_eq!(world.last_sent().to, "new@example.com");
    let body = json!({"AccessToken": token, "AttributeName": "email", "Code": world.last_code()});
    world.call("VerifyUserAttribute", body).await.unwrap();
    world.signed_in("new@example.com").await;
    refused_as(world.sign_in("alice@example.com", PASSWORD).await, "NotAuthorizedException");

    // An administrator who vouches for an address need not wait; one who does not, waits too.
    let admin =
        |attributes: Value| json!({"UserPoolId": POOL, "Username": "bob@example.com", "UserAttributes": attributes});
    let unvouched = json!([{"Name": "email", "Value": "robert@example.com"}]);
    world.call("AdminUpdateUserAttributes", admin(unvouched)).await.unwrap();
    world.signed_in("bob@example.com").await;
    let vouched = json!([{"Name": "email", "Value": "rob@example.com"}, {"Name": "email_verified", "Value": "true"}]);
    world.call("AdminUpdateUserAttributes", admin(vouched)).await.unwrap();
    world.signed_in("rob@example.com").await;
}

#[tokio::test]
async fn two_users_cannot_end_up_with_one_address() {
    let world = World::new();
    world.registered("alice@example.com").await;
    world.registered("bob@example.com").await;
    let token = world.access_token("bob@example.com").await;
    refused(
        world.call("UpdateUserAttributes", update(&token, "email", "Alice@example.com")).await,
        "AliasExistsException",
        "An account with the given email already exists.",
    );
}

#[tokio::test]
async fn who_deletes_himself_is_gone_and_may_come_back_as_another() {
    let world = World::new();
    let first = world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    world.call("DeleteUser", json!({"AccessToken": tokens["AccessToken"]})).await.unwrap();
    refused(
        world.call("GetUser", json!({"AccessToken": tokens["AccessToken"]})).await,
        "UserNotFoundException",
        "User does not exist.",
    );
    refused_as(world.refresh(&tokens["RefreshToken"]).await, "NotAuthorizedException");
    refused_as(world.sign_in("alice@example.com", PASSWORD).await, "NotAuthorizedException");
    let second = world.registered("alice@example.com").await;
    assert_ne!(first, second);
}
