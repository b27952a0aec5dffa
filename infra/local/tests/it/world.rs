//! A runner on free ports with a folder of its own, and verbs to use it with.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local::{Config, Runner};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// A password that the template's policy takes.
pub const PASSWORD: &str = "Correct-horse-1";

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Builds the functions, once for all tests of this process.
pub async fn built() {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    let build =
        || async { local::build(&root(), &Config::new(root()).profile, true).await.expect("the functions build") };
    BUILT.get_or_init(build).await;
}

/// A runner and a client to it.
pub struct World {
    pub runner: Runner,
    pub http: Http,
    _folder: tempfile::TempDir,
}

/// A runner without demo users.
pub async fn start() -> World {
    start_with(|_| {}).await
}

/// A runner that is configured otherwise.
pub async fn start_with(change: impl FnOnce(&mut Config)) -> World {
    built().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::new(root());
    config.port = 0;
    config.aws_port = 0;
    config.supplier_port = 0;
    config.data = folder.path().join("data");
    config.build = false;
    config.demo = false;
    change(&mut config);
    let runner = Runner::start(config).await.expect("the runner starts");
    let http = Http::new(runner.api_url());
    World { runner, http, _folder: folder }
}

impl World {
    /// The AWS port.
    pub fn aws(&self) -> Http {
        Http::new(self.runner.aws_url())
    }

    /// The root of the API's port.
    pub fn root(&self) -> Http {
        Http::new(self.runner.url())
    }

    /// Signs somebody up with the code from the mail, and in.
    pub async fn customer(&self, email: &str) -> Value {
        let body = json!({"email": email, "password": PASSWORD, "given_name": "Alice", "family_name": "Ames"});
        self.http.post("/auth/sign-up", None, &body).await.expect_status(201);
        let mails = self.root().get("/_local/mail", None).await.expect_status(200);
        let mail = mails.as_array().expect("mails").iter().find(|mail| mail["to"] == email).expect("a mail").clone();
        self.http.post("/auth/confirm", None, &json!({"email": email, "code": mail["code"]})).await.expect_success();
        self.http.post("/auth/sign-in", None, &json!({"email": email, "password": PASSWORD})).await.expect_status(200)
    }
}

/// A client with a base URL.
#[derive(Clone)]
pub struct Http {
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Http {
    pub fn new(base: String) -> Http {
        Http { base, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends anything.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Seen {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let response = self.client.request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Seen { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Seen {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        self.send("GET", path, &headers, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Seen {
        self.post_once(path, token, &format!("{:032x}", fastrand::u128(..)), body).await
    }

    /// With an idempotency key.
    pub async fn post_once(&self, path: &str, token: Option<&str>, key: &str, body: &Value) -> Seen {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json"), ("idempotency-key", key)];
        headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
        self.send("POST", path, &headers, body.to_string()).await
    }

    /// A call of an AWS service that speaks JSON.
    pub async fn call(&self, target: &str, body: &Value) -> Seen {
        let headers = [
            ("x-amz-target", target),
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-date", "20261121T000000Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20261121/eu-west-1/any/aws4_request, SignedHeaders=host, Signature=0",
            ),
        ];
        self.send("POST", "/", &headers, body.to_string()).await
    }
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub fn expect_status(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    #[track_caller]
    pub fn expect_success(&self) {
        assert!((200..300).contains(&self.status), "{self:?}");
    }

    /// A problem document with this status and code.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) {
        let problem = self.expect_status(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{self:?}");
        for member in ["type", "title", "detail", "instance", "request_id"] {
            assert!(problem[member].is_string(), "{member} in {self:?}");
        }
    }
}

/// Waits for a condition, with a limit.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
