//! An S3 of one test, in memory: as much of it as functions use (put, get, list page by page, delete), and a line that
//! is cut at a certain write.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use aws::{client::Environment, objects::Bucket};
use bytes::Bytes;
use domain::Timestamp;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::line::Cut;

const BUCKET: &str = "lake";
/// Keys of one page of a list. S3 has a thousand; a few show that pages are followed.
const PAGE: usize = 3;

/// A bucket for as long as the test runs. Clones share it.
#[derive(Clone)]
pub struct Objects {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, (Bytes, Timestamp)>,
    /// The moment of what is put from now on; the machine's when there is none.
    now: Option<Timestamp>,
    writes: u64,
    cut_at: Option<(u64, Cut)>,
    dead: bool,
}

impl Objects {
    /// An empty bucket.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let objects = Self { endpoint, state: Arc::default() };
        let (state, listener) = (objects.state.clone(), listener.into_std().expect("a listener"));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    let state = state.clone();
                    let service = service_fn(move |request| answer(request, state.clone()));
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        objects
    }

    /// The bucket as functions see it.
    pub fn bucket(&self) -> Bucket {
        let environment = Environment::at(&self.endpoint, "eu-west-1").expect("a client");
        Bucket::new(environment.s3(), BUCKET.to_owned())
    }

    /// All objects by their keys.
    pub fn all(&self) -> BTreeMap<String, Bytes> {
        let state = self.state.lock().expect("a lock");
        state.objects.iter().map(|(key, (content, _))| (key.clone(), content.clone())).collect()
    }

    /// From now on objects are put at this moment.
    pub fn set_time(&self, now: Timestamp) {
        self.state.lock().expect("a lock").now = Some(now);
    }

    /// How many writes have gone through.
    pub fn writes(&self) -> u64 {
        self.state.lock().expect("a lock").writes
    }

    /// Cuts the line at the `nth` write from now on (1 is the next). Then nothing gets through until it is mended.
    pub fn cut(&self, nth: u64, cut: Cut) {
        let mut state = self.state.lock().expect("a lock");
        state.cut_at = Some((state.writes + nth, cut));
    }

    /// Makes the line whole again; `true` if it was cut.
    pub fn mend(&self) -> bool {
        let mut state = self.state.lock().expect("a lock");
        state.cut_at = None;
        std::mem::take(&mut state.dead)
    }
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let lost = || std::io::Error::other("the line is cut");
    let mut state = state.lock().expect("a lock");
    if state.dead {
        return Err(lost());
    }
    let cut = match parts.method {
        Method::PUT | Method::DELETE => {
            state.writes += 1;
            state.cut_at.filter(|(nth, _)| *nth == state.writes).map(|(_, cut)| cut)
        }
        _ => None,
    };
    state.dead = cut.is_some();
    if cut == Some(Cut::Before) {
        return Err(lost());
    }
    let path = parts.uri.path().trim_start_matches('/');
    let key = decoded(path.strip_prefix(BUCKET).unwrap_or_default().trim_start_matches('/'));
    let query = parts.uri.query().unwrap_or_default();
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let response = match parts.method {
        Method::PUT => {
            let at = state.now.unwrap_or_else(machine_time);
            state.objects.insert(key, (body, at));
            respond(200, Bytes::new())
        }
        Method::DELETE => {
            state.objects.remove(&key);
            respond(204, Bytes::new())
        }
        Method::GET if query.contains_key("list-type") => respond(200, list(&state, &query).into()),
        Method::GET => match state.objects.get(&key) {
            Some((content, _)) => respond(200, content.clone()),
            None => respond(404, "<Error><Code>NoSuchKey</Code></Error>".into()),
        },
        _ => respond(501, "<Error><Code>NotImplemented</Code></Error>".into()),
    };
    if cut == Some(Cut::After) { Err(lost()) } else { Ok(response) }
}

/// Keys of our own hold nothing that XML escapes.
fn list(state: &State, query: &BTreeMap<String, String>) -> String {
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let (prefix, after) = (text("prefix"), text("continuation-token"));
    let mut found = state.objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after).peekable();
    let (mut contents, mut last) = (String::new(), String::new());
    for (key, (content, at)) in found.by_ref().take(PAGE) {
        let size = content.len();
        contents += &format!(
            "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{at}</LastModified><ETag>\"x\"</ETag></Contents>"
        );
        last.clone_from(key);
    }
    let more = found.peek().is_some();
    let token = if more { format!("<NextContinuationToken>{last}</NextContinuationToken>") } else { String::new() };
    format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{contents}{token}</ListBucketResult>")
}

/// A path without its escapes.
fn decoded(path: &str) -> String {
    form_urlencoded::parse(path.replace('+', "%2B").replace('=', "%3D").as_bytes())
        .next()
        .map(|(key, _)| key.into_owned())
        .unwrap_or_default()
}

fn machine_time() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(since.as_millis().try_into().expect("a moment"))
}

fn respond(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body)).expect("a response")
}
