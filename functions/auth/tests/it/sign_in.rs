//! Sign-in by address and phone, tokens, passwords.

use aws::identity::Users;
use domain::customer::{EmailAddress, PersonName, Registration};
use serde_json::{Value, json};
use testkit::{document, event, event_request, request};

use crate::app::{App, PASSWORD, email};

const PHONE: &str = "+51987654321";

#[tokio::test]
async fn an_address_and_a_phone_sign_in_the_same_customer() {
    let app = App::start().await;
    let id = app.customer("alice", Some(PHONE)).await;
    for who in [json!({"email": "Alice@Example.com"}), json!({"phone": PHONE})] {
        let mut body = who;
        body["password"] = json!(PASSWORD);
        let (status, tokens) = app.post("/auth/sign-in", body).await;
        assert_eq!((status, &tokens["token_type"], &tokens["expires_in"]), (200, &json!("Bearer"), &json!(3600)));
        let claims = app.pool.claims(tokens["access_token"].as_str().expect("a token"));
        let subject = claims["sub"].as_str().expect("a subject");
        assert_eq!(domain::id::CustomerId::from_subject(subject), Some(id.clone()));
        assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string());
    }
}

#[tokio::test]
async fn unknown_and_wrong_have_one_answer() {
    let app = App::start().await;
    app.customer("alice", Some(PHONE)).await;
    let mut answers = Vec::new();
    for who in [
        json!({"email": email("alice"), "password": "Wrong-password-1"}),
        json!({"email": email("nobody"), "password": PASSWORD}),
        json!({"phone": PHONE, "password": "Wrong-password-1"}),
        json!({"phone": "+51900000000", "password": PASSWORD}),
        json!({"email": email("alice"), "password": ""}),
        json!({"email": email("nobody"), "password": ""}),
    ] {
        answers.push(app.post("/auth/sign-in", who).await);
    }
    assert_eq!((answers[0].0, &answers[0].1["code"]), (401, &json!("invalid_credentials")));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn who_signs_in_is_told_by_one_of_two_fields() {
    let app = App::start().await;
    for (body, code) in [
        (json!({"password": PASSWORD}), "invalid_field"),
        (json!({"email": email("a"), "phone": PHONE, "password": PASSWORD}), "invalid_field"),
        (json!({"email": "a", "password": PASSWORD}), "invalid_field"),
        (json!({"phone": "1", "password": PASSWORD}), "invalid_field"),
        (json!({"email": email("a")}), "invalid_field"),
        (json!({"email": email("a"), "password": PASSWORD, "user_name": "a"}), "unknown_field"),
    ] {
        assert_eq!(app.outcome("/auth/sign-in", body.clone()).await, (400, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_refresh_token_gives_new_tokens_until_sign_out() {
    let app = App::start().await;
    app.customer("alice", None).await;
    let (_, tokens) = app.sign_in("alice", PASSWORD).await;
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    let (status, fresh) = app.post("/auth/refresh", refresh.clone()).await;
    assert_eq!(status, 200);
    assert!(fresh["access_token"].is_string() && fresh.get("refresh_token").is_none(), "{fresh}");

    let token = fresh["access_token"].as_str().expect("a token");
    assert_eq!(app.send(app.with_token("POST", "/auth/sign-out", token)).await.0, 204);
    assert_eq!(app.outcome("/auth/refresh", refresh).await, (401, "invalid_session".into()));
    assert_eq!(app.outcome("/auth/refresh", json!({"refresh_token": "x"})).await, (401, "invalid_session".into()));
    let (status, _) = app.send(app.with_token("POST", "/auth/sign-out", token)).await;
    assert_eq!(status, 401, "a token that was signed out signs nobody out");
    assert_eq!(app.send(request("POST", "/auth/sign-out", "/auth/sign-out")).await.0, 401);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_with_the_code() {
    let app = App::start().await;
    app.customer("alice", None).await;
    for name in ["alice", "nobody"] {
        let outcome = app.outcome("/auth/forgot-password", json!({"email": email(name)})).await;
        assert_eq!(outcome, (202, String::new()), "{name}");
    }
    let code = app.pool.code(&email("alice"));
    let reset = |name: &str, code: &str, new_password: &str| json!({"email": email(name), "code": code, "new_password": new_password});
    for (body, status, code) in [
        (reset("alice", "0", "Another-pass-2"), 422, "invalid_code"),
        (reset("nobody", &code, "Another-pass-2"), 422, "invalid_code"),
        (reset("alice", &code, "weak"), 422, "invalid_password"),
        (reset("alice", &code, "Another-pass-2"), 204, ""),
        (reset("alice", &code, "Another-pass-3"), 422, "invalid_code"),
    ] {
        assert_eq!(app.outcome("/auth/reset-password", body.clone()).await, (status, code.to_owned()), "{body}");
    }
    assert_eq!(app.sign_in("alice", PASSWORD).await.0, 401);
    assert_eq!(app.sign_in("alice", "Another-pass-2").await.0, 200);
}

#[tokio::test]
async fn a_temporary_password_asks_for_a_new_one() {
    let app = App::start().await;
    let registration = Registration {
        given_name: PersonName::parse("Bruno").expect("a name"),
        family_name: PersonName::parse("Mamani").expect("a name"),
        email: EmailAddress::parse(&email("bruno")).expect("an address"),
        phone: None,
        document: None,
    };
    let users = Users::new(app.pool.environment().cognito(), app.pool.pool_id());
    users.create(&registration).await.expect("made by staff");
    let (status, challenge) = app.sign_in("bruno", &app.pool.code(&email("bruno"))).await;
    assert_eq!((status, &challenge["challenge"]), (200, &json!("NEW_PASSWORD_REQUIRED")), "{challenge}");

    let answer = |session: &Value, new_password: &str| {
        json!({"email": email("bruno"), "challenge": "NEW_PASSWORD_REQUIRED", "session": session,
               "new_password": new_password})
    };
    let session = &challenge["session"];
    for (body, status, code) in [
        (answer(session, "weak"), 422, "invalid_password"),
        (answer(&json!("made-up-session-of-some-length"), PASSWORD), 401, "invalid_session"),
    ] {
        assert_eq!(app.outcome("/auth/challenge", body.clone()).await, (status, code.to_owned()), "{body}");
    }
    let (_, challenge) = app.sign_in("bruno", &app.pool.code(&email("bruno"))).await;
    let (status, tokens) = app.post("/auth/challenge", answer(&challenge["session"], PASSWORD)).await;
    assert_eq!(status, 200, "{tokens}");
    assert!(tokens["access_token"].is_string());
    assert_eq!(app.sign_in("bruno", PASSWORD).await.0, 200);
}

#[tokio::test]
async fn providers_are_those_that_are_set_up() {
    let mut app = App::start().await;
    let list = |app: &App| {
        let request = event_request(event("auth.providers.json"));
        let auth = &app.auth;
        futures_now(auth::handle(auth, request))
    };
    assert_eq!(list(&app), json!({"providers": []}));
    app.auth.providers.hosted_ui = Some("https://florin.auth.eu-west-1.amazoncognito.com".into());
    app.auth.providers.callback = Some("https://bank.example/callback".into());
    app.auth.providers.names = vec!["Google", "GitHub"];
    let answer = list(&app);
    assert_eq!(answer["providers"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer["providers"][0]["name"], "Google");
    let url = answer["providers"][0]["url"].as_str().expect("a URL");
    let expected = format!(
        "https://florin.auth.eu-west-1.amazoncognito.com/oauth2/authorize?identity_provider=Google&response_type=code\
         &client_id={}&redirect_uri=https%3A%2F%2Fbank.example%2Fcallback\
         &scope=openid+email+profile+aws.cognito.signin.user.admin",
        app.pool.client_id()
    );
    assert_eq!(url, expected);
}

/// The JSON of an answer that waits for nothing.
fn futures_now(answer: impl Future<Output = Result<edge::http::Answer, edge::http::Problem>>) -> Value {
    let mut answer = std::pin::pin!(answer);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut context) {
        std::task::Poll::Ready(outcome) => document(outcome).1,
        std::task::Poll::Pending => panic!("it waits for something"),
    }
}

#[tokio::test]
async fn without_tables_an_address_still_signs_in_and_a_phone_does_not() {
    let mut app = App::start().await;
    app.customer("alice", Some(PHONE)).await;
    app.lose_tables();
    assert_eq!(app.sign_in("alice", PASSWORD).await.0, 200);
    let by_phone = app.outcome("/auth/sign-in", json!({"phone": PHONE, "password": PASSWORD})).await;
    assert_eq!(by_phone, (503, "unavailable".into()));
}
