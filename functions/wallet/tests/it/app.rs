//! A bank and an exchange to try the function on.

use std::time::Duration;

use aws::{
    customers::Customers,
    exchange::{Freshness, Warm},
};
use domain::account::Account;
use edge::{clock::Clock, http::Request};
use lambda_http::http::HeaderMap;
use serde_json::{Value, json};
use testkit::{ManualClock, RequestBuilder, Stack, customer, document, request};
use wallet::{Stores, handle};

pub struct App {
    pub stack: Stack,
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
    /// Status and `code` of a refusal, or `status` of a transfer.
    pub fn told(&self) -> String {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let problem = header("content-type") == Some("application/problem+json");
        let word = if problem { &self.body["code"] } else { &self.body["status"] };
        let replayed = if header("idempotent-replayed") == Some("true") { " replayed" } else { "" };
        format!("{} {}{replayed}", self.status, word.as_str().unwrap_or_default())
    }
}

impl App {
    pub async fn start() -> Self {
        let stack = Stack::start().await;
        let now = Freshness { instruments: Duration::ZERO, books: Duration::ZERO };
        let stores = Stores {
            ledger: stack.ledger(),
            warm: Warm::new(stack.exchange(), now),
            customers: Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable")),
        };
        Self { stack, stores, clock: ManualClock::default() }
    }

    pub async fn account(&self, name: &str, amount: &str) -> Account {
        self.stack.account(name, "USD", amount, self.clock.now()).await
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

    /// What is available on an account, and free and locked in its owner's wallet.
    pub async fn money(&self, name: &str, account: &Account) -> String {
        let account = self.stores.ledger.account(&account.id).await.expect("a read").expect("the account");
        let [free, locked] = self.stack.holding(name, "USD").await;
        format!("{} {free} {locked}", account.balance.available)
    }

    /// Sets an attribute of a row; the functions for it are `accounts` and `customers`.
    pub async fn set_status(&self, table: &str, pk: &str, sk: &str, status: &str) {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let update = self.stack.environment().dynamodb().update_item();
        update
            .table_name(self.stack.table(table))
            .key("pk", S(pk.into()))
            .key("sk", S(sk.into()))
            .update_expression("SET #status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", S(status.into()))
            .send()
            .await
            .expect("the row is changed");
    }

    pub async fn set_customer_status(&self, name: &str, status: &str) {
        self.set_status("CustomersTable", customer(name).as_str(), "customer", status).await;
    }
}

/// What a customer writes.
pub fn wish(direction: &str, account: &Account, amount: &str) -> Value {
    json!({"direction": direction, "account_id": account.id, "amount": amount, "currency": "USD"})
}

/// POST /wallet/transfers of a customer.
pub fn post(name: &str, key: &str, body: &Value) -> RequestBuilder {
    request("POST", "/wallet/transfers", "/wallet/transfers").key(key).json(body).caller(name, "")
}

/// GET of a path of the wallet.
pub fn get(name: &str, path: &str) -> RequestBuilder {
    request("GET", path.split('?').next().unwrap_or(path), path).caller(name, "")
}
