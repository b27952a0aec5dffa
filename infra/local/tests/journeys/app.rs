//! A running Florin as a value with verbs.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use local::{Config, FaultPlan, Runner};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::OnceCell};

/// One runtime for all journeys, so that they can share one running Florin.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime"));

/// The Florin that journeys share which do not disturb each other.
static SHARED: OnceCell<App> = OnceCell::const_new();

/// Runs a journey on the shared Florin.
pub fn journey<F: Future<Output = ()>>(walk: impl FnOnce(&'static App) -> F) {
    RUNTIME.block_on(async { walk(SHARED.get_or_init(|| App::start(|_| {})).await).await });
}

/// Runs a journey that starts what it needs itself.
pub fn alone<F: Future<Output = ()>>(walk: F) {
    RUNTIME.block_on(walk);
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A running Florin and a client for it.
pub struct App {
    pub runner: Runner,
    pub http: Http,
    _data: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// Status and `code`, or the resource's `status`.
    pub fn told(&self) -> String {
        let word = self.body["code"].as_str().or(self.body["status"].as_str()).unwrap_or_default();
        format!("{} {word}", self.status.as_u16())
    }

    /// A text member that must be there.
    pub fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", self.text)).to_owned()
    }

    /// The body, if the status is the expected one.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

/// A client of one address.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Http {
    pub fn new(base: String) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), base }
    }

    /// Any request; `Err` when no answer came.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Answer { status: parts.status, headers: parts.headers, body: json, text })
    }
}

impl App {
    /// A fresh Florin on free ports.
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(root());
        config.port = 0;
        config.aws_port = 0;
        config.supplier_port = 0;
        config.data = data.path().join("state");
        config.demo = false;
        config.quiet = true;
        config.max_instances = 8;
        // What is measured is measured with functions that are built to be fast.
        config.profile = std::env::var("FLORIN_PROFILE").unwrap_or(config.profile);
        change(&mut config);
        let runner = Runner::start(config).await.expect("the runner starts");
        let http = Http::new(runner.api_url());
        Self { runner, http, _data: data }
    }

    /// A fresh Florin whose DynamoDB has these faults.
    pub async fn with_faults(plan: Value) -> Self {
        let plan = FaultPlan::parse(plan.to_string().as_bytes()).expect("a plan");
        Self::start(|config| config.faults = Some(plan)).await
    }

    /// A page at the root, outside the stage.
    pub async fn local(&self, page: &str) -> Answer {
        Http::new(self.runner.url()).send(Method::GET, page, &[], "").await.expect("an answer")
    }

    /// A request without a token.
    pub async fn public(&self, method: Method, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.http.send(method, path, &headers, body).await.expect("an answer")
    }

    /// Signs up, confirms with the mailed code and signs in.
    pub async fn sign_up(&self, name: &str) -> Person {
        let email = address(name);
        let body = json!({"email": email, "password": "Secret-word-1", "given_name": given_name(name), "family_name": "Tester"});
        self.public(Method::POST, "/auth/sign-up", body).await.expect(201);
        let code = self.mailed_code(&email).await;
        let body = json!({"email": email, "code": code});
        let confirmed = self.public(Method::POST, "/auth/confirm", body).await;
        assert!(confirmed.status.is_success(), "{}", confirmed.text);
        self.sign_in(&email, "Secret-word-1").await
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Person {
        Person::sign_in(&self.http, email, password).await
    }

    /// The newest code mailed to an address.
    pub async fn mailed_code(&self, email: &str) -> String {
        let started = Instant::now();
        loop {
            let mails = self.local("/_local/mail").await;
            let mails = mails.body.as_array().cloned().unwrap_or_default();
            let code = mails.iter().find(|mail| mail["to"] == email).and_then(|mail| mail["code"].as_str());
            if let Some(code) = code {
                return code.to_owned();
            }
            assert!(started.elapsed() < Duration::from_secs(10), "no mail to {email}: {mails:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Somebody of the staff: signed up like anybody, then put into the group.
    pub async fn employ(&self, name: &str, group: &str) -> Person {
        let person = self.sign_up(name).await;
        let pool = &self.runner.stack().user_pools()[0].id;
        let body = json!({"UserPoolId": pool, "Username": person.email, "GroupName": group});
        self.aws("AWSCognitoIdentityProviderService.AdminAddUserToGroup", "application/x-amz-json-1.1", body)
            .await
            .expect(200);
        self.sign_in(&person.email, "Secret-word-1").await
    }

    /// A call to the AWS port.
    pub async fn aws(&self, target: &str, content_type: &str, body: Value) -> Answer {
        let signed =
            "AWS4-HMAC-SHA256 Credential=local/20261121/eu-west-1/any/aws4_request, SignedHeaders=host, Signature=0";
        let headers = [
            ("x-amz-target", target),
            ("content-type", content_type),
            ("authorization", signed),
            ("x-amz-date", "20261121T000000Z"),
        ];
        Http::new(self.runner.aws_url()).send(Method::POST, "/", &headers, body.to_string()).await.expect("an answer")
    }

    /// Calls a function directly, as a schedule does.
    pub async fn invoke(&self, folder: &str, event: Value) -> Value {
        let functions = self.runner.stack().functions();
        let function = functions.iter().find(|function| function.folder == folder).expect("a function");
        let answer = self.runner.lambda().invoke(&function.name, Bytes::from(event.to_string()), None).await;
        serde_json::from_slice(&answer.expect("the function answers")).expect("JSON")
    }

    /// The audit finds nothing.
    pub async fn assert_clean(&self) {
        let report = self.invoke("ledger-audit", json!({})).await;
        assert_eq!(report["clean"], true, "{report:#}");
    }
}

/// `Ana` of `ana.walk`.
fn given_name(name: &str) -> String {
    let first = name.split('.').next().unwrap_or(name);
    first.chars().take(1).flat_map(char::to_uppercase).chain(first.chars().skip(1)).collect()
}

/// An address nobody else in this run has.
pub fn address(name: &str) -> String {
    format!("{name}@example.com")
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct Person {
    http: Http,
    pub email: String,
    pub tokens: Value,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base)
    }
}

impl Person {
    /// Signs in at an address.
    pub async fn sign_in(http: &Http, email: &str, password: &str) -> Self {
        let body = json!({"email": email, "password": password}).to_string();
        let headers = [("content-type", "application/json")];
        let tokens = http.send(Method::POST, "/auth/sign-in", &headers, body).await.expect("an answer").expect(200);
        Self { http: http.clone(), email: email.to_owned(), tokens: tokens.body }
    }

    pub fn token(&self) -> &str {
        self.tokens["access_token"].as_str().expect("an access token")
    }

    /// Any request with the access token.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, String> {
        let bearer = format!("Bearer {}", self.token());
        let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.http.send(method, path, &all, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &Value::Null).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[("idempotency-key", key)], body).await.expect("an answer")
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[], body).await.expect("an answer")
    }

    /// Opens an account and puts money on it.
    pub async fn open(&self, currency: &str, amount: &str) -> Value {
        let body = json!({"type": "checking", "currency": currency});
        let account = self.send(Method::POST, "/accounts", &[], &body).await.expect("an answer").expect(201);
        if amount != "0" {
            let id = account.text("account_id");
            let deposit = json!({"type": "deposit", "amount": amount, "currency": currency, "to_account": id});
            self.post("/transfers", &format!("opening {id}"), &deposit).await.expect(201);
        }
        account.body
    }

    /// posted, held, available.
    pub async fn balance(&self, account: &Value) -> String {
        let id = account["account_id"].as_str().expect("an account id");
        let account = self.get(&format!("/accounts/{id}")).await.expect(200);
        let part = |name: &str| account.body["balance"][name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", part("posted"), part("held"), part("available"))
    }
}

/// A withdrawal.
pub fn withdrawal(from: &Value, amount: &str) -> Value {
    json!({"type": "withdrawal", "amount": amount, "currency": from["currency"], "from_account": from["account_id"]})
}

/// A transfer by ids.
pub fn transfer(from: &Value, to: &Value, amount: &str) -> Value {
    json!({
        "type": "transfer", "amount": amount, "currency": from["currency"],
        "from_account": from["account_id"], "to_account": to["account_id"],
    })
}
