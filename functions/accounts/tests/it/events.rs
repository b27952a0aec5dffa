//! Every `events/accounts.*.json` is a request of API Gateway that is decoded and served.

use std::collections::BTreeSet;

use accounts::handle;
use domain::{
    Timestamp,
    account::OpenAccount,
    customer::{Customer, EmailAddress, PersonName, PhoneNumber, Registration},
    id::{AccountId, CustomerId},
    number::AccountNumber,
};
use edge::http::{Settings, render};
use serde_json::{Value, json};
use testkit::{SequentialEntropy, event, event_request, money};

use crate::app::App;

const SUBJECT: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const ACCOUNT: &str = "acc_3q8w5k2m9d7r1c6v4n0b8x2z5t";
const NUMBER: &str = "40291883774512096354";

/// The customer and the account that the events speak of, with 100.00 on it.
async fn bank() -> App {
    let app = App::empty().await;
    let owner = CustomerId::from_subject(SUBJECT).expect("a subject");
    let registration = Registration {
        given_name: PersonName::parse("Ana").expect("a name"),
        family_name: PersonName::parse("Quispe").expect("a name"),
        email: EmailAddress::parse("ana@example.com").expect("an address"),
        phone: PhoneNumber::parse("+51987654321"),
        document: None,
    };
    let opened_at: Timestamp = "2026-11-20T08:00:00Z".parse().expect("a moment");
    app.stores.customers.create(&Customer::register(owner.clone(), registration, opened_at)).await.expect("written");
    let id = AccountId::parse(ACCOUNT).expect("an id");
    let command = OpenAccount { id, owner, kind: "savings".into(), currency: money("0", "USD").currency() };
    let account = command.decide(AccountNumber::parse(NUMBER).expect("a number"), opened_at);
    app.stores.ledger.open_account(&account, &app.stores.customers_table).await.expect("opened");
    app.deposit(&json!({"account_id": ACCOUNT, "currency": "USD"}), "100").await;
    app
}

#[tokio::test]
async fn every_event_is_decoded_and_served() {
    let cases = [
        ("balance", 200, "100.00"),
        ("change", 200, "frozen"),
        ("close", 409, "balance_not_zero"),
        ("create-type", 201, "student"),
        ("entries", 200, "deposit"),
        ("entries-csv", 200, "entry_id,"),
        ("get", 200, NUMBER),
        ("get-type", 200, "savings"),
        ("list", 200, ACCOUNT),
        ("list-types", 200, "premium"),
        ("open", 201, "savings"),
        ("payees-number", 200, "Ana Q•••"),
        ("payees-phone", 200, NUMBER),
        ("statement", 200, "\"closing\":\"100.00\""),
        ("statement-csv", 200, "entry_id,"),
    ];
    for (case, status, told) in cases {
        let app = bank().await;
        let request = event_request(event(&format!("accounts.{case}.json")));
        let outcome = handle(&app.stores, &app.clock, &SequentialEntropy::default(), request).await;
        let settings = Settings { allowed_origin: "*".into() };
        let (parts, body) = render(outcome, &settings, "/", "r").expect("a response").into_parts();
        let body = String::from_utf8_lossy(body.as_ref()).into_owned();
        assert_eq!(parts.status, status, "{case}: {body}");
        assert!(body.contains(told), "{case}: {body}");
    }
    let tried: BTreeSet<_> = cases.iter().map(|(case, ..)| format!("accounts.{case}.json")).collect();
    assert_eq!(tried, on_disk(), "every event file is tried");
}

#[test]
fn every_event_says_the_same_to_the_function_in_each_of_its_spellings() {
    for file in on_disk() {
        let event = event(&file);
        let context = &event["requestContext"];
        assert_eq!(context["path"], format!("/v1{}", event["path"].as_str().expect("a path")), "{file}");
        assert_eq!(
            (&context["resourcePath"], &context["httpMethod"]),
            (&event["resource"], &event["httpMethod"]),
            "{file}"
        );
        for (single, many) in
            [("headers", "multiValueHeaders"), ("queryStringParameters", "multiValueQueryStringParameters")]
        {
            let wrapped: Value = match &event[single] {
                Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), json!([value]))).collect(),
                _ => Value::Null,
            };
            assert_eq!(event[many], wrapped, "{file}");
        }
    }
}

fn on_disk() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
    let files =
        std::fs::read_dir(folder).expect("events/").filter_map(|file| file.ok()?.file_name().into_string().ok());
    files.filter(|file| file.starts_with("accounts.")).collect()
}
