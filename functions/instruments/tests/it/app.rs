//! An exchange to try the function on.

use aws::{customers::Customers, queues::Queue};
use edge::http::Request;
use instruments::{Stores, handle};
use lambda_http::http::HeaderMap;
use serde_json::{Value, json};
use testkit::{ManualClock, RequestBuilder, Services, Stack, customer, document, request};

pub struct App {
    pub stack: Stack,
    pub services: Services,
    pub stores: Stores,
    pub clock: ManualClock,
}

/// What a client sees.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub headers: HeaderMap,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Status and `code` of a refusal, or `status` of an instrument.
    pub fn told(&self) -> String {
        let problem = self.header("content-type") == Some("application/problem+json");
        let word = if problem { &self.body["code"] } else { &self.body["status"] };
        let replayed = if self.header("idempotent-replayed") == Some("true") { " replayed" } else { "" };
        format!("{} {}{replayed}", self.status, word.as_str().unwrap_or_default())
    }
}

impl App {
    pub async fn start() -> Self {
        let (stack, services) = (Stack::start().await, Services::start().await);
        let stores = Stores {
            exchange: stack.exchange(),
            ledger: stack.ledger(),
            customers: Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable")),
            queue: Queue::new(services.environment().sqs(), services.queue_url("OrderQueue")),
        };
        Self { stack, services, stores, clock: ManualClock::default() }
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        self.serve(request.build()).await
    }

    pub async fn serve(&self, request: Request) -> Reply {
        let (status, body, headers) = document(handle(&self.stores, &self.clock, request).await);
        Reply { status, body, headers }
    }

    pub async fn told(&self, request: RequestBuilder) -> String {
        self.send(request).await.told()
    }

    /// The commands that wait for their book.
    pub async fn queued(&self) -> Vec<Value> {
        self.services.take("OrderQueue").await.into_iter().map(|body| body["command"].clone()).collect()
    }

    /// The least a customer row has.
    pub async fn customer(&self, name: &str) {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let put = self.stack.environment().dynamodb().put_item();
        put.table_name(self.stack.table("CustomersTable"))
            .item("pk", S(customer(name).to_string()))
            .item("sk", S("customer".into()))
            .item("status", S("active".into()))
            .send()
            .await
            .expect("the row is written");
    }
}

/// Bitcoin for dollars.
pub fn bitcoin() -> Value {
    json!({
        "symbol": "BTC-USD", "kind": "crypto", "base": "BTC", "quote": "USD", "price_tick": "0.010",
        "quantity_lot": "0.0001", "min_notional": "1", "maker_fee_bps": 10, "taker_fee_bps": 20,
    })
}

/// The same with another field.
pub fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

/// POST /instruments of an admin.
pub fn create(body: &Value) -> RequestBuilder {
    request("POST", "/instruments", "/instruments").json(body).caller("root", "admins")
}

/// PATCH /instruments/{symbol} of an admin.
pub fn change(symbol: &str, body: &Value) -> RequestBuilder {
    request("PATCH", "/instruments/{symbol}", &format!("/instruments/{symbol}")).json(body).caller("root", "admins")
}

/// POST /instruments/{symbol}/grants of an admin.
pub fn grant(symbol: &str, key: &str, body: &Value) -> RequestBuilder {
    let path = format!("/instruments/{symbol}/grants");
    request("POST", "/instruments/{symbol}/grants", &path).key(key).json(body).caller("root", "admins")
}
