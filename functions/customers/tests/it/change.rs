//! Replacing what is known about a customer.

use aws::customers::Claim;
use domain::customer::{CustomerStatus, EmailAddress};
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, email, path, to};

const PHONE: &str = "+51987654321";

fn body(name: &str, phone: Option<&str>) -> Value {
    json!({"given_name": name, "family_name": "Quispe Mamani", "email": email(name), "phone": phone})
}

fn with(mut body: Value, field: &str, value: &str) -> Value {
    body[field] = json!(value);
    body
}

#[tokio::test]
async fn a_customer_corrects_names_and_phone_and_nothing_else() {
    let app = App::start().await;
    app.customer("alice", Some(PHONE), Some("A1")).await;
    let alice = path("alice");
    let put = async |body: Value| app.as_customer("alice", "PUT", &alice, Some(body)).await;
    let (status, after, etag) = put(body("alice", None)).await;
    assert_eq!((status, &after["family_name"], &after["phone"]), (200, &json!("Quispe Mamani"), &Value::Null));
    assert_eq!((&after["documents"][0]["number"], etag.as_deref()), (&json!("A1"), Some("\"2\"")));
    assert_eq!(put(body("alice", None)).await.1["version"], 2, "the same again changes nothing");
    assert_eq!(put(with(body("alice", None), "status", "active")).await.0, 200, "as it is already");
    for (body, code, status) in [
        (with(body("alice", None), "status", "inactive"), "forbidden", 403),
        (with(body("alice", None), "email", "new@example.com"), "forbidden", 403),
        (with(body("alice", None), "status", "gone"), "invalid_field", 400),
        (with(body("alice", None), "customer_id", "cus_1"), "unknown_field", 400),
        (json!({"given_name": "alice"}), "invalid_field", 400),
    ] {
        let (seen, answer, _) = put(body.clone()).await;
        assert_eq!((seen, &answer["code"]), (status, &json!(code)), "{body}");
    }
    let of_bob = app.as_customer("bob", "PUT", &alice, Some(body("alice", None))).await;
    assert_eq!(of_bob.0, 404);
    assert_eq!(app.as_customer("bob", "PUT", &alice, Some(json!({}))).await.0, 400, "body before ownership");
}

#[tokio::test]
async fn if_match_lets_only_the_version_pass_that_was_read() {
    let app = App::start().await;
    app.customer("alice", None, None).await;
    let put = async |tag: &str| {
        let request = to("PUT", &path("alice"), Some(body("alice", Some(PHONE)))).header("If-Match", tag);
        app.send(request.caller("alice", "")).await.0
    };
    assert_eq!(put("\"7\"").await, 412);
    assert_eq!(put("\"1\"").await, 200);
    assert_eq!(put("\"1\"").await, 412);
    assert_eq!(put("*").await, 200);
}

#[tokio::test]
async fn what_another_customer_has_is_not_taken_over() {
    let app = App::start().await;
    app.customer("alice", Some(PHONE), None).await;
    app.customer("bob", None, None).await;
    let (status, answer, _) = app.as_customer("bob", "PUT", &path("bob"), Some(body("bob", Some(PHONE)))).await;
    assert_eq!((status, &answer["code"]), (409, &json!("phone_taken")));
    let (status, answer, _) =
        app.staff("PUT", &path("bob"), Some(with(body("bob", None), "email", "ALICE@example.com"))).await;
    assert_eq!((status, &answer["code"]), (409, &json!("email_taken")));
    assert_eq!(app.read(&testkit::customer("bob")).await.map(|bob| bob.version), Some(1));
}

#[tokio::test]
async fn the_user_pool_follows_a_new_address() {
    let app = App::start().await;
    let alice = app.person("alice", None).await;
    let path = format!("/customers/{}", alice.id);
    let new = with(body("alice", Some(PHONE)), "email", "alicia@example.com");
    assert_eq!(app.staff("PUT", &path, Some(new.clone())).await.0, 200);
    assert!(app.sessions.sign_in("alicia@example.com", PASSWORD).await.is_ok());
    assert!(app.sessions.sign_in("alice@example.com", PASSWORD).await.is_err());

    // The address goes back although a user without a customer has it in the pool: the table is put back too.
    app.user("orphan", None).await;
    let (status, answer, _) = app.staff("PUT", &path, Some(with(new, "email", "orphan@example.com"))).await;
    assert_eq!((status, &answer["code"]), (409, &json!("email_taken")));
    let claim = |text: &str| Claim::Email(EmailAddress::parse(text).expect("an address"));
    assert_eq!(app.bank.customers.holder(&claim("orphan@example.com")).await.expect("read"), None);
    assert_eq!(app.bank.customers.holder(&claim("alicia@example.com")).await.expect("read"), Some(alice.id));
}

#[tokio::test]
async fn a_phone_that_is_removed_is_removed_everywhere() {
    let app = App::start().await;
    let alice = app.person("alice", Some(PHONE)).await;
    let path = format!("/customers/{}", alice.id);
    assert_eq!(app.staff("PUT", &path, Some(body("alice", None))).await.0, 200);
    let attributes = app.bank.users.attributes(&email("alice")).await.expect("a user");
    assert_eq!(attributes.get("phone_number").map(String::as_str).filter(|phone| !phone.is_empty()), None);
    assert_eq!(attributes["family_name"], "Quispe Mamani");
}

#[tokio::test]
async fn whoever_is_blocked_cannot_sign_in_or_change_anything_until_he_is_active_again() {
    let app = App::start().await;
    let alice = app.person("alice", None).await;
    let token = app.token("alice").await.expect("signed in");
    let path = format!("/customers/{}", alice.id);
    let own = || to("PUT", &path, Some(body("alice", Some(PHONE)))).claims(app.pool.claims(&token));
    for status in ["blocked", "blocked"] {
        let (seen, after, _) = app.staff("PUT", &path, Some(with(body("alice", None), "status", status))).await;
        assert_eq!((seen, &after["status"]), (200, &json!("blocked")), "and again does no harm");
        assert_eq!(app.token("alice").await, None);
    }
    assert!(app.sessions.sign_out(&token).await.is_err(), "every session has ended");
    let (status, answer, _) = app.send(own()).await;
    assert_eq!((status, &answer["code"]), (409, &json!("customer_not_active")));

    assert_eq!(app.staff("PUT", &path, Some(body("alice", None))).await.1["status"], "blocked", "left as it is");
    assert_eq!(app.token("alice").await, None);
    assert_eq!(app.staff("PUT", &path, Some(with(body("alice", None), "status", "active"))).await.0, 200);
    assert!(app.token("alice").await.is_some());
    assert_eq!(app.read(&alice.id).await.map(|alice| alice.status), Some(CustomerStatus::Active));
}
