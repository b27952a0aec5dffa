//! Invited users and what administrators do with users.

use serde_json::{Value, json};

use crate::harness::*;

fn on(username: &str) -> Value {
    json!({"UserPoolId": POOL, "Username": username})
}

fn create(email: &str, more: &Value) -> Value {
    let mut body = json!({
        "UserPoolId": POOL, "Username": email,
        "UserAttributes": [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn new_password(world: &World, username: &str, challenge: &Value, password: &str) -> Outcome {
    let body = json!({
        "ClientId": CLIENT, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": challenge["Session"],
        "ChallengeResponses": {
            "USERNAME": username, "NEW_PASSWORD": password, "userAttributes.given_name": "Zoe",
        },
    });
    world.call("RespondToAuthChallenge", body).await
}

#[tokio::test]
async fn an_invited_user_gets_a_temporary_password_and_must_choose_his_own() {
    let world = World::new();
    let answer = world.call("AdminCreateUser", create("staff@example.com", &json!({}))).await.unwrap();
    assert_eq!(answer["User"]["UserStatus"], "FORCE_CHANGE_PASSWORD");
    assert_eq!(answer["User"]["Enabled"], true);
    let sub = text(&answer["User"]["Username"]);
    let sent = world.last_sent();
    assert_eq!((sent.to.as_str(), sent.subject.as_str()), ("staff@example.com", "Your temporary password"));
    let temporary = sent.code.unwrap();
    assert_eq!(sent.message, format!("Your username is staff@example.com and temporary password is {temporary}."));

    let challenge = world.sign_in("staff@example.com", &temporary).await.unwrap();
    assert_eq!(challenge["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    assert_eq!(challenge["ChallengeParameters"]["USER_ID_FOR_SRP"], sub.as_str());
    assert_eq!(challenge["ChallengeParameters"]["requiredAttributes"], "[]");
    refused_as(new_password(&world, "staff@example.com", &challenge, "weak").await, "InvalidPasswordException");
    let tokens = new_password(&world, "staff@example.com", &challenge, PASSWORD).await.unwrap();
    assert!(tokens["AuthenticationResult"]["RefreshToken"].is_string());
    let user = world.admin_get("staff@example.com").await;
    assert_eq!(user["UserStatus"], "CONFIRMED");
    assert_eq!(attribute(&user, "given_name").as_deref(), Some("Zoe"));
    refused_as(new_password(&world, "staff@example.com", &challenge, "Third-horse-3").await, "NotAuthorizedException");
    world.signed_in("staff@example.com").await;
}

#[tokio::test]
async fn an_administrator_may_answer_for_the_user() {
    let world = World::new();
    let given = json!({"TemporaryPassword": "Temporary-1", "MessageAction": "SUPPRESS"});
    world.call("AdminCreateUser", create("staff@example.com", &given)).await.unwrap();
    let body = json!({
        "UserPoolId": POOL, "ClientId": CLIENT, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "staff@example.com", "PASSWORD": "Temporary-1"},
    });
    let challenge = world.call("AdminInitiateAuth", body).await.unwrap();
    let body = json!({
        "UserPoolId": POOL, "ClientId": CLIENT, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": challenge["Session"],
        "ChallengeResponses": {"USERNAME": "staff@example.com", "NEW_PASSWORD": PASSWORD},
    });
    let answer = world.call("AdminRespondToAuthChallenge", body).await.unwrap();
    assert!(answer["AuthenticationResult"]["AccessToken"].is_string());
}

#[tokio::test]
async fn a_temporary_password_ends_with_its_days_and_may_be_sent_again() {
    let world = World::new();
    let given = json!({"TemporaryPassword": "Temporary-1"});
    world.call("AdminCreateUser", create("staff@example.com", &given)).await.unwrap();
    world.pass(86_400);
    refused(
        world.sign_in("staff@example.com", "Temporary-1").await,
        "NotAuthorizedException",
        "Temporary password has expired and must be reset by an administrator.",
    );
    let resend = json!({"MessageAction": "RESEND"});
    world.call("AdminCreateUser", create("staff@example.com", &resend)).await.unwrap();
    let temporary = world.last_code();
    assert_ne!(temporary, "Temporary-1");
    let challenge = world.sign_in("staff@example.com", &temporary).await.unwrap();
    new_password(&world, "staff@example.com", &challenge, PASSWORD).await.unwrap();
    refused_as(
        world.call("AdminCreateUser", create("staff@example.com", &resend)).await,
        "UnsupportedUserStateException",
    );
    refused_as(world.call("AdminCreateUser", create("nobody@example.com", &resend)).await, "UserNotFoundException");
}

#[tokio::test]
async fn a_suppressed_invitation_sends_nothing() {
    let world = World::new();
    let quiet = json!({"MessageAction": "SUPPRESS", "TemporaryPassword": "Temporary-1"});
    world.call("AdminCreateUser", create("staff@example.com", &quiet)).await.unwrap();
    assert_eq!(world.sent_count(), 0);
    refused(
        world.call("AdminCreateUser", create("STAFF@example.com", &quiet)).await,
        "UsernameExistsException",
        "An account with the given email already exists.",
    );
    let weak = json!({"TemporaryPassword": "weak"});
    refused_as(world.call("AdminCreateUser", create("other@example.com", &weak)).await, "InvalidPasswordException");
}

#[tokio::test]
async fn generated_passwords_meet_the_strictest_policy() {
    let mut pool = pool_properties();
    pool["Policies"] = json!({"PasswordPolicy": {
        "MinimumLength": 20, "RequireLowercase": true, "RequireUppercase": true, "RequireNumbers": true,
        "RequireSymbols": true,
    }});
    let world = World::with(&pool, &client_properties());
    for index in 0..20 {
        let email = format!("staff{index}@example.com");
        world.call("AdminCreateUser", create(&email, &json!({}))).await.unwrap();
        let body = json!({"UserPoolId": POOL, "Username": email, "Password": world.last_code(), "Permanent": true});
        world.call("AdminSetUserPassword", body).await.unwrap();
    }
}

#[tokio::test]
async fn an_invitation_goes_the_way_that_was_asked_for() {
    let world = World::new();
    let both = json!({
        "DesiredDeliveryMediums": ["SMS", "EMAIL"],
        "UserAttributes": [{"Name": "email", "Value": "a@example.com"}, {"Name": "phone_number", "Value": "+51987654321"}],
    });
    world.call("AdminCreateUser", create("a@example.com", &both)).await.unwrap();
    let sent: Vec<String> = world.hooks.sent.lock().unwrap().iter().map(|sent| sent.to.clone()).collect();
    assert_eq!(sent, ["+51987654321", "a@example.com"]);
    let impossible = json!({"DesiredDeliveryMediums": ["SMS"]});
    refused_as(world.call("AdminCreateUser", create("b@example.com", &impossible)).await, "InvalidParameterException");
}

#[tokio::test]
async fn a_password_set_by_an_administrator_is_permanent_only_when_he_says_so() {
    let world = World::new();
    let quiet = json!({"MessageAction": "SUPPRESS"});
    world.call("AdminCreateUser", create("staff@example.com", &quiet)).await.unwrap();
    let set = |permanent: bool| json!({"UserPoolId": POOL, "Username": "staff@example.com", "Password": PASSWORD, "Permanent": permanent});
    world.call("AdminSetUserPassword", set(false)).await.unwrap();
    let challenge = world.sign_in("staff@example.com", PASSWORD).await.unwrap();
    assert_eq!(challenge["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    world.call("AdminSetUserPassword", set(true)).await.unwrap();
    world.signed_in("staff@example.com").await;
    // The challenge of the temporary password died with it.
    refused_as(new_password(&world, "staff@example.com", &challenge, "Third-horse-3").await, "NotAuthorizedException");
}

#[tokio::test]
async fn a_disabled_user_is_out_until_he_is_enabled() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    world.call("AdminDisableUser", on("alice@example.com")).await.unwrap();
    assert_eq!(world.admin_get("alice@example.com").await["Enabled"], false);
    refused(world.sign_in("alice@example.com", PASSWORD).await, "NotAuthorizedException", "User is disabled.");
    refused_as(world.sign_in("alice@example.com", "Wrong-horse-1").await, "NotAuthorizedException");
    refused_as(world.refresh(&tokens["RefreshToken"]).await, "NotAuthorizedException");
    refused_as(world.call("GetUser", json!({"AccessToken": tokens["AccessToken"]})).await, "NotAuthorizedException");
    world.call("AdminEnableUser", on("alice@example.com")).await.unwrap();
    world.signed_in("alice@example.com").await;
    refused_as(world.refresh(&tokens["RefreshToken"]).await, "NotAuthorizedException");
}

#[tokio::test]
async fn an_administrator_confirms_without_a_code_and_the_trigger_hears_of_it() {
    let world = World::new();
    world.sign_up("alice@example.com").await.unwrap();
    world.call("AdminConfirmSignUp", on("alice@example.com")).await.unwrap();
    let user = world.admin_get("alice@example.com").await;
    assert_eq!(user["UserStatus"], "CONFIRMED");
    assert_eq!(attribute(&user, "email_verified").as_deref(), Some("false"));
    let (_, event) = world.events()[0].clone();
    assert_eq!(event["triggerSource"], "PostConfirmation_ConfirmSignUp");
    assert_eq!(event["callerContext"]["clientId"], "CLIENT_ID_NOT_APPLICABLE");
    refused_as(world.call("AdminConfirmSignUp", on("alice@example.com")).await, "NotAuthorizedException");
}

#[tokio::test]
async fn an_administrator_writes_what_a_client_may_not_but_not_what_is_fixed() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let write = |name: &str, value: &str| {
        let attributes = json!([{"Name": name, "Value": value}]);
        json!({"UserPoolId": POOL, "Username": "alice@example.com", "UserAttributes": attributes})
    };
    world.call("AdminUpdateUserAttributes", write("nickname", "al")).await.unwrap();
    world.call("AdminUpdateUserAttributes", write("email_verified", "false")).await.unwrap();
    let user = world.admin_get("alice@example.com").await;
    assert_eq!(attribute(&user, "nickname").as_deref(), Some("al"));
    assert_eq!(attribute(&user, "email_verified").as_deref(), Some("false"));
    refused(
        world.call("AdminUpdateUserAttributes", write("custom:tenant", "t1")).await,
        "InvalidParameterException",
        "user.custom:tenant: Attribute cannot be updated.\n",
    );
    refused_as(
        world.call("AdminUpdateUserAttributes", write("email_verified", "yes")).await,
        "InvalidParameterException",
    );
    let body = json!({"UserPoolId": POOL, "Username": "alice@example.com", "UserAttributeNames": ["nickname"]});
    world.call("AdminDeleteUserAttributes", body).await.unwrap();
    assert_eq!(attribute(&world.admin_get("alice@example.com").await, "nickname"), None);
    let long = json!({"UserAttributes": [{"Name": "email", "Value": "b@example.com"}, {"Name": "custom:tenant", "Value": "far too long"}]});
    refused_as(world.call("AdminCreateUser", create("b@example.com", &long)).await, "InvalidParameterException");
}

#[tokio::test]
async fn an_administrator_signs_a_user_out_everywhere_and_deletes_him() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    world.call("AdminUserGlobalSignOut", on("alice@example.com")).await.unwrap();
    refused_as(world.refresh(&tokens["RefreshToken"]).await, "NotAuthorizedException");
    world.call("AdminDeleteUser", on("alice@example.com")).await.unwrap();
    for operation in ["AdminGetUser", "AdminDeleteUser", "AdminDisableUser", "AdminConfirmSignUp"] {
        refused(world.call(operation, on("alice@example.com")).await, "UserNotFoundException", "User does not exist.");
    }
    let elsewhere = json!({"UserPoolId": "eu-west-1_nowhere", "Username": "a"});
    refused(
        world.call("AdminGetUser", elsewhere).await,
        "ResourceNotFoundException",
        "User pool eu-west-1_nowhere does not exist.",
    );
}

#[tokio::test]
async fn users_are_listed_by_filter_and_page() {
    let world = World::new();
    for index in 0..7 {
        let email = format!("user{index}@example.com");
        world.call("AdminCreateUser", create(&email, &json!({"MessageAction": "SUPPRESS"}))).await.unwrap();
    }
    let list = async |more: Value| {
        let mut body = json!({"UserPoolId": POOL});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.call("ListUsers", body).await
    };
    let emails = |answer: &Value| -> Vec<String> {
        answer["Users"].as_array().unwrap().iter().filter_map(|user| attribute(user, "email")).collect()
    };
    let exact = list(json!({"Filter": "email = \"user3@example.com\""})).await.unwrap();
    assert_eq!(emails(&exact), ["user3@example.com"]);
    let sub = text(&exact["Users"][0]["Username"]);
    assert_eq!(emails(&list(json!({"Filter": format!("sub = \"{sub}\"")})).await.unwrap()), ["user3@example.com"]);
    assert_eq!(emails(&list(json!({"Filter": "email ^= \"user\""})).await.unwrap()).len(), 7);
    assert_eq!(emails(&list(json!({"Filter": "email ^= \"user4\""})).await.unwrap()), ["user4@example.com"]);
    assert!(emails(&list(json!({"Filter": "email = \"' OR 1=1 --\""})).await.unwrap()).is_empty());
    let all = list(json!({"Filter": "cognito:user_status = \"FORCE_CHANGE_PASSWORD\""})).await.unwrap();
    assert_eq!(emails(&all).len(), 7);
    assert_eq!(emails(&list(json!({"Filter": "status = \"Disabled\""})).await.unwrap()).len(), 0);
    refused_as(list(json!({"Filter": "nonsense"})).await, "InvalidParameterException");
    refused_as(list(json!({"Limit": 61})).await, "InvalidParameterException");
    refused_as(list(json!({"PaginationToken": "made up"})).await, "InvalidParameterException");

    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let more = if token.is_null() { json!({"Limit": 3}) } else { json!({"Limit": 3, "PaginationToken": token}) };
        let page = list(more).await.unwrap();
        assert!(page["Users"].as_array().unwrap().len() <= 3);
        seen.extend(emails(&page));
        match page.get("PaginationToken") {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|index| format!("user{index}@example.com")).collect::<Vec<_>>());

    let narrow = list(json!({"AttributesToGet": ["email"], "Limit": 1})).await.unwrap();
    assert_eq!(narrow["Users"][0]["Attributes"].as_array().unwrap().len(), 1);
}
