//! Documents as an honest supplier writes them, and as anybody else might.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OURS: &str = "vch_0123456789";

fn reference() -> VoucherId {
    VoucherId::parse(OURS).expect("a reference")
}

fn told(question: Question, status: u16, body: &str) -> Result<Answer, Cause> {
    read(question, status, body.as_bytes(), &reference())
}

fn delivered(code: &str, order: Option<&str>) -> Answer {
    Answer::Delivered { code: VoucherCode::parse(code).expect("a code"), order: order.map(str::to_owned) }
}

fn refused(reason: &str) -> Answer {
    Answer::Refused { reason: reason.to_owned() }
}

#[test]
fn the_protocols_own_answers_are_understood() {
    use Question::{Order, Status};
    let done = r#"{"reference":"vch_0123456789","status":"delivered","code":"123456789012","order_id":"s-1"}"#;
    let no = r#"{"reference":"vch_0123456789","status":"refused","reason":"no stock"}"#;
    let later = r#"{"reference":"vch_0123456789","status":"processing"}"#;
    let none = r#"{"reference":"vch_0123456789","status":"not_found"}"#;
    let done_told = Ok(delivered("123456789012", Some("s-1")));
    for (question, status, body, expected) in [
        (Order, 200, done, done_told.clone()),
        (Status, 200, done, done_told),
        (Order, 200, no, Ok(refused("no stock"))),
        (Order, 422, no, Ok(refused("no stock"))),
        (Status, 200, no, Ok(refused("no stock"))),
        (Order, 202, later, Ok(Answer::Processing)),
        (Status, 200, later, Ok(Answer::Processing)),
        (Status, 404, none, Ok(Answer::NotFound)),
        // What fits no line of the protocol is not sure.
        (Order, 202, done, Err(Cause::Malformed)),
        (Order, 422, done, Err(Cause::Malformed)),
        (Order, 200, later, Err(Cause::Malformed)),
        (Order, 200, none, Err(Cause::Malformed)),
        (Order, 404, none, Err(Cause::Status(404))),
        (Order, 201, done, Err(Cause::Status(201))),
        (Order, 500, no, Err(Cause::Status(500))),
        (Order, 302, done, Err(Cause::Status(302))),
        (Status, 404, done, Err(Cause::Malformed)),
        (Status, 404, no, Err(Cause::Malformed)),
        (Status, 422, no, Err(Cause::Status(422))),
        (Status, 200, none, Err(Cause::Malformed)),
        (Status, 404, "", Err(Cause::Malformed)),
        (Status, 404, "404 page not found", Err(Cause::Malformed)),
    ] {
        assert_eq!(told(question, status, body), expected, "{question:?} {status} {body}");
    }
}

#[test]
fn what_is_not_exactly_a_document_about_our_order_is_no_answer() {
    let nested = format!(r#"{{"x":{}1{},"reference":"{OURS}"}}"#, "[".repeat(5_000), "]".repeat(5_000));
    for (body, expected) in [
        ("", Cause::Malformed),
        ("null", Cause::Malformed),
        ("\"vch_0123456789\"", Cause::Malformed),
        (r#"["vch_0123456789","delivered","123456789012",null,null]"#, Cause::Malformed),
        (r#"[{"reference":"vch_0123456789","status":"refused"}]"#, Cause::Malformed),
        ("\u{feff}{\"reference\":\"vch_0123456789\",\"status\":\"refused\"}", Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"refused"} {}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"refused""#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"refused","status":"delivered"}"#, Cause::Malformed),
        (r#"{"reference":"vch_9","reference":"vch_0123456789","status":"refused"}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"delivered","code":"1","code":"2"}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"delivered","code":123456789012}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"delivered","code":1e999999}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"delivered","code":["1"]}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"delivered","code":"1","order_id":7}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":true}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789"}"#, Cause::Malformed),
        (r#"{"status":"refused"}"#, Cause::Malformed),
        (r#"{"Reference":"vch_0123456789","status":"refused"}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"Refused"}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"refused "}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"pending"}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"refused","code":"123456789012"}"#, Cause::Malformed),
        (r#"{"reference":"vch_0123456789","status":"refused","reason":"\ud800"}"#, Cause::Malformed),
        (r#"{"reference":"vch_012345678","status":"refused"}"#, Cause::WrongReference),
        (r#"{"reference":"VCH_0123456789","status":"refused"}"#, Cause::WrongReference),
        (r#"{"reference":"vch_0123456789 ","status":"refused"}"#, Cause::WrongReference),
        (r#"{"reference":"vch_０123456789","status":"refused"}"#, Cause::WrongReference),
        (&nested, Cause::Malformed),
    ] {
        assert_eq!(told(Question::Order, 200, body), Err(expected), "{body:.80}");
    }
    let invalid = [b"{\"reference\":\"vch_0123456789\",\"status\":\"refused\",\"x\":\"".as_slice(), &[0xff], b"\"}"];
    assert_eq!(read(Question::Order, 200, &invalid.concat(), &reference()), Err(Cause::Malformed));
}

#[test]
fn a_code_is_one_to_sixty_four_letters_digits_and_hyphens() {
    let with = |code: Value| {
        told(Question::Order, 200, &json!({"reference": OURS, "status": "delivered", "code": code}).to_string())
    };
    let longest = "A".repeat(64);
    for code in ["1", "ABCD-1234-efgh", longest.as_str()] {
        assert_eq!(with(json!(code)), Ok(delivered(code, None)), "{code}");
    }
    let too_long = "1".repeat(65);
    for code in
        ["", " 1", "1234 5678", "12\n34", "<b>1</b>", "１２３４", "١٢", "12_34", "1\u{0}", "é", too_long.as_str()]
    {
        assert_eq!(with(json!(code)), Err(Cause::UnusableCode), "{code:?}");
    }
    assert_eq!(with(Value::Null), Err(Cause::UnusableCode));
    assert_eq!(
        told(Question::Order, 200, r#"{"reference":"vch_0123456789","status":"delivered"}"#),
        Err(Cause::UnusableCode)
    );
}

#[test]
fn an_order_number_nobody_can_use_does_not_cost_the_customer_the_voucher() {
    let too_long = "1".repeat(65);
    for (id, expected) in [
        (json!("S 1/2:3"), Some("S 1/2:3")),
        (json!(""), None),
        (json!(null), None),
        (json!("a\nb"), None),
        (json!("é"), None),
        (json!(too_long), None),
    ] {
        let document =
            json!({"reference": OURS, "status": "delivered", "code": "1", "order_id": id, "future": {"a": [1]}});
        assert_eq!(told(Question::Status, 200, &document.to_string()), Ok(delivered("1", expected)), "{document}");
    }
}

#[test]
fn a_reason_is_one_line_of_what_can_be_seen() {
    let reason = |text: Value| {
        let document = json!({"reference": OURS, "status": "refused", "reason": text});
        told(Question::Order, 422, &document.to_string())
    };
    for (text, expected) in [
        (json!(" out of\r\n  stock\t"), "out of stock".to_owned()),
        (json!("a\u{0}b\u{1b}[31mc"), "a b [31mc".to_owned()),
        (json!("\u{202e}evil\u{200b}\u{feff}"), "evil".to_owned()),
        (json!("número no válido"), "número no válido".to_owned()),
        (json!("x".repeat(10_000)), "x".repeat(200)),
        (json!(format!("{} y", "é".repeat(199))), "é".repeat(199)),
        (json!(null), String::new()),
    ] {
        assert_eq!(reason(text.clone()), Ok(Answer::Refused { reason: expected }), "{text:.60}");
    }
    let document = r#"{"reference":"vch_0123456789","status":"refused"}"#;
    assert_eq!(told(Question::Order, 422, document), Ok(refused("")));
}

#[test]
fn an_answer_is_printed_without_what_is_in_it() {
    let printed = format!("{:?} {:?}", delivered("123456789012", Some("s-77")), refused("call +51987654321"));
    assert_eq!(printed, "Delivered(***) Refused(***)");
}

/// What must hold of whatever was understood, however it came about.
fn holds(question: Question, status: u16, body: &[u8]) -> Result<(), TestCaseError> {
    let Ok(answer) = read(question, status, body, &reference()) else { return Ok(()) };
    let document: Value = serde_json::from_slice(body).expect("an understood document is JSON");
    prop_assert_eq!(&document["reference"], OURS);
    let said = document["status"].as_str();
    match answer {
        Answer::Delivered { code, order } => {
            prop_assert_eq!((status, said), (200, Some("delivered")));
            prop_assert_eq!(document["code"].as_str(), Some(code.as_str()));
            prop_assert!((1..=64).contains(&code.as_str().len()));
            prop_assert!(code.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            prop_assert!(order.is_none_or(|order| document["order_id"] == order && order.len() <= 64));
        }
        Answer::Refused { reason } => {
            prop_assert!(said == Some("refused") && (status == 200 || (status == 422 && question == Question::Order)));
            prop_assert!(document["code"].is_null());
            prop_assert!(reason.chars().count() <= 200 && !reason.chars().any(char::is_control));
        }
        Answer::Processing => prop_assert_eq!(said, Some("processing")),
        Answer::NotFound => {
            prop_assert_eq!((question, status, said), (Question::Status, 404, Some("not_found")));
        }
    }
    Ok(())
}

/// Statuses as they come, more often those that may mean something.
fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![prop::sample::select(vec![200u16, 202, 404, 422]), 100u16..600]
}

fn questions() -> impl Strategy<Value = Question> {
    prop_oneof![Just(Question::Order), Just(Question::Status)]
}

/// A member's value: the right words, any text, and what is no text.
fn values() -> impl Strategy<Value = Value> {
    let words = ["delivered", "refused", "processing", "not_found", OURS, "vch_1", "123456789012", "AB-12", ""];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(Value::from),
        2 => "\\PC{0,70}".prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), Just(json!(["x"])), Just(json!({}))],
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(question in questions(), status in statuses(), body in prop::collection::vec(any::<u8>(), 0..400)) {
        holds(question, status, &body)?;
    }

    #[test]
    fn only_what_a_document_says_is_understood(
        question in questions(),
        status in statuses(),
        members in prop::collection::vec(
            (prop::sample::select(vec!["reference", "status", "code", "order_id", "reason", "other"]), values()), 0..8),
        honest in any::<bool>(),
    ) {
        let mut text: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        if honest {
            text.retain(|member| !member.starts_with("\"reference\""));
            text.insert(0, format!("\"reference\":\"{OURS}\""));
        }
        holds(question, status, format!("{{{}}}", text.join(",")).as_bytes())?;
    }

    #[test]
    fn a_document_with_damage_is_understood_only_as_what_it_now_says(
        question in questions(),
        status in statuses(),
        at in any::<prop::sample::Index>(),
        with in any::<Option<u8>>(),
    ) {
        let mut body = format!(r#"{{"reference":"{OURS}","status":"delivered","code":"123456789012","order_id":"s-1"}}"#).into_bytes();
        let at = at.index(body.len());
        match with {
            Some(byte) => body[at] = byte,
            None => body.truncate(at),
        }
        holds(question, status, &body)?;
    }
}
