//! A stand-in for Cognito user pools: the calls Florin uses, behaving as the real service does in them,
//! error names and messages included. State is one SQLite file and survives `kill -9`.
//!
//! It knows nothing of the runner, the template reader or the functions: triggers, mails and SMS leave through
//! [`Hooks`], properties come in as resolved CloudFormation, requests as HTTP. It must never answer more kindly
//! than the real service: whoever passes here must pass there.
//!
//! ```text
//! request ─ wire ─ op (signup, signin, challenge, recovery, profile, mfa, admin, groups, listing, describe)
//!                   ├─ decides on: password · srp · totp · schema · tokens     (no state)
//!                   └─ keeps in:   store::*                                    (no decisions)
//! ```

mod admin;
mod challenge;
mod config;
mod contacts;
mod delivery;
mod describe;
mod directory;
mod ensure;
mod groups;
mod keys;
mod listing;
mod lookup;
mod mfa;
mod oauth;
mod password;
mod profile;
mod recovery;
mod refresh;
mod refusal;
mod schema;
mod signin;
mod signup;
mod srp;
mod store;
mod surroundings;
mod tokens;
mod totp;
mod triggers;
mod verify;
mod wire;

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

pub use surroundings::{Clock, Hooks, NewKey, Random, Surroundings, generate_rsa_key};
pub use verify::{Claims, TokenError};

/// Why a pool could not be opened or set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A property that is unknown, out of range or not served here.
    #[error("{resource}: {path}: {reason}")]
    Property {
        /// The pool, client, group or resource server.
        resource: String,
        /// Path of the property.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The pool has not been set up.
    #[error("user pool {0} does not exist")]
    NoSuchPool(String),
    /// The state file cannot be used.
    #[error("user pool state: {0}")]
    Store(String),
    /// A signing key cannot be made or read.
    #[error("signing key: {0}")]
    Key(String),
}

impl From<refusal::Refusal> for SetupError {
    fn from(refusal: refusal::Refusal) -> SetupError {
        SetupError::Store(refusal.message.into_owned())
    }
}

/// What the runner needs to know of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// As given.
    pub client_id: String,
    /// Present when the client has `GenerateSecret`; stays the same over restarts.
    pub client_secret: Option<String>,
}

/// All user pools of the stack. Cheap to clone.
#[derive(Clone)]
pub struct Cognito {
    pools: Arc<UserPools>,
}

/// State and surroundings shared by all operations.
pub(crate) struct UserPools {
    store: store::Store,
    directory: RwLock<directory::Directory>,
    issuer_base: String,
    region: String,
    account: String,
    around: Surroundings,
}

impl Cognito {
    /// Opens (or makes) the state file. `issuer_base` is the URL before `/{pool_id}` in `iss`, without a slash at its end.
    pub fn open(
        file: &Path,
        issuer_base: &str,
        region: &str,
        account: &str,
        hooks: Arc<dyn Hooks>,
    ) -> Result<Cognito, SetupError> {
        Cognito::open_with(file, issuer_base, region, account, Surroundings::real(hooks))
    }

    /// As [`Cognito::open`], with clock, randomness and key generation given.
    pub fn open_with(
        file: &Path,
        issuer_base: &str,
        region: &str,
        account: &str,
        around: Surroundings,
    ) -> Result<Cognito, SetupError> {
        let store = store::Store::open(file).map_err(|error| SetupError::Store(error.to_string()))?;
        let pools = UserPools {
            store,
            directory: RwLock::default(),
            issuer_base: issuer_base.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            around,
        };
        pools.load_directory()?;
        Ok(Cognito { pools: Arc::new(pools) })
    }

    /// Makes the pool or brings it up to the properties of `AWS::Cognito::UserPool`. The first time takes two RSA keys.
    pub fn ensure_pool(&self, pool_id: &str, properties: &Value) -> Result<(), SetupError> {
        self.pools.ensure_pool(pool_id, properties)
    }

    /// Makes or updates a client (`AWS::Cognito::UserPoolClient`). A secret, once generated, stays.
    pub fn ensure_client(&self, pool_id: &str, client_id: &str, properties: &Value) -> Result<ClientInfo, SetupError> {
        self.pools.ensure_client(pool_id, client_id, properties)
    }

    /// Makes or updates a group (`AWS::Cognito::UserPoolGroup`); its members stay.
    pub fn ensure_group(&self, pool_id: &str, properties: &Value) -> Result<(), SetupError> {
        self.pools.ensure_group(pool_id, properties)
    }

    /// Makes or replaces a resource server (`AWS::Cognito::UserPoolResourceServer`).
    pub fn ensure_resource_server(&self, pool_id: &str, properties: &Value) -> Result<(), SetupError> {
        self.pools.ensure_resource_server(pool_id, properties)
    }

    /// Serves the JSON 1.1 protocol (`X-Amz-Target: AWSCognitoIdentityProviderService.*`),
    /// `GET /{pool}/.well-known/jwks.json` and `openid-configuration`, and `POST /oauth2/token`.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let pools = Arc::clone(&self.pools);
        // Hashing and SQLite block; triggers are awaited from there.
        match tokio::task::spawn_blocking(move || wire::answer(&pools, &request)).await {
            Ok(response) => response,
            Err(_) => wire::refuse(&refusal::internal("Internal error")),
        }
    }

    /// What API Gateway's authorizer does with a token: RS256 by a key of that pool, issuer, expiry.
    /// As on AWS, whether the token was revoked is not asked.
    pub fn verify(&self, pool_id: &str, token: &str, now: SystemTime) -> Result<Claims, TokenError> {
        let pool = self.pools.pool(pool_id).map_err(|_| TokenError::Invalid)?;
        verify::verify(&pool, token, surroundings::millis(now) / 1_000)
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of a bearer text, in hexadecimal: what the store keeps of tokens and sessions.
pub(crate) fn digest(text: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

/// Equality in constant time over equal lengths.
pub(crate) fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
