//! Properties of the template: taken as CloudFormation has them, refused by name where they are not served.

use local_cognito::SetupError;
use serde_json::{Value, json};

use crate::harness::*;

fn path_of(outcome: Result<(), SetupError>) -> String {
    match outcome {
        Err(SetupError::Property { path, .. }) => path,
        other => panic!("a property error, not {other:?}"),
    }
}

fn with(mut properties: Value, name: &str, value: Value) -> Value {
    properties[name] = value;
    properties
}

#[tokio::test]
async fn pool_properties_that_are_not_served_are_named() {
    let world = World::new();
    for (name, value, path) in [
        ("WebAuthnRelyingPartyID", json!("x"), "WebAuthnRelyingPartyID"),
        ("LambdaConfig", json!({"PreTokenGeneration": TRIGGER}), "LambdaConfig.PreTokenGeneration"),
        ("Policies", json!({"PasswordPolicy": {"MinimumLenght": 8}}), "Policies.PasswordPolicy.MinimumLenght"),
        ("Policies", json!({"PasswordPolicy": {"MinimumLength": "many"}}), "Policies.PasswordPolicy.MinimumLength"),
        ("Policies", json!({"PasswordPolicy": {"MinimumLength": 5}}), "Policies.PasswordPolicy.MinimumLength"),
        (
            "Policies",
            json!({"PasswordPolicy": {"PasswordHistorySize": 3}}),
            "Policies.PasswordPolicy.PasswordHistorySize",
        ),
        ("EnabledMfas", json!(["SMS_MFA"]), "EnabledMfas"),
        ("EnabledMfas", json!([]), "EnabledMfas"),
        ("MfaConfiguration", json!("SOMETIMES"), "MfaConfiguration"),
        ("UsernameAttributes", json!(["nickname"]), "UsernameAttributes"),
        ("UsernameConfiguration", json!({"CaseSensitive": "perhaps"}), "UsernameConfiguration.CaseSensitive"),
        (
            "VerificationMessageTemplate",
            json!({"DefaultEmailOption": "CONFIRM_WITH_LINK"}),
            "VerificationMessageTemplate.DefaultEmailOption",
        ),
    ] {
        let properties = with(pool_properties(), name, value);
        assert_eq!(path_of(world.cognito.ensure_pool(POOL, &properties)), path);
    }
}

#[tokio::test]
async fn client_properties_that_are_not_served_are_named() {
    let world = World::new();
    for (name, value, path) in [
        ("ClientSecret", json!("x"), "ClientSecret"),
        ("ExplicitAuthFlows", json!(["ALLOW_USER_AUTH"]), "ExplicitAuthFlows"),
        ("AccessTokenValidity", json!(4), "AccessTokenValidity"),
        ("RefreshTokenValidity", json!(3651), "RefreshTokenValidity"),
        ("TokenValidityUnits", json!({"AccessToken": "weeks"}), "TokenValidityUnits.AccessToken"),
        ("AuthSessionValidity", json!(16), "AuthSessionValidity"),
        ("PreventUserExistenceErrors", json!("YES"), "PreventUserExistenceErrors"),
        ("RefreshTokenRotation", json!({"Feature": "ENABLED"}), "RefreshTokenRotation.Feature"),
    ] {
        let properties = with(client_properties(), name, value);
        assert_eq!(path_of(world.cognito.ensure_client(POOL, CLIENT, &properties).map(drop)), path);
    }
    let group = json!({"GroupName": "staff", "Colour": "red"});
    assert_eq!(path_of(world.cognito.ensure_group(POOL, &group)), "Colour");
    let server = json!({"Identifier": "florin", "Name": "Florin", "Scopes": [{"ScopeName": "a", "Extra": 1}]});
    assert_eq!(path_of(world.cognito.ensure_resource_server(POOL, &server)), "Scopes[0].Extra");
    let nowhere = world.cognito.ensure_client("eu-west-1_nowhere", CLIENT, &client_properties());
    assert!(matches!(nowhere, Err(SetupError::NoSuchPool(_))));
}

#[tokio::test]
async fn applying_the_template_again_updates_in_place_and_keeps_users_and_keys() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let tokens = world.signed_in("alice@example.com").await;
    let mut pool = pool_properties();
    pool["Policies"]["PasswordPolicy"]["MinimumLength"] = json!(12);
    let mut client = client_properties();
    client["AccessTokenValidity"] = json!(60);
    for _ in 0..2 {
        world.cognito.ensure_pool(POOL, &pool).unwrap();
        world.cognito.ensure_client(POOL, CLIENT, &client).unwrap();
    }
    world.verify(&text(&tokens["AccessToken"])).unwrap();
    assert_eq!(world.signed_in("alice@example.com").await["ExpiresIn"], 3_600);
    let body = json!({"ClientId": CLIENT, "Username": "b@example.com", "Password": "Short-1234"});
    refused_as(world.call("SignUp", body).await, "InvalidPasswordException");
}

#[tokio::test]
async fn pools_and_clients_describe_themselves() {
    let world = World::new();
    world.registered("alice@example.com").await;
    let answer = world.call("DescribeUserPool", json!({"UserPoolId": POOL})).await.unwrap();
    let pool = &answer["UserPool"];
    assert_eq!(pool["Id"], POOL);
    assert_eq!(pool["Name"], "florin");
    assert_eq!(pool["Arn"], format!("arn:aws:cognito-idp:eu-west-1:000000000000:userpool/{POOL}"));
    assert_eq!(pool["EstimatedNumberOfUsers"], 1);
    assert_eq!(pool["Policies"]["PasswordPolicy"]["MinimumLength"], 10);
    let listed = world.call("ListUserPools", json!({"MaxResults": 10})).await.unwrap();
    assert_eq!(listed["UserPools"][0]["Id"], POOL);
    let body = json!({"UserPoolId": POOL, "ClientId": CLIENT});
    let answer = world.call("DescribeUserPoolClient", body).await.unwrap();
    assert_eq!(answer["UserPoolClient"]["ClientId"], CLIENT);
    assert!(answer["UserPoolClient"].get("ClientSecret").is_none());
    let listed = world.call("ListUserPoolClients", json!({"UserPoolId": POOL})).await.unwrap();
    assert_eq!(listed["UserPoolClients"][0]["ClientId"], CLIENT);
}

#[tokio::test]
async fn messages_are_worded_as_the_template_has_them() {
    let mut pool = pool_properties();
    pool["VerificationMessageTemplate"] =
        json!({"EmailSubject": "Your Florin code", "EmailMessage": "Code {####}, once more {####}."});
    let invitation = json!({"EmailSubject": "Welcome", "EmailMessage": "{username} may come in with {####}"});
    pool["AdminCreateUserConfig"] = json!({"InviteMessageTemplate": invitation});
    let world = World::with(&pool, &client_properties());
    world.sign_up("alice@example.com").await.unwrap();
    let sent = world.last_sent();
    let code = sent.code.unwrap();
    assert_eq!(
        (sent.subject, sent.message),
        ("Your Florin code".to_owned(), format!("Code {code}, once more {code}."))
    );
    let body = json!({"UserPoolId": POOL, "Username": "staff@example.com", "TemporaryPassword": "Temporary-1"});
    world.call("AdminCreateUser", body).await.unwrap();
    assert_eq!(world.last_sent().message, "staff@example.com may come in with Temporary-1");
}

#[tokio::test]
async fn pools_without_mail_as_user_name_keep_the_names_given() {
    let pool = json!({"AutoVerifiedAttributes": ["email"], "AliasAttributes": ["email"]});
    let mut client = client_properties();
    client["WriteAttributes"] = json!(["email"]);
    let world = World::with(&pool, &client);
    let sign_up = |username: &str| {
        let attributes = json!([{"Name": "email", "Value": "alice@example.com"}]);
        json!({"ClientId": CLIENT, "Username": username, "Password": PASSWORD, "UserAttributes": attributes})
    };
    refused_as(world.call("SignUp", sign_up("alice@example.com")).await, "InvalidParameterException");
    world.call("SignUp", sign_up("alice")).await.unwrap();
    refused(world.call("SignUp", sign_up("alice")).await, "UsernameExistsException", "User already exists");
    let confirm =
        |username: &str, code: &str| json!({"ClientId": CLIENT, "Username": username, "ConfirmationCode": code});
    world.call("ConfirmSignUp", confirm("alice", &world.last_code())).await.unwrap();
    // The verified address is an alias, and somebody else cannot have it.
    let answer = world.signed_in("alice@example.com").await;
    assert_eq!(decoded(&answer["AccessToken"]).1["username"], "alice");
    world.call("SignUp", sign_up("bob")).await.unwrap();
    refused_as(world.call("ConfirmSignUp", confirm("bob", &world.last_code())).await, "AliasExistsException");
}

#[tokio::test]
async fn what_would_replace_the_pool_is_refused_once_it_has_users() {
    let world = World::new();
    let other = with(pool_properties(), "UsernameAttributes", json!(["email"]));
    world.cognito.ensure_pool(POOL, &other).unwrap();
    world.sign_up("alice@example.com").await.unwrap();
    world.cognito.ensure_pool(POOL, &other).unwrap();
    assert_eq!(path_of(world.cognito.ensure_pool(POOL, &pool_properties())), "UsernameAttributes");
    let sensitive = with(other, "UsernameConfiguration", json!({"CaseSensitive": true}));
    assert_eq!(path_of(world.cognito.ensure_pool(POOL, &sensitive)), "UsernameConfiguration.CaseSensitive");
}
