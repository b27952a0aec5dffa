//! Forgotten, reset and changed passwords.

use serde_json::{Value, json};

use crate::harness::*;

const NEW: &str = "Another-horse-2";

fn confirm(username: &str, code: &str, password: &str) -> Value {
    json!({"ClientId": CLIENT, "Username": username, "ConfirmationCode": code, "Password": password})
}

async fn forgot(world: &World, username: &str) -> Outcome {
    world.call("ForgotPassword", json!({"ClientId": CLIENT, "Username": username})).await
}

#[tokio::test]
async fn a_code_by_mail_sets_a_new_password_once() {
    let world = World::new();
    let sub = world.registered("alice@example.com").await;
    let answer = forgot(&world, "alice@example.com").await.unwrap();
    assert_eq!(answer["CodeDeliveryDetails"]["Destination"], "a***@e***");
    let code = world.last_code();
    refused_as(
        world.call("ConfirmForgotPassword", confirm("alice@example.com", &code, "weak")).await,
        "InvalidPasswordException",
    );
    refused_as(
        world.call("ConfirmForgotPassword", confirm("alice@example.com", &other_code(&code), NEW)).await,
        "CodeMismatchException",
    );
    world.call("ConfirmForgotPassword", confirm("alice@example.com", &code, NEW)).await.unwrap();
    refused_as(
        world.call("ConfirmForgotPassword", confirm("alice@example.com", &code, "Third-horse-3")).await,
        "ExpiredCodeException",
    );
    refused_as(world.sign_in("alice@example.com", PASSWORD).await, "NotAuthorizedException");
    world.sign_in("alice@example.com", NEW).await.unwrap();
    let (_, event) = world.events().last().unwrap().clone();
    assert_eq!(event["triggerSource"], "PostConfirmation_ConfirmForgotPassword");
    assert_eq!(event["userName"], sub.as_str());
}

#[tokio::test]
async fn a_reset_code_lives_an_hour_and_five_wrong_tries_spend_it() {
    let world = World::new();
    world.registered("alice@example.com").await;
    forgot(&world, "alice@example.com").await.unwrap();
    let code = world.last_code();
    world.pass(3_600);
    refused(
        world.call("ConfirmForgotPassword", confirm("alice@example.com", &code, NEW)).await,
        "ExpiredCodeException",
        "Invalid code provided, please request a code again.",
    );
    forgot(&world, "alice@example.com").await.unwrap();
    let code = world.last_code();
    for _ in 0..5 {
        refused_as(
            world.call("ConfirmForgotPassword", confirm("alice@example.com", &other_code(&code), NEW)).await,
            "CodeMismatchException",
        );
    }
    refused(
        world.call("ConfirmForgotPassword", confirm("alice@example.com", &code, NEW)).await,
        "LimitExceededException",
        "Attempt limit exceeded, please try after some time.",
    );
    // A new code does not buy new tries.
    forgot(&world, "alice@example.com").await.unwrap();
    let code = world.last_code();
    refused_as(
        world.call("ConfirmForgotPassword", confirm("alice@example.com", &code, NEW)).await,
        "LimitExceededException",
    );
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let world = World::new();
    world.sign_up("unconfirmed@example.com").await.unwrap();
    let sent = world.sent_count();
    for username in ["nobody@example.com", "unconfirmed@example.com"] {
        let answer = forgot(&world, username).await.unwrap();
        let destination = text(&answer["CodeDeliveryDetails"]["Destination"]);
        assert_eq!(destination, format!("{}***@e***", &username[..1]));
    }
    assert_eq!(world.sent_count(), sent);
    refused_as(
        world.call("ConfirmForgotPassword", confirm("nobody@example.com", "123456", NEW)).await,
        "CodeMismatchException",
    );
    let mut client = client_properties();
    client["PreventUserExistenceErrors"] = json!("LEGACY");
    world.cognito.ensure_client(POOL, CLIENT, &client).unwrap();
    refused_as(forgot(&world, "nobody@example.com").await, "UserNotFoundException");
    refused(
        forgot(&world, "unconfirmed@example.com").await,
        "InvalidParameterException",
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    );
}

#[tokio::test]
async fn a_new_password_ends_the_pause_after_wrong_ones() {
    let world = World::new();
    world.registered("alice@example.com").await;
    for _ in 0..5 {
        refused_as(world.sign_in("alice@example.com", NEW).await, "NotAuthorizedException");
    }
    forgot(&world, "alice@example.com").await.unwrap();
    world.call("ConfirmForgotPassword", confirm("alice@example.com", &world.last_code(), NEW)).await.unwrap();
    world.sign_in("alice@example.com", NEW).await.unwrap();
}

#[tokio::test]
async fn a_signed_in_user_changes_his_password_by_the_old_one() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let token = world.access_token("alice@example.com").await;
    let change = |previous: &str, proposed: &str| json!({"AccessToken": token, "PreviousPassword": previous, "ProposedPassword": proposed});
    refused_as(world.call("ChangePassword", change(PASSWORD, "weak")).await, "InvalidPasswordException");
    refused(
        world.call("ChangePassword", change("Wrong-horse-1", NEW)).await,
        "NotAuthorizedException",
        "Incorrect username or password.",
    );
    world.call("ChangePassword", change(PASSWORD, NEW)).await.unwrap();
    world.sign_in("alice@example.com", NEW).await.unwrap();
    for _ in 0..5 {
        refused_as(world.call("ChangePassword", change("Wrong-horse-1", PASSWORD)).await, "NotAuthorizedException");
    }
    refused_as(world.call("ChangePassword", change(NEW, PASSWORD)).await, "LimitExceededException");
}

#[tokio::test]
async fn an_administrator_may_demand_a_new_password() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let body = json!({"UserPoolId": POOL, "Username": "alice@example.com"});
    world.call("AdminResetUserPassword", body).await.unwrap();
    assert_eq!(world.admin_get("alice@example.com").await["UserStatus"], "RESET_REQUIRED");
    refused(
        world.sign_in("alice@example.com", PASSWORD).await,
        "PasswordResetRequiredException",
        "Password reset required for the user",
    );
    world.call("ConfirmForgotPassword", confirm("alice@example.com", &world.last_code(), NEW)).await.unwrap();
    world.sign_in("alice@example.com", NEW).await.unwrap();
}
