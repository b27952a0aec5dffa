use aws::vouchers::Vouchers;
use domain::{
    customer::PhoneNumber,
    phone_code::{Code, CodeKey, NewCode, SendLog},
};
use edge::clock::Clock;
use serde_json::{Value, json};
use testkit::{RequestBuilder, Services, delivered, refused, request};

use crate::app::{App, PHONE, buy, id_of, paid, partner, post};

const CODE: &str = "ABC234";

fn search(body: &Value) -> RequestBuilder {
    request("POST", "/vouchers/search", "/vouchers/search").json(body)
}

fn with(code: &str) -> RequestBuilder {
    search(&json!({"phone": PHONE, "code": code}))
}

/// What `phone-codes` writes: the phone's next code, good for a minute.
async fn issue(app: &App, generation: u64, code: &str) {
    let now = app.clock.now();
    let phone = PhoneNumber::parse(PHONE).expect("a phone");
    let new = NewCode { generation, issued_at: now, expires_at: now.plus_seconds(60), sends: SendLog::new(vec![now]) };
    let seal =
        CodeKey::new(Services::SECRET).expect("a key").seal(&phone, generation, &Code::parse(code).expect("a code"));
    assert!(app.stores.phones.issue(&phone, &new, &seal).await.expect("written"));
}

#[tokio::test]
async fn a_code_shows_what_was_bought_for_its_phone_once() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    for key in ["k1", "k2", "k3"] {
        app.clock.advance_seconds(1);
        assert_eq!(app.told(buy("alice", key, &account)).await, "202 processing");
    }
    app.clock.advance_seconds(1);
    let partners = app.send(post("k4", &paid("p-1")).claims(partner("pos"))).await;
    let mut other = crate::app::wish(&account);
    other["phone"] = json!("+51987654322");
    app.send(post("k5", &other).caller("alice", "")).await;
    app.settle(&id_of("alice", "k1"), &delivered("ABC-1")).await;
    app.settle(&id_of("alice", "k2"), &refused()).await;
    app.settle(&partners.id(), &delivered("P-1")).await;

    issue(&app, 1, CODE).await;
    let found = app.send(with(CODE)).await;
    assert_eq!((found.status, &found.body["next_cursor"]), (200, &Value::Null), "{}", found.body);
    assert_eq!(found.header("cache-control"), Some("no-store"));
    let seen: Vec<_> =
        found.body["items"].as_array().expect("items").iter().map(|item| (&item["status"], &item["code"])).collect();
    let (delivered, failed, processing) = (json!("delivered"), json!("failed"), json!("processing"));
    let (first, partners_code, none) = (json!("ABC-1"), json!("P-1"), Value::Null);
    assert_eq!(seen, [(&delivered, &partners_code), (&processing, &none), (&failed, &none), (&delivered, &first)]);
    let text = found.body.to_string();
    assert!(!text.contains("account_id") && !text.contains("payment_reference"), "{text}");
    assert_eq!(app.told(with(CODE)).await, "422 invalid_phone_code", "used");
    issue(&app, 2, "abc235").await;
    assert_eq!(app.send(with("aBc235")).await.status, 200, "the case carries nothing");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_code_the_answer_is_one() {
    let app = App::start().await;
    let unknown = app.send(with(CODE)).await;
    assert_eq!(unknown.told(), "422 invalid_phone_code");
    issue(&app, 1, CODE).await;
    for wrong in [
        "ABC235",
        "",
        "ABC23",
        "ABC2345",
        "АВС234",
        "ＡBC234",
        "ABC23\u{0}",
        "ABC 234",
        "ABC230",
        "------",
        "null",
        "ABC2३४",
        &"A".repeat(100_000),
    ] {
        let reply = app.send(with(wrong)).await;
        assert_eq!(
            (reply.status, &reply.body),
            (422, &unknown.body),
            "{:?}",
            wrong.chars().take(9).collect::<String>()
        );
    }
    // Only the first could have been one and cost a try.
    assert_eq!(app.send(with(CODE)).await.status, 200);
    issue(&app, 2, CODE).await;
    app.clock.advance_seconds(60);
    assert_eq!(app.send(with(CODE)).await.body, unknown.body, "expired");
    issue(&app, 3, CODE).await;
    for _ in 0..5 {
        assert_eq!(app.send(with("ZZZZZZ")).await.body, unknown.body);
    }
    assert_eq!(app.send(with(CODE)).await.body, unknown.body, "five wrong tries end it");
}

#[tokio::test]
async fn fields_of_the_wrong_type_and_phones_that_are_none_are_named() {
    let app = App::start().await;
    for (body, code, pointer) in [
        (json!({"phone": PHONE, "code": 123_456}), "invalid_field", "/code"),
        (json!({"phone": PHONE, "code": null}), "invalid_field", "/code"),
        (json!({"phone": PHONE, "code": ["ABC234"]}), "invalid_field", "/code"),
        (json!({"phone": PHONE}), "invalid_field", "/code"),
        (json!({"code": CODE}), "invalid_field", "/phone"),
        (json!({"phone": "987654321", "code": CODE}), "invalid_field", "/phone"),
        (json!({"phone": "＋51987654321", "code": CODE}), "invalid_field", "/phone"),
        (json!({"phone": 51_987_654_321_i64, "code": CODE}), "invalid_field", "/phone"),
        (json!({"phone": PHONE, "code": CODE, "limit": 5}), "unknown_field", "/limit"),
    ] {
        let reply = app.send(search(&body)).await;
        assert_eq!(reply.told(), format!("400 {code}"), "{body}: {}", reply.body);
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{body}: {}", reply.body);
    }
}

#[tokio::test]
async fn of_many_at_once_with_the_right_code_one_is_shown_something() {
    let app = App::start().await;
    issue(&app, 1, CODE).await;
    let told = futures::future::join_all((0..20).map(|_| app.told(with(CODE)))).await;
    assert_eq!(told.iter().filter(|told| told.starts_with("200")).count(), 1, "{told:?}");
}

#[tokio::test]
async fn without_the_key_of_the_codes_nobody_is_shown_anything() {
    let mut app = App::start().await;
    issue(&app, 1, CODE).await;
    app.shop.phone_codes = None;
    assert_eq!(app.told(with(CODE)).await, "503 unavailable");
}

#[tokio::test]
async fn a_caller_address_may_search_so_often_within_an_hour() {
    let mut app = App::start().await;
    app.shop.searches_per_address = 2;
    for _ in 0..2 {
        assert_eq!(app.told(with("ZZZZZZ")).await, "422 invalid_phone_code");
        app.clock.advance_seconds(600);
    }
    issue(&app, 1, CODE).await;
    let refused = app.send(with(CODE)).await;
    assert_eq!((refused.told().as_str(), refused.header("retry-after")), ("429 rate_limited", Some("2400")));
    app.clock.advance_seconds(2_400);
    issue(&app, 2, CODE).await;
    assert_eq!(app.send(with(CODE)).await.status, 200);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_uses_up_no_code() {
    let mut app = App::start().await;
    issue(&app, 1, CODE).await;
    let nowhere = Vouchers::new(app.stack.environment().dynamodb(), "not-there".into(), testkit::PATIENCE);
    let works = std::mem::replace(&mut app.stores.vouchers, nowhere);
    assert_eq!(app.told(with(CODE)).await, "503 unavailable");
    app.stores.vouchers = works;
    assert_eq!(app.send(with(CODE)).await.status, 200);
}
