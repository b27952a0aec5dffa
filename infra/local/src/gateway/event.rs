//! The REST proxy event (the version without a number) that a function receives, in AWS's exact shape.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;

/// What does not change from request to request of one method.
#[derive(Debug)]
pub struct Place {
    /// Id of the REST API.
    pub api_id: String,
    /// Account of the stack.
    pub account: String,
    /// Stage.
    pub stage: String,
    /// Id of the resource.
    pub resource_id: String,
    /// `/accounts/{id}`.
    pub resource_path: String,
}

/// One request on its way to a function.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// Where it arrived.
    pub place: &'a Place,
    /// Method in capitals.
    pub method: &'a str,
    /// Path without the stage, as it was sent.
    pub path: &'a str,
    /// Query as it was sent.
    pub query: Option<&'a str>,
    /// Names and values of the path parameters, still encoded: REST APIs hand them on as they came.
    pub parameters: Vec<(&'a str, &'a str)>,
    /// Headers as sent.
    pub headers: &'a HeaderMap,
    /// Where the client connects from.
    pub source_ip: &'a str,
    /// Host and port of the gateway, for clients that sent no usable host.
    pub authority: &'a str,
    /// Request id.
    pub request_id: &'a str,
    /// `x-amz-apigw-id`.
    pub extended_id: &'a str,
    /// X-Ray header.
    pub trace: &'a str,
    /// Arrival in milliseconds since the epoch.
    pub arrived_ms: i64,
    /// Claims of the token, if the method has an authorizer.
    pub claims: Option<&'a RawValue>,
    /// The body.
    pub body: &'a Bytes,
    /// Whether the body's media type is one of the API's binary ones.
    pub binary: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    multi_value_headers: BTreeMap<&'a str, Vec<Cow<'a, str>>>,
    query_string_parameters: Option<BTreeMap<&'a str, &'a str>>,
    multi_value_query_string_parameters: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    path_parameters: Option<BTreeMap<&'a str, &'a str>>,
    stage_variables: Option<()>,
    request_context: RequestContext<'a>,
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    resource_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<AuthorizerContext<'a>>,
    resource_path: &'a str,
    http_method: &'a str,
    extended_request_id: &'a str,
    request_time: String,
    path: String,
    account_id: &'a str,
    protocol: &'static str,
    stage: &'a str,
    domain_prefix: &'a str,
    request_time_epoch: i64,
    request_id: &'a str,
    identity: Identity<'a>,
    domain_name: &'a str,
    api_id: &'a str,
}

#[derive(Serialize)]
struct AuthorizerContext<'a> {
    claims: &'a RawValue,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    cognito_identity_pool_id: Option<()>,
    account_id: Option<()>,
    cognito_identity_id: Option<()>,
    caller: Option<()>,
    source_ip: &'a str,
    principal_org_id: Option<()>,
    access_key: Option<()>,
    cognito_authentication_type: Option<()>,
    cognito_authentication_provider: Option<()>,
    user_arn: Option<()>,
    user_agent: Option<Cow<'a, str>>,
    user: Option<()>,
}

/// The event as JSON.
pub fn event(incoming: &Incoming<'_>) -> Result<Bytes, serde_json::Error> {
    let (headers, multi_value_headers) = headers(incoming);
    let pairs: Vec<(String, String)> = match incoming.query {
        Some(query) => form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        None => Vec::new(),
    };
    let mut multi_query: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &pairs {
        multi_query.entry(name).or_default().push(value);
    }
    let query: BTreeMap<&str, &str> =
        multi_query.iter().filter_map(|(name, values)| Some((*name, *values.last()?))).collect();
    let (body, is_base64_encoded) = body(incoming);
    let place = incoming.place;
    let host = host(incoming);
    let event = Event {
        resource: &place.resource_path,
        path: incoming.path,
        http_method: incoming.method,
        headers,
        multi_value_headers,
        query_string_parameters: (!pairs.is_empty()).then_some(query),
        multi_value_query_string_parameters: (!pairs.is_empty()).then_some(multi_query),
        path_parameters: (!incoming.parameters.is_empty()).then(|| incoming.parameters.iter().copied().collect()),
        stage_variables: None,
        request_context: RequestContext {
            resource_id: &place.resource_id,
            authorizer: incoming.claims.map(|claims| AuthorizerContext { claims }),
            resource_path: &place.resource_path,
            http_method: incoming.method,
            extended_request_id: incoming.extended_id,
            request_time: request_time(incoming.arrived_ms),
            path: format!("/{}{}", place.stage, incoming.path),
            account_id: &place.account,
            protocol: "HTTP/1.1",
            stage: &place.stage,
            domain_prefix: host.split(['.', ':']).next().unwrap_or_default(),
            request_time_epoch: incoming.arrived_ms,
            request_id: incoming.request_id,
            identity: Identity {
                source_ip: incoming.source_ip,
                user_agent: incoming.headers.get(http::header::USER_AGENT).map(text),
                ..Identity::default()
            },
            domain_name: host,
            api_id: &place.api_id,
        },
        body,
        is_base64_encoded,
    };
    let mut json = Vec::with_capacity(2 * 1024 + incoming.body.len() + incoming.body.len() / 8);
    serde_json::to_writer(&mut json, &event)?;
    Ok(Bytes::from(json))
}

type Single<'a> = BTreeMap<&'a str, Cow<'a, str>>;
type Multi<'a> = BTreeMap<&'a str, Vec<Cow<'a, str>>>;

/// The client's headers with those that the gateway adds or answers for.
fn headers<'a>(incoming: &Incoming<'a>) -> (Single<'a>, Multi<'a>) {
    let mut multi = Multi::new();
    for (name, value) in incoming.headers {
        multi.entry(name.as_str()).or_default().push(text(value));
    }
    let port = incoming.authority.rsplit_once(':').map_or("80", |(_, port)| port);
    let forwarded = match incoming.headers.get("x-forwarded-for") {
        Some(before) => Cow::Owned(format!("{}, {}", text(before), incoming.source_ip)),
        None => Cow::Borrowed(incoming.source_ip),
    };
    multi.insert("X-Amzn-Trace-Id", vec![Cow::Borrowed(incoming.trace)]);
    for lowered in ["x-amzn-trace-id", "connection", "transfer-encoding", "expect", "keep-alive"] {
        multi.remove(lowered);
    }
    for (name, value) in [
        ("host", Cow::Borrowed(host(incoming))),
        ("x-forwarded-for", forwarded),
        ("x-forwarded-port", Cow::Borrowed(port)),
        ("x-forwarded-proto", Cow::Borrowed("http")),
    ] {
        multi.insert(name, vec![value]);
    }
    let single = multi.iter().filter_map(|(name, values)| Some((*name, values.last()?.clone()))).collect();
    (single, multi)
}

/// The host that was asked for; one that is no host name (AWS would not have let it in) is the gateway's own.
fn host<'a>(incoming: &Incoming<'a>) -> &'a str {
    let sent = incoming.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    sent.filter(|host| is_host(host)).unwrap_or(incoming.authority)
}

/// Stricter than a URL parser: functions build URLs from it, and must not stumble over what no real domain is.
fn is_host(host: &str) -> bool {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    let labels_are_fine = name.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with("xn--")
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    let ends_as_a_name =
        name.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_alphabetic()));
    port.parse::<u16>().is_ok() && labels_are_fine && (ends_as_a_name || name.parse::<Ipv4Addr>().is_ok())
}

/// Text stays text; what is binary by its type, or no text at all, is base64.
fn body<'a>(incoming: &Incoming<'a>) -> (Option<Cow<'a, str>>, bool) {
    if incoming.body.is_empty() {
        return (None, false);
    }
    match std::str::from_utf8(incoming.body) {
        Ok(text) if !incoming.binary => (Some(Cow::Borrowed(text)), false),
        _ => (Some(Cow::Owned(STANDARD.encode(incoming.body))), true),
    }
}

fn text(value: &http::HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// `09/Apr/2015:12:34:56 +0000`.
fn request_time(arrived_ms: i64) -> String {
    let format = time::macros::format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let at = time::OffsetDateTime::from_unix_timestamp(arrived_ms.div_euclid(1000));
    at.ok().and_then(|at| at.format(format).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use serde_json::{Value, json};

    fn place() -> Place {
        Place {
            api_id: "api0123456".into(),
            account: "000000000000".into(),
            stage: "v1".into(),
            resource_id: "res123".into(),
            resource_path: "/accounts/{id}".into(),
        }
    }

    fn made(headers: &HeaderMap, query: Option<&str>, body: &[u8], binary: bool) -> Value {
        let place = place();
        let claims = RawValue::from_string(r#"{"sub":"s"}"#.to_owned()).expect("JSON");
        let json = event(&Incoming {
            place: &place,
            method: "GET",
            path: "/accounts/a%20b",
            query,
            parameters: vec![("id", "a%20b")],
            headers,
            source_ip: "127.0.0.1",
            authority: "localhost:3000",
            request_id: "r-1",
            extended_id: "x-1",
            trace: "Root=1-0-0",
            arrived_ms: 1_428_582_896_123,
            claims: Some(&claims),
            body: &Bytes::copy_from_slice(body),
            binary,
        });
        serde_json::from_slice(&json.expect("an event")).expect("JSON")
    }

    fn header_map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn an_event_has_the_shape_of_the_rest_proxy_integration() {
        let headers = header_map(&[
            ("host", "localhost:3000"),
            ("accept", "application/json"),
            ("x-two", "1"),
            ("x-two", "2"),
            ("user-agent", "curl/8"),
            ("connection", "keep-alive"),
            ("x-forwarded-proto", "gopher"),
        ]);
        let event = made(&headers, Some("a=1&a=2%20x&b="), b"{\"k\":\"\xc3\xa9\"}", false);
        let null = Value::Null;
        assert_eq!(
            event,
            json!({
                "resource": "/accounts/{id}", "path": "/accounts/a%20b", "httpMethod": "GET",
                "headers": {
                    "host": "localhost:3000", "accept": "application/json", "x-two": "2", "user-agent": "curl/8",
                    "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "3000", "x-forwarded-proto": "http",
                    "X-Amzn-Trace-Id": "Root=1-0-0"
                },
                "multiValueHeaders": {
                    "host": ["localhost:3000"], "accept": ["application/json"], "x-two": ["1", "2"],
                    "user-agent": ["curl/8"], "x-forwarded-for": ["127.0.0.1"], "x-forwarded-port": ["3000"],
                    "x-forwarded-proto": ["http"], "X-Amzn-Trace-Id": ["Root=1-0-0"]
                },
                "queryStringParameters": {"a": "2 x", "b": ""},
                "multiValueQueryStringParameters": {"a": ["1", "2 x"], "b": [""]},
                "pathParameters": {"id": "a%20b"},
                "stageVariables": null,
                "requestContext": {
                    "resourceId": "res123", "authorizer": {"claims": {"sub": "s"}}, "resourcePath": "/accounts/{id}",
                    "httpMethod": "GET", "extendedRequestId": "x-1", "requestTime": "09/Apr/2015:12:34:56 +0000",
                    "path": "/v1/accounts/a%20b", "accountId": "000000000000", "protocol": "HTTP/1.1", "stage": "v1",
                    "domainPrefix": "localhost", "requestTimeEpoch": 1_428_582_896_123_i64, "requestId": "r-1",
                    "identity": {
                        "cognitoIdentityPoolId": null, "accountId": null, "cognitoIdentityId": null, "caller": null,
                        "sourceIp": "127.0.0.1", "principalOrgId": null, "accessKey": null,
                        "cognitoAuthenticationType": null, "cognitoAuthenticationProvider": null, "userArn": null,
                        "userAgent": "curl/8", "user": null
                    },
                    "domainName": "localhost:3000", "apiId": "api0123456"
                },
                "body": "{\"k\":\"é\"}", "isBase64Encoded": false
            }),
        );
        let bare = made(&HeaderMap::new(), None, b"", false);
        assert_eq!((&bare["body"], &bare["queryStringParameters"]), (&null, &null));
    }

    #[test]
    fn bodies_that_are_no_text_travel_as_base64() {
        let none = HeaderMap::new();
        for (body, binary, expected, encoded) in [
            (&b"text"[..], false, "text", false),
            (b"text", true, "dGV4dA==", true),
            (b"\xff\xfe", false, "//4=", true),
        ] {
            let event = made(&none, None, body, binary);
            assert_eq!((event["body"].as_str(), event["isBase64Encoded"].as_bool()), (Some(expected), Some(encoded)));
        }
    }

    #[test]
    fn a_host_that_is_no_host_is_replaced_by_the_gateways_own() {
        for (sent, expected) in [
            ("localhost:3000", "localhost:3000"),
            ("bank.example.com", "bank.example.com"),
            ("127.0.0.1:3000", "127.0.0.1:3000"),
            ("999.1.1.1", "localhost:3000"),
            ("xn--a", "localhost:3000"),
            ("a..b", "localhost:3000"),
            ("a b", "localhost:3000"),
            ("x/../y", "localhost:3000"),
            ("host:99999", "localhost:3000"),
            ("", "localhost:3000"),
        ] {
            let event = made(&header_map(&[("host", sent)]), None, b"", false);
            assert_eq!(event["requestContext"]["domainName"], expected, "{sent:?}");
        }
    }
}
