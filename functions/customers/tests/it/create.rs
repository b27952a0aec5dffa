//! Staff makes customers.

use aws::identity::SignedIn;
use serde_json::{Value, json};
use testkit::{document, event, event_request};

use crate::app::{App, email, registration};

const PHONE: &str = "+51987654321";

fn body(name: &str) -> Value {
    json!({"given_name": name, "family_name": "Mamani", "email": email(name)})
}

#[tokio::test]
async fn staff_makes_a_customer_who_is_invited_and_signs_in() {
    let app = App::start().await;
    let outcome = customers::handle(&app.bank, event_request(event("customers.create.json"))).await;
    let (status, made, headers) = document(outcome);
    assert_eq!((status, &made["status"], &made["version"]), (201, &json!("active"), &json!(1)), "{made}");
    assert_eq!(made["documents"][0]["number"], "PE123456");
    assert_eq!(headers["etag"], "\"1\"");

    let temporary = app.pool.code("bruno@example.com");
    let signed_in = app.sessions.sign_in("bruno@example.com", &temporary).await.expect("signed in");
    assert!(matches!(signed_in, SignedIn::Challenge { name, .. } if name == "NEW_PASSWORD_REQUIRED"));
}

#[tokio::test]
async fn customers_and_strangers_make_nobody() {
    let app = App::start().await;
    assert_eq!(app.as_customer("alice", "POST", "/customers", Some(json!("bad"))).await.0, 403, "role before body");
    assert_eq!(app.send(crate::app::to("POST", "/customers", Some(body("bob")))).await.0, 401);
    assert_eq!(app.pool.codes_sent(&email("bob")), 0);
}

#[tokio::test]
async fn what_is_taken_is_refused_and_the_user_pool_keeps_nothing() {
    let app = App::start().await;
    app.customer("alice", Some(PHONE), Some("A1")).await;
    let with = |field: &str, value: Value| {
        let mut body = body("bob");
        body[field] = value;
        body
    };
    for (body, code) in [
        (with("email", json!(email("ALICE"))), "email_taken"),
        (with("phone", json!(PHONE)), "phone_taken"),
        (with("document", json!({"type": "ruc", "number": "a1"})), "document_taken"),
    ] {
        let (status, answer, _) = app.staff("POST", "/customers", Some(body)).await;
        assert_eq!((status, &answer["code"]), (409, &json!(code)));
    }
    let (status, answer, _) = app.staff("POST", "/customers", Some(with("email", json!("x")))).await;
    assert_eq!((status, &answer["errors"][0]["pointer"]), (400, &json!("/email")));
    assert_eq!(app.staff("POST", "/customers", Some(body("bob"))).await.0, 201);
}

#[tokio::test]
async fn a_call_that_broke_off_after_the_user_was_made_is_finished_by_repeating_it() {
    let app = App::start().await;
    // As the broken-off call left it: a user, no rows.
    let subject = app.bank.users.create(&registration("bob", None, None)).await.expect("made");
    let (status, made, _) = app.staff("POST", "/customers", Some(body("bob"))).await;
    assert_eq!(status, 201, "{made}");
    let id = domain::id::CustomerId::from_subject(&subject).expect("a subject");
    assert_eq!(made["customer_id"], json!(id), "the same user");
    let (status, answer, _) = app.staff("POST", "/customers", Some(body("bob"))).await;
    assert_eq!((status, &answer["code"]), (409, &json!("email_taken")));
}
