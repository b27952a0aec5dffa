//! The voucher supplier as its client sees it: orders by our reference, and what became of them.
//!
//! The supplier is believed only as far as it is sure. An answer counts if it is a well-formed document that names our
//! reference; whatever else comes back, or does not, is [`CallError::Unknown`]. [`CallError::NotSent`] says that not a
//! byte of the request has left, so that an order may be given up. Nothing here tries again or decides about money.

mod answer;
mod call;
mod endpoint;

use std::{fmt, time::Duration};

use bytes::Bytes;
use domain::{Money, customer::PhoneNumber, id::VoucherId};
use http::{
    HeaderName, HeaderValue, Method, Request,
    header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST},
};
use http_body_util::Full;
use serde::Serialize;

pub use answer::Answer;

use answer::Question;
use call::Connector;
use endpoint::Endpoint;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A voucher to be ordered.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Ours; the same one never makes a second order.
    pub reference: &'a VoucherId,
    /// What the supplier calls the product.
    pub product: &'a str,
    /// Whose voucher it is.
    pub phone: &'a PhoneNumber,
    /// What the customer pays for it.
    pub price: Money,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// No connection came about: not a byte of the request has left.
    NotSent(Cause),
    /// The supplier may have acted on the request, or not.
    Unknown(Cause),
}

/// What went wrong, in words fit for a log: never the supplier's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody of this name, nobody listens, or no TLS with whoever does.
    Unreachable,
    /// No connection in time.
    ConnectTimeout,
    /// No whole answer in time.
    Timeout,
    /// The connection broke off, or what came was no HTTP.
    Broken,
    /// The answer is longer than any honest one.
    TooLarge,
    /// An HTTP status that says nothing about the order.
    Status(u16),
    /// No document, or one that contradicts itself.
    Malformed,
    /// A document about something else.
    WrongReference,
    /// Delivered, they say, but with nothing that could be a voucher.
    UnusableCode,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("unreachable"),
            Self::ConnectTimeout => f.write_str("connect_timeout"),
            Self::Timeout => f.write_str("timeout"),
            Self::Broken => f.write_str("broken_connection"),
            Self::TooLarge => f.write_str("answer_too_large"),
            Self::Status(status) => write!(f, "status_{status}"),
            Self::Malformed => f.write_str("malformed_answer"),
            Self::WrongReference => f.write_str("wrong_reference"),
            Self::UnusableCode => f.write_str("unusable_code"),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(cause) => write!(f, "not sent: {cause}"),
            Self::Unknown(cause) => write!(f, "unknown: {cause}"),
        }
    }
}

impl std::error::Error for CallError {}

/// A supplier at an address. Each call has a connection of its own, so that whatever else the supplier writes on it is
/// nobody's answer.
#[derive(Clone)]
pub struct Supplier {
    endpoint: Endpoint,
    authorization: Option<HeaderValue>,
    connector: Connector,
}

/// The document that orders.
#[derive(Serialize)]
struct OrderDocument<'a> {
    reference: &'a str,
    product: &'a str,
    phone: &'a str,
    amount: String,
    currency: &'a str,
}

impl Supplier {
    /// The supplier at `base_url` (`http` or `https`), which gets `token`, and `deadline` for a call as a whole.
    /// An empty token is none. Errors say what is wrong with the settings, without the token.
    pub fn new(base_url: &str, token: Option<String>, deadline: Duration) -> Result<Self, String> {
        let endpoint = Endpoint::parse(base_url)?;
        let authorization = token.filter(|token| !token.is_empty()).map(bearer).transpose()?;
        if deadline.is_zero() {
            return Err("the supplier's deadline must be longer than nothing".to_owned());
        }
        Ok(Self { endpoint, authorization, connector: Connector::new(deadline)? })
    }

    /// How long a call as a whole may take.
    pub fn deadline(&self) -> Duration {
        self.connector.deadline()
    }

    /// The same supplier, asked in no more time than this.
    pub fn within(&self, time: Duration) -> Self {
        Self { connector: self.connector.within(time), ..self.clone() }
    }

    /// Orders, or hears again about the order that this reference stands for.
    pub async fn order(&self, order: &Order<'_>) -> Result<Answer, CallError> {
        let document = OrderDocument {
            reference: order.reference.as_str(),
            product: order.product,
            phone: order.phone.as_str(),
            amount: order.price.to_string(),
            currency: order.price.currency().code(),
        };
        let body = serde_json::to_vec(&document).map_err(|_| CallError::NotSent(Cause::Malformed))?;
        let key = HeaderValue::from_str(order.reference.as_str());
        let key = key.map_err(|_| CallError::NotSent(Cause::Malformed))?;
        let mut request = self.request(Method::POST, "/orders", Bytes::from(body))?;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        request.headers_mut().insert(IDEMPOTENCY_KEY, key);
        self.ask(Question::Order, request, order.reference).await
    }

    /// Asks what became of an order.
    pub async fn status(&self, reference: &VoucherId) -> Result<Answer, CallError> {
        let request = self.request(Method::GET, &format!("/orders/{reference}"), Bytes::new())?;
        self.ask(Question::Status, request, reference).await
    }

    async fn ask(
        &self,
        question: Question,
        request: Request<Full<Bytes>>,
        reference: &VoucherId,
    ) -> Result<Answer, CallError> {
        let (status, body) = self.connector.call(self.endpoint.uri(), request).await?;
        answer::read(question, status, &body, reference).map_err(CallError::Unknown)
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, CallError> {
        let request = Request::builder().method(method).uri(self.endpoint.target(path)).body(Full::new(body));
        let mut request = request.map_err(|_| CallError::NotSent(Cause::Malformed))?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.endpoint.host());
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(ACCEPT, JSON);
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }
}

impl fmt::Debug for Supplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supplier").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn bearer(token: String) -> Result<HeaderValue, String> {
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    let value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| visible);
    let mut value = value.ok_or("the supplier's token must be visible ASCII characters")?;
    value.set_sensitive(true);
    Ok(value)
}
