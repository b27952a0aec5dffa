//! The loop of an HTTP function: event in, answer or problem out, one line in the log.

use std::{future::Future, time::Instant};

use lambda_http::{Body, Error, Response, service_fn};

use super::{Answer, Problem, Request};

/// What every answer of a function needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The origin browsers may call from: the `Access-Control-Allow-Origin` of every answer.
    pub allowed_origin: String,
}

impl Settings {
    /// From `ALLOWED_ORIGIN`; any origin when it is not set, as the API never uses cookies.
    pub fn from_environment() -> Self {
        Self { allowed_origin: crate::variable::optional("ALLOWED_ORIGIN").unwrap_or_else(|| "*".into()) }
    }
}

/// Serves requests until the environment ends.
pub async fn serve<H, F>(settings: Settings, handler: H) -> Result<(), Error>
where
    H: Fn(Request) -> F + Sync,
    F: Future<Output = Result<Answer, Problem>> + Send,
{
    let (settings, handler) = (&settings, &handler);
    lambda_http::run(service_fn(move |event: lambda_http::Request| async move {
        let started = Instant::now();
        let request = Request::new(event);
        let (method, resource) = request.route();
        let (method, resource) = (method.to_owned(), resource.to_owned());
        let (path, id) = (request.instance().to_owned(), request.id().to_owned());
        let outcome = Box::pin(handler(request)).await;
        let (status, code) = match &outcome {
            Ok(answer) => (answer.status, ""),
            Err(problem) => (problem.code.status(), problem.code.as_str()),
        };
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(request_id = %id, %method, route = %resource, status, code, micros, "answered");
        render(outcome, settings, &path, &id)
    }))
    .await
}

/// Turns an outcome into the response of the function.
pub fn render(
    outcome: Result<Answer, Problem>,
    settings: &Settings,
    path: &str,
    id: &str,
) -> Result<Response<Body>, Error> {
    let (status, content_type, body, headers) = match outcome {
        Ok(answer) => (answer.status, answer.content_type, answer.body, answer.headers),
        Err(problem) => {
            let document = serde_json::to_vec(&problem.document(path, id))?;
            (problem.code.status(), "application/problem+json", document, problem.headers().to_vec())
        }
    };
    let mut response = Response::builder()
        .status(status)
        .header("Content-Type", content_type)
        .header("X-Content-Type-Options", "nosniff")
        .header("Access-Control-Allow-Origin", &settings.allowed_origin)
        .header("Access-Control-Expose-Headers", "ETag, Idempotent-Replayed, Link, Preference-Applied, Retry-After");
    if !headers.iter().any(|(name, _)| *name == "Cache-Control") {
        response = response.header("Cache-Control", "no-store");
    }
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let body = match String::from_utf8(body) {
        Ok(text) if text.is_empty() => Body::Empty,
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    };
    Ok(response.body(body)?)
}
