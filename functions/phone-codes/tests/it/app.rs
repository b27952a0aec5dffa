//! The function with everything it stands on, and the phone at the other end.

use std::time::Duration;

use aws::{phones::Phones, queues::Queue, secrets::Secret};
use domain::{
    customer::PhoneNumber,
    phone_code::{Code, CodeKey, Lifetime, Limits},
};
use edge::clock::Clock;
use phone_codes::{PhoneCodes, handle};
use serde_json::{Value, json};
use testkit::{ManualClock, SequentialEntropy, Services, Stack, document, event_request, request};

pub const PHONE: &str = "+51987654321";

pub struct App {
    pub codes: PhoneCodes<ManualClock, SequentialEntropy>,
    pub services: Services,
    pub phones: Phones,
}

impl App {
    pub async fn start() -> Self {
        let (stack, services) = (Stack::start().await, Services::start().await);
        let environment = services.environment();
        let queue = |logical_id: &str| Queue::new(environment.sqs(), services.queue_url(logical_id));
        let codes = PhoneCodes {
            phones: stack.phones(),
            key: Some(Secret::new(environment.secrets(), "PhoneCodeKey".into())),
            sms: queue("SmsQueue"),
            timers: queue("AuthCodeTimerQueue"),
            limits: Limits {
                lifetime: Lifetime::new(60).expect("a lifetime"),
                per_phone: 5,
                per_address: 20,
                per_country: 1_000,
            },
            metrics: "florin-test".into(),
            clock: ManualClock::default(),
            entropy: SequentialEntropy::default(),
        };
        Self { codes, services, phones: stack.phones() }
    }

    /// A queue that does not exist.
    pub fn broken_queue(&self) -> Queue {
        Queue::new(self.services.environment().sqs(), format!("{}-gone", self.services.queue_url("SmsQueue")))
    }

    /// Asks for a code from this address.
    pub async fn ask_from(&self, address: &str, phone: &str) -> (u16, Value, Option<u64>) {
        let mut event = request("POST", "/phone-codes", "/phone-codes").json(&json!({"phone": phone})).event();
        event["requestContext"]["identity"]["sourceIp"] = json!(address);
        let (status, body, headers) = document(handle(&self.codes, event_request(event)).await);
        let retry_after =
            headers.get("retry-after").map(|value| value.to_str().expect("text").parse().expect("seconds"));
        (status, body, retry_after)
    }

    /// Asks for a code.
    pub async fn ask(&self, phone: &str) -> u16 {
        self.ask_from("203.0.113.7", phone).await.0
    }

    /// Asks with this body.
    pub async fn post(&self, body: &str) -> (u16, Value) {
        let request = request("POST", "/phone-codes", "/phone-codes").body(body).build();
        let (status, body, _) = document(handle(&self.codes, request).await);
        (status, body)
    }

    /// The codes in the SMS handed over since the last look.
    pub async fn sms(&self) -> Vec<(String, String)> {
        let sms = self.services.take("SmsQueue").await;
        let read = |sms: Value| {
            let (to, text) = (sms["to"].as_str().expect("a phone"), sms["text"].as_str().expect("a text"));
            (to.to_owned(), text[..Code::LEN].to_owned())
        };
        sms.into_iter().map(read).collect()
    }

    /// Whether a code is good now.
    pub async fn verify(&self, phone: &str, code: &str) -> bool {
        let (phone, code) = (PhoneNumber::parse(phone).expect("a phone"), Code::parse(code).expect("a code"));
        let key = CodeKey::new(Services::SECRET).expect("a key");
        self.phones.verify(&phone, &code, &key, self.codes.clock.now()).await.expect("an answer")
    }

    /// Lets time pass for the function and the queues.
    pub fn advance_seconds(&self, seconds: u32) {
        self.codes.clock.advance_seconds(i64::from(seconds));
        self.services.advance(Duration::from_secs(u64::from(seconds)));
    }
}
