//! What the gateway answers by itself: the template's `GatewayResponses`, filled in with `$context`.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use indexmap::IndexMap;
use local_template::GatewayResponse;

/// Why the gateway answers instead of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No token, or not one that this method takes.
    Unauthorized,
    /// A token that was good once.
    ExpiredToken,
    /// No such route, or not with this method.
    NoRoute,
    /// The body, or the line and headers, are longer than API Gateway takes.
    TooLarge,
    /// More requests than the stage lets through.
    Throttled,
    /// No answer within the gateway's time.
    IntegrationTimeout,
    /// The function failed, or its answer is not one.
    BadFunction,
    /// The function could not be called.
    NoFunction,
}

/// Type, type it falls back to, status where the template names none, text.
type Kind = (&'static str, &'static str, u16, &'static str);

impl Cause {
    fn kind(self) -> Kind {
        const FOUR: &str = "DEFAULT_4XX";
        const FIVE: &str = "DEFAULT_5XX";
        match self {
            Self::Unauthorized => ("UNAUTHORIZED", FOUR, 401, "Unauthorized"),
            // AWS names the expired token of a user pool UNAUTHORIZED too; EXPIRED_TOKEN is about signatures.
            Self::ExpiredToken => ("UNAUTHORIZED", FOUR, 401, "The incoming token has expired"),
            Self::NoRoute => ("MISSING_AUTHENTICATION_TOKEN", FOUR, 403, "Missing Authentication Token"),
            Self::TooLarge => ("REQUEST_TOO_LARGE", FOUR, 413, "Request Too Long"),
            Self::Throttled => ("THROTTLED", FOUR, 429, "Too Many Requests"),
            Self::IntegrationTimeout => ("INTEGRATION_TIMEOUT", FIVE, 504, "Endpoint request timed out"),
            // A type of its own does not exist for it: it is the default one with status 502.
            Self::BadFunction => (FIVE, FIVE, 502, "Internal server error"),
            Self::NoFunction => (FIVE, FIVE, 500, "Internal server error"),
        }
    }
}

/// The `$context` variables of one request, without the dollar and the word.
pub type Context<'a> = BTreeMap<&'static str, &'a str>;

/// The gateway responses of the API.
#[derive(Debug, Default)]
pub struct Answers {
    responses: IndexMap<String, GatewayResponse>,
}

impl Answers {
    /// As the template has them.
    pub fn new(responses: IndexMap<String, GatewayResponse>) -> Self {
        Self { responses }
    }

    /// The answer for a cause.
    pub fn answer(&self, cause: Cause, context: &Context<'_>) -> Response<Full<Bytes>> {
        let (kind, fallback, status, message) = cause.kind();
        let quoted = serde_json::Value::from(message).to_string();
        let mut context = context.clone();
        context.insert("error.message", message);
        context.insert("error.messageString", &quoted);
        context.insert("error.responseType", kind);
        let response = self.responses.get(kind).or_else(|| self.responses.get(fallback));
        let status = response.and_then(|response| response.status).unwrap_or(status);
        let body = match response.and_then(|response| response.templates.get("application/json")) {
            Some(template) => render(template, &context),
            None => format!("{{\"message\":{quoted}}}"),
        };
        let mut answer = Response::new(Full::new(Bytes::from(body)));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in response.iter().flat_map(|response| &response.headers) {
            let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name.as_str()), HeaderValue::try_from(render(value, &context)))
            else {
                continue;
            };
            answer.headers_mut().insert(name, value);
        }
        answer
    }
}

/// Fills `$context.a.b` in. A variable that is not known here is empty, as on AWS. A quote in a path does not end a JSON text.
fn render(template: &str, context: &Context<'_>) -> String {
    const MARK: &str = "$context.";
    let mut text = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(at) = rest.find(MARK) {
        text.push_str(&rest[..at]);
        let after = &rest[at + MARK.len()..];
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(after.len());
        let name = after[..end].trim_end_matches('.');
        let value = context.get(name).copied().unwrap_or_default();
        if name == "error.messageString" {
            text.push_str(value); // brings its own quotes
        } else {
            let quoted = serde_json::Value::from(value).to_string();
            text.push_str(&quoted[1..quoted.len() - 1]);
        }
        rest = &after[name.len()..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn problem(status: Option<u16>, body: &str) -> GatewayResponse {
        GatewayResponse {
            status,
            headers: BTreeMap::from([
                ("Content-Type".to_owned(), "application/problem+json".to_owned()),
                ("Retry-After".to_owned(), "1".to_owned()),
            ]),
            templates: BTreeMap::from([("application/json".to_owned(), body.to_owned())]),
        }
    }

    async fn shown(answers: &Answers, cause: Cause) -> (u16, String, String) {
        let context = Context::from([("requestId", "r-1"), ("path", "/v1/\"x")]);
        let answer = answers.answer(cause, &context);
        let kind = answer.headers()[CONTENT_TYPE].to_str().expect("text").to_owned();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn each_cause_is_answered_with_the_template_of_its_type_or_the_default() {
        let answers = Answers::new(IndexMap::from([
            (
                "UNAUTHORIZED".to_owned(),
                problem(Some(401), r#"{"detail":$context.error.messageString,"request_id":"$context.requestId"}"#),
            ),
            ("MISSING_AUTHENTICATION_TOKEN".to_owned(), problem(Some(404), r#"{"instance":"$context.path."}"#)),
            ("DEFAULT_4XX".to_owned(), problem(None, r#"{"code":"$context.error.responseType","x":"$context.y"}"#)),
        ]));
        let ours = |status, body: &str| (status, "application/problem+json".to_owned(), body.to_owned());
        let plain = |status, body: &str| (status, "application/json".to_owned(), body.to_owned());
        for (cause, expected) in [
            (Cause::Unauthorized, ours(401, r#"{"detail":"Unauthorized","request_id":"r-1"}"#)),
            (Cause::ExpiredToken, ours(401, r#"{"detail":"The incoming token has expired","request_id":"r-1"}"#)),
            (Cause::NoRoute, ours(404, r#"{"instance":"/v1/\"x."}"#)),
            (Cause::TooLarge, ours(413, r#"{"code":"REQUEST_TOO_LARGE","x":""}"#)),
            (Cause::Throttled, ours(429, r#"{"code":"THROTTLED","x":""}"#)),
            (Cause::IntegrationTimeout, plain(504, r#"{"message":"Endpoint request timed out"}"#)),
            (Cause::BadFunction, plain(502, r#"{"message":"Internal server error"}"#)),
            (Cause::NoFunction, plain(500, r#"{"message":"Internal server error"}"#)),
        ] {
            assert_eq!(shown(&answers, cause).await, expected, "{cause:?}");
        }
    }
}
