//! The function as a value with verbs.

use auth::{Auth, handle, providers::Providers};
use aws::{
    client::Environment,
    customers::{Claim, Customers},
    identity::{Sessions, Users},
};
use domain::id::CustomerId;
use serde_json::{Value, json};
use testkit::{ManualClock, RequestBuilder, Stack, UserPool, document, request};

pub(crate) const PASSWORD: &str = "Florin-demo-1";

pub(crate) struct App {
    _stack: Stack,
    pub(crate) pool: UserPool,
    pub(crate) customers: Customers,
    pub(crate) auth: Auth<ManualClock>,
}

impl App {
    pub(crate) async fn start() -> Self {
        let (stack, pool) = (Stack::start().await, UserPool::start().await);
        let customers = Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable"));
        let client = pool.environment().cognito();
        let providers = Providers { hosted_ui: None, callback: None, client_id: pool.client_id(), names: vec![] };
        let auth = Auth {
            sessions: Sessions::new(client.clone(), pool.client_id()),
            users: Users::new(client, pool.pool_id()),
            customers: customers.clone(),
            providers,
            clock: ManualClock::default(),
        };
        Self { _stack: stack, pool, customers, auth }
    }

    /// The tables are out of reach from now on.
    pub(crate) fn lose_tables(&mut self) {
        let nowhere = Environment::at("http://127.0.0.1:9", "eu-west-1").expect("a client");
        self.auth.customers = Customers::new(nowhere.dynamodb(), "gone".into());
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let (status, document, _) = document(handle(&self.auth, request.build()).await);
        (status, document)
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(request("POST", path, path).json(&body)).await
    }

    /// The status, and the code if it is a refusal.
    pub(crate) async fn outcome(&self, path: &str, body: Value) -> (u16, String) {
        let (status, document) = self.post(path, body).await;
        (status, document["code"].as_str().unwrap_or_default().to_owned())
    }

    /// A customer who may sign in.
    pub(crate) async fn customer(&self, name: &str, phone: Option<&str>) -> CustomerId {
        let (status, document) = self.post("/auth/sign-up", sign_up(name, phone)).await;
        assert_eq!(status, 201, "{document}");
        let email = email(name);
        let confirmed = self.outcome("/auth/confirm", json!({"email": email, "code": self.pool.code(&email)})).await;
        assert_eq!(confirmed.0, 204);
        CustomerId::parse(document["customer_id"].as_str().expect("an id")).expect("an id")
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> (u16, Value) {
        self.post("/auth/sign-in", json!({"email": email(name), "password": password})).await
    }

    /// A request with this access token, as it comes through the authorizer.
    pub(crate) fn with_token(&self, method: &str, path: &str, token: &str) -> RequestBuilder {
        request(method, path, path).claims(self.pool.claims(token)).header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn holder(&self, claim: Claim) -> Option<CustomerId> {
        self.customers.holder(&claim).await.expect("read")
    }
}

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.com")
}

pub(crate) fn sign_up(name: &str, phone: Option<&str>) -> Value {
    json!({"email": email(name), "password": PASSWORD, "given_name": name, "family_name": "Quispe", "phone": phone})
}
