//! Any body is a command or a problem document whose status is that of its code, and never both wrong and accepted.
#![no_main]

use std::collections::BTreeMap;

use edge::http::{AmountField, CurrencyField, Request};
use lambda_http::Body;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    amount: AmountField,
    currency: CurrencyField,
    to_account: Option<String>,
    hold: Option<bool>,
    expires_in: Option<u32>,
    metadata: Option<BTreeMap<String, Value>>,
    document: Option<Document>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    number: String,
}

fuzz_target!(|data: &[u8]| {
    let request = Request::new(lambda_http::Request::new(Body::Binary(data.to_vec())));
    match request.parse::<Command>() {
        Ok(command) => {
            let json: Value = serde_json::from_slice(data).expect("what was accepted is JSON");
            assert_eq!(json["amount"].as_str(), Some(command.amount.as_str()));
            assert_eq!(json["currency"].as_str(), Some(command.currency.0.code()));
            if let Ok(money) = command.amount.money(command.currency.0, "/amount") {
                assert!(!money.is_zero() && !money.is_negative());
            }
            std::hint::black_box((command.to_account, command.hold, command.expires_in, command.metadata));
            std::hint::black_box(command.document.map(|document| document.number));
        }
        Err(problem) => {
            let document = problem.document("/transfers", "id");
            assert_eq!(document["status"], problem.code.status());
            assert_eq!(document["code"], problem.code.as_str());
            assert!([400, 413].contains(&problem.code.status()), "{document}");
        }
    }
});
