//! The `/_local` pages: what the stack has sent, queued and run, for people and for tests. Plain JSON, newest first.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use local_lambda::Lambda;
use local_sqs::Sqs;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faults::{FaultPlan, Faults, Kill};
use crate::serve::Answer;
use crate::sns::Outbox;
use crate::sources::{Board, Source};
use crate::supplier::{self, VoucherSupplier};

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
    /// Event sources.
    pub board: Board,
    /// Faults.
    pub faults: Arc<Faults>,
    /// Whether the functions' DynamoDB traffic passes the faults.
    pub faults_reach_functions: bool,
    /// The simulated supplier of vouchers.
    pub supplier: VoucherSupplier,
    /// URL of the API with its stage.
    pub api_url: String,
    /// URL of the AWS services.
    pub aws_url: String,
}

/// Every page and what it shows.
const LIST: [(&str, &str); 10] = [
    ("/_local/sms", "every SMS the stack has sent"),
    ("/_local/mail", "every mail of the user pool, with its code"),
    ("/_local/queues", "the queues and how full they are (PUT …/{queue} {\"paused\": true})"),
    ("/_local/sources", "the event sources and how much of them runs (PUT …/{function} {\"paused\": true})"),
    ("/_local/invocations", "the latest invocations"),
    ("/_local/clients", "clients of the user pool"),
    ("/_local/faults", "faults and what came of them (PUT a plan, POST …/kills)"),
    (
        "/_local/supplier",
        "the simulated supplier of vouchers (PUT {\"mode\": \"fast|slow|normal|error|hang|lost|twice|down\"})",
    ),
    ("/_local/supplier/orders", "its orders, with their vouchers"),
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
            (&Method::PUT, "/_local/faults") => {
                self.changed(FaultPlan::parse(request.body()).and_then(|plan| self.faults.set(plan)))
            }
            (&Method::POST, "/_local/faults/kills") => {
                self.changed(Kill::parse(request.body()).and_then(|kills| self.faults.add_kills(kills)))
            }
            (&Method::PUT, "/_local/supplier") => self.supply(request.body()).await,
            (&Method::PUT, _) => self.switch(path, request.body()),
            (&Method::GET | &Method::HEAD, _) => self.get(path),
            _ => problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        }
    }

    fn get(&self, path: &str) -> Answer {
        match path {
            "/_local/sms" => listed(self.outbox.sms()),
            "/_local/mail" => listed(self.outbox.mail()),
            "/_local/queues" => self.queues(),
            "/_local/sources" => shown(&self.board.list()),
            "/_local/invocations" => answer(StatusCode::OK, &self.lambda.invocations()),
            "/_local/clients" => answer(StatusCode::OK, &self.clients),
            "/_local/faults" => self.faults(),
            "/_local/supplier" => listed(self.supplier.overview()),
            "/_local/supplier/orders" => listed(self.supplier.orders()),
            "/_local/health" => answer(
                StatusCode::OK,
                &json!({
                    "status": "ok",
                    "api": self.api_url,
                    "aws": self.aws_url,
                    "supplier": self.supplier.url(),
                    "processes": self.lambda.instances(),
                }),
            ),
            _ => problem(StatusCode::NOT_FOUND, "not_found"),
        }
    }

    /// Tells the supplier how to behave.
    async fn supply(&self, body: &[u8]) -> Answer {
        let changed = match supplier::Change::parse(body) {
            Ok(change) => self.supplier.change(change).await,
            Err(error) => Err(error),
        };
        match changed {
            Ok(()) => listed(self.supplier.overview()),
            Err(detail) => answer(StatusCode::BAD_REQUEST, &json!({"code": "invalid_supplier", "detail": detail})),
        }
    }

    /// Pauses or resumes what reads a queue, or feeds a function.
    fn switch(&self, path: &str, body: &[u8]) -> Answer {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Switch {
            paused: bool,
        }
        let named = |page: &str| path.strip_prefix(page).map(|name| percent_decode_str(name).decode_utf8_lossy());
        let (queue, function) = (named("/_local/queues/"), named("/_local/sources/"));
        if queue.is_none() && function.is_none() {
            return problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        }
        let paused = match serde_json::from_slice(body) {
            Ok(Switch { paused }) => paused,
            Err(error) => {
                let detail = error.to_string();
                return answer(StatusCode::BAD_REQUEST, &json!({"code": "invalid_switch", "detail": detail}));
            }
        };
        let switched = match (queue, function) {
            (Some(queue), _) => self.board.pause_queue(&queue, paused),
            (None, Some(function)) => self.board.pause_function(&function, paused),
            (None, None) => Vec::new(),
        };
        match switched.as_slice() {
            [] => problem(StatusCode::NOT_FOUND, "no_such_event_source"),
            sources => shown(sources),
        }
    }

    /// The queues; those that feed a function say whether that is paused.
    fn queues(&self) -> Answer {
        let shown = |queue: &local_sqs::QueueStats| {
            let mut shown = serde_json::to_value(queue).unwrap_or_default();
            shown["paused"] = json!(self.board.queue_paused(&queue.name));
            shown
        };
        listed(self.sqs.queues().map(|queues| queues.iter().map(shown).collect::<Vec<_>>()))
    }

    fn changed(&self, change: Result<(), String>) -> Answer {
        match change {
            Ok(()) => self.faults(),
            Err(detail) => answer(StatusCode::BAD_REQUEST, &json!({"code": "invalid_faults", "detail": detail})),
        }
    }

    fn faults(&self) -> Answer {
        let mut shown = self.faults.shown();
        // Where a config leads it past the AWS port, only the other services' faults meet functions.
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

fn shown(sources: &[Arc<Source>]) -> Answer {
    let sources: Vec<&Source> = sources.iter().map(|source| &**source).collect();
    answer(StatusCode::OK, &sources)
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
