//! Requests as API Gateway makes them, and the answers to them.

use edge::http::{Answer, Problem, Request, Settings, render};
use lambda_http::request::LambdaRequest;
use serde_json::{Map, Value, json};

use crate::dynamo::root;

/// A REST proxy event in the making.
pub struct RequestBuilder {
    event: Value,
}

/// A request to a route template such as `/accounts/{id}` with its path parameters filled in from `path`.
pub fn request(method: &str, resource: &str, path: &str) -> RequestBuilder {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parameters: Map<String, Value> = resource
        .split('/')
        .zip(path.split('/'))
        .filter_map(|(name, value)| {
            let name = name.strip_prefix('{')?.strip_suffix('}')?;
            Some((name.to_owned(), json!(value)))
        })
        .collect();
    let mut single = Map::new();
    let mut multi = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        single.insert(name.into(), json!(value));
        multi.entry(name).or_insert_with(|| json!([])).as_array_mut().expect("an array").push(json!(value));
    }
    let event = json!({
        "resource": resource, "path": path, "httpMethod": method,
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": single, "multiValueQueryStringParameters": multi,
        "pathParameters": parameters, "stageVariables": null, "body": null, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "stage": "v1", "path": format!("/v1{path}"),
            "resourceId": "resource", "resourcePath": resource, "httpMethod": method, "protocol": "HTTP/1.1",
            "requestId": "req-1", "requestTimeEpoch": 1_795_208_624_479_i64, "identity": {"sourceIp": "127.0.0.1"},
        },
    });
    RequestBuilder { event }
}

impl RequestBuilder {
    /// Signed in as this customer (the user pool's subject is made from the name), in these groups (`staff,admins`).
    pub fn caller(self, name: &str, groups: &str) -> Self {
        let subject = subject(name);
        self.claims(json!({
            "sub": subject, "username": subject, "token_use": "access", "client_id": "client",
            "scope": "aws.cognito.signin.user.admin", "cognito:groups": groups,
        }))
    }

    /// With these verified claims.
    pub fn claims(mut self, claims: Value) -> Self {
        self.event["requestContext"]["authorizer"] = json!({"claims": claims});
        self
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.event["headers"][name] = json!(value);
        self.event["multiValueHeaders"][name] = json!([value]);
        self
    }

    /// With this idempotency key.
    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// With this JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body(&body.to_string())
    }

    /// With this body, whatever it is.
    pub fn body(mut self, body: &str) -> Self {
        self.event["body"] = json!(body);
        self
    }

    /// The event.
    pub fn event(self) -> Value {
        self.event
    }

    /// The request as a function sees it.
    pub fn build(self) -> Request {
        event_request(self.event)
    }
}

/// The subject that [`RequestBuilder::caller`] gives a name.
pub fn subject(name: &str) -> String {
    let hex: String = domain::id::derive(&["subject", name]).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The customer behind [`RequestBuilder::caller`]'s name.
pub fn customer(name: &str) -> domain::id::CustomerId {
    domain::id::CustomerId::from_subject(&subject(name)).expect("a subject")
}

/// An event from `events/`, by its file name.
pub fn event(file: &str) -> Value {
    let path = root().join("events").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A request from an event, decoded as the runtime does.
pub fn event_request(event: Value) -> Request {
    // The stage stays out of the path, as AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH makes it in the template.
    let mut event = event;
    let path = event["path"].clone();
    event["requestContext"]["path"] = path;
    let event: LambdaRequest = serde_json::from_value(event).expect("a REST proxy event");
    Request::new(event.into())
}

/// Status, JSON document and headers of an outcome, as a client would see them.
pub fn document(outcome: Result<Answer, Problem>) -> (u16, Value, lambda_http::http::HeaderMap) {
    let settings = Settings { allowed_origin: "*".into() };
    let response = render(outcome, &settings, "/", "req-1").expect("a response");
    let (parts, body) = response.into_parts();
    let body: &[u8] = body.as_ref();
    let document = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).expect("a JSON body") };
    (parts.status.as_u16(), document, parts.headers)
}
