//! The papers of a customer.

use domain::customer::MAX_DOCUMENTS;
use serde_json::{Value, json};
use testkit::event;

use crate::app::{App, path};

fn document(number: &str) -> Value {
    json!({"type": "passport", "number": number, "issued_on": "2024-05-01", "expires_on": "2034-05-01"})
}

#[tokio::test]
async fn documents_are_added_and_listed_by_number() {
    let app = App::start().await;
    app.customer("alice", None, Some("M1")).await;
    let documents = format!("{}/documents", path("alice"));
    let (status, added, _) = app.as_customer("alice", "POST", &documents, Some(document("b2"))).await;
    assert_eq!((status, added), (201, document("B2")));
    assert_eq!(app.staff("POST", &documents, Some(document("z3"))).await.0, 201);
    let (_, page, _) = app.as_customer("alice", "GET", &documents, None).await;
    let numbers: Vec<_> = page["items"].as_array().into_iter().flatten().map(|item| item["number"].clone()).collect();
    assert_eq!((numbers, &page["next_cursor"]), (vec![json!("B2"), json!("M1"), json!("Z3")], &Value::Null));

    let (_, first, _) = app.as_customer("alice", "GET", &format!("{documents}?limit=2"), None).await;
    let next = first["next_cursor"].as_str().expect("a cursor");
    let (_, rest, _) = app.as_customer("alice", "GET", &format!("{documents}?limit=2&cursor={next}"), None).await;
    assert_eq!((&rest["items"][0]["number"], &rest["next_cursor"]), (&json!("Z3"), &Value::Null));
    assert_eq!(app.staff("GET", "/customers?q=z3", None).await.1["items"][0]["given_name"], "alice");
}

#[tokio::test]
async fn a_number_belongs_to_one_customer() {
    let app = App::start().await;
    app.customer("alice", None, Some("A1")).await;
    app.customer("bob", None, None).await;
    for name in ["alice", "bob"] {
        let (status, answer, _) =
            app.as_customer(name, "POST", &format!("{}/documents", path(name)), Some(document("a1"))).await;
        assert_eq!((status, &answer["code"]), (409, &json!("document_taken")), "{name}");
    }
}

#[tokio::test]
async fn documents_have_owners_forms_and_a_bound() {
    let app = App::start().await;
    app.customer("alice", None, None).await;
    let documents = format!("{}/documents", path("alice"));
    assert_eq!(app.as_customer("bob", "GET", &documents, None).await.0, 404);
    assert_eq!(app.as_customer("bob", "POST", &documents, Some(document("1"))).await.0, 404);
    let before_issued = json!({"type": "dni", "number": "1", "issued_on": "2026-01-02", "expires_on": "2026-01-01"});
    let (status, answer, _) = app.as_customer("alice", "POST", &documents, Some(before_issued)).await;
    assert_eq!((status, &answer["errors"][0]["pointer"]), (400, &json!("/expires_on")));
    for number in 0..MAX_DOCUMENTS {
        let added = app.as_customer("alice", "POST", &documents, Some(document(&format!("N{number}")))).await;
        assert_eq!(added.0, 201, "{number}");
    }
    let (status, answer, _) = app.as_customer("alice", "POST", &documents, Some(document("one"))).await;
    assert_eq!((status, &answer["code"]), (409, &json!("too_many_documents")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn documents_added_at_once_are_all_there() {
    let app = std::sync::Arc::new(App::start().await);
    app.customer("alice", None, None).await;
    let tries = (0..4).map(|nth| {
        let app = app.clone();
        tokio::spawn(async move {
            let documents = format!("{}/documents", path("alice"));
            app.as_customer("alice", "POST", &documents, Some(document(&format!("N{nth}")))).await.0
        })
    });
    for status in tries.collect::<Vec<_>>() {
        assert_eq!(status.await.expect("no panic"), 201);
    }
    let alice = app.read(&testkit::customer("alice")).await.expect("a customer");
    assert_eq!((alice.documents.len(), alice.version), (4, 5));
}

#[tokio::test]
async fn the_events_are_answered() {
    let app = App::start().await;
    for (file, expected) in [
        ("customers.list.json", 200),
        ("customers.replace.json", 404),
        ("customers.add-document.json", 404),
        ("customers.profile.json", 404),
    ] {
        let outcome = customers::handle(&app.bank, testkit::event_request(event(file))).await;
        assert_eq!(testkit::document(outcome).0, expected, "{file}");
    }
}
