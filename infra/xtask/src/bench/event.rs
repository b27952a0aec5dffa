//! Requests as API Gateway hands them to a function (REST proxy events).

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// A request in the making.
pub struct Event {
    method: &'static str,
    resource: &'static str,
    id: Option<String>,
    query: Vec<(&'static str, String)>,
    key: Option<String>,
    body: Option<Value>,
}

impl Event {
    /// Of a route, such as `GET /accounts/{id}`.
    pub fn new(method: &'static str, resource: &'static str) -> Self {
        Self { method, resource, id: None, query: Vec::new(), key: None, body: None }
    }

    /// What stands for `{id}`.
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// A query parameter.
    pub fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// The idempotency key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The body.
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The event, with the claims of this customer (`cus_…`) as the authorizer passes them.
    pub fn of(self, customer: &str) -> Bytes {
        let subject = customer.trim_start_matches("cus_");
        let path = self.id.as_ref().map_or_else(|| self.resource.to_owned(), |id| self.resource.replace("{id}", id));
        let mut headers = Map::from_iter([
            ("Content-Type".to_owned(), json!("application/json")),
            ("Host".to_owned(), json!("localhost")),
            ("Authorization".to_owned(), json!("Bearer of-no-use-to-a-function")),
        ]);
        if let Some(key) = self.key {
            headers.insert("Idempotency-Key".into(), json!(key));
        }
        let many = |map: &Map<String, Value>| {
            map.iter().map(|(name, value)| (name.clone(), json!([value]))).collect::<Map<_, _>>()
        };
        let query: Map<_, _> = self.query.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let event = json!({
            "resource": self.resource,
            "path": path,
            "httpMethod": self.method,
            "headers": headers,
            "multiValueHeaders": many(&headers),
            "queryStringParameters": query,
            "multiValueQueryStringParameters": many(&query),
            "pathParameters": self.id.map(|id| json!({"id": id})),
            "stageVariables": null,
            "isBase64Encoded": false,
            "body": self.body.map(|body| body.to_string()),
            "requestContext": {
                "stage": "v1",
                "path": format!("/v1{path}"),
                "resourcePath": self.resource,
                "httpMethod": self.method,
                "requestId": "0c4f9f2e-5a56-4c9e-9a83-0d6f0c8e7d11",
                "requestTimeEpoch": 1_795_208_624_479_u64,
                "identity": {"sourceIp": "127.0.0.1"},
                "authorizer": {"claims": {
                    "sub": subject, "username": subject, "client_id": "bench", "token_use": "access",
                    "scope": "aws.cognito.signin.user.admin", "cognito:groups": "customers",
                }},
            },
        });
        Bytes::from(event.to_string())
    }
}
