//! A bank to try the function on: its routes as verbs, and what has to be there before.

use std::sync::Arc;

use accounts::{Stores, handle};
use aws::{customers::Customers, ledger::transfers::Posted};
use domain::{
    customer::{Customer, CustomerStatus, EmailAddress, PersonName, PhoneNumber, Registration},
    id::AccountId,
};
use edge::{clock::Clock, entropy::Entropy, http::Request};
use lambda_http::http::HeaderMap;
use serde_json::{Value, json};
use testkit::{ManualClock, RequestBuilder, SequentialEntropy, Stack, command, customer, document, money, request};

#[derive(Clone)]
pub struct App {
    pub stack: Stack,
    pub stores: Stores,
    pub clock: ManualClock,
    pub entropy: Arc<dyn Entropy>,
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

    /// The body of a success.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

struct Borrowed<'a>(&'a dyn Entropy);

impl Entropy for Borrowed<'_> {
    fn bytes(&self) -> [u8; 16] {
        self.0.bytes()
    }
}

impl App {
    /// An empty bank.
    pub async fn empty() -> Self {
        let stack = Stack::start().await;
        let customers_table = stack.table("CustomersTable");
        let customers = Customers::new(stack.environment().dynamodb(), customers_table.clone());
        let stores = Stores { ledger: stack.ledger(), customers, customers_table };
        let entropy = Arc::new(SequentialEntropy::default());
        Self { stack, stores, clock: ManualClock::default(), entropy }
    }

    /// A bank with the customers Ana Pérez and Ben Ortiz.
    pub async fn start() -> Self {
        let app = Self::empty().await;
        app.register("ana", "Ana", "Pérez", Some("+51987654321")).await;
        app.register("ben", "Ben", "Ortiz", None).await;
        app
    }

    pub async fn register(&self, name: &str, given: &str, family: &str, phone: Option<&str>) -> Customer {
        let registration = Registration {
            given_name: PersonName::parse(given).expect("a name"),
            family_name: PersonName::parse(family).expect("a name"),
            email: EmailAddress::parse(&format!("{name}@example.com")).expect("an address"),
            phone: phone.map(|phone| PhoneNumber::parse(phone).expect("a phone")),
            document: None,
        };
        let made = Customer::register(customer(name), registration, self.clock.now());
        self.stores.customers.create(&made).await.expect("the customer is written");
        made
    }

    pub async fn set_status(&self, before: &Customer, status: CustomerStatus) {
        self.stores.customers.replace(before, &before.with_status(status)).await.expect("the customer is written");
    }

    pub async fn send(&self, request: Request) -> Reply {
        let outcome = handle(&self.stores, &self.clock, &Borrowed(self.entropy.as_ref()), request).await;
        let (status, body, headers) = document(outcome);
        Reply { status, body, headers }
    }

    /// A request of `who`: a customer's name, or `name:groups`.
    pub async fn call(&self, who: &str, method: &str, path: &str) -> Reply {
        self.send(to(who, method, path).build()).await
    }

    pub async fn call_with(&self, who: &str, method: &str, path: &str, body: &Value) -> Reply {
        self.send(to(who, method, path).json(body).build()).await
    }

    /// Opens a checking account and answers it.
    pub async fn open(&self, who: &str, currency: &str) -> Value {
        self.clock.tick();
        self.call_with(who, "POST", "/accounts", &json!({"type": "checking", "currency": currency})).await.expect(201)
    }

    /// Puts money on an account.
    pub async fn deposit(&self, account: &Value, amount: &str) {
        assert!(self.try_deposit(account, amount).await, "{account}");
    }

    /// Whether a deposit is posted.
    pub async fn try_deposit(&self, account: &Value, amount: &str) -> bool {
        self.clock.tick();
        let now = self.clock.now();
        let name = format!("deposit {now} {}", account["account_id"]);
        let amount = money(amount, account["currency"].as_str().expect("a currency"));
        let command = command(&name, None, Some(&id(account)), amount);
        matches!(self.stack.transfer(&command, now).await.expect("the ledger answers"), Posted::Done(_))
    }

    /// Takes money off an account.
    pub async fn withdraw(&self, account: &Value, amount: &str) {
        self.clock.tick();
        let now = self.clock.now();
        let amount = money(amount, account["currency"].as_str().expect("a currency"));
        let command = command(&format!("withdrawal {now}"), Some(&id(account)), None, amount);
        let posted = self.stack.transfer(&command, now).await.expect("the ledger answers");
        assert!(matches!(posted, Posted::Done(_)), "{posted:?}");
    }
}

/// The identifier of an account as answered.
pub fn id(account: &Value) -> AccountId {
    account["account_id"].as_str().and_then(AccountId::parse).expect("an account")
}

/// `/accounts/<id>` and what follows.
pub fn path(account: &Value, rest: &str) -> String {
    format!("/accounts/{}{rest}", id(account))
}

/// A request of `who`: a customer's name, or `name:groups`.
pub fn to(who: &str, method: &str, path: &str) -> RequestBuilder {
    let (name, groups) = who.split_once(':').unwrap_or((who, ""));
    request(method, route(path), path).caller(name, groups)
}

/// The route template that a path belongs to.
fn route(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["accounts"] => "/accounts",
        ["accounts", _] => "/accounts/{id}",
        ["accounts", _, "entries"] => "/accounts/{id}/entries",
        ["accounts", _, "balance"] => "/accounts/{id}/balance",
        ["accounts", _, "statement"] => "/accounts/{id}/statement",
        ["account-types"] => "/account-types",
        ["account-types", _] => "/account-types/{id}",
        ["payees"] => "/payees",
        _ => panic!("no route: {path}"),
    }
}
