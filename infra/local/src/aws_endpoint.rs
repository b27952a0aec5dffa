//! All AWS services on one port: which one a request is for, by target header, path or action.
//!
//! It adds nothing to a service and hides nothing of it. A service that is not served is an error that says so.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local_cognito::Cognito;
use local_lambda::{InvokeError, Lambda};
use local_sqs::Sqs;
use local_template::Function;
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::body;
use crate::faults::{Fate, Faults, When, Write, access_key, refusal};
use crate::pages::Pages;
use crate::secrets::Secrets;
use crate::serve::Answer;
use crate::sns::Sns;
use crate::sources::{Asynchronous, Target};

/// The region that the engine writes into the ARNs of tables and streams.
const ENGINE_REGION: &str = "arn:aws:dynamodb:dynoxide:";
/// Calls whose requests or answers name ARNs. The others carry data, which is not looked into.
const NAMES_ARNS: [&str; 9] = [
    "CreateTable",
    "DeleteTable",
    "DescribeTable",
    "UpdateTable",
    "ListStreams",
    "DescribeStream",
    "GetShardIterator",
    "TagResource",
    "ListTagsOfResource",
];
/// Largest request (DynamoDB: 16 MB).
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// The services behind the port.
pub struct AwsEndpoint {
    /// Region of the stack.
    pub region: String,
    /// Where DynamoDB listens, `127.0.0.1:port`.
    pub dynamodb: String,
    /// Client to it.
    pub client: Client<HttpConnector, Full<Bytes>>,
    /// Faults before it and the other services.
    pub faults: Arc<Faults>,
    /// SQS.
    pub sqs: Sqs,
    /// SNS.
    pub sns: Sns,
    /// Cognito user pools.
    pub cognito: Cognito,
    /// Secrets Manager.
    pub secrets: Secrets,
    /// Lambda.
    pub lambda: Lambda,
    /// Asynchronous invocations.
    pub asynchronous: Arc<Asynchronous>,
    /// Functions by their names, for asynchronous invocations.
    pub functions: Vec<Function>,
    /// The pages, on this port as well.
    pub pages: Arc<Pages>,
}

/// A client for requests to this machine.
pub fn client() -> Client<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// The service that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service<'r> {
    DynamoDb(&'r str),
    Sqs,
    Sns,
    Cognito,
    Secrets,
    Invoke(&'r str),
    Pages,
    Index,
    Unknown,
}

impl AwsEndpoint {
    /// Answers one request.
    pub async fn handle(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = match body::read(&parts.headers, body, BODY_LIMIT).await {
            Ok(body) => body,
            Err(_) => {
                return full(error(
                    &parts.headers,
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    "too large",
                ));
            }
        };
        let request = Request::from_parts(parts, body);
        if !self.faults.may_kill() {
            return self.serve(request, false).await;
        }
        // On a task of its own: it goes through with it, whether or not the process still waits for the answer.
        let endpoint = self.clone();
        let at_risk = tokio::spawn(async move { endpoint.serve_at_risk(request).await });
        at_risk.await.unwrap_or_else(|_| full(status_only(StatusCode::INTERNAL_SERVER_ERROR)))
    }

    /// Serves a request of a function's process, or kills it at its write.
    async fn serve_at_risk(&self, request: Request<Bytes>) -> Answer {
        let known = access_key(request.headers()).and_then(|key| Some((key.to_owned(), self.lambda.process(key)?)));
        let Some((key, process)) = known else {
            return self.serve(request, false).await;
        };
        if !process.dying {
            let write = Write::of(&request);
            match write.and_then(|write| self.faults.kill(&write, &process.function, &key)) {
                None => return self.serve(request, false).await,
                Some(When::Before) => {}
                Some(When::After) => drop(self.serve(request, true).await),
            }
        }
        self.lambda.kill(&key).await;
        full(status_only(StatusCode::INTERNAL_SERVER_ERROR)) // nobody is left to read it
    }

    /// Serves a request, calmly without faults.
    async fn serve(&self, request: Request<Bytes>, calmly: bool) -> Answer {
        let response = match service(&request) {
            Service::DynamoDb(operation) => {
                let operation = operation.to_owned();
                let fate = if calmly { Fate::Passes } else { self.faults.fate(&operation) };
                self.dynamodb(&operation, fate, request).await
            }
            Service::Sqs => self.sqs.handle(request).await,
            Service::Sns => self.sns.handle(request).await,
            Service::Cognito => self.cognito.handle(request).await,
            Service::Secrets => self.secrets.handle(request).await,
            Service::Invoke(function) => {
                let function = percent_decode_str(function).decode_utf8_lossy().into_owned();
                self.invoke(&function, request).await
            }
            Service::Pages => return self.pages.answer(request).await,
            Service::Index => json_response(
                StatusCode::OK,
                &json!({"services": ["dynamodb", "sqs", "sns", "cognito-idp", "secretsmanager", "lambda (Invoke)"]}),
            ),
            Service::Unknown => unknown(&request),
        };
        full(response)
    }

    async fn dynamodb(&self, operation: &str, fate: Fate, request: Request<Bytes>) -> Response<Bytes> {
        if let Some(refusal) = refusal(fate, operation, request.body()) {
            if fate == Fate::Lost {
                drop(self.forward(request).await);
            }
            return refusal;
        }
        let answered = if NAMES_ARNS.contains(&operation) {
            let region = format!("arn:aws:dynamodb:{}:", self.region);
            let answered = self.forward(request.map(|body| renamed(&body, &region, ENGINE_REGION))).await;
            answered.map(|response| response.map(|body| renamed(&body, ENGINE_REGION, &region)))
        } else {
            self.forward(request).await
        };
        match answered {
            Ok(response) => response,
            Err(reason) => json_response(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": reason}),
            ),
        }
    }

    async fn forward(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = Uri::try_from(format!("http://{}{path}", self.dynamodb)).map_err(|error| error.to_string())?;
        for header in [HOST, CONTENT_LENGTH] {
            parts.headers.remove(header);
        }
        let request = Request::from_parts(parts, Full::new(body));
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let (mut parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        // Both follow from the body, which may be changed yet.
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove("x-amz-crc32");
        Ok(Response::from_parts(parts, body))
    }

    /// `aws lambda invoke`: both kinds, and the dry run.
    async fn invoke(&self, function: &str, request: Request<Bytes>) -> Response<Bytes> {
        let kind = request.headers().get("x-amz-invocation-type").and_then(|kind| kind.to_str().ok());
        let name = function.rsplit_once(":function:").map_or(function, |(_, name)| name);
        let known = self.functions.iter().find(|known| known.name == name.split(':').next().unwrap_or(name));
        let Some(known) = known else {
            return lambda_error(&InvokeError::NotFound(function.to_owned()));
        };
        let payload = if request.body().is_empty() { Bytes::from_static(b"{}") } else { request.body().clone() };
        match kind.unwrap_or("RequestResponse") {
            "DryRun" => status_only(StatusCode::NO_CONTENT),
            "Event" => match serde_json::from_slice(&payload) {
                Err(error) => error_json(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &error.to_string()),
                Ok(event) => {
                    let (asynchronous, target) = (self.asynchronous.clone(), Target::from(known));
                    tokio::spawn(async move { asynchronous.deliver(&target, &event).await });
                    status_only(StatusCode::ACCEPTED)
                }
            },
            _ => match self.lambda.invoke(&known.name, payload, None).await {
                Ok(payload) => lambda_answer(payload),
                Err(error) if error.is_function_error() => {
                    let mut response = lambda_answer(Bytes::from(error.payload().to_string()));
                    response.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
                    response
                }
                Err(error) => lambda_error(&error),
            },
        }
    }
}

fn renamed(body: &Bytes, from: &str, to: &str) -> Bytes {
    match std::str::from_utf8(body) {
        Ok(text) if text.contains(from) => Bytes::from(text.replace(from, to)),
        _ => body.clone(),
    }
}

fn service(request: &Request<Bytes>) -> Service<'_> {
    let path = request.uri().path();
    if let Some(target) = request.headers().get("x-amz-target") {
        let Some((prefix, operation)) = target.to_str().ok().and_then(|target| target.split_once('.')) else {
            return Service::Unknown;
        };
        return match prefix {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => Service::DynamoDb(operation),
            "AmazonSQS" => Service::Sqs,
            "AWSCognitoIdentityProviderService" => Service::Cognito,
            "secretsmanager" => Service::Secrets,
            _ => Service::Unknown,
        };
    }
    if let Some(function) =
        path.strip_prefix("/2015-03-31/functions/").and_then(|rest| rest.strip_suffix("/invocations"))
    {
        return Service::Invoke(function);
    }
    if path.starts_with("/oauth2/") || path.contains("/.well-known/") {
        return Service::Cognito;
    }
    if path == "/_local" || path.starts_with("/_local/") {
        return Service::Pages;
    }
    let parameter = |name: &str| {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let mut pairs = form_urlencoded::parse(query).chain(form_urlencoded::parse(request.body()));
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if parameter("Action").is_some() {
        return match parameter("Version").as_deref() {
            Some("2010-03-31") => Service::Sns,
            _ => Service::Unknown,
        };
    }
    if path == "/" && request.method() == http::Method::GET && !request.headers().contains_key("authorization") {
        return Service::Index;
    }
    Service::Unknown
}

/// Says which service was meant, as its signature names it.
fn unknown(request: &Request<Bytes>) -> Response<Bytes> {
    let authorization =
        request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = authorization.split("Credential=").nth(1).and_then(|rest| rest.split([',', ' ']).next());
    let service = scope.and_then(|scope| scope.split('/').nth(3)).unwrap_or("this service");
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let asked = target.map_or_else(|| format!("{} {}", request.method(), request.uri().path()), str::to_owned);
    let message = format!("The local runner does not serve {service} ({asked}).");
    error(request.headers(), StatusCode::BAD_REQUEST, "UnknownOperationException", &message)
}

/// An error in the form that the client reads: JSON, or XML for the older protocols.
fn error(headers: &HeaderMap, status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.contains("json") || headers.contains_key("x-amz-target") {
        return error_json(status, code, message);
    }
    let escaped = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escaped}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        local_lambda::request_id()
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

fn error_json(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let mut response = json_response(status, &json!({"__type": code, "message": message}));
    if let Ok(code) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

fn status_only(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn lambda_answer(payload: Bytes) -> Response<Bytes> {
    let mut response = Response::new(payload);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    response
}

fn lambda_error(error: &InvokeError) -> Response<Bytes> {
    let status = match error {
        InvokeError::NotFound(_) => StatusCode::NOT_FOUND,
        InvokeError::Throttled => StatusCode::TOO_MANY_REQUESTS,
        InvokeError::PayloadTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    error_json(status, error.error_type(), &error.to_string())
}

fn full(response: Response<Bytes>) -> Answer {
    response.map(Full::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &'static str) -> Request<Bytes> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Bytes::from_static(body.as_bytes())).expect("a request")
    }

    #[test]
    fn each_request_finds_its_service() {
        let target = |target: &'static str| [("x-amz-target", target)];
        for (request, expected) in [
            (request("POST", "/", &target("DynamoDB_20120810.GetItem"), "{}"), Service::DynamoDb("GetItem")),
            (
                request("POST", "/", &target("DynamoDBStreams_20120810.GetRecords"), "{}"),
                Service::DynamoDb("GetRecords"),
            ),
            (request("POST", "/", &target("AmazonSQS.SendMessage"), "{}"), Service::Sqs),
            (request("POST", "/", &target("AWSCognitoIdentityProviderService.SignUp"), "{}"), Service::Cognito),
            (request("POST", "/", &target("secretsmanager.GetSecretValue"), "{}"), Service::Secrets),
            (request("POST", "/", &target("AWSGlue.GetTable"), "{}"), Service::Unknown),
            (request("POST", "/", &target("nonsense"), "{}"), Service::Unknown),
            (request("POST", "/oauth2/token", &[], "grant_type=client_credentials"), Service::Cognito),
            (request("GET", "/eu-west-1_abc/.well-known/jwks.json", &[], ""), Service::Cognito),
            (request("POST", "/", &[], "Action=Publish&Version=2010-03-31"), Service::Sns),
            (request("POST", "/", &[], "Action=SendMessage&Version=2012-11-05"), Service::Unknown),
            (request("GET", "/?Action=ListTopics&Version=2010-03-31", &[], ""), Service::Sns),
            (request("POST", "/2015-03-31/functions/f/invocations", &[], "{}"), Service::Invoke("f")),
            (request("PUT", "/_local/faults", &[], "{}"), Service::Pages),
            (request("GET", "/", &[], ""), Service::Index),
            (request("GET", "/bucket/key", &[], ""), Service::Unknown),
        ] {
            assert_eq!(service(&request), expected, "{} {}", request.method(), request.uri());
        }
    }

    #[test]
    fn a_service_that_is_not_served_is_named_in_the_error() {
        let signed =
            "AWS4-HMAC-SHA256 Credential=local/20261121/eu-west-1/glue/aws4_request, SignedHeaders=host, Signature=0";
        let response =
            unknown(&request("POST", "/", &[("x-amz-target", "AWSGlue.GetTable"), ("authorization", signed)], "{}"));
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(body["message"], "The local runner does not serve glue (AWSGlue.GetTable).");
        let response = unknown(&request("GET", "/a&b", &[], ""));
        assert!(
            String::from_utf8_lossy(response.body())
                .contains("<Message>The local runner does not serve this service (GET /a&amp;b).")
        );
    }
}
