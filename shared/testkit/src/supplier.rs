//! A supplier of vouchers on a loopback port that says what a test tells it to, and remembers what it was asked.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use domain::id::VoucherId;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// 200, carried out, with this code.
    Delivered(&'static str),
    /// 200, refused, for this reason.
    Refused(&'static str),
    /// Still under way: 202 to an order, 200 to a question.
    Processing,
    /// 404, in the words of the protocol.
    NotFound,
    /// This status and nothing that could be read.
    Status(u16),
    /// Delivered, but about another order.
    WrongReference,
    /// Closes the connection instead of an answer.
    HangsUp,
    /// Nothing, for longer than anybody waits.
    Nothing,
}

/// The supplier. Says [`Says::Processing`] until it is told otherwise.
#[derive(Clone)]
pub struct TestSupplier {
    url: String,
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    pause: Duration,
}

#[derive(Default)]
struct State {
    script: VecDeque<Says>,
    always: Option<Says>,
    calls: Vec<(String, Value)>,
    at_once: usize,
    most_at_once: usize,
}

impl TestSupplier {
    /// Starts one that answers at once.
    pub async fn start() -> Self {
        Self::slow(Duration::ZERO).await
    }

    /// Starts one that takes this long for each answer.
    pub async fn slow(pause: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let inner = Arc::new(Inner { state: Mutex::default(), pause });
        tokio::spawn(listen(listener, inner.clone()));
        Self { url, inner }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it says next, once each, in this order.
    pub fn will_say(&self, script: impl IntoIterator<Item = Says>) {
        self.inner.state.lock().expect("a lock").script.extend(script);
    }

    /// What it says when the script is at its end.
    pub fn always_says(&self, says: Says) {
        self.inner.state.lock().expect("a lock").always = Some(says);
    }

    /// Every call, oldest first: `POST vch_…` or `GET vch_…`.
    pub fn calls(&self) -> Vec<String> {
        self.inner.state.lock().expect("a lock").calls.iter().map(|(call, _)| call.clone()).collect()
    }

    /// The documents of all orders, oldest first.
    pub fn orders(&self) -> Vec<Value> {
        let state = self.inner.state.lock().expect("a lock");
        state.calls.iter().filter(|(call, _)| call.starts_with("POST")).map(|(_, body)| body.clone()).collect()
    }

    /// The most calls it had to answer at the same time.
    pub fn most_at_once(&self) -> usize {
        self.inner.state.lock().expect("a lock").most_at_once
    }
}

async fn listen(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        let inner = inner.clone();
        let service = service_fn(move |request| {
            let inner = inner.clone();
            async move { inner.answer(request).await }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Inner {
    /// An error closes the connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let order: Value = serde_json::from_slice(&body).unwrap_or_default();
        let reference = match parts.method {
            Method::POST => order["reference"].as_str().unwrap_or_default().to_owned(),
            _ => parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned(),
        };
        assert!(VoucherId::parse(&reference).is_some(), "{reference}");
        let says = self.begin(format!("{} {reference}", parts.method), order);
        tokio::time::sleep(self.pause).await;
        let answer = self.say(&says, &reference, parts.method == Method::POST).await;
        self.state.lock().expect("a lock").at_once -= 1;
        answer
    }

    fn begin(&self, call: String, order: Value) -> Says {
        let mut state = self.state.lock().expect("a lock");
        state.calls.push((call, order));
        state.at_once += 1;
        state.most_at_once = state.most_at_once.max(state.at_once);
        let says = state.script.pop_front();
        says.or_else(|| state.always.clone()).unwrap_or(Says::Processing)
    }

    async fn say(&self, says: &Says, reference: &str, ordered: bool) -> io::Result<Response<Full<Bytes>>> {
        let (status, document) = match says {
            Says::Delivered(code) => {
                (200, json!({"reference": reference, "status": "delivered", "code": code, "order_id": "SO-1"}))
            }
            Says::Refused(reason) => (200, json!({"reference": reference, "status": "refused", "reason": reason})),
            Says::Processing => {
                (if ordered { 202 } else { 200 }, json!({"reference": reference, "status": "processing"}))
            }
            Says::NotFound => (404, json!({"reference": reference, "status": "not_found"})),
            Says::Status(status) => (*status, json!({})),
            Says::WrongReference => (200, json!({"reference": "vch_other", "status": "delivered", "code": "WRONG"})),
            Says::HangsUp => return Err(io::Error::other("hung up")),
            Says::Nothing => std::future::pending().await,
        };
        let answer = Response::builder().status(status).body(Full::new(document.to_string().into()));
        answer.map_err(io::Error::other)
    }
}
