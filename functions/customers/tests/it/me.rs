//! Who is calling, whatever broke off before.

use domain::customer::PhoneNumber;
use serde_json::{Value, json};
use testkit::{customer as id_of, event, event_request};

use crate::app::{App, email, to};

const PHONE: &str = "+51987654321";

#[tokio::test]
async fn a_customer_is_told_who_he_is() {
    let app = App::start().await;
    app.customer("alice", Some(PHONE), None).await;
    let (status, me, _) = app.as_customer("alice", "GET", "/me", None).await;
    let expected = json!({"customer_id": id_of("alice"), "email": "alice@example.com", "phone": PHONE,
                          "given_name": "alice", "family_name": "Quispe", "groups": ["customers"]});
    assert_eq!((status, me), (200, expected));
}

#[tokio::test]
async fn a_user_whose_sign_up_broke_off_becomes_a_customer_here() {
    let app = App::start().await;
    let (id, token) = app.user("alice", Some(PHONE)).await;
    let request = || to("GET", "/me", None).claims(app.pool.claims(&token));
    for _ in 0..2 {
        let (status, me, _) = app.send(request()).await;
        assert_eq!((status, &me["email"], &me["phone"]), (200, &json!("alice@example.com"), &json!(PHONE)), "{me}");
    }
    let made = app.read(&id).await.expect("a customer");
    assert_eq!((made.version, made.phone), (1, PhoneNumber::parse(PHONE)));
}

#[tokio::test]
async fn an_address_that_is_another_customers_makes_nobody() {
    let app = App::start().await;
    let (id, token) = app.user("alice", None).await;
    let other = crate::app::registration("alice", None, None);
    let other = domain::customer::Customer::register(id_of("other"), other, app.now());
    app.bank.customers.create(&other).await.expect("written");
    let (status, me, _) = app.send(to("GET", "/me", None).claims(app.pool.claims(&token))).await;
    assert_eq!((status, &me["customer_id"]), (200, &json!(id)));
    assert_eq!(app.read(&id).await, None);
}

#[tokio::test]
async fn staff_without_a_record_is_told_what_the_user_pool_knows_and_stays_without_one() {
    let app = App::start().await;
    let (id, token) = app.user("sue", None).await;
    let subject = id.subject().expect("a subject");
    app.bank.users.add_to_group(&subject, "staff").await.expect("grouped");
    let token = app.token("sue").await.unwrap_or(token);
    let (status, me, _) = app.send(to("GET", "/me", None).claims(app.pool.claims(&token))).await;
    assert_eq!((status, &me["groups"], &me["email"]), (200, &json!(["staff"]), &json!(email("sue"))), "{me}");
    assert_eq!(me["phone"], Value::Null);
    assert_eq!(app.read(&id).await, None);
}

#[tokio::test]
async fn a_token_that_outlives_its_user_brings_nobody_back() {
    let app = App::start().await;
    let (id, token) = app.user("alice", None).await;
    app.bank.users.delete(&id).await.expect("deleted");
    let (status, _, _) = app.send(to("GET", "/me", None).claims(app.pool.claims(&token))).await;
    assert_eq!(status, 401);
    assert_eq!(app.read(&id).await, None);
}

#[tokio::test]
async fn the_event_of_an_unknown_person_is_unauthorized() {
    let app = App::start().await;
    let outcome = customers::handle(&app.bank, event_request(event("customers.me.json"))).await;
    assert_eq!(testkit::document(outcome).0, 401);
}
