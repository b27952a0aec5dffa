//! What the supplier answers to a request, when, and whether at all.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use local_sqs::{Clock, SystemClock};
use serde::Deserialize;
use serde_json::{Value, json};

use super::listener::{Afterwards, Silence};
use super::plan::Mode;
use super::store::{Fate, SupplierOrder, Taken, Wish, made_up_code};
use super::{Shop, lock};
use crate::body;
use crate::serve::Answer;

/// Largest body of a request.
const BODY_LIMIT: usize = 16 * 1024;

/// Counts a request as long as it is there, however it ends.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shop {
    /// Answers one request, or [`Silence`].
    pub(super) async fn answer(&self, request: Request<Incoming>, after: &Afterwards) -> Result<Answer, Silence> {
        let (parts, body) = request.into_parts();
        let Ok(body) = body::read(&parts.headers, body, BODY_LIMIT).await else {
            return Ok(self.refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
        };
        if !self.knows(&parts.headers) {
            return Ok(self.refused(StatusCode::UNAUTHORIZED, "the token is missing or wrong"));
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::POST, "/orders") => match wish(&parts.headers, &body) {
                Ok(wish) => self.order(wish, after).await,
                Err(why) => Ok(self.refused(StatusCode::BAD_REQUEST, &why)),
            },
            (&Method::GET, path) if path.starts_with("/orders/") => {
                self.traffic.statuses.fetch_add(1, Ordering::Relaxed);
                Ok(self.status(&path["/orders/".len()..]))
            }
            _ => Ok(self.refused(StatusCode::NOT_FOUND, "there is no such page")),
        }
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        self.token.is_empty() || shown == Some(self.token.as_str())
    }

    fn refused(&self, status: StatusCode, why: &str) -> Answer {
        self.traffic.refused.fetch_add(1, Ordering::Relaxed);
        answer(status, &json!({"error": why}))
    }

    fn status(&self, reference: &str) -> Answer {
        match self.store().find(reference, SystemClock.now()) {
            Ok(Some(order)) if order.status != "not_found" => answer(StatusCode::OK, &document(&order)),
            Ok(_) => answer(StatusCode::NOT_FOUND, &json!({"reference": reference, "status": "not_found"})),
            Err(error) => failed(&error),
        }
    }

    async fn order(&self, wish: Wish, after: &Afterwards) -> Result<Answer, Silence> {
        let traffic = &self.traffic;
        traffic.orders.fetch_add(1, Ordering::Relaxed);
        let in_flight = traffic.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let _counted = InFlight(&traffic.in_flight);
        traffic.max_in_flight.fetch_max(in_flight, Ordering::Relaxed);

        let (mode, time) = {
            let (plan, generator) = &mut *lock(&self.plan);
            let behaviour = plan.behaviour(&wish.phone);
            (behaviour.mode, plan.time(behaviour, generator))
        };
        let now = SystemClock.now();
        let ready_at = now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let fate = match mode {
            Mode::Hang => Fate::Forgotten,
            Mode::Error => Fate::Refused(ready_at),
            _ => Fate::Delivered(ready_at),
        };
        let taken = self.store().take(&wish, fate, now);
        let order = match taken {
            Ok(Taken::Conflict) => {
                return Ok(self.refused(StatusCode::CONFLICT, "the reference stands for another order"));
            }
            Ok(_) if mode == Mode::Hang => std::future::pending().await,
            Ok(Taken::Known(order)) => Ok(Some(order)),
            Ok(Taken::New) => {
                tokio::time::sleep(time).await;
                // The two clocks need not agree on whether it is time.
                self.store().find(&wish.reference, ready_at.max(SystemClock.now()))
            }
            Err(error) => Err(error),
        };
        let order = match order {
            Ok(Some(order)) => order,
            Ok(None) => return Ok(self.refused(StatusCode::GONE, "the order is gone")),
            Err(error) => return Ok(failed(&error)),
        };
        match mode {
            Mode::Lost => Err(Silence),
            Mode::Twice => {
                *lock(after) = Some(stray(&order));
                Ok(told(&order))
            }
            _ => Ok(told(&order)),
        }
    }
}

/// Reads an order as strictly as any supplier would.
fn wish(headers: &HeaderMap, body: &[u8]) -> Result<Wish, String> {
    let fields: serde_json::Map<String, Value> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let wish = Wish::deserialize(Value::Object(fields)).map_err(|error| error.to_string())?;
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    if key != Some(wish.reference.as_str()) {
        return Err("Idempotency-Key must be the reference".to_owned());
    }
    let reference = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if wish.reference.is_empty() || wish.reference.len() > 64 || !reference(&wish.reference) {
        return Err("reference must be 1 to 64 letters, digits and underscores".to_owned());
    }
    Ok(wish)
}

/// The answer to an order. Refusals come with either status, in turn: clients must know both.
fn told(order: &SupplierOrder) -> Answer {
    let status = match order.status.as_str() {
        "processing" => StatusCode::ACCEPTED,
        "refused" if order.number % 2 == 0 => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    answer(status, &document(order))
}

fn document(order: &SupplierOrder) -> Value {
    let mut document = json!({"reference": order.reference, "status": order.status});
    match &order.code {
        Some(code) => {
            document["code"] = json!(code);
            document["order_id"] = json!(format!("sup-{}", order.number));
        }
        None if order.status == "refused" => document["reason"] = json!("the network takes no orders for this number"),
        None => {}
    }
    document
}

/// A second answer for the same reference, whole and well-formed, with a code that does not exist.
fn stray(order: &SupplierOrder) -> Vec<u8> {
    let body = json!({
        "reference": order.reference, "status": "delivered", "code": made_up_code(), "order_id": format!("sup-{}b", order.number),
    });
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

fn failed(error: &rusqlite::Error) -> Answer {
    tracing::warn!("the simulated supplier: {error}");
    answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "the orders cannot be read"}))
}

fn answer(status: StatusCode, document: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
