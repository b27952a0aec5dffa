//! A proxy before DynamoDB that asks each request for the capacity it consumes and adds it up.
//!
//! The functions do not know of it: they see an endpoint. It changes nothing but `ReturnConsumedCapacity`.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What a number of requests have consumed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consumed {
    /// Requests to DynamoDB, each with its operation.
    pub requests: Vec<String>,
    /// Write units on tables.
    pub table_writes: f64,
    /// Write units on indexes.
    pub index_writes: f64,
    /// Read units, on tables and indexes.
    pub reads: f64,
}

impl Consumed {
    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.requests.extend(other.requests);
        self.table_writes += other.table_writes;
        self.index_writes += other.index_writes;
        self.reads += other.reads;
    }

    fn add(&mut self, operation: &str, answer: &Value) {
        self.requests.push(operation.to_owned());
        let writes =
            ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"].contains(&operation);
        let all = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        for table in all {
            let units = |value: &Value| value["CapacityUnits"].as_f64().unwrap_or(0.0);
            let total = units(&table);
            let indexes: f64 = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
                .iter()
                .filter_map(|kind| table[*kind].as_object())
                .flat_map(|indexes| indexes.values())
                .map(units)
                .sum();
            if writes {
                self.index_writes += indexes;
                self.table_writes += total - indexes;
            } else {
                self.reads += total;
            }
        }
    }
}

/// The proxy.
pub struct Counter {
    /// `http://127.0.0.1:…`
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    behind: OnceLock<String>,
    client: Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>,
    /// By the access key of the caller.
    consumed: Mutex<BTreeMap<String, Consumed>>,
}

impl Counter {
    /// Before this DynamoDB endpoint.
    pub async fn before(endpoint: &str) -> Result<Self> {
        let counter = Self::listen().await?;
        counter.lead_to(endpoint);
        Ok(counter)
    }

    /// Before an endpoint that is told later. Until then it fails every request.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            behind: OnceLock::new(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            consumed: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("counting proxy: {error}");
            }
        });
        Ok(Self { url, shared, server })
    }

    /// Tells the endpoint, once.
    pub fn lead_to(&self, endpoint: &str) {
        self.shared.behind.get_or_init(|| endpoint.trim_end_matches('/').to_owned());
    }

    /// What was consumed since the last call.
    pub fn take(&self) -> Consumed {
        let mut all = Consumed::default();
        self.take_by_caller().into_values().for_each(|consumed| all.merge(consumed));
        all
    }

    /// The same by the access key of who called.
    pub fn take_by_caller(&self) -> BTreeMap<String, Consumed> {
        std::mem::take(&mut self.shared.consumed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    match forward(&shared, &headers, body).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn forward(shared: &Shared, headers: &HeaderMap, body: Bytes) -> Result<Response> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body = match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Object(mut request)) if counts(&operation) => {
            request.insert("ReturnConsumedCapacity".into(), json!("INDEXES"));
            Bytes::from(serde_json::to_vec(&request)?)
        }
        _ => body,
    };
    let mut request = http::Request::post(format!("{}/", shared.behind.get().context("no endpoint is known yet")?));
    for (name, value) in headers {
        if name != header::HOST && name != header::CONTENT_LENGTH {
            request = request.header(name, value);
        }
    }
    let (parts, answer) = shared.client.request(request.body(Full::new(body))?).await?.into_parts();
    let answer = answer.collect().await?.to_bytes();
    if counts(&operation) {
        let answer = serde_json::from_slice(&answer).unwrap_or_default();
        let mut consumed = shared.consumed.lock().unwrap_or_else(PoisonError::into_inner);
        consumed.entry(access_key(headers)).or_default().add(&operation, &answer);
    }
    Ok(Response::from_parts(parts, Body::from(answer)))
}

/// Of `AWS4-HMAC-SHA256 Credential=<key>/…`.
fn access_key(headers: &HeaderMap) -> String {
    let signed = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = signed.split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
    key.unwrap_or_default().to_owned()
}

fn counts(operation: &str) -> bool {
    [
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "Scan",
        "BatchGetItem",
        "BatchWriteItem",
        "TransactGetItems",
        "TransactWriteItems",
    ]
    .contains(&operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_units_are_told_apart_from_those_of_the_table() {
        let mut consumed = Consumed::default();
        let answer = json!({"ConsumedCapacity": [{"TableName": "t", "CapacityUnits": 8.0, "Table": {"CapacityUnits": 6.0},
            "GlobalSecondaryIndexes": {"debits": {"CapacityUnits": 1.0}, "credits": {"CapacityUnits": 1.0}}}]});
        consumed.add("TransactWriteItems", &answer);
        consumed.add("GetItem", &json!({"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 0.5}}));
        assert_eq!((consumed.table_writes, consumed.index_writes, consumed.reads), (6.0, 2.0, 0.5));
        assert_eq!(consumed.requests, ["TransactWriteItems", "GetItem"]);
    }

    #[test]
    fn who_called_is_known_by_the_signature() {
        let signed = "AWS4-HMAC-SHA256 Credential=LOCALORDERS01/20261121/eu-west-1/dynamodb/aws4_request, Signature=0";
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, signed.parse().expect("a value"))]);
        assert_eq!([access_key(&headers), access_key(&HeaderMap::new())], ["LOCALORDERS01", ""]);
    }
}
