//! The user pool of one test: the runner's own, set up from the template, behind the real wire.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws::client::Environment;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use local_cognito::{Cognito, Hooks, Surroundings, generate_rsa_key};
use local_template::Options;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::dynamo::root;

const REGION: &str = "eu-west-1";

/// An isolated user pool with the template's clients and groups, for as long as the test runs.
#[derive(Clone)]
pub struct UserPool {
    cognito: Cognito,
    endpoint: String,
    pool_id: String,
    client_id: String,
    letters: Arc<Letters>,
    _directory: Arc<tempfile::TempDir>,
}

/// What left the pool.
#[derive(Default)]
struct Letters {
    /// Address and code (or temporary password), oldest first.
    codes: Mutex<Vec<(String, String)>>,
    /// The events that triggers got.
    events: Mutex<Vec<Value>>,
    /// Whether triggers fail.
    broken: Mutex<bool>,
}

impl Hooks for Letters {
    fn trigger(&self, _: &str, event: Value) -> BoxFuture<'static, Result<Value, String>> {
        self.events.lock().expect("a lock").push(event.clone());
        let broken = *self.broken.lock().expect("a lock");
        Box::pin(async move { if broken { Err("the trigger is broken".into()) } else { Ok(event) } })
    }

    fn mail(&self, to: &str, _: &str, _: &str, code: Option<&str>) {
        if let Some(code) = code {
            self.codes.lock().expect("a lock").push((to.to_owned(), code.to_owned()));
        }
    }

    fn sms(&self, _: &str, _: &str) {}
}

impl UserPool {
    /// Starts one. The first of a process makes two RSA keys, which takes a moment; the others share them.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let letters = Arc::new(Letters::default());
        let made = AtomicUsize::new(0);
        let around = Surroundings {
            new_key: Arc::new(move || Ok(key(made.fetch_add(1, Ordering::SeqCst)))),
            ..Surroundings::real(Arc::clone(&letters) as Arc<dyn Hooks>)
        };
        let file = directory.path().join("user-pool.sqlite");
        let cognito = Cognito::open_with(&file, "http://localhost:4566", REGION, "000000000000", around)
            .expect("a user pool store");

        let options = Options::local("http://localhost:4566");
        let stack = local_template::load(&root().join("template.yaml"), &options).expect("template.yaml reads");
        let pool = stack.user_pools().first().expect("template.yaml has a user pool");
        let client = stack.user_pool_clients().first().expect("template.yaml has a client");
        cognito.ensure_pool(&pool.id, &pool.properties).expect("the pool is set up");
        cognito.ensure_client(&pool.id, &client.id, &client.properties).expect("the client is set up");
        for group in stack.groups() {
            cognito.ensure_group(&pool.id, &group.properties).expect("the group is set up");
        }
        Self {
            endpoint: listen(cognito.clone()).await,
            pool_id: pool.id.clone(),
            client_id: client.id.clone(),
            cognito,
            letters,
            _directory: Arc::new(directory),
        }
    }

    /// What clients are built from.
    pub fn environment(&self) -> Environment {
        Environment::at(&self.endpoint, REGION).expect("a client")
    }

    /// The pool's id.
    pub fn pool_id(&self) -> String {
        self.pool_id.clone()
    }

    /// The public client's id.
    pub fn client_id(&self) -> String {
        self.client_id.clone()
    }

    /// The newest code or temporary password that was mailed to this address.
    pub fn code(&self, address: &str) -> String {
        let codes = self.letters.codes.lock().expect("a lock");
        let newest = codes.iter().rev().find(|(to, _)| to == address);
        newest.unwrap_or_else(|| panic!("nothing was mailed to {address}")).1.clone()
    }

    /// How many codes and temporary passwords went to this address.
    pub fn codes_sent(&self, address: &str) -> usize {
        self.letters.codes.lock().expect("a lock").iter().filter(|(to, _)| to == address).count()
    }

    /// The events that triggers have been called with, oldest first.
    pub fn trigger_events(&self) -> Vec<Value> {
        self.letters.events.lock().expect("a lock").clone()
    }

    /// From now on every trigger fails.
    pub fn break_triggers(&self) {
        *self.letters.broken.lock().expect("a lock") = true;
    }

    /// The claims of a token, as the authorizer passes them on.
    pub fn claims(&self, token: &str) -> Value {
        let claims = self.cognito.verify(&self.pool_id, token, std::time::SystemTime::now()).expect("a good token");
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        claims.0.iter().map(|(name, value)| (name.clone(), Value::String(text(value)))).collect()
    }
}

/// Keys are slow to make: two of them serve all pools of the process.
fn key(index: usize) -> Vec<u8> {
    static KEYS: [OnceLock<Vec<u8>>; 2] = [const { OnceLock::new() }; 2];
    KEYS[index % 2].get_or_init(|| generate_rsa_key().expect("a key")).clone()
}

async fn listen(cognito: Cognito) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let listener = listener.into_std().expect("a listener");
    // A thread of its own: hashing blocks, and a test's runtime may have one thread only.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let cognito = cognito.clone();
                let service = service_fn(move |request| answer(cognito.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    endpoint
}

async fn answer(cognito: Cognito, request: Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(cognito.handle(Request::from_parts(parts, body)).await.map(Full::new))
}
