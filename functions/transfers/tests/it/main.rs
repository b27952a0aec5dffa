//! POST /transfers and its siblings, served in-process on a real DynamoDB engine.
#![allow(missing_docs)]

mod bad_input;
mod create;
mod events;
mod find;
mod holds;
mod idempotency;
mod reversals;
mod stopped;

use aws::customers::Customers;
use domain::{Timestamp, account::Account};
use edge::http::Request;
use serde_json::{Value, json};
use testkit::{ManualClock, RequestBuilder, Stack, document, request};
use transfers::{Policy, Stores, handle};

/// A bank with one clock.
struct Bank {
    stack: Stack,
    clock: ManualClock,
    policy: Policy,
}

impl Bank {
    async fn start() -> Self {
        let policy = Policy { self_service_deposits: true };
        Self { stack: Stack::start().await, clock: ManualClock::default(), policy }
    }

    async fn account(&self, name: &str, currency: &str, amount: &str) -> Account {
        use edge::clock::Clock;
        self.stack.account(name, currency, amount, self.clock.now()).await
    }

    /// So many milliseconds from now.
    fn later(&self, millis: i64) -> Timestamp {
        use edge::clock::Clock;
        self.clock.now().plus_millis(millis)
    }

    fn stores(&self) -> Stores {
        let client = self.stack.environment().dynamodb();
        let customers = Customers::new(client, self.stack.table("CustomersTable"));
        Stores { ledger: self.stack.ledger(), customers }
    }

    async fn serve(&self, request: Request) -> (u16, Value, bool) {
        self.clock.tick();
        let outcome = handle(&self.stores(), &self.clock, &self.policy, request).await;
        let (status, body, headers) = document(outcome);
        (status, body, headers.contains_key("idempotent-replayed"))
    }

    /// Status and `code` (or `status` of the transfer).
    async fn told(&self, request: RequestBuilder) -> String {
        let (status, body, replayed) = self.serve(request.build()).await;
        let word = body["code"].as_str().or(body["status"].as_str()).unwrap_or_default();
        format!("{status} {word}{}", if replayed { " replayed" } else { "" })
    }

    /// What blocking and unblocking write; the function for it is `customers`.
    async fn set_customer_status(&self, name: &str, status: &str) {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        self.stack
            .environment()
            .dynamodb()
            .update_item()
            .table_name(self.stack.table("CustomersTable"))
            .key("pk", S(testkit::customer(name).to_string()))
            .key("sk", S("customer".into()))
            .update_expression("SET #status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", S(status.into()))
            .send()
            .await
            .expect("the row is changed");
    }

    async fn balance(&self, account: &Account) -> String {
        let balance = self.stack.ledger().account(&account.id).await.unwrap().unwrap().balance;
        format!("{} {} {}", balance.posted, balance.held, balance.available)
    }

    async fn assert_clean(&self) {
        let audit = self.stack.ledger().audit().await.expect("the audit runs");
        assert!(audit.is_clean(), "{audit:#?}");
    }
}

/// POST /transfers of `name` under `key`.
fn post(name: &str, key: &str, body: Value) -> RequestBuilder {
    request("POST", "/transfers", "/transfers").caller(name, "customers").key(key).json(&body)
}

/// A transfer of dollars between accounts, by whatever they are named.
fn send(from: &Account, to: &str, amount: &str) -> Value {
    json!({"type": "transfer", "amount": amount, "currency": "USD", "from_account": from.id, "to_account": to})
}

/// POST /transfers/{id}/`verb`.
fn act(name: &str, groups: &str, id: &str, verb: &str, key: &str) -> RequestBuilder {
    let path = format!("/transfers/{id}/{verb}");
    request("POST", &format!("/transfers/{{id}}/{verb}"), &path).caller(name, groups).key(key)
}
