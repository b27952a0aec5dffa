//! A line to the database that is cut at a certain write: what a function leaves behind when it dies there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws::client::Environment;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpListener, sync::Notify};

use crate::Stack;

/// Where the line is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The write does not reach the database.
    Before,
    /// The write is done; its answer gets lost.
    After,
}

/// A line that is cut when it is told to. Clones share it.
#[derive(Clone)]
pub struct Line {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Writes so far by operation, and of all.
    writes: HashMap<String, u64>,
    all: u64,
    cut_at: Option<(u64, Cut)>,
    dead: bool,
    hold_at: Option<(u64, Held)>,
}

/// A write that is on its way and waits.
#[derive(Clone, Default)]
pub struct Held {
    reached: Arc<Notify>,
    released: Arc<Notify>,
}

impl Held {
    /// Waits until somebody has sent the write.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it through.
    pub fn release(&self) {
        self.released.notify_one();
    }
}

impl Line {
    /// A whole line to this database.
    pub async fn to(stack: &Stack) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let line = Self { endpoint, state: Arc::default() };
        let (state, target) = (line.state.clone(), stack.endpoint().to_owned());
        let listener = listener.into_std().expect("a listener");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                let client = Client::builder(TokioExecutor::new()).build_http();
                while let Ok((stream, _)) = listener.accept().await {
                    let (state, target, client) = (state.clone(), target.clone(), client.clone());
                    let service =
                        service_fn(move |request| carry(request, state.clone(), target.clone(), client.clone()));
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        line
    }

    /// What clients are built from.
    pub fn environment(&self) -> Environment {
        Environment::at(&self.endpoint, "eu-west-1").expect("a client")
    }

    /// Cuts the line at the `nth` write from now on (1 is the next). Then nothing gets through until it is mended.
    pub fn cut(&self, nth: u64, cut: Cut) {
        let mut state = self.state.lock().expect("a lock");
        state.cut_at = Some((state.all + nth, cut));
    }

    /// Holds the `nth` write from now on back until it is released; the others go past it.
    pub fn hold(&self, nth: u64) -> Held {
        let (mut state, held) = (self.state.lock().expect("a lock"), Held::default());
        state.hold_at = Some((state.all + nth, held.clone()));
        held
    }

    /// Makes the line whole again; `true` if it was cut.
    pub fn mend(&self) -> bool {
        let mut state = self.state.lock().expect("a lock");
        state.cut_at = None;
        std::mem::take(&mut state.dead)
    }

    /// How many writes have gone through.
    pub fn writes(&self) -> u64 {
        self.state.lock().expect("a lock").all
    }

    /// How many writes of this operation (`PutItem`) have gone through.
    pub fn writes_by(&self, operation: &str) -> u64 {
        self.state.lock().expect("a lock").writes.get(operation).copied().unwrap_or_default()
    }
}

async fn carry(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
    target: String,
    client: Client<HttpConnector, Full<Bytes>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (mut parts, body) = request.into_parts();
    let operation = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.split('.').nth(1));
    let (cut, held) = {
        let mut state = state.lock().expect("a lock");
        if state.dead {
            return Ok(dead());
        }
        let writes = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];
        match operation.filter(|operation| writes.contains(operation)) {
            Some(operation) => {
                *state.writes.entry(operation.to_owned()).or_default() += 1;
                state.all += 1;
                let all = state.all;
                let cut = state.cut_at.filter(|(at, _)| *at == all).map(|(_, cut)| cut);
                state.dead = cut.is_some();
                (cut, state.hold_at.take_if(|(at, _)| *at == all).map(|(_, held)| held))
            }
            None => (None, None),
        }
    };
    if let Some(held) = held {
        held.reached.notify_one();
        held.released.notified().await;
    }
    let body = body.collect().await?.to_bytes();
    if cut == Some(Cut::Before) {
        return Ok(dead());
    }
    parts.uri = format!("{target}/").parse().expect("a URI");
    let answer = client.request(Request::from_parts(parts, Full::new(body))).await.expect("the database answers");
    let (parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(if cut.is_some() { dead() } else { Response::from_parts(parts, Full::new(body)) })
}

/// An answer after which no client tries again: whoever gets it is to think himself dead.
fn dead() -> Response<Full<Bytes>> {
    let body = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"the line is cut"}"#;
    let answer = Response::builder().status(400).header("content-type", "application/x-amz-json-1.0");
    answer.body(Full::new(Bytes::from_static(body.as_bytes()))).expect("a response")
}
