//! Sign-up, and what a sign-up that breaks off leaves behind.

use aws::customers::Claim;
use domain::customer::{Customer, DocumentNumber, PhoneNumber};
use edge::clock::Clock;
use serde_json::{Value, json};
use testkit::{document, event, event_request};

use crate::app::{App, PASSWORD, email, sign_up};

const PHONE: &str = "+51987654321";

#[tokio::test]
async fn whoever_signs_up_and_confirms_is_a_customer_who_signs_in() {
    let app = App::start().await;
    let outcome = auth::handle(&app.auth, event_request(event("auth.sign-up.json"))).await;
    let (status, answer, _) = document(outcome);
    assert_eq!((status, &answer["email"]), (201, &Value::from("alice@example.com")), "{answer}");

    let alice = app.customer_of(&answer).await;
    assert_eq!(alice.documents.len(), 1);
    assert_eq!(alice.phone, PhoneNumber::parse(PHONE));
    assert_eq!(alice.created_at, app.auth.clock.now());

    assert_eq!(app.sign_in("alice", PASSWORD).await.1["code"], "user_not_confirmed");
    let code = app.pool.code("alice@example.com");
    let body = |code: &str| json!({"email": "ALICE@example.com", "code": code});
    assert_eq!(app.outcome("/auth/confirm", body("000000x")).await, (422, "invalid_code".into()));
    assert_eq!(app.outcome("/auth/confirm", body(&code)).await, (204, String::new()));
    assert_eq!(app.outcome("/auth/confirm", body(&code)).await, (422, "invalid_code".into()), "used");
    assert_eq!(app.sign_in("alice", PASSWORD).await.0, 200);
}

impl App {
    async fn customer_of(&self, answer: &Value) -> Customer {
        let id = answer["customer_id"].as_str().and_then(domain::id::CustomerId::parse).expect("an id");
        self.customers.customer(&id).await.expect("read").expect("a customer")
    }
}

#[tokio::test]
async fn what_another_customer_has_is_refused_by_name_and_nothing_is_made() {
    let app = App::start().await;
    let document = |number: &str| json!({"type": "dni", "number": number});
    let mut alice = sign_up("alice", Some(PHONE));
    alice["document"] = document("A1");
    assert_eq!(app.outcome("/auth/sign-up", alice.clone()).await.0, 201);

    let mut with_document = sign_up("bob", None);
    with_document["document"] = document("a1");
    let mut with_everything = alice;
    with_everything["password"] = json!("Another-password-1");
    for (body, code) in [
        (sign_up("Alice", None), "email_taken"),
        (sign_up("bob", Some(PHONE)), "phone_taken"),
        (with_document, "document_taken"),
        (with_everything, "email_taken"),
    ] {
        assert_eq!(app.outcome("/auth/sign-up", body.clone()).await, (409, code.to_owned()), "{body}");
    }
    assert_eq!(app.pool.codes_sent("bob@example.com"), 0, "the user pool never heard of him");
    assert_eq!(app.outcome("/auth/sign-up", sign_up("bob", None)).await.0, 201);
}

#[tokio::test]
async fn bad_bodies_are_refused_before_anything_is_asked() {
    let app = App::start().await;
    let with = |field: &str, value: Value| {
        let mut body = sign_up("alice", None);
        body[field] = value;
        body
    };
    for (body, status, code) in [
        (with("email", json!("nobody")), 400, "invalid_field"),
        (with("given_name", json!(" ")), 400, "invalid_field"),
        (with("phone", json!("987")), 400, "invalid_field"),
        (with("document", json!({"type": "dni", "number": "1", "issued_on": "2026-02-30"})), 400, "invalid_field"),
        (with("document", json!({"type": "dni", "number": "1", "country": "pe"})), 400, "unknown_field"),
        (with("groups", json!(["admins"])), 400, "unknown_field"),
        (with("status", json!("active")), 400, "unknown_field"),
        (with("password", json!("short")), 422, "invalid_password"),
        (with("password", json!("")), 422, "invalid_password"),
        (json!({"email": "a@b.co"}), 400, "invalid_field"),
    ] {
        assert_eq!(app.outcome("/auth/sign-up", body.clone()).await, (status, code.to_owned()), "{body}");
    }
    assert_eq!(app.pool.codes_sent(&email("alice")), 0);
}

#[tokio::test]
async fn a_sign_up_whose_rows_could_not_be_written_leaves_a_user_who_can_confirm() {
    let mut app = App::start().await;
    app.lose_tables();
    assert_eq!(app.outcome("/auth/sign-up", sign_up("alice", None)).await, (503, "unavailable".into()));
    // The early look already needs the table, so the user pool has not heard of her: nothing is left behind.
    assert_eq!(app.pool.codes_sent(&email("alice")), 0);

    // The function stops between user and rows: the user is there, the rows are not.
    let body = sign_up("bob", Some(PHONE));
    let mut other = App::start().await;
    other.auth.sessions = aws::identity::Sessions::new(app.pool.environment().cognito(), app.pool.client_id());
    assert_eq!(other.outcome("/auth/sign-up", body.clone()).await.0, 201);
    app.auth.customers = app.customers.clone();
    assert_eq!(app.holder(Claim::Phone(PhoneNumber::parse(PHONE).expect("a phone"))).await, None);
    // Nobody else may take over what the user has begun …
    assert_eq!(app.outcome("/auth/sign-up", body).await, (409, "email_taken".into()));
    // … but he can: another code, confirmed, and the trigger writes the rows from his attributes.
    assert_eq!(app.outcome("/auth/confirm/resend", json!({"email": email("bob")})).await.0, 202);
    let code = app.pool.code(&email("bob"));
    assert_eq!(app.outcome("/auth/confirm", json!({"email": email("bob"), "code": code})).await.0, 204);
    let event = app.pool.trigger_events().pop().expect("a trigger event");
    assert_eq!(event["request"]["userAttributes"]["phone_number"], PHONE);
    assert_eq!(app.sign_in("bob", PASSWORD).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_sign_up_with_one_phone_one_wins_and_the_others_leave_no_user_behind() {
    let app = std::sync::Arc::new(App::start().await);
    let tries = (0..6).map(|nth| {
        let app = app.clone();
        tokio::spawn(async move { (nth, app.outcome("/auth/sign-up", sign_up(&format!("c{nth}"), Some(PHONE))).await) })
    });
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for outcome in tries.collect::<Vec<_>>() {
        match outcome.await.expect("no panic") {
            (nth, (201, _)) => won.push(nth),
            (nth, (409, code)) if code == "phone_taken" => lost.push(nth),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((won.len(), lost.len()), (1, 5));
    for nth in lost {
        let again = app.outcome("/auth/sign-up", sign_up(&format!("c{nth}"), None)).await;
        assert_eq!(again.0, 201, "the address of a loser is free: {again:?}");
    }
}

#[tokio::test]
async fn a_failing_trigger_does_not_fail_the_confirmation() {
    let app = App::start().await;
    assert_eq!(app.outcome("/auth/sign-up", sign_up("alice", None)).await.0, 201);
    app.pool.break_triggers();
    let code = app.pool.code(&email("alice"));
    assert_eq!(app.outcome("/auth/confirm", json!({"email": email("alice"), "code": code})).await.0, 204);
    assert_eq!(app.sign_in("alice", PASSWORD).await.0, 200);
}

#[tokio::test]
async fn another_code_is_promised_to_everybody_and_sent_to_those_who_wait_for_one() {
    let app = App::start().await;
    assert_eq!(app.outcome("/auth/sign-up", sign_up("alice", None)).await.0, 201);
    app.customer("bob", None).await;
    for (name, sent) in [("alice", 2), ("bob", 1), ("nobody", 0)] {
        let outcome = app.outcome("/auth/confirm/resend", json!({"email": email(name)})).await;
        assert_eq!(outcome, (202, String::new()), "{name}");
        assert_eq!(app.pool.codes_sent(&email(name)), sent, "{name}");
    }
}

#[tokio::test]
async fn a_document_claims_its_number_whatever_its_kind() {
    let app = App::start().await;
    let mut body = sign_up("alice", None);
    body["document"] = json!({"type": "passport", "number": "pe1", "expires_on": "2030-01-01"});
    assert_eq!(app.outcome("/auth/sign-up", body).await.0, 201);
    assert!(app.holder(Claim::Document(DocumentNumber::parse("PE1").expect("a number"))).await.is_some());
}
