use futures::future::join_all;

use crate::app::{App, PHONE};

#[tokio::test]
async fn bad_bodies_get_their_problem_documents() {
    let app = App::start().await;
    for (body, code, pointer) in [
        ("", "malformed_json", None),
        ("{", "malformed_json", None),
        ("[]", "invalid_field", Some("")),
        ("{}", "invalid_field", Some("/phone")),
        (r#"{"phone":null}"#, "invalid_field", Some("/phone")),
        (r#"{"phone":51987654321}"#, "invalid_field", Some("/phone")),
        (r#"{"phone":""}"#, "invalid_field", Some("/phone")),
        (r#"{"phone":"51987654321"}"#, "invalid_field", Some("/phone")),
        (r#"{"phone":"+51 987 654 321"}"#, "invalid_field", Some("/phone")),
        (r#"{"phone":"+5198765432１"}"#, "invalid_field", Some("/phone")),
        (r#"{"phone":"+1234567890123456"}"#, "invalid_field", Some("/phone")),
        (r#"{"phone":"+51987654321","code":"ABC234"}"#, "unknown_field", Some("/code")),
    ] {
        let (status, problem) = app.post(body).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{body}: {problem}");
        assert_eq!(problem.pointer("/errors/0/pointer").and_then(|pointer| pointer.as_str()), pointer, "{body}");
    }
    assert_eq!(app.sms().await, []);
}

#[tokio::test]
async fn without_a_secret_there_are_no_codes() {
    let mut app = App::start().await;
    app.codes.key = None;
    assert_eq!(app.ask(PHONE).await, 503);
    assert_eq!(app.ask("51").await, 400, "what is wrong with the request comes first");
    assert_eq!(app.sms().await, []);
}

#[tokio::test]
async fn a_phone_gets_five_sms_an_hour() {
    let app = App::start().await;
    for round in 0..5 {
        // Each from another network: the limit is the phone's.
        let (status, ..) = app.ask_from(&format!("203.0.113.{round}"), PHONE).await;
        assert_eq!(status, 202);
        app.advance_seconds(60);
    }
    assert_eq!(app.sms().await.len(), 5);
    let (status, body, retry_after) = app.ask_from("203.0.113.9", PHONE).await;
    assert_eq!((status, body["code"].as_str(), retry_after), (429, Some("rate_limited"), Some(3_300)));
    assert_eq!(app.ask("+51987654322").await, 202, "another phone is free");
    app.advance_seconds(3_299);
    assert_eq!(app.ask(PHONE).await, 429);
    app.advance_seconds(1);
    assert_eq!(app.ask(PHONE).await, 202);
    assert_eq!(app.sms().await.len(), 2);
}

#[tokio::test]
async fn an_address_has_twenty_sms_an_hour_over_all_phones() {
    let app = App::start().await;
    let phones: Vec<_> = (0..25).map(|index| format!("+519876543{index:02}")).collect();
    for (index, phone) in phones.iter().enumerate() {
        // One IPv6 network is one caller.
        let (status, _, retry_after) = app.ask_from(&format!("2001:db8::{index:x}"), phone).await;
        assert_eq!((status, retry_after), if index < 20 { (202, None) } else { (429, Some(3_600)) }, "{index}");
    }
    assert_eq!(app.sms().await.len(), 20);
    assert_eq!(app.ask_from("2001:db8::1", &phones[0]).await.0, 202, "a good code needs no SMS");
    assert_eq!(app.ask_from("2001:db8:0:1::1", &phones[24]).await.0, 202, "another network is free");
    assert_eq!(app.sms().await.len(), 1, "who was refused has lost nothing");
}

#[tokio::test]
async fn limits_hold_for_requests_at_the_same_moment() {
    let mut app = App::start().await;
    app.codes.limits.per_address = 7;
    app.codes.limits.per_country = 9;
    let phones: Vec<_> = (0..40).map(|index| format!("+519876543{index:02}")).collect();
    let all = async |address| join_all(phones.iter().map(|phone| app.ask_from(address, phone))).await;
    let (first, second, third) = (all("203.0.113.1").await, all("203.0.113.2").await, all("203.0.113.3").await);
    let sent = app.sms().await.len();
    assert!((1..=7).contains(&first.iter().filter(|(status, ..)| *status == 202).count()));
    assert!(sent <= 9, "{sent}");
    for (status, body, retry_after) in first.iter().chain(&second).chain(&third) {
        assert!(*status == 202 || (*status == 429 && retry_after.is_some_and(|seconds| seconds > 0)), "{body}");
    }
}

#[tokio::test]
async fn a_country_has_its_daily_budget() {
    let mut app = App::start().await;
    app.codes.limits.per_country = 2;
    for (phone, expected) in [
        ("+51987654321", (202, None)),
        ("+51987654322", (202, None)),
        ("+51987654323", (429, Some(14 * 3_600))),
        ("+12025550123", (202, None)),
        ("+51987654321", (202, None)), // good still: needs no SMS
    ] {
        let (status, _, retry_after) = app.ask_from("203.0.113.7", phone).await;
        assert_eq!((status, retry_after), expected, "{phone}");
    }
    assert_eq!(app.sms().await.len(), 3);
    app.advance_seconds(14 * 3_600);
    assert_eq!(app.ask("+51987654323").await, 202);
}
