//! The gateway's own answers: problem documents with a status, readable across origins.

use serde_json::Value;

use crate::repository::{Repository, root};

/// The types that occur, with the status of their code. What is not listed here falls to one of the defaults.
const TYPES: &[(&str, u16, &str)] = &[
    ("ACCESS_DENIED", 403, "forbidden"),
    ("BAD_REQUEST_BODY", 400, "malformed_json"),
    ("BAD_REQUEST_PARAMETERS", 400, "invalid_parameter"),
    ("DEFAULT_4XX", 400, "invalid_parameter"),
    ("DEFAULT_5XX", 500, "internal_error"),
    ("EXPIRED_TOKEN", 401, "unauthorized"),
    ("INTEGRATION_FAILURE", 504, "timeout"),
    ("INTEGRATION_TIMEOUT", 504, "timeout"),
    ("INVALID_API_KEY", 403, "forbidden"),
    ("INVALID_SIGNATURE", 404, "not_found"),
    ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found"),
    ("QUOTA_EXCEEDED", 429, "rate_limited"),
    ("REQUEST_TOO_LARGE", 413, "payload_too_large"),
    ("RESOURCE_NOT_FOUND", 404, "not_found"),
    ("THROTTLED", 429, "rate_limited"),
    ("UNAUTHORIZED", 401, "unauthorized"),
    ("UNSUPPORTED_MEDIA_TYPE", 415, "unsupported_media_type"),
    ("WAF_FILTERED", 403, "forbidden"),
];

const REQUEST_HEADERS: &[&str] = &["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Prefer"];

pub fn answers_are_problem_documents(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(api) = repository.full.api() else { return vec!["the template has no API".to_owned()] };
    let openapi = std::fs::read_to_string(root().join("infra/api/openapi.yaml")).unwrap_or_default();
    let origin = api.cors.as_ref().map(|cors| cors.allow_origin.as_str());
    for (kind, status, code) in TYPES {
        let Some(response) = api.gateway_responses.get(*kind) else {
            broken.push(format!("there is no gateway response for {kind}"));
            continue;
        };
        if response.status != Some(*status) {
            broken.push(format!("{kind}: the status is {:?} and not {status}", response.status));
        }
        let header = |name: &str| response.headers.get(name).map(String::as_str);
        if header("Content-Type") != Some("application/problem+json") {
            broken.push(format!("{kind} is no application/problem+json"));
        }
        if header("Access-Control-Allow-Origin").is_none() || header("Access-Control-Allow-Origin") != origin {
            broken.push(format!("{kind} has not the CORS header of the API, so a browser sees a network error"));
        }
        if *status == 429 && header("Retry-After").is_none() {
            broken.push(format!("{kind} has no Retry-After"));
        }
        if *status == 401 && header("WWW-Authenticate").is_none() {
            broken.push(format!("{kind} has no WWW-Authenticate"));
        }
        let body = response.templates.get("application/json").map(|template| serde_json::from_str::<Value>(template));
        let Some(Ok(body)) = body else {
            broken.push(format!("{kind}: the body is not JSON"));
            continue;
        };
        if body["status"] != *status || body["code"] != *code {
            broken.push(format!("{kind}: the body says {} {} and not {status} {code}", body["status"], body["code"]));
        }
        if ["type", "title", "detail", "request_id"].iter().any(|field| !body[field].is_string()) {
            broken.push(format!("{kind}: the body is no problem document"));
        }
        if !openapi.contains(code) {
            broken.push(format!("{kind}: the code {code} is not in openapi.yaml"));
        }
    }
    broken.extend(
        api.gateway_responses
            .keys()
            .filter(|kind| TYPES.iter().all(|(known, ..)| known != kind))
            .map(|kind| format!("{kind}: a gateway response that tests/tidy does not know")),
    );
    let allowed = api.cors.as_ref().and_then(|cors| cors.allow_headers.clone()).unwrap_or_default();
    for header in REQUEST_HEADERS {
        if !allowed.split(',').any(|allowed| allowed == *header) {
            broken.push(format!("CORS does not allow the header {header}"));
        }
    }
    let methods = api.cors.as_ref().and_then(|cors| cors.allow_methods.clone()).unwrap_or_default();
    for (_, route) in repository.routes() {
        if !methods.split(',').any(|allowed| allowed == route.method) {
            broken.push(format!("CORS does not allow the method of {} {}", route.method, route.path));
        }
    }
    for setting in &api.method_settings {
        let known = setting.resource_path == "/*"
            || repository
                .routes()
                .any(|(_, route)| route.path == setting.resource_path && route.method == setting.http_method);
        if !known {
            broken.push(format!(
                "MethodSettings names {} {}, which is no route",
                setting.http_method, setting.resource_path
            ));
        }
    }
    broken
}
