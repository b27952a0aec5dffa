//! API Gateway REST, as the template declares it.
//!
//! ```text
//! line and headers ≤ 10 kB ─ route ─ preflight? ─ throttle ─ authorizer ─ body ≤ 10 MB ─ event ─ function ≤ 29 s ─ answer
//! ```
//!
//! Whoever is turned away on the way gets the template's gateway response. Nothing here knows a route or a function of ours
//! by name, and no request, however made, may panic it or reach another route than the one it names.

pub mod answer;
pub mod authorizer;
mod cors;
pub mod event;
mod response;
pub mod router;
pub mod throttle;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming as Body;
use local_lambda::{InvokeError, PAYLOAD_LIMIT};
use local_template::{Event, Stack};

use crate::body::{self, Unread};
use crate::log::Log;
use answer::{Answers, Cause, Context};
use authorizer::{Authorizer, Refused, Verifier};
use router::Router;
use throttle::Bucket;

/// Longest request line and headers together, in bytes (AWS quota).
const HEAD_LIMIT: usize = 10_240;
/// Largest body, in bytes (AWS quota).
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// How long the gateway waits for a function (AWS quota).
const INTEGRATION_LIMIT: Duration = Duration::from_secs(29);

/// What stands behind the routes.
pub trait Integration: Send + Sync + 'static {
    /// Invokes a function by its physical name and waits for its answer.
    fn invoke(&self, function: &str, payload: Bytes, trace: &str) -> BoxFuture<'static, Result<Bytes, InvokeError>>;
}

impl Integration for local_lambda::Lambda {
    fn invoke(&self, function: &str, payload: Bytes, trace: &str) -> BoxFuture<'static, Result<Bytes, InvokeError>> {
        let (lambda, function, trace) = (self.clone(), function.to_owned(), trace.to_owned());
        Box::pin(async move { lambda.invoke(&function, payload, Some(&trace)).await })
    }
}

/// The API of a stack.
pub struct Gateway {
    stage: String,
    authority: String,
    router: Router<Endpoint>,
    preflights: HashMap<Box<str>, HeaderMap>,
    authorizers: Vec<Authorizer>,
    answers: Answers,
    binary_media_types: Vec<String>,
    integration: Arc<dyn Integration>,
    log: Log,
}

/// One method of one resource.
struct Endpoint {
    place: event::Place,
    function: String,
    /// Index of its authorizer and the header that it reads.
    authorizer: Option<(usize, HeaderName)>,
    scopes: Vec<String>,
    bucket: Option<Bucket>,
}

/// Names of one request.
struct Ids {
    request: String,
    extended: String,
    trace: String,
    arrived_ms: i64,
    source_ip: String,
}

impl Gateway {
    /// The gateway of the stack's API. `authority` is its own host and port. `None`: the stack has no API.
    pub fn new(
        stack: &Stack,
        authority: &str,
        verifier: Arc<dyn Verifier>,
        integration: Arc<dyn Integration>,
        log: Log,
    ) -> Option<Self> {
        let api = stack.api()?;
        let now = Instant::now();
        let pool = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let authorizers: Vec<Authorizer> = api
            .authorizers
            .iter()
            .map(|authorizer| Authorizer::new(pool(&authorizer.user_pool_arn), verifier.clone()))
            .collect();
        let mut router = Router::default();
        let mut methods: HashMap<&str, Vec<&str>> = HashMap::new();
        for function in stack.functions() {
            for event in &function.events {
                let Event::Api(route) = event else { continue };
                if route.api != api.id {
                    continue;
                }
                let authorizer = route.authorizer.as_ref().and_then(|name| {
                    let index = api.authorizers.iter().position(|authorizer| &authorizer.name == name)?;
                    let header = HeaderName::try_from(api.authorizers[index].header.as_str()).ok()?;
                    Some((index, header))
                });
                let endpoint = Endpoint {
                    place: event::Place {
                        api_id: api.id.clone(),
                        account: stack.account.clone(),
                        stage: api.stage.clone(),
                        resource_id: resource_id(&route.path),
                        resource_path: route.path.clone(),
                    },
                    function: function.name.clone(),
                    authorizer,
                    scopes: route.scopes.clone(),
                    bucket: throttle::bucket(&api.method_settings, &route.method, &route.path, now),
                };
                router.add(&route.method, &route.path, endpoint);
                methods.entry(&route.path).or_default().push(&route.method);
            }
        }
        let preflights = match &api.cors {
            None => HashMap::new(),
            Some(cors) => methods
                .into_iter()
                .map(|(path, methods)| (path.into(), cors::headers(cors, methods.into_iter())))
                .collect(),
        };
        Some(Self {
            stage: api.stage.clone(),
            authority: authority.to_owned(),
            router,
            preflights,
            authorizers,
            answers: Answers::new(api.gateway_responses.clone()),
            binary_media_types: api.binary_media_types.clone(),
            integration,
            log,
        })
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Body>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let ids = Ids::new(request.headers(), peer);
        let (parts, body) = request.into_parts();
        let answered = self.serve(&parts, body, &ids).await;
        let mut response = answered.unwrap_or_else(|cause| {
            let context = Context::from([
                ("requestId", ids.request.as_str()),
                ("extendedRequestId", ids.extended.as_str()),
                ("path", parts.uri.path()),
                ("httpMethod", parts.method.as_str()),
                ("identity.sourceIp", ids.source_ip.as_str()),
                ("stage", self.stage.as_str()),
            ]);
            self.answers.answer(cause, &context)
        });
        for (name, value) in
            [("x-amzn-requestid", &ids.request), ("x-amz-apigw-id", &ids.extended), ("x-amzn-trace-id", &ids.trace)]
        {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    async fn serve(&self, parts: &http::request::Parts, body: Body, ids: &Ids) -> Result<Response<Full<Bytes>>, Cause> {
        if head_length(parts) > HEAD_LIMIT {
            return Err(Cause::TooLarge);
        }
        let path = self.within_stage(parts.uri.path()).ok_or(Cause::NoRoute)?;
        let found = self.router.find(path).ok_or(Cause::NoRoute)?;
        if parts.method == Method::OPTIONS
            && let Some(headers) = self.preflights.get(&found.resource.path)
        {
            return Ok(cors::preflight(headers));
        }
        let endpoint = found.resource.method(parts.method.as_str()).ok_or(Cause::NoRoute)?;
        if endpoint.bucket.as_ref().is_some_and(|bucket| !bucket.admits(Instant::now())) {
            return Err(Cause::Throttled);
        }
        let caller = match &endpoint.authorizer {
            None => None,
            Some((index, header)) => {
                let token = parts.headers.get(header).and_then(|value| value.to_str().ok());
                let authorizer = self.authorizers.get(*index).ok_or(Cause::Unauthorized)?;
                let admitted = authorizer.admit(token, &endpoint.scopes, ids.arrived_ms / 1000);
                Some(admitted.map_err(|refused| match refused {
                    Refused::Unauthorized => Cause::Unauthorized,
                    Refused::Expired => Cause::ExpiredToken,
                })?)
            }
        };
        let body = body::read(&parts.headers, body, BODY_LIMIT).await.map_err(|unread| match unread {
            Unread::TooLarge | Unread::Broken => Cause::TooLarge,
        })?;
        let names = found.resource.parameters.iter().map(|name| &**name);
        let payload = event::event(&event::Incoming {
            place: &endpoint.place,
            method: parts.method.as_str(),
            path,
            query: parts.uri.query(),
            parameters: names.zip(found.values).collect(),
            headers: &parts.headers,
            source_ip: &ids.source_ip,
            authority: &self.authority,
            request_id: &ids.request,
            extended_id: &ids.extended,
            trace: &ids.trace,
            arrived_ms: ids.arrived_ms,
            claims: caller.as_ref().map(|caller| &*caller.claims),
            body: &body,
            binary: response::is_binary(parts.headers.get(CONTENT_TYPE), &self.binary_media_types),
        })
        .map_err(|_| Cause::NoFunction)?;
        if payload.len() > PAYLOAD_LIMIT {
            return Err(Cause::TooLarge);
        }
        let answer = self.integration.invoke(&endpoint.function, payload, &ids.trace);
        let failed = |cause, reason: &dyn std::fmt::Display| {
            let route = &endpoint.place.resource_path;
            self.log.line("gateway", format!("{} {route} request {}: {reason}", parts.method, ids.request));
            cause
        };
        let payload = match tokio::time::timeout(INTEGRATION_LIMIT, answer).await {
            Err(_) => return Err(failed(Cause::IntegrationTimeout, &"no answer within 29 s")),
            Ok(Ok(payload)) => payload,
            Ok(Err(error)) if error.is_function_error() => return Err(failed(Cause::BadFunction, &error)),
            Ok(Err(error)) => return Err(failed(Cause::NoFunction, &error)),
        };
        response::response(&payload, parts.headers.get(ACCEPT), &self.binary_media_types)
            .map_err(|error| failed(Cause::BadFunction, &format!("malformed Lambda proxy response: {error}")))
    }

    /// `/v1/accounts` is `/accounts` of the stage `v1`; other stages do not exist.
    fn within_stage<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix('/')?.strip_prefix(self.stage.as_str())?;
        rest.starts_with('/').then_some(rest)
    }
}

impl Ids {
    fn new(headers: &HeaderMap, peer: SocketAddr) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let given = headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
        let trace = match given.filter(|given| given.starts_with("Root=1-") && given.len() <= 128) {
            Some(given) => given.to_owned(),
            None => format!("Root=1-{:08x}-{:024x}", since.as_secs(), fastrand::u128(..) >> 32),
        };
        Self {
            request: local_lambda::request_id(),
            extended: std::iter::repeat_with(fastrand::alphanumeric).take(15).chain(['=']).collect(),
            trace,
            arrived_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            source_ip: peer.ip().to_string(),
        }
    }
}

/// Method, target and headers as API Gateway counts them.
fn head_length(parts: &http::request::Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    parts.method.as_str().len() + target + headers
}

/// Six characters that stay the same for a path.
fn resource_id(path: &str) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    // FNV-1a: stable over versions of everything, and nobody relies on more than that.
    let mut hash = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut id = String::with_capacity(6);
    for _ in 0..6 {
        id.push(char::from(DIGITS[usize::try_from(hash % 36).unwrap_or_default()]));
        hash /= 36;
    }
    id
}
