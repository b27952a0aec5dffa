//! A request as a function sees it: route, caller, parameters and a body that parses or is refused by name.

use std::{borrow::Cow, time::Duration};

use lambda_http::{RequestExt, request::RequestContext};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::{Caller, Code, IdempotencyKey, PageRequest, Problem, fields::MARK, source};

/// The largest body a function reads; API Gateway itself ends at 10 MB.
pub const MAX_BODY: usize = 256 * 1024;

/// One HTTP request, already through the authorizer.
pub struct Request {
    inner: lambda_http::Request,
}

impl Request {
    /// From the event.
    pub fn new(inner: lambda_http::Request) -> Self {
        Self { inner }
    }

    /// Method and route template, such as `("GET", "/accounts/{id}")`: what a function matches on.
    pub fn route(&self) -> (&str, &str) {
        (self.inner.method().as_str(), self.resource())
    }

    fn resource(&self) -> &str {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.resource_path.as_deref().unwrap_or_default(),
            _ => "",
        }
    }

    /// The path as called, without the stage.
    pub fn path(&self) -> &str {
        self.inner.uri().path()
    }

    /// The path as the client called it, with the stage: the `instance` of problem documents, as in the gateway's own.
    pub fn instance(&self) -> &str {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.path.as_deref().unwrap_or_default(),
            _ => self.path(),
        }
    }

    /// The route with its parameters filled in: one spelling for every path that leads to the same resource.
    fn canonical_path(&self) -> String {
        let parameters = self.inner.path_parameters_ref();
        let filled = self.resource().split('/').map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            name.and_then(|name| parameters.and_then(|parameters| parameters.first(name))).unwrap_or(part)
        });
        filled.collect::<Vec<_>>().join("/")
    }

    /// The gateway's id of this request.
    pub fn id(&self) -> &str {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.request_id.as_deref().unwrap_or_default(),
            _ => "",
        }
    }

    /// Where the caller connects from.
    pub fn source_ip(&self) -> Option<&str> {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
            _ => None,
        }
    }

    /// Under which name requests of this caller are counted: its address, of IPv6 the /64. Callers without one share one.
    pub fn source(&self) -> String {
        source::key(self.source_ip())
    }

    /// Who is calling. 401 without verified claims, which the gateway prevents on every route that calls this.
    pub fn caller(&self) -> Result<Caller, Problem> {
        let claims = match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.authorizer.fields.get("claims"),
            _ => None,
        };
        claims.and_then(Caller::from_claims).ok_or_else(|| Problem::from(Code::Unauthorized))
    }

    /// The caller if he is a person; a partner's machine is refused.
    pub fn person(&self) -> Result<Caller, Problem> {
        let caller = self.caller()?;
        if caller.customer().is_some() { Ok(caller) } else { Err(Problem::forbidden()) }
    }

    /// The caller if he is staff.
    pub fn staff(&self) -> Result<Caller, Problem> {
        let caller = self.caller()?;
        if caller.is_staff() { Ok(caller) } else { Err(Problem::forbidden()) }
    }

    /// The caller if he is an admin.
    pub fn admin(&self) -> Result<Caller, Problem> {
        let caller = self.caller()?;
        if caller.is_admin() { Ok(caller) } else { Err(Problem::forbidden()) }
    }

    /// A part of the path, such as `id`. One that does not read as the wanted identifier names nothing: 404.
    pub fn path_id<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Problem> {
        self.inner
            .path_parameters_ref()
            .and_then(|parameters| parameters.first(name))
            .and_then(parse)
            .ok_or_else(Problem::not_found)
    }

    /// A part of the path as text.
    pub fn path_text(&self, name: &str) -> Result<String, Problem> {
        self.path_id(name, |text| Some(text.to_owned()))
    }

    /// A query parameter as text; the first if it is repeated.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.inner.query_string_parameters_ref().and_then(|parameters| parameters.first(name))
    }

    /// A query parameter that must read as something: 400 `invalid_parameter` otherwise.
    pub fn query_as<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.query(name)
            .map(|text| {
                parse(text).ok_or_else(|| Problem::field(Code::InvalidParameter, name, format!("must be {expected}")))
            })
            .transpose()
    }

    /// Refuses query parameters that this route does not know, so that a misspelt filter is never a silent "all".
    pub fn only_query(&self, known: &[&str]) -> Result<(), Problem> {
        let Some(parameters) = self.inner.query_string_parameters_ref() else {
            return Ok(());
        };
        match parameters.iter().map(|(name, _)| name).find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => Err(Problem::field(Code::InvalidParameter, name, "is not a parameter of this route")),
        }
    }

    /// Which page of the list `scope` is asked for.
    pub fn page(&self, scope: &str) -> Result<PageRequest, Problem> {
        PageRequest::parse(self.query("limit"), self.query("cursor"), scope)
    }

    /// A header as text; `None` if absent or not readable as ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The token as the client sent it, with or without `Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        let header = self.header("authorization")?.trim();
        Some(header.strip_prefix("Bearer ").unwrap_or(header).trim())
    }

    /// The idempotency key, required on every POST that moves or reserves money.
    pub fn idempotency_key(&self, caller: &Caller) -> Result<IdempotencyKey, Problem> {
        self.optional_idempotency_key(caller)?.ok_or_else(|| {
            Problem::new(
                Code::IdempotencyKeyMissing,
                "This request needs an Idempotency-Key header, so that a repetition does nothing twice.",
            )
        })
    }

    /// The idempotency key where one is accepted but not required.
    pub fn optional_idempotency_key(&self, caller: &Caller) -> Result<Option<IdempotencyKey>, Problem> {
        match self.inner.headers().get("idempotency-key") {
            None => Ok(None),
            Some(value) => {
                let text = value.to_str().unwrap_or_default();
                IdempotencyKey::parse(text, caller, self.inner.method().as_str(), &self.canonical_path()).map(Some)
            }
        }
    }

    /// The version that `If-Match` demands; `None` without the header or for `*`.
    pub fn if_match(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = self.header("if-match").map(str::trim) else {
            return Ok(None);
        };
        if text == "*" {
            return Ok(None);
        }
        let text = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
        // A tag this API never gave out cannot match any version.
        text.parse()
            .map(Some)
            .map_err(|_| Problem::new(Code::VersionMismatch, "If-Match names a version that does not exist."))
    }

    /// How long the client is ready to wait for an asynchronous outcome: `Prefer: wait=N` (RFC 7240), at most 25 s.
    pub fn prefer_wait(&self) -> Option<Duration> {
        let wait = self.header("prefer")?.split([',', ';']).find_map(|part| part.trim().strip_prefix("wait="))?;
        let seconds: u64 = wait.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(25)))
    }

    /// The body as a command. Refused: what is not JSON, unknown fields, missing or mistyped ones, each by its pointer.
    /// The type should deny unknown fields; this only gives the refusal its shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse_body(self.inner.body().as_ref())
    }

    /// As [`Request::parse`] for routes whose body may be left out altogether.
    pub fn parse_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        let body: &[u8] = self.inner.body().as_ref();
        if body.iter().all(u8::is_ascii_whitespace) { Ok(T::default()) } else { parse_body(body) }
    }
}

/// The body behind [`Request::parse`]; free of any request, for fuzzing.
pub fn parse_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.len() > MAX_BODY {
        return Err(Problem::new(Code::PayloadTooLarge, format!("A body may have {MAX_BODY} bytes.")));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| refuse(&error, body))?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(
        Code::MalformedJson,
        format!("The body is not JSON (line {}, column {}).", error.line(), error.column()),
    )
}

fn refuse(error: &serde_path_to_error::Error<serde_json::Error>, body: &[u8]) -> Problem {
    let inner = error.inner();
    if !inner.is_data() {
        // A number where an enumeration's text belongs is a syntax error to serde_json, but the body may well be JSON.
        return match serde_json::from_slice::<IgnoredAny>(body) {
            Err(error) => malformed(&error),
            Ok(_) if inner.to_string().starts_with("recursion limit") => malformed(inner),
            Ok(_) => Problem::field(Code::InvalidField, pointer(error.path()), "has the wrong type"),
        };
    }
    let message = inner.to_string();
    let pointer = pointer(error.path());
    // serde_json adds " at line 1 column 2" to every message.
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    if let Some((code, detail)) = marked(message) {
        return Problem::field(code, pointer, detail);
    }
    if let Some(field) = quoted(message, "unknown field `") {
        let parent = if error.path().iter().next_back().is_some_and(|last| last.to_string() == field) {
            pointer
        } else {
            format!("{pointer}/{}", escape(&field))
        };
        return Problem::field(Code::UnknownField, parent, "is not a field of this request");
    }
    for (before, detail) in [("missing field `", "is missing"), ("duplicate field `", "is given twice")] {
        if let Some(field) = quoted(message, before) {
            return Problem::field(Code::InvalidField, format!("{pointer}/{}", escape(&field)), detail);
        }
    }
    Problem::field(Code::InvalidField, pointer, message)
}

/// The code that a field type of ours put into serde's message. What a client wrote never counts: serde escapes it
/// behind `invalid type`, and no other message that quotes it is looked at.
fn marked(message: &str) -> Option<(Code, &str)> {
    let ours = match message.strip_prefix(MARK) {
        Some(ours) => ours,
        None if message.starts_with("invalid type: ") => message.rsplit_once(&format!(", expected {MARK}"))?.1,
        None => return None,
    };
    let (code, detail) = ours.split_once(MARK)?;
    let code = [Code::InvalidAmount, Code::UnsupportedCurrency].into_iter().find(|known| known.as_str() == code)?;
    Some((code, detail))
}

fn quoted<'a>(message: &'a str, before: &str) -> Option<Cow<'a, str>> {
    let rest = message.strip_prefix(before)?;
    let end = rest.rfind("`, expected").or_else(|| rest.find('`'))?;
    Some(Cow::Borrowed(&rest[..end]))
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", escape(key))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// What a test or a fuzzer may look at without a whole event.
impl Request {
    /// The claims the authorizer passed on, as JSON; `null` on a public route.
    pub fn claims(&self) -> Value {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => {
                context.authorizer.fields.get("claims").cloned().unwrap_or_default()
            }
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::http::{AmountField, CurrencyField};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it is refused matters here")]
    struct Body {
        amount: AmountField,
        currency: CurrencyField,
        #[serde(default)]
        hold: bool,
        nested: Option<Nested>,
        metadata: Option<BTreeMap<String, String>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it is refused matters here")]
    struct Nested {
        number: String,
    }

    #[test]
    fn each_kind_of_bad_body_has_its_code_and_pointer() {
        for (body, code, pointer) in [
            ("", "malformed_json", None),
            ("{", "malformed_json", None),
            ("{} x", "invalid_field", Some("/amount")),
            (r#"{"amount":"1","currency":"USD"} x"#, "malformed_json", None),
            ("\u{fffd}", "malformed_json", None),
            ("[]", "invalid_field", Some("")),
            ("null", "invalid_field", Some("")),
            ("3", "invalid_field", Some("")),
            (r#"{"currency":"USD"}"#, "invalid_field", Some("/amount")),
            (r#"{"amount":1,"currency":"USD"}"#, "invalid_amount", Some("/amount")),
            (r#"{"amount":1e3,"currency":"USD"}"#, "invalid_amount", Some("/amount")),
            (r#"{"amount":null,"currency":"USD"}"#, "invalid_amount", Some("/amount")),
            (r#"{"amount":["1"],"currency":"USD"}"#, "invalid_amount", Some("/amount")),
            (r#"{"amount":NaN,"currency":"USD"}"#, "malformed_json", None),
            (r#"{"amount":"1","currency":"usd"}"#, "unsupported_currency", Some("/currency")),
            (r#"{"amount":"1","currency":5}"#, "unsupported_currency", Some("/currency")),
            (r#"{"amount":"1","currency":"USD","hold":"yes"}"#, "invalid_field", Some("/hold")),
            (r#"{"amount":"1","currency":"USD","status":"completed"}"#, "unknown_field", Some("/status")),
            (r#"{"amount":"1","currency":"USD","a/b~c":1}"#, "unknown_field", Some("/a~1b~0c")),
            (
                "{\"amount\":\"1\",\"currency\":\"USD\",\"\\u0001internal_error\\u0001x\":1}",
                "unknown_field",
                Some("/\u{1}internal_error\u{1}x"),
            ),
            (r#"{"amount":"1","currency":"USD","hold":"\u0001internal_error\u0001x"}"#, "invalid_field", Some("/hold")),
            (r#"{"amount":"1","currency":"USD","nested":{"number":"1","x":2}}"#, "unknown_field", Some("/nested/x")),
            (r#"{"amount":"1","currency":"USD","nested":{}}"#, "invalid_field", Some("/nested/number")),
            (r#"{"amount":"1","amount":"2","currency":"USD"}"#, "invalid_field", Some("/amount")),
            (r#"{"amount":"1","currency":"USD","metadata":{"k":1}}"#, "invalid_field", Some("/metadata/k")),
        ] {
            let problem = parse_body::<Body>(body.as_bytes()).expect_err(body).document("/x", "r");
            assert_eq!(problem["code"], code, "{body}: {problem}");
            assert_eq!(problem.pointer("/errors/0/pointer").and_then(Value::as_str), pointer, "{body}: {problem}");
        }
    }

    #[test]
    fn deep_nesting_and_great_size_are_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse_body::<Value>(deep.as_bytes()).map_err(|problem| problem.code), Err(Code::MalformedJson));
        let great = format!("\"{}\"", "x".repeat(MAX_BODY));
        assert_eq!(parse_body::<Value>(great.as_bytes()).map_err(|problem| problem.code), Err(Code::PayloadTooLarge));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_body::<Body>(&body);
        }

        #[test]
        fn no_json_makes_the_parser_panic(key in "\\PC{0,20}", value in "\\PC{0,20}") {
            let body = serde_json::json!({key.clone(): value, "amount": key});
            let refused = parse_body::<Body>(body.to_string().as_bytes());
            prop_assert!(refused.is_err());
        }
    }
}
