//! Sign-up, codes, confirmation, and the trigger after it.

use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn a_sign_up_sends_a_code_and_the_code_confirms_it() {
    let world = World::new();
    let answer = world.sign_up("alice@example.com").await.unwrap();
    assert_eq!(answer["UserConfirmed"], false);
    let expected = json!({"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": "a***@e***"});
    assert_eq!(answer["CodeDeliveryDetails"], expected);

    let sent = world.last_sent();
    assert_eq!(sent.to, "alice@example.com");
    let code = sent.code.unwrap();
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    assert!(sent.message.contains(&code));
    assert_eq!(world.admin_get("alice@example.com").await["UserStatus"], "UNCONFIRMED");

    let confirm = json!({"ClientId": CLIENT, "Username": "alice@example.com", "ConfirmationCode": code});
    world.call("ConfirmSignUp", confirm.clone()).await.unwrap();
    let user = world.admin_get("alice@example.com").await;
    assert_eq!(user["UserStatus"], "CONFIRMED");
    assert_eq!(attribute(&user, "email_verified").as_deref(), Some("true"));
    refused(
        world.call("ConfirmSignUp", confirm).await,
        "NotAuthorizedException",
        "User cannot be confirmed. Current status is CONFIRMED",
    );
}

#[tokio::test]
async fn where_users_sign_in_by_mail_the_user_name_is_generated_and_equals_the_sub() {
    let world = World::new();
    let sub = world.registered("alice@example.com").await;
    let user = world.admin_get("Alice@Example.com").await;
    assert_eq!(user["Username"], sub.as_str());
    assert_eq!(attribute(&user, "sub"), Some(sub.clone()));
    assert_eq!(world.admin_get(&sub).await["Username"], sub.as_str());
}

#[tokio::test]
async fn an_address_is_taken_whatever_its_case_and_even_before_it_is_confirmed() {
    let world = World::new();
    world.sign_up("alice@example.com").await.unwrap();
    refused(
        world.sign_up("ALICE@example.com").await,
        "UsernameExistsException",
        "An account with the given email already exists.",
    );
}

#[tokio::test]
async fn a_phone_number_beside_the_mail_is_unique_too() {
    let world = World::new();
    let body = |email: &str| {
        json!({
            "ClientId": CLIENT, "Username": email, "Password": PASSWORD,
            "UserAttributes": [{"Name": "phone_number", "Value": "+51987654321"}],
        })
    };
    world.call("SignUp", body("alice@example.com")).await.unwrap();
    refused(
        world.call("SignUp", body("bob@example.com")).await,
        "UsernameExistsException",
        "An account with the given phone_number already exists.",
    );
    let user = world.admin_get("+51987654321").await;
    assert_eq!(attribute(&user, "email").as_deref(), Some("alice@example.com"));
}

#[tokio::test]
async fn passwords_that_do_not_meet_the_policy_are_refused_with_the_first_reason() {
    let world = World::new();
    for (password, reason) in [
        ("Short-1", "Password not long enough"),
        ("alllower-123", "Password must have uppercase characters"),
        ("ALLUPPER-123", "Password must have lowercase characters"),
        ("NoNumbers-here", "Password must have numeric characters"),
    ] {
        let body = json!({"ClientId": CLIENT, "Username": "a@example.com", "Password": password});
        refused(
            world.call("SignUp", body).await,
            "InvalidPasswordException",
            &format!("Password did not conform with policy: {reason}"),
        );
    }
    let body = json!({"ClientId": CLIENT, "Username": "a@example.com", "Password": "With blank-123"});
    refused_as(world.call("SignUp", body).await, "InvalidParameterException");
    assert_eq!(world.sent_count(), 0);
}

#[tokio::test]
async fn symbols_are_asked_for_where_the_template_says_nothing_of_passwords() {
    let mut pool = pool_properties();
    pool.as_object_mut().unwrap().remove("Policies");
    let world = World::with(&pool, &client_properties());
    let body = json!({"ClientId": CLIENT, "Username": "a@example.com", "Password": "Abcdefg1"});
    refused(
        world.call("SignUp", body).await,
        "InvalidPasswordException",
        "Password did not conform with policy: Password must have symbol characters",
    );
}

#[tokio::test]
async fn what_is_not_an_address_or_number_cannot_be_a_user_name() {
    let world = World::new();
    let sign_up = |username: &str, attributes: Value| json!({"ClientId": CLIENT, "Username": username, "Password": PASSWORD, "UserAttributes": attributes});
    refused(
        world.call("SignUp", sign_up("alice", json!([]))).await,
        "InvalidParameterException",
        "Username should be either an email or a phone number.",
    );
    let phone = json!([{"Name": "phone_number", "Value": "987654321"}]);
    refused(
        world.call("SignUp", sign_up("a@example.com", phone)).await,
        "InvalidParameterException",
        "Invalid phone number format.",
    );
    let other = json!([{"Name": "email", "Value": "b@example.com"}]);
    refused_as(world.call("SignUp", sign_up("a@example.com", other)).await, "InvalidParameterException");
    let email = json!([{"Name": "email", "Value": "no address"}]);
    refused(
        world.call("SignUp", sign_up("a@example.com", email)).await,
        "InvalidParameterException",
        "Invalid email address format.",
    );
    refused(
        world.call("SignUp", sign_up("+51987654321", json!([]))).await,
        "InvalidParameterException",
        "Attributes did not conform to the schema: email: The attribute is required\n",
    );
}

#[tokio::test]
async fn a_client_writes_only_the_attributes_it_may() {
    let world = World::new();
    for (name, value) in [("custom:tenant", "t1"), ("email_verified", "true"), ("nickname", "al")] {
        let body = json!({
            "ClientId": CLIENT, "Username": "a@example.com", "Password": PASSWORD,
            "UserAttributes": [{"Name": name, "Value": value}],
        });
        refused(
            world.call("SignUp", body).await,
            "NotAuthorizedException",
            "A client attempted to write unauthorized attribute",
        );
    }
    let body = json!({
        "ClientId": CLIENT, "Username": "a@example.com", "Password": PASSWORD,
        "UserAttributes": [{"Name": "custom:unknown", "Value": "x"}],
    });
    refused(
        world.call("SignUp", body).await,
        "InvalidParameterException",
        "Attributes did not conform to the schema: Type for attribute {custom:unknown} could not be determined",
    );
}

#[tokio::test]
async fn a_wrong_code_is_a_mismatch_and_the_sixth_try_is_over_the_limit() {
    let world = World::new();
    world.sign_up("a@example.com").await.unwrap();
    let code = world.last_code();
    let confirm = |code: &str| json!({"ClientId": CLIENT, "Username": "a@example.com", "ConfirmationCode": code});
    for _ in 0..5 {
        refused(
            world.call("ConfirmSignUp", confirm(&other_code(&code))).await,
            "CodeMismatchException",
            "Invalid verification code provided, please try again.",
        );
    }
    refused(
        world.call("ConfirmSignUp", confirm(&code)).await,
        "LimitExceededException",
        "Attempt limit exceeded, please try after some time.",
    );
    world.pass(3_600);
    world.call("ConfirmSignUp", confirm(&code)).await.unwrap();
}

#[tokio::test]
async fn a_code_is_over_after_a_day_and_a_resent_one_replaces_it() {
    let world = World::new();
    world.sign_up("a@example.com").await.unwrap();
    let first = world.last_code();
    let confirm = |code: &str| json!({"ClientId": CLIENT, "Username": "a@example.com", "ConfirmationCode": code});
    world.pass(24 * 3_600);
    refused(
        world.call("ConfirmSignUp", confirm(&first)).await,
        "ExpiredCodeException",
        "Invalid code provided, please request a code again.",
    );
    let resend = json!({"ClientId": CLIENT, "Username": "a@example.com"});
    let answer = world.call("ResendConfirmationCode", resend.clone()).await.unwrap();
    assert_eq!(answer["CodeDeliveryDetails"]["Destination"], "a***@e***");
    world.call("ConfirmSignUp", confirm(&world.last_code())).await.unwrap();
    refused(
        world.call("ResendConfirmationCode", resend).await,
        "InvalidParameterException",
        "User is already confirmed.",
    );
}

#[tokio::test]
async fn unknown_users_look_like_others_when_the_client_hides_them() {
    let world = World::new();
    let body = json!({"ClientId": CLIENT, "Username": "nobody@example.com"});
    let answer = world.call("ResendConfirmationCode", body).await.unwrap();
    assert_eq!(answer["CodeDeliveryDetails"]["Destination"], "n***@e***");
    assert_eq!(world.sent_count(), 0);
    let body = json!({"ClientId": CLIENT, "Username": "nobody@example.com", "ConfirmationCode": "123456"});
    refused_as(world.call("ConfirmSignUp", body).await, "ExpiredCodeException");

    let mut client = client_properties();
    client["PreventUserExistenceErrors"] = json!("LEGACY");
    world.cognito.ensure_client(POOL, CLIENT, &client).unwrap();
    let body = json!({"ClientId": CLIENT, "Username": "nobody@example.com"});
    refused(
        world.call("ResendConfirmationCode", body).await,
        "UserNotFoundException",
        "Username/client id combination not found.",
    );
}

#[tokio::test]
async fn messages_to_one_user_are_limited() {
    let world = World::new();
    world.sign_up("a@example.com").await.unwrap();
    let resend = json!({"ClientId": CLIENT, "Username": "a@example.com"});
    for _ in 0..20 {
        world.call("ResendConfirmationCode", resend.clone()).await.unwrap();
    }
    refused_as(world.call("ResendConfirmationCode", resend.clone()).await, "LimitExceededException");
    world.pass(3_600);
    world.call("ResendConfirmationCode", resend).await.unwrap();
}

#[tokio::test]
async fn confirmation_calls_the_trigger_with_the_event_of_the_real_service() {
    let world = World::new();
    let sub = world.registered("alice@example.com").await;
    let events = world.events();
    let [(arn, event)] = events.as_slice() else { panic!("one event, not {events:?}") };
    assert_eq!(arn, TRIGGER);
    assert_eq!(
        *event,
        json!({
            "version": "1", "region": "eu-west-1", "userPoolId": POOL, "userName": sub,
            "triggerSource": "PostConfirmation_ConfirmSignUp",
            "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": CLIENT},
            "request": {"userAttributes": {
                "sub": sub, "email": "alice@example.com", "email_verified": "true", "given_name": "Alice",
                "cognito:user_status": "CONFIRMED",
            }},
            "response": {},
        })
    );
}

#[tokio::test]
async fn a_failing_trigger_is_told_but_the_user_is_confirmed_all_the_same() {
    let world = World::new();
    world.sign_up("a@example.com").await.unwrap();
    *world.hooks.trigger_answer.lock().unwrap() = Some(Err("table is gone".to_owned()));
    let body = json!({"ClientId": CLIENT, "Username": "a@example.com", "ConfirmationCode": world.last_code()});
    refused(
        world.call("ConfirmSignUp", body).await,
        "UserLambdaValidationException",
        "PostConfirmation failed with error table is gone.",
    );
    world.signed_in("a@example.com").await;
}

#[tokio::test]
async fn the_pre_sign_up_trigger_may_confirm_or_refuse() {
    let mut pool = pool_properties();
    pool["LambdaConfig"] = json!({"PreSignUp": TRIGGER});
    let world = World::with(&pool, &client_properties());
    let answer = json!({"response": {"autoConfirmUser": true, "autoVerifyEmail": true}});
    *world.hooks.trigger_answer.lock().unwrap() = Some(Ok(answer));
    let answer = world.sign_up("a@example.com").await.unwrap();
    assert_eq!(answer["UserConfirmed"], true);
    assert_eq!(world.sent_count(), 0);
    assert_eq!(attribute(&world.admin_get("a@example.com").await, "email_verified").as_deref(), Some("true"));
    assert_eq!(world.events()[0].1["triggerSource"], "PreSignUp_SignUp");

    *world.hooks.trigger_answer.lock().unwrap() = Some(Err("not from here".to_owned()));
    refused(
        world.sign_up("b@example.com").await,
        "UserLambdaValidationException",
        "PreSignUp failed with error not from here.",
    );
}

#[tokio::test]
async fn a_pool_for_invited_users_takes_no_sign_ups() {
    let mut pool = pool_properties();
    pool["AdminCreateUserConfig"] = json!({"AllowAdminCreateUserOnly": "true"});
    let world = World::with(&pool, &client_properties());
    refused(
        world.sign_up("a@example.com").await,
        "NotAuthorizedException",
        "SignUp is not permitted for this user pool",
    );
}

#[tokio::test]
async fn the_same_address_signed_up_at_once_is_taken_once() {
    let world = World::new();
    let tries = (0..8).map(|_| world.sign_up("race@example.com"));
    let outcomes = futures::future::join_all(tries).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.into_iter().filter_map(Result::err).all(|(name, _)| name == "UsernameExistsException"));
}
