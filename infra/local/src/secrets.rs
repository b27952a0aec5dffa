//! AWS Secrets Manager as the runner serves it: values with versions and the stages `AWSCURRENT` and
//! `AWSPREVIOUS`, kept on file. A value that the template has generated is drawn once and then stays.
//! A value appears in answers only, never in logs or errors.
//!
//! Not served: rotation, replication, deletion, resource policies, encryption with keys of one's own.

mod generate;
mod store;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use local_sqs::{Clock, SystemClock};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use store::{Content, Secret, Store};

/// The stage of the value in force.
const CURRENT: &str = "AWSCURRENT";
/// The stage of the value before it.
const PREVIOUS: &str = "AWSPREVIOUS";

/// The secrets of one account and region. Clones share them.
#[derive(Clone)]
pub struct Secrets {
    store: Arc<Mutex<Store>>,
    /// Everything of an ARN but the secret's name and its suffix.
    arn_prefix: Arc<str>,
}

/// A refused or failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsError {
    /// The name of the error in the API.
    pub code: &'static str,
    /// The text for a person.
    pub message: String,
}

impl std::fmt::Display for SecretsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for SecretsError {}

impl SecretsError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn not_found() -> Self {
        Self::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }
}

impl From<rusqlite::Error> for SecretsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new("InternalServiceError", format!("secret store: {error}"))
    }
}

impl Secrets {
    /// Opens the secrets kept in `file`, or begins with none.
    pub fn open(file: &Path, account: &str, region: &str) -> Result<Self, SecretsError> {
        let store = Arc::new(Mutex::new(Store::open(file)?));
        Ok(Self { store, arn_prefix: format!("arn:aws:secretsmanager:{region}:{account}:secret:").into() })
    }

    /// Makes a secret exist as a template declares it under a name and an ARN known beforehand. `properties` are
    /// those of `AWS::SecretsManager::Secret`: a `SecretString` becomes the current value whenever it differs,
    /// `GenerateSecretString` gives a value only where there is none. Null counts as absent.
    pub fn ensure_secret(&self, name: &str, arn: &str, properties: &Value) -> Result<(), SecretsError> {
        check_name(name)?;
        let mut store = self.store();
        let description = properties["Description"].as_str();
        let secret = match store.find(name)? {
            Some(secret) if secret.arn == arn => secret,
            // Another stack name gave it another suffix: the ARN follows, the value stays.
            Some(secret) => store.rename_arn(&secret, arn)?,
            None => store.insert(name, arn, description, now())?,
        };
        let current = store.at_stage(&secret, CURRENT)?;
        let content = match (&properties["SecretString"], &properties["GenerateSecretString"]) {
            (Value::String(text), _) => Some(Content::Text(text.clone())),
            (_, Value::Object(rules)) if current.is_none() => Some(Content::Text(generate::secret_string(rules)?)),
            _ => None,
        };
        match content {
            Some(content) if current.as_ref().map(|version| &version.content) != Some(&content) => {
                store.put(&secret, &local_sqs::message_id(), &content, &[CURRENT.to_owned()], now())
            }
            _ => Ok(()),
        }
    }

    /// Serves one request of the AWS JSON 1.1 protocol.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.strip_prefix("secretsmanager.")).unwrap_or_default();
        match self.dispatch(operation, request.body()) {
            Ok(answer) => response(StatusCode::OK, &answer),
            Err(error) => {
                let internal = error.code == "InternalServiceError";
                let status = if internal { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST };
                response(status, &json!({ "__type": error.code, "Message": error.message }))
            }
        }
    }

    fn dispatch(&self, operation: &str, body: &Bytes) -> Result<Value, SecretsError> {
        match operation {
            "GetSecretValue" => self.get_value(&parse(body)?),
            "CreateSecret" => self.create(parse(body)?),
            "PutSecretValue" => self.put_value(parse(body)?),
            "DescribeSecret" => self.describe(&parse(body)?),
            "ListSecrets" => self.list(&parse(body)?),
            "GetRandomPassword" => {
                let rules: Value = parse(body)?;
                let rules = rules.as_object().cloned().unwrap_or_default();
                Ok(json!({ "RandomPassword": generate::password(&rules)? }))
            }
            other => Err(SecretsError::new(
                "UnknownOperationException",
                format!("The operation {other} is not served here."),
            )),
        }
    }

    fn get_value(&self, request: &GetSecretValue) -> Result<Value, SecretsError> {
        let mut store = self.store();
        let secret = store.find(&request.secret_id)?.ok_or_else(SecretsError::not_found)?;
        let stage = request.version_stage.as_deref();
        let version = match &request.version_id {
            Some(id) => store.version(&secret, id)?.filter(|version| stage.is_none_or(|stage| version.has(stage))),
            None => store.at_stage(&secret, stage.unwrap_or(CURRENT))?,
        };
        let version = version.ok_or_else(|| {
            let sought = match &request.version_id {
                Some(id) => format!("VersionId: {id}"),
                None => format!("staging label: {}", stage.unwrap_or(CURRENT)),
            };
            let message = format!("Secrets Manager can't find the specified secret value for {sought}");
            SecretsError::new("ResourceNotFoundException", message)
        })?;
        store.touch(&secret, now())?;
        let mut answer = json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": version.id,
            "VersionStages": version.stages,
            "CreatedDate": seconds(version.created_at),
        });
        match version.content {
            Content::Text(text) => answer["SecretString"] = json!(text),
            Content::Binary(base64) => answer["SecretBinary"] = json!(base64),
        }
        Ok(answer)
    }

    fn create(&self, request: CreateSecret) -> Result<Value, SecretsError> {
        check_name(&request.name)?;
        let content = content(request.secret_string, request.secret_binary)?;
        let mut store = self.store();
        if let Some(secret) = store.find(&request.name)? {
            // The SDKs repeat a request with the same token.
            let repeated = match (&request.client_request_token, &content) {
                (Some(token), Some(content)) => store.version(&secret, token)?.filter(|v| v.content == *content),
                _ => None,
            };
            return match repeated {
                Some(version) => Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": version.id })),
                None => Err(SecretsError::new(
                    "ResourceExistsException",
                    format!("The operation failed because the secret {} already exists.", request.name),
                )),
            };
        }
        let suffix: String = (0..6).map(|_| fastrand::alphanumeric()).collect();
        let arn = format!("{}{}-{suffix}", self.arn_prefix, request.name);
        let secret = store.insert(&request.name, &arn, request.description.as_deref(), now())?;
        let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
        if let Some(content) = content {
            let id = request.client_request_token.unwrap_or_else(local_sqs::message_id);
            store.put(&secret, &id, &content, &[CURRENT.to_owned()], now())?;
            answer["VersionId"] = json!(id);
        }
        Ok(answer)
    }

    fn put_value(&self, request: PutSecretValue) -> Result<Value, SecretsError> {
        let content = content(request.secret_string, request.secret_binary)?
            .ok_or_else(|| SecretsError::invalid("You must provide either SecretString or SecretBinary."))?;
        let stages = request.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
        let id = request.client_request_token.unwrap_or_else(local_sqs::message_id);
        let mut store = self.store();
        let secret = store.find(&request.secret_id)?.ok_or_else(SecretsError::not_found)?;
        match store.version(&secret, &id)? {
            Some(version) if version.content != content => {
                return Err(SecretsError::new(
                    "ResourceExistsException",
                    format!("You can't use the token {id} because that value is already in use."),
                ));
            }
            Some(_) => {}
            None => store.put(&secret, &id, &content, &stages, now())?,
        }
        let stages = store.version(&secret, &id)?.map(|version| version.stages).unwrap_or_default();
        Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages }))
    }

    fn describe(&self, request: &OfSecret) -> Result<Value, SecretsError> {
        let store = self.store();
        let secret = store.find(&request.secret_id)?.ok_or_else(SecretsError::not_found)?;
        let stages = store.stages_by_version(&secret)?;
        let mut answer = described(&secret);
        if !stages.is_empty() {
            answer["VersionIdsToStages"] = json!(stages);
        }
        Ok(answer)
    }

    fn list(&self, request: &ListSecrets) -> Result<Value, SecretsError> {
        let most = request.max_results.unwrap_or(100);
        if !(1..=100).contains(&most) {
            return Err(SecretsError::invalid("MaxResults must be between 1 and 100."));
        }
        let most = usize::try_from(most).unwrap_or(100);
        let store = self.store();
        let mut secrets = store.after(request.next_token.as_deref().unwrap_or_default(), most + 1)?;
        let more = secrets.len() > most;
        secrets.truncate(most);
        let mut listed = Vec::with_capacity(secrets.len());
        for secret in &secrets {
            let mut entry = described(secret);
            entry["SecretVersionsToStages"] = json!(store.stages_by_version(secret)?);
            listed.push(entry);
        }
        let mut answer = json!({ "SecretList": listed });
        if let Some(last) = secrets.last().filter(|_| more) {
            answer["NextToken"] = json!(last.name);
        }
        Ok(answer)
    }

    /// A call that panicked has undone its transaction, so the store is sound for the next one.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSecret {
    name: String,
    client_request_token: Option<String>,
    description: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    client_request_token: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    version_stages: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfSecret {
    secret_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecrets {
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, SecretsError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    // The text of a parse error could quote a value, so it stays here.
    serde_json::from_slice(body)
        .map_err(|_| SecretsError::invalid("The request is not valid JSON or lacks a required parameter."))
}

fn content(text: Option<String>, binary: Option<String>) -> Result<Option<Content>, SecretsError> {
    match (text, binary) {
        (Some(_), Some(_)) => Err(SecretsError::invalid(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )),
        (Some(text), None) => Ok(Some(Content::Text(text))),
        (None, Some(base64)) => Ok(Some(Content::Binary(base64))),
        (None, None) => Ok(None),
    }
}

fn check_name(name: &str) -> Result<(), SecretsError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(plain) {
        return Err(SecretsError::new(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    Ok(())
}

fn described(secret: &Secret) -> Value {
    let mut answer = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "CreatedDate": seconds(secret.created_at),
        "LastChangedDate": seconds(secret.changed_at),
    });
    if let Some(description) = &secret.description {
        answer["Description"] = json!(description);
    }
    if let Some(at) = secret.accessed_at {
        answer["LastAccessedDate"] = json!(seconds(at));
    }
    answer
}

fn now() -> i64 {
    SystemClock.now()
}

/// Times travel as seconds with a fraction.
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

fn response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Ok(id) = HeaderValue::try_from(local_sqs::message_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

#[cfg(test)]
mod tests;
