//! Reading one, listing all.

use serde_json::{Value, json};
use testkit::customer as id_of;

use crate::app::{App, path};

#[tokio::test]
async fn a_customer_sees_himself_and_staff_everybody() {
    let app = App::start().await;
    let alice = app.customer("alice", None, Some("A1")).await;
    for (caller, groups, status) in
        [("alice", "", 200), ("bob", "customers", 404), ("sue", "staff", 200), ("ann", "admins", 200)]
    {
        let (seen, found, etag) = app.send(crate::app::to("GET", &path("alice"), None).caller(caller, groups)).await;
        assert_eq!(seen, status, "{caller}");
        if status == 200 {
            assert_eq!(found, serde_json::to_value(&alice).expect("JSON"), "{caller}");
            assert_eq!(etag.as_deref(), Some("\"1\""), "{caller}");
        }
    }
    let unknown = app.staff("GET", &path("nobody"), None).await;
    assert_eq!(unknown.1, app.as_customer("bob", "GET", &path("alice"), None).await.1, "the same words");
    assert_eq!(app.staff("GET", "/customers/42", None).await.0, 404);
}

#[tokio::test]
async fn filters_find_exactly_and_by_part() {
    let app = App::start().await;
    for (name, phone, number) in
        [("alice", Some("+51987654321"), Some("A1")), ("bob", None, Some("B22")), ("alina", None, Some("A2"))]
    {
        app.customer(name, phone, number).await;
    }
    let names = async |query: &str| {
        let (status, page, _) = app.staff("GET", &format!("/customers?{query}"), None).await;
        assert_eq!(status, 200, "{query}: {page}");
        let items = page["items"].as_array().expect("items");
        items.iter().map(|item| item["given_name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>().join(" ")
    };
    for (query, expected) in [
        ("", "alina bob alice"),
        ("email=ALICE@example.com", "alice"),
        ("email=x@example.com", ""),
        ("document=b22", "bob"),
        ("email=alice@example.com&document=B22", ""),
        ("email=alice@example.com&document=A1", "alice"),
        ("email=alice@example.com&status=blocked", ""),
        ("status=active", "alina bob alice"),
        ("status=blocked", ""),
        ("q=ALI", "alina alice"),
        ("q=quispe", "alina bob alice"),
        ("q=b22", "bob"),
        ("q=98765", "alice"),
        ("q=alice quispe", "alice"),
        ("q=ali&status=inactive", ""),
    ] {
        assert_eq!(names(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn parameters_that_do_not_read_are_refused() {
    let app = App::start().await;
    for (query, code) in [
        ("email=x", "invalid_parameter"),
        ("document=1-2", "invalid_parameter"),
        ("status=gone", "invalid_parameter"),
        ("q=", "invalid_parameter"),
        ("limit=0", "invalid_parameter"),
        ("cursor=abc", "invalid_cursor"),
        ("phone=1", "invalid_parameter"),
    ] {
        let (status, answer, _) = app.staff("GET", &format!("/customers?{query}"), None).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{query}");
    }
    assert_eq!(app.as_customer("alice", "GET", "/customers?limit=0", None).await.0, 403);
}

#[tokio::test]
async fn pages_follow_each_other_and_a_cursor_belongs_to_its_list() {
    let app = App::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        app.customer(name, None, None).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..3 {
        let (_, page, _) = app.staff("GET", &format!("/customers?limit=2{cursor}"), None).await;
        seen.extend(page["items"].as_array().into_iter().flatten().map(|item| item["customer_id"].clone()));
        cursor = page["next_cursor"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
    }
    assert_eq!(cursor, "");
    assert_eq!(seen, ["e", "d", "c", "b", "a"].map(|name| json!(id_of(name))).to_vec());

    let (_, page, _) = app.staff("GET", "/customers?limit=2", None).await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let (status, answer, _) = app.staff("GET", &format!("/customers?q=a&cursor={cursor}"), None).await;
    assert_eq!((status, &answer["code"]), (400, &Value::from("invalid_cursor")));
}
