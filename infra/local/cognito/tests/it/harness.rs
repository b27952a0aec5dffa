//! A user pool with a clock that stands still, hooks that remember, and verbs for what most tests begin with.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::future::BoxFuture;
use local_cognito::{Claims, Cognito, Hooks, Surroundings, TokenError, generate_rsa_key};
use serde_json::{Value, json};

pub const POOL: &str = "eu-west-1_testPool1";
pub const CLIENT: &str = "5testclient0000000000000aa";
pub const ISSUER_BASE: &str = "http://localhost:4566";
pub const PASSWORD: &str = "Correct-horse-1";
pub const TRIGGER: &str = "arn:aws:lambda:eu-west-1:000000000000:function:florin-CustomersProvision";
/// 3 Nov 2026, 09:05 UTC.
const START: i64 = 1_793_696_700;

/// The name and the message of a refusal.
pub type Outcome = Result<Value, (String, String)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub to: String,
    pub subject: String,
    pub message: String,
    pub code: Option<String>,
}

#[derive(Default)]
pub struct Recorder {
    pub sent: Mutex<Vec<Sent>>,
    pub events: Mutex<Vec<(String, Value)>>,
    /// What the next triggers answer instead of the event as it came.
    pub trigger_answer: Mutex<Option<Result<Value, String>>>,
}

impl Hooks for Recorder {
    fn trigger(&self, lambda_arn: &str, event: Value) -> BoxFuture<'static, Result<Value, String>> {
        self.events.lock().unwrap().push((lambda_arn.to_owned(), event.clone()));
        let answer = self.trigger_answer.lock().unwrap().clone().unwrap_or(Ok(event));
        Box::pin(async move { answer })
    }

    fn mail(&self, to: &str, subject: &str, message: &str, code: Option<&str>) {
        self.sent.lock().unwrap().push(Sent {
            to: to.to_owned(),
            subject: subject.to_owned(),
            message: message.to_owned(),
            code: code.map(str::to_owned),
        });
    }

    fn sms(&self, to: &str, message: &str) {
        let sent = Sent { to: to.to_owned(), subject: String::new(), message: message.to_owned(), code: None };
        self.sent.lock().unwrap().push(sent);
    }
}

pub struct World {
    pub cognito: Cognito,
    pub hooks: Arc<Recorder>,
    now: Arc<AtomicI64>,
    pub file: PathBuf,
    directory: tempfile::TempDir,
}

/// Keys are slow to make: four of them serve all tests of the process.
fn key(index: usize) -> Vec<u8> {
    static KEYS: [OnceLock<Vec<u8>>; 4] = [const { OnceLock::new() }; 4];
    KEYS[index % 4].get_or_init(|| generate_rsa_key().unwrap()).clone()
}

fn open(file: &Path, hooks: &Arc<Recorder>, now: &Arc<AtomicI64>) -> Cognito {
    let clock = Arc::clone(now);
    let made = AtomicUsize::new(0);
    let around = Surroundings {
        clock: Arc::new(move || at(clock.load(Ordering::SeqCst))),
        new_key: Arc::new(move || Ok(key(made.fetch_add(1, Ordering::SeqCst)))),
        ..Surroundings::real(Arc::clone(hooks) as Arc<dyn Hooks>)
    };
    Cognito::open_with(file, ISSUER_BASE, "eu-west-1", "000000000000", around).unwrap()
}

fn at(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap())
}

/// As the template has it.
pub fn pool_properties() -> Value {
    json!({
        "UserPoolName": "florin",
        "UsernameAttributes": ["email", "phone_number"],
        "UsernameConfiguration": {"CaseSensitive": "false"},
        "AutoVerifiedAttributes": ["email"],
        "MfaConfiguration": "OPTIONAL",
        "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
        "Policies": {"PasswordPolicy": {
            "MinimumLength": "10", "RequireLowercase": true, "RequireUppercase": "true",
            "RequireNumbers": true, "RequireSymbols": false, "TemporaryPasswordValidityDays": 1,
        }},
        "Schema": [
            {"Name": "email", "Required": true, "Mutable": true, "AttributeDataType": "String"},
            {"Name": "tenant", "Mutable": false, "AttributeDataType": "String",
             "StringAttributeConstraints": {"MaxLength": "8"}},
        ],
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
        "LambdaConfig": {"PostConfirmation": TRIGGER},
        "UserPoolTier": "ESSENTIALS",
    })
}

pub fn client_properties() -> Value {
    json!({
        "UserPoolId": POOL,
        "GenerateSecret": false,
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH",
                              "ALLOW_ADMIN_USER_PASSWORD_AUTH"],
        "PreventUserExistenceErrors": "ENABLED",
        "EnableTokenRevocation": true,
        "AccessTokenValidity": "15", "IdTokenValidity": 15, "RefreshTokenValidity": 1,
        "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
        "WriteAttributes": ["email", "given_name", "family_name", "phone_number"],
    })
}

impl World {
    pub fn new() -> World {
        World::with(&pool_properties(), &client_properties())
    }

    pub fn with(pool: &Value, client: &Value) -> World {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cognito.sqlite");
        let hooks = Arc::new(Recorder::default());
        let now = Arc::new(AtomicI64::new(START));
        let cognito = open(&file, &hooks, &now);
        cognito.ensure_pool(POOL, pool).unwrap();
        cognito.ensure_client(POOL, CLIENT, client).unwrap();
        World { cognito, hooks, now, file, directory }
    }

    /// The same state in a new process, as after `kill -9`: nothing of the old one is told to finish.
    pub fn reopen(self) -> World {
        let copy = self.directory.path().join("copy.sqlite");
        for suffix in ["", "-wal"] {
            let from = format!("{}{suffix}", self.file.display());
            if Path::new(&from).exists() {
                std::fs::copy(from, format!("{}{suffix}", copy.display())).unwrap();
            }
        }
        let cognito = open(&copy, &self.hooks, &self.now);
        World { cognito, hooks: self.hooks, now: self.now, file: copy, directory: self.directory }
    }

    pub fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub async fn call(&self, operation: &str, body: Value) -> Outcome {
        let request = http::Request::post("/")
            .header("x-amz-target", format!("AWSCognitoIdentityProviderService.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20261103/eu-west-1/cognito-idp/aws4_request")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let response = self.cognito.handle(request).await;
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        if response.status().is_success() {
            return Ok(body);
        }
        let name = body["__type"].as_str().unwrap().to_owned();
        assert_eq!(response.headers()["x-amzn-errortype"], name.as_str());
        assert_eq!(response.status(), if name == "InternalErrorException" { 500 } else { 400 });
        Err((name, body["message"].as_str().unwrap().to_owned()))
    }

    pub async fn sign_up(&self, email: &str) -> Outcome {
        let body = json!({
            "ClientId": CLIENT, "Username": email, "Password": PASSWORD,
            "UserAttributes": [{"Name": "email", "Value": email}, {"Name": "given_name", "Value": "Alice"}],
        });
        self.call("SignUp", body).await
    }

    /// A confirmed user; answers its sub.
    pub async fn registered(&self, email: &str) -> String {
        let answer = self.sign_up(email).await.unwrap();
        let code = self.last_code();
        let body = json!({"ClientId": CLIENT, "Username": email, "ConfirmationCode": code});
        self.call("ConfirmSignUp", body).await.unwrap();
        answer["UserSub"].as_str().unwrap().to_owned()
    }

    pub async fn sign_in(&self, username: &str, password: &str) -> Outcome {
        let body = json!({
            "ClientId": CLIENT, "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": username, "PASSWORD": password},
        });
        self.call("InitiateAuth", body).await
    }

    /// `AuthenticationResult` of a sign-in that must succeed at once.
    pub async fn signed_in(&self, username: &str) -> Value {
        let answer = self.sign_in(username, PASSWORD).await.unwrap();
        assert!(answer["AuthenticationResult"].is_object(), "a challenge came: {answer}");
        answer["AuthenticationResult"].clone()
    }

    pub async fn access_token(&self, username: &str) -> String {
        text(&self.signed_in(username).await["AccessToken"])
    }

    pub async fn refresh(&self, token: &Value) -> Outcome {
        let body = json!({
            "ClientId": CLIENT, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": token},
        });
        self.call("InitiateAuth", body).await
    }

    pub async fn admin_get(&self, username: &str) -> Value {
        self.call("AdminGetUser", json!({"UserPoolId": POOL, "Username": username})).await.unwrap()
    }

    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        self.cognito.verify(POOL, token, at(self.now()))
    }

    pub fn last_sent(&self) -> Sent {
        self.hooks.sent.lock().unwrap().last().expect("a message was sent").clone()
    }

    pub fn sent_count(&self) -> usize {
        self.hooks.sent.lock().unwrap().len()
    }

    pub fn last_code(&self) -> String {
        self.last_sent().code.expect("the message has a code")
    }

    pub fn events(&self) -> Vec<(String, Value)> {
        self.hooks.events.lock().unwrap().clone()
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

/// Header and payload of a token, unverified.
pub fn decoded(token: &Value) -> (Value, Value) {
    let token = token.as_str().unwrap();
    let mut parts =
        token.split('.').take(2).map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

/// A code that is surely not the given one.
pub fn other_code(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

pub fn attribute(user: &Value, name: &str) -> Option<String> {
    let list = user.get("UserAttributes").or_else(|| user.get("Attributes")).unwrap().as_array().unwrap();
    list.iter().find(|entry| entry["Name"] == name).map(|entry| text(&entry["Value"]))
}

#[track_caller]
pub fn refused(outcome: Outcome, name: &str, message: &str) {
    assert_eq!(outcome, Err((name.to_owned(), message.to_owned())));
}

#[track_caller]
pub fn refused_as(outcome: Outcome, name: &str) {
    let refusal = outcome.expect_err("a refusal");
    assert_eq!(refusal.0, name, "{}", refusal.1);
}
