//! The `/_local` pages: what the stack has sent, queued and run, for people and for tests. Plain JSON, newest first.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use local_lambda::Lambda;
use local_sqs::Sqs;
use serde::Serialize;
use serde_json::{Value, json};

use crate::faults::{FaultPlan, Faults};
use crate::serve::Answer;
use crate::sns::Outbox;

/// A client of the user pool, as `/_local/clients` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    /// Its name in the template.
    pub name: String,
    /// Client id.
    pub client_id: String,
    /// Secret, for machine clients.
    pub client_secret: Option<String>,
    /// The pool it belongs to.
    pub user_pool_id: String,
    /// Where its tokens come from.
    pub token_url: String,
    /// Scopes it may ask for.
    pub scopes: Vec<String>,
}

/// Where the pages take their answers from.
pub struct Pages {
    /// Mails and SMS.
    pub outbox: Outbox,
    /// Queues.
    pub sqs: Sqs,
    /// Invocations.
    pub lambda: Lambda,
    /// Clients of the user pools.
    pub clients: Vec<Client>,
    /// Faults.
    pub faults: Arc<Faults>,
    /// Whether the functions' traffic passes the faults.
    pub faults_reach_functions: bool,
    /// URL of the API with its stage.
    pub api_url: String,
    /// URL of the AWS services.
    pub aws_url: String,
}

/// Every page and what it shows.
const LIST: [(&str, &str); 7] = [
    ("/_local/sms", "every SMS the stack has sent"),
    ("/_local/mail", "every mail of the user pool, with its code"),
    ("/_local/queues", "the queues and how full they are"),
    ("/_local/invocations", "the latest invocations"),
    ("/_local/clients", "clients of the user pool"),
    ("/_local/faults", "faults before DynamoDB (GET, PUT)"),
    ("/_local/health", "what is running"),
];

impl Pages {
    /// Whether a path is one of these pages or the root.
    pub fn has(path: &str) -> bool {
        path == "/" || path == "/_local" || path.starts_with("/_local/")
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Bytes>) -> Answer {
        let path = request.uri().path();
        if matches!(path, "/" | "/_local" | "/_local/") {
            return match *request.method() {
                Method::GET | Method::HEAD => self.index(),
                _ => problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            };
        }
        match (request.method(), path) {
            (&Method::PUT, "/_local/faults") => match FaultPlan::parse(request.body()) {
                Ok(plan) => {
                    self.faults.set(plan);
                    self.faults()
                }
                Err(detail) => answer(StatusCode::BAD_REQUEST, &json!({"code": "invalid_faults", "detail": detail})),
            },
            (&Method::GET | &Method::HEAD, _) => self.get(path),
            _ => problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        }
    }

    fn get(&self, path: &str) -> Answer {
        match path {
            "/_local/sms" => listed(self.outbox.sms()),
            "/_local/mail" => listed(self.outbox.mail()),
            "/_local/queues" => listed(self.sqs.queues()),
            "/_local/invocations" => answer(StatusCode::OK, &self.lambda.invocations()),
            "/_local/clients" => answer(StatusCode::OK, &self.clients),
            "/_local/faults" => self.faults(),
            "/_local/health" => answer(
                StatusCode::OK,
                &json!({"status": "ok", "api": self.api_url, "aws": self.aws_url, "processes": self.lambda.instances()}),
            ),
            _ => problem(StatusCode::NOT_FOUND, "not_found"),
        }
    }

    fn faults(&self) -> Answer {
        let mut shown = serde_json::to_value(self.faults.plan()).unwrap_or_default();
        // Without `--faults` at the start only what comes through the AWS port meets them.
        shown["reaches_functions"] = Value::Bool(self.faults_reach_functions);
        answer(StatusCode::OK, &shown)
    }

    fn index(&self) -> Answer {
        let row = |(path, text): &(&str, &str)| format!("<li><a href=\"{path}\">{path}</a> {text}</li>");
        let rows: String = LIST.iter().map(row).collect();
        let (api, aws) = (&self.api_url, &self.aws_url);
        let page = format!(
            "<!doctype html><meta charset=utf-8><title>Florin</title>\
             <body style=\"font:16px/1.5 system-ui;max-width:42em;margin:3em auto;padding:0 1em\">\
             <h1>Florin</h1><p>The API is at <a href=\"{api}/health\">{api}</a> (<a href=\"{api}/docs\">documentation</a>), \
             the AWS services at <code>{aws}</code>.</p><ul>{rows}</ul>\n"
        );
        let mut response = Response::new(Full::new(Bytes::from(page)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response
    }
}

fn listed<T: Serialize, E: std::fmt::Display>(list: Result<T, E>) -> Answer {
    match list {
        Ok(list) => answer(StatusCode::OK, &list),
        Err(error) => {
            answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"code": "internal", "detail": error.to_string()}))
        }
    }
}

fn problem(status: StatusCode, code: &str) -> Answer {
    answer(status, &json!({"code": code, "status": status.as_u16()}))
}

/// JSON for eyes: on several lines.
fn answer<T: Serialize + ?Sized>(status: StatusCode, body: &T) -> Answer {
    let mut text = serde_json::to_vec_pretty(body).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
