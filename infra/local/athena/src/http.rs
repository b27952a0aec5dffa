//! HTTP: one port for both services, which the target names.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::engine::{self, Engine};
use crate::{athena, glue};

/// Largest request: a query with its parameters.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// How long a client may take to send its headers.
const HEADER_LIMIT: Duration = Duration::from_secs(60);

/// An error of a service.
#[derive(Debug)]
pub(crate) struct ServiceError {
    pub code: &'static str,
    pub message: String,
    /// `AthenaErrorCode`, where there is one.
    pub detail: Option<&'static str>,
}

impl ServiceError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None }
    }
}

/// Serves Athena and Glue until it is dropped.
pub async fn serve(listener: TcpListener, engine: Engine) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: the next ones are freed by time, not by haste.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        drop(stream.set_nodelay(true));
        let engine = engine.clone();
        let service = service_fn(move |request| {
            let engine = engine.clone();
            async move { Ok::<_, Infallible>(answer(&engine, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            // A client that breaks off is no error of ours, and there is nobody left to tell.
            drop(connection.await);
        });
    }
}

async fn answer(engine: &Engine, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.uri().path() == "/health" {
        let counts: serde_json::Map<_, _> =
            engine.counts().into_iter().map(|(state, count)| (state.to_lowercase(), count.into())).collect();
        return response(StatusCode::OK, &json!({"queries": counts}));
    }
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).map(str::to_owned);
    let target = target.unwrap_or_default();
    let outcome = match Limited::new(request.into_body(), BODY_LIMIT).collect().await {
        Err(_) => Err(ServiceError::new("InvalidRequestException", "the request is too large, or broke off")),
        Ok(body) => dispatch(engine, &target, &body.to_bytes()).await,
    };
    match outcome {
        Ok(answer) => response(StatusCode::OK, &answer),
        Err(error) => refusal(&error),
    }
}

async fn dispatch(engine: &Engine, target: &str, body: &[u8]) -> Result<Value, ServiceError> {
    let body: Value = match body {
        [] => json!({}),
        body => serde_json::from_slice(body)
            .map_err(|error| ServiceError::new("SerializationException", error.to_string()))?,
    };
    match target.split_once('.') {
        Some(("AmazonAthena", operation)) => athena::handle(engine, operation, body).await,
        Some(("AWSGlue", operation)) => glue::handle(engine, operation, body),
        _ => Err(ServiceError::new("UnknownOperationException", format!("{target:?} is not served locally"))),
    }
}

fn refusal(error: &ServiceError) -> Response<Full<Bytes>> {
    let status = match error.code {
        "InternalServerException" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut body = json!({"__type": error.code, "message": error.message, "Message": error.message});
    if let Some(detail) = error.detail {
        body["AthenaErrorCode"] = detail.into();
    }
    let mut response = response(status, &body);
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error.code));
    response
}

fn response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Ok(id) = HeaderValue::try_from(engine::id()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
