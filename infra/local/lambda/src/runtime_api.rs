//! The Lambda Runtime API (2018-06-01) as one process sees it, plain HTTP/1.1 over loopback.
//!
//! A `next` without work is parked until the pool hands it an invocation; nothing polls. This module
//! speaks HTTP and decides nothing.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::instance::{Assignment, InstanceId};
use crate::pool::{Next, Pool};
use crate::{InvokeError, PAYLOAD_LIMIT};

const BASE: &str = "/2018-06-01/runtime/";
const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

type Answer = Response<Full<Bytes>>;

/// An error as a function reports it: by body, or by header if the body is not what it should be.
pub(crate) struct Reported {
    pub(crate) error_type: String,
    pub(crate) message: String,
    pub(crate) stack: Vec<String>,
}

impl From<Reported> for InvokeError {
    fn from(error: Reported) -> InvokeError {
        InvokeError::Function { error_type: error.error_type, message: error.message, stack: error.stack }
    }
}

/// Serves one connection of a process until it closes.
pub(crate) async fn serve(stream: TcpStream, pool: Arc<Pool>, instance: InstanceId) {
    // Small answers must not wait for an acknowledgement. If it cannot be set they are late, not wrong.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let pool = pool.clone();
        async move { Ok::<_, Infallible>(handle(request, &pool, instance).await) }
    });
    // A connection that breaks is a process that ends; its supervisor sees that.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn handle(request: Request<Incoming>, pool: &Pool, instance: InstanceId) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path().strip_prefix(BASE).unwrap_or_default();
    match (&head.method, path.split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(pool, instance).await,
        (&Method::POST, ["invocation", id, "response"]) => match Limited::new(body, PAYLOAD_LIMIT).collect().await {
            Ok(body) => accepted(pool.respond(instance, id, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                pool.respond_too_large(instance, id);
                refused(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    "Response payload size exceeded maximum allowed payload size",
                )
            }
            Err(_) => interrupted(),
        },
        (&Method::POST, ["invocation", id, "error"]) => match reported(&head.headers, body).await {
            Some(error) => accepted(pool.fail(instance, id, error)),
            None => interrupted(),
        },
        (&Method::POST, ["init", "error"]) => match reported(&head.headers, body).await {
            Some(error) => accepted(pool.fail_init(instance, error)),
            None => interrupted(),
        },
        _ => refused(StatusCode::NOT_FOUND, "NotFound", "No such operation"),
    }
}

async fn next(pool: &Pool, instance: InstanceId) -> Answer {
    let assignment = match pool.next(instance) {
        Next::Now(assignment) => Some(assignment),
        Next::Parked(hand) => hand.await.ok(),
        Next::Refused => None,
    };
    match assignment {
        Some(assignment) => event(assignment, pool.arn()),
        None => refused(
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "Transition from the current state to Ready is not allowed",
        ),
    }
}

fn event(assignment: Assignment, arn: &HeaderValue) -> Answer {
    let mut response = Response::new(Full::new(assignment.payload));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(DEADLINE_MS, HeaderValue::from(assignment.deadline_ms));
    headers.insert(FUNCTION_ARN, arn.clone());
    // Both are made or checked by the pool; a caller's trace that is no header value is left out.
    if let Ok(id) = HeaderValue::from_str(&assignment.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Ok(trace) = HeaderValue::from_str(&assignment.trace) {
        headers.insert(TRACE_ID, trace);
    }
    response
}

async fn reported(headers: &HeaderMap, body: Incoming) -> Option<Reported> {
    #[derive(Default, serde::Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Body {
        error_type: Option<String>,
        error_message: Option<String>,
        stack_trace: Option<Vec<serde_json::Value>>,
    }
    let bytes = Limited::new(body, PAYLOAD_LIMIT).collect().await.ok()?;
    let body: Body = serde_json::from_slice(&bytes.to_bytes()).unwrap_or_default();
    let header = headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let frame = |frame: serde_json::Value| match frame {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Some(Reported {
        error_type: body
            .error_type
            .or_else(|| header.map(str::to_owned))
            .unwrap_or_else(|| "Runtime.Unknown".to_owned()),
        message: body.error_message.unwrap_or_default(),
        stack: body.stack_trace.unwrap_or_default().into_iter().map(frame).collect(),
    })
}

fn accepted(known: bool) -> Answer {
    if !known {
        let message = "Invalid request ID";
        return refused(StatusCode::BAD_REQUEST, "InvalidRequestID", message);
    }
    answer(StatusCode::ACCEPTED, serde_json::json!({"status": "OK"}))
}

/// The body broke off: the process is ending.
fn interrupted() -> Answer {
    refused(StatusCode::BAD_REQUEST, "RequestInterrupted", "The body is incomplete")
}

fn refused(status: StatusCode, error_type: &str, message: &str) -> Answer {
    let body = serde_json::json!({"errorType": error_type, "errorMessage": message});
    answer(status, body)
}

fn answer(status: StatusCode, body: serde_json::Value) -> Answer {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
