//! An exchange to try the function on.

use std::time::Duration;

use aws::{
    customers::Customers,
    exchange::{Freshness, Warm},
    queues::Queue,
};
use domain::{exchange::Message, instrument::InstrumentStatus, order::Order};
use edge::{clock::Clock, http::Request};
use lambda_http::http::HeaderMap;
use orders::{Limits, Stores, handle};
use serde_json::{Value, json};
use testkit::{ManualClock, Market, RequestBuilder, Services, Stack, customer, document, request};

pub const SYMBOL: &str = "BTC-USD";

pub struct App {
    pub stack: Stack,
    pub services: Services,
    pub stores: Stores,
    pub limits: Limits,
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

    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// Status and `code` of a refusal, or `status` of an order.
    pub fn told(&self) -> String {
        let problem = self.header("content-type") == Some("application/problem+json");
        let word = if problem { &self.body["code"] } else { &self.body["status"] };
        let replayed = if self.is_replayed() { " replayed" } else { "" };
        format!("{} {}{replayed}", self.status, word.as_str().unwrap_or_default())
    }

    pub fn id(&self) -> String {
        self.body["order_id"].as_str().unwrap_or_else(|| panic!("{}", self.body)).to_owned()
    }

    /// A field of each item of a page.
    pub fn each(&self, field: &str) -> Vec<&str> {
        let items = self.body["items"].as_array().unwrap_or_else(|| panic!("{}", self.body));
        items.iter().map(|item| item[field].as_str().unwrap_or_default()).collect()
    }
}

impl App {
    /// With one market, on which alice has a thousand dollars and bob ten coins.
    pub async fn start() -> Self {
        let (stack, services) = (Stack::start().await, Services::start().await);
        let now = Freshness { instruments: Duration::ZERO, books: Duration::ZERO };
        let stores = Stores {
            ledger: stack.ledger(),
            warm: Warm::new(stack.exchange(), now),
            customers: Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable")),
            queue: Queue::new(services.environment().sqs(), services.queue_url("OrderQueue")),
        };
        let limits = Limits { max_open_orders: 100, market_buy_collar_bps: 500 };
        let app = Self { stack, services, stores, limits, clock: ManualClock::default() };
        app.market().await;
        app.stack.grant("alice", "USD", "1000", app.clock.now()).await;
        app.stack.grant("bob", "BTC", "10", app.clock.now()).await;
        app
    }

    /// The book, at the version its journal has.
    pub async fn market(&self) -> Market {
        self.stack.market(SYMBOL).await
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        self.serve(request.build()).await
    }

    pub async fn serve(&self, request: Request) -> Reply {
        let answer = handle(&self.stores, &self.limits, &self.clock, request).await;
        let (status, body, headers) = document(answer);
        Reply { status, body, headers }
    }

    pub async fn told(&self, request: RequestBuilder) -> String {
        self.send(request).await.told()
    }

    /// Takes what is queued.
    pub async fn queued(&self) -> Vec<Message> {
        let bodies = self.services.take("OrderQueue").await;
        bodies.into_iter().map(|body| serde_json::from_value(body).expect("a message")).collect()
    }

    /// What `orders-match` and `orders-settle` do with what is queued; how much it was.
    pub async fn run(&self) -> usize {
        let commands: Vec<_> = self.queued().await.into_iter().map(|message| message.command).collect();
        let mut market = self.market().await;
        market.apply(&commands, self.clock.now()).await.expect("the commands are applied");
        market.settle().await.expect("the journal is settled");
        commands.len()
    }

    /// Serves a request that waits while the books go on.
    pub async fn send_while_running(&self, request: RequestBuilder) -> Reply {
        let books = async {
            loop {
                self.run().await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            reply = self.send(request) => reply,
            () = books => unreachable!("the books go on"),
        }
    }

    /// Free and locked of an asset, and how many orders are open.
    pub async fn holds(&self, name: &str, asset: &str) -> String {
        let [free, locked] = self.stack.holding(name, asset).await;
        format!("{free} {locked} {}", self.stack.wallet(name).await.open_orders)
    }

    /// Every order of a customer, newest first.
    pub async fn orders_of(&self, name: &str) -> Vec<Order> {
        let page = self.stores.warm.exchange().orders_of(&customer(name), None, 200, |_| true).await;
        page.expect("a page").orders
    }

    pub async fn set_halted(&self, halted: bool) {
        let status = if halted { InstrumentStatus::Halted } else { InstrumentStatus::Trading };
        let market = self.market().await;
        let symbol = market.instrument.symbol();
        self.stores.warm.exchange().set_instrument_status(symbol, status, None).await.expect("it is set");
    }

    /// What registering and blocking write; the function for it is `customers`.
    pub async fn set_customer_status(&self, name: &str, status: &str) {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let put = self.stack.environment().dynamodb().put_item();
        put.table_name(self.stack.table("CustomersTable"))
            .item("pk", S(customer(name).to_string()))
            .item("sk", S("customer".into()))
            .item("status", S(status.into()))
            .send()
            .await
            .expect("the row is written");
    }
}

/// One coin for a hundred dollars.
pub fn limit(side: &str) -> Value {
    json!({"symbol": SYMBOL, "side": side, "type": "limit", "price": "100.00", "quantity": "1"})
}

/// The same with other fields.
pub fn with(mut body: Value, fields: Value) -> Value {
    for (field, value) in fields.as_object().expect("an object") {
        body[field] = value.clone();
    }
    body
}

/// POST /orders of a customer.
pub fn post(name: &str, key: &str, body: &Value) -> RequestBuilder {
    request("POST", "/orders", "/orders").key(key).json(body).caller(name, "")
}

/// The same with `Prefer: wait`.
pub fn post_waiting(name: &str, key: &str, body: &Value) -> RequestBuilder {
    post(name, key, body).header("Prefer", "wait=10")
}

/// DELETE /orders/{id}.
pub fn delete(name: &str, id: &str) -> RequestBuilder {
    request("DELETE", "/orders/{id}", &format!("/orders/{id}")).caller(name, "")
}

/// GET of a path of orders or trades.
pub fn get(name: &str, path: &str) -> RequestBuilder {
    let resource = if path.starts_with("/orders/") { "/orders/{id}" } else { path.split('?').next().unwrap_or(path) };
    request("GET", resource, path).caller(name, "")
}
