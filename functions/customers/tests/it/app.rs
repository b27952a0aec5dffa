//! The function as a value with verbs.

use aws::{
    customers::Customers,
    identity::{Sessions, SignedIn, Users},
    ledger::Ledger,
};
use customers::{Bank, handle};
use domain::{
    customer::{Customer, Document, DocumentKind, DocumentNumber, EmailAddress, PersonName, PhoneNumber, Registration},
    id::CustomerId,
};
use serde_json::Value;
use testkit::{ManualClock, RequestBuilder, Stack, UserPool, customer as id_of, document, request};

pub(crate) const PASSWORD: &str = "Florin-demo-1";

pub(crate) struct App {
    pub(crate) stack: Stack,
    pub(crate) pool: UserPool,
    pub(crate) bank: Bank<ManualClock>,
    pub(crate) sessions: Sessions,
}

/// An answer: status, document, `ETag`.
pub(crate) type Seen = (u16, Value, Option<String>);

impl App {
    pub(crate) async fn start() -> Self {
        let (stack, pool) = (Stack::start().await, UserPool::start().await);
        let tables = stack.environment().dynamodb();
        let client = pool.environment().cognito();
        let bank = Bank {
            customers: Customers::new(tables.clone(), stack.table("CustomersTable")),
            ledger: Ledger::new(tables, stack.table("LedgerTable")),
            users: Users::new(client.clone(), pool.pool_id()),
            clock: ManualClock::default(),
        };
        let sessions = Sessions::new(client, pool.client_id());
        Self { stack, pool, bank, sessions }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Seen {
        let (status, document, headers) = document(handle(&self.bank, request.build()).await);
        let etag = headers.get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
        (status, document, etag)
    }

    /// As staff.
    pub(crate) async fn staff(&self, method: &str, path: &str, body: Option<Value>) -> Seen {
        self.send(to(method, path, body).caller("sue", "staff")).await
    }

    /// As the customer of this name.
    pub(crate) async fn as_customer(&self, name: &str, method: &str, path: &str, body: Option<Value>) -> Seen {
        self.send(to(method, path, body).caller(name, "customers")).await
    }

    /// A customer without a user, known to `caller(name, …)`.
    pub(crate) async fn customer(&self, name: &str, phone: Option<&str>, number: Option<&str>) -> Customer {
        let customer = Customer::register(id_of(name), registration(name, phone, number), self.now());
        self.bank.customers.create(&customer).await.expect("written");
        self.bank.clock.tick();
        customer
    }

    /// A customer with a user who has confirmed and may sign in.
    pub(crate) async fn person(&self, name: &str, phone: Option<&str>) -> Customer {
        let (id, _) = self.user(name, phone).await;
        let customer = Customer::register(id, registration(name, phone, None), self.now());
        self.bank.customers.create(&customer).await.expect("written");
        customer
    }

    /// A confirmed user without a customer; his access token.
    pub(crate) async fn user(&self, name: &str, phone: Option<&str>) -> (CustomerId, String) {
        let registration = registration(name, phone, None);
        let subject = self.sessions.sign_up(&registration, PASSWORD).await.expect("signed up");
        let code = self.pool.code(registration.email.as_str());
        self.sessions.confirm(&registration.email, &code).await.expect("confirmed");
        let token = self.token(name).await.expect("signed in");
        (CustomerId::from_subject(&subject).expect("a subject"), token)
    }

    /// An access token, if the person may sign in.
    pub(crate) async fn token(&self, name: &str) -> Option<String> {
        match self.sessions.sign_in(&email(name), PASSWORD).await {
            Ok(SignedIn::Tokens(tokens)) => Some(tokens.access),
            _ => None,
        }
    }

    pub(crate) async fn read(&self, id: &CustomerId) -> Option<Customer> {
        self.bank.customers.customer(id).await.expect("read")
    }

    pub(crate) fn now(&self) -> domain::Timestamp {
        edge::clock::Clock::now(&self.bank.clock)
    }
}

/// A request to a path, with the route template that it belongs to.
pub(crate) fn to(method: &str, path: &str, body: Option<Value>) -> RequestBuilder {
    let bare = path.split('?').next().unwrap_or_default();
    let resource = match bare.split('/').collect::<Vec<_>>().as_slice() {
        ["", "customers", _] => "/customers/{id}".to_owned(),
        ["", "customers", _, rest] => format!("/customers/{{id}}/{rest}"),
        _ => bare.to_owned(),
    };
    let request = request(method, &resource, path);
    match body {
        Some(body) => request.json(&body),
        None => request,
    }
}

pub(crate) fn path(name: &str) -> String {
    format!("/customers/{}", id_of(name))
}

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.com")
}

pub(crate) fn registration(name: &str, phone: Option<&str>, number: Option<&str>) -> Registration {
    Registration {
        given_name: PersonName::parse(name).expect("a name"),
        family_name: PersonName::parse("Quispe").expect("a name"),
        email: EmailAddress::parse(&email(name)).expect("an address"),
        phone: phone.map(|text| PhoneNumber::parse(text).expect("a phone")),
        document: number.map(|text| {
            let number = DocumentNumber::parse(text).expect("a number");
            Document::new(DocumentKind::Dni, number, None, None).expect("a document")
        }),
    }
}
