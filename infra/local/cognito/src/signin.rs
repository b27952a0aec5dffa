//! The first step of a sign-in: password or SRP, and what follows when it is proven.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::{Flow, Mfa};
use crate::directory::{Client, Pool};
use crate::lookup::{check_secret_hash, check_username};
use crate::password::StoredPassword;
use crate::refusal::{
    Refusal, constraint, internal, invalid_parameter, missing_parameter, no_such_user, not_authorized,
    password_reset_required, user_not_confirmed, wrong_credentials,
};
use crate::store::attempts::{self, Limit};
use crate::store::sessions::{self, Pending, Session};
use crate::store::users::{self, Status, User};
use crate::{UserPools, refresh, schema, srp};

/// Parameters of a sign-in, as the client sent them.
pub(crate) type Parameters = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InitiateAuth {
    auth_flow: String,
    client_id: String,
    #[serde(default)]
    auth_parameters: Parameters,
}

pub(crate) fn initiate_auth(pools: &UserPools, request: InitiateAuth) -> Result<Value, Refusal> {
    let (pool, client) = pools.client(&request.client_id)?;
    let flow = match request.auth_flow.as_str() {
        "USER_PASSWORD_AUTH" => Flow::UserPassword,
        "USER_SRP_AUTH" => Flow::UserSrp,
        "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => Flow::Refresh,
        "ADMIN_NO_SRP_AUTH" | "ADMIN_USER_PASSWORD_AUTH" => {
            return Err(invalid_parameter("Initiate Auth method not supported."));
        }
        other => return Err(unserved_flow(other)),
    };
    begin(pools, &pool, &client, flow, &request.auth_flow, &request.auth_parameters)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AdminInitiateAuth {
    user_pool_id: String,
    auth_flow: String,
    client_id: String,
    #[serde(default)]
    auth_parameters: Parameters,
}

pub(crate) fn admin_initiate_auth(pools: &UserPools, request: AdminInitiateAuth) -> Result<Value, Refusal> {
    let (pool, client) = pools.client_of(&request.user_pool_id, &request.client_id)?;
    let flow = match request.auth_flow.as_str() {
        "ADMIN_NO_SRP_AUTH" | "ADMIN_USER_PASSWORD_AUTH" => Flow::AdminUserPassword,
        "USER_PASSWORD_AUTH" => Flow::UserPassword,
        "USER_SRP_AUTH" => Flow::UserSrp,
        "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN" => Flow::Refresh,
        other => return Err(unserved_flow(other)),
    };
    begin(pools, &pool, &client, flow, &request.auth_flow, &request.auth_parameters)
}

fn unserved_flow(name: &str) -> Refusal {
    let known = "[USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH]";
    constraint(&format!(" '{name}'"), "authFlow", &format!("Member must satisfy enum value set: {known}"))
}

fn begin(
    pools: &UserPools,
    pool: &Pool,
    client: &Client,
    flow: Flow,
    name: &str,
    parameters: &Parameters,
) -> Result<Value, Refusal> {
    if !client.properties.allows(flow) {
        return Err(invalid_parameter(match flow {
            Flow::UserSrp => "USER_SRP_AUTH is not enabled for the client.".to_owned(),
            Flow::AdminUserPassword => "Auth flow not enabled for this client".to_owned(),
            Flow::UserPassword | Flow::Refresh => format!("{name} flow not enabled for this client"),
        }));
    }
    match flow {
        Flow::UserPassword | Flow::AdminUserPassword => with_password(pools, pool, client, parameters),
        Flow::UserSrp => with_srp(pools, pool, client, parameters),
        Flow::Refresh => refresh::refresh(pools, pool, client, parameters),
    }
}

/// A parameter the flow cannot do without.
pub(crate) fn parameter<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, Refusal> {
    let given = parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
    given.ok_or_else(|| missing_parameter(name))
}

fn username_of<'a>(client: &Client, parameters: &'a Parameters) -> Result<&'a str, Refusal> {
    let username = parameter(parameters, "USERNAME")?;
    check_username(username)?;
    check_secret_hash(client, username, parameters.get("SECRET_HASH").map(String::as_str))?;
    Ok(username)
}

fn with_password(pools: &UserPools, pool: &Pool, client: &Client, parameters: &Parameters) -> Result<Value, Refusal> {
    let username = username_of(client, parameters)?;
    let password = parameter(parameters, "PASSWORD")?;
    let found = pools.store.read(|connection| users::resolve(connection, pool, username))?;
    let stored = found.and_then(|user| user.password);
    // The slow comparison happens outside the lock; what it compared with is checked again inside.
    let right = match &stored {
        Some(stored) => stored.matches(password),
        None => {
            StoredPassword::pretend(password);
            false
        }
    };
    pools.store.write(|connection| {
        let user = users::resolve(connection, pool, username)?;
        let right = right && user.as_ref().is_some_and(|user| user.password == stored);
        pools.after_first_factor(connection, pool, client, username, user, right)
    })
}

fn with_srp(pools: &UserPools, pool: &Pool, client: &Client, parameters: &Parameters) -> Result<Value, Refusal> {
    let username = username_of(client, parameters)?;
    let client_public = parameter(parameters, "SRP_A")?;
    if srp::client_public(client_public).is_none() {
        return Err(invalid_parameter("SRP_A is not a valid public value"));
    }
    let found = pools.store.read(|connection| users::resolve(connection, pool, username))?;
    if found.is_none() && !client.properties.hides_users() {
        return Err(no_such_user());
    }
    let (id, salt, verifier) = match found {
        Some(User { username, password: Some(password), .. }) => (username, password.srp_salt, password.verifier),
        _ => invented(pools, pool, username)?,
    };
    let exchange = srp::begin(&verifier, &pools.around.bytes()).ok_or_else(|| internal("stored verifier"))?;
    let secret_block = STANDARD.encode(pools.around.bytes::<96>());
    let session = Session {
        digest: crate::digest(&secret_block),
        pool_id: pool.id.clone(),
        client_id: client.id.clone(),
        username: id.clone(),
        pending: Pending::PasswordVerifier {
            client_public: client_public.to_owned(),
            secret: exchange.secret,
            verifier,
        },
    };
    let now = pools.around.now();
    let expires = now + client.properties.auth_session_seconds() * 1_000;
    pools.store.write(|connection| sessions::put(connection, &session, expires, now))?;
    Ok(json!({
        "ChallengeName": session.pending.name(),
        "ChallengeParameters": {
            "SALT": salt,
            "SECRET_BLOCK": secret_block,
            "SRP_B": exchange.public,
            "USERNAME": id,
            "USER_ID_FOR_SRP": id,
        },
    }))
}

/// Id, salt and verifier for a user that does not exist: the same at every try, and not to be foreseen from outside.
fn invented(pools: &UserPools, pool: &Pool, username: &str) -> Result<(String, String, String), Refusal> {
    let name = pool.normalise(username);
    let seed = pool.keys.id.sign(format!("no such user: {name}").as_bytes())?;
    let mut salt: [u8; 16] = [0; 16];
    salt.copy_from_slice(&seed[..16]);
    salt[0] |= 0x40;
    let salt = crate::hex(&salt);
    let id = if pool.generates_usernames() { crate::surroundings::as_uuid(&mut seed[16..32].to_vec()) } else { name };
    let unknowable = crate::hex(&pools.around.bytes::<32>());
    let verifier = srp::verifier(pool.short_id(), &id, &unknowable, &salt);
    Ok((id, salt, verifier))
}

impl UserPools {
    /// Decides on a first factor that was `right` or not: pauses, hidden users, states; then on to what is still asked.
    pub fn after_first_factor(
        &self,
        connection: &Connection,
        pool: &Pool,
        client: &Client,
        given_name: &str,
        user: Option<User>,
        right: bool,
    ) -> Result<Value, Refusal> {
        let now = self.around.now();
        let subject = user.as_ref().map_or_else(|| pool.normalise(given_name), |user| user.username.clone());
        let tries = Limit { pool_id: &pool.id, subject: &subject, purpose: "password" };
        if attempts::blocked(connection, &tries, now)? {
            return Err(not_authorized("Password attempts exceeded").kept());
        }
        let Some(user) = user else {
            attempts::count_failure(connection, &tries, now)?;
            let refusal = if client.properties.hides_users() { wrong_credentials() } else { no_such_user() };
            return Err(refusal.kept());
        };
        // The service says so before it looks at the password, so that a client can lead on to the next step.
        match user.status {
            Status::Unconfirmed => return Err(user_not_confirmed("User is not confirmed.").kept()),
            Status::ResetRequired => {
                return Err(password_reset_required("Password reset required for the user").kept());
            }
            Status::Confirmed | Status::ForceChangePassword => {}
        }
        if !right {
            attempts::count_failure(connection, &tries, now)?;
            return Err(wrong_credentials().kept());
        }
        attempts::clear(connection, &tries)?;
        if !user.enabled {
            return Err(not_authorized("User is disabled.").kept());
        }
        if user.status == Status::ForceChangePassword {
            if user.temporary_until.is_some_and(|until| until <= now) {
                let reason = "Temporary password has expired and must be reset by an administrator.";
                return Err(not_authorized(reason).kept());
            }
            return self.challenge(connection, pool, client, &user, Pending::NewPasswordRequired);
        }
        self.after_password(connection, pool, client, &user)
    }

    /// The password is proven and permanent: a second factor, or tokens.
    pub fn after_password(
        &self,
        connection: &Connection,
        pool: &Pool,
        client: &Client,
        user: &User,
    ) -> Result<Value, Refusal> {
        let demanded = pool.properties.mfa_configuration;
        match &user.software_token {
            Some(_) if demanded == Mfa::On || (demanded == Mfa::Optional && user.mfa_enabled) => {
                self.challenge(connection, pool, client, user, Pending::SoftwareTokenMfa)
            }
            None if demanded == Mfa::On => {
                let pending = Pending::MfaSetup { secret: None, verified: None };
                self.challenge(connection, pool, client, user, pending)
            }
            _ => self.signed_in(connection, pool, client, user),
        }
    }

    /// The answer of a completed sign-in.
    pub fn signed_in(
        &self,
        connection: &Connection,
        pool: &Pool,
        client: &Client,
        user: &User,
    ) -> Result<Value, Refusal> {
        let result = self.grant(connection, pool, client, user)?;
        Ok(json!({"ChallengeParameters": {}, "AuthenticationResult": result}))
    }

    fn challenge(
        &self,
        connection: &Connection,
        pool: &Pool,
        client: &Client,
        user: &User,
        pending: Pending,
    ) -> Result<Value, Refusal> {
        let mut parameters = json!({"USER_ID_FOR_SRP": user.username});
        match &pending {
            Pending::SoftwareTokenMfa => {
                if let Some(name) = user.software_token.as_ref().and_then(|token| token.device_name.as_ref()) {
                    parameters["FRIENDLY_DEVICE_NAME"] = json!(name);
                }
            }
            Pending::NewPasswordRequired => {
                let missing: Vec<String> = schema::required(pool)
                    .filter(|name| user.attribute(name).is_none())
                    .map(|name| format!("userAttributes.{name}"))
                    .collect();
                let mut attributes = user.attributes.clone();
                attributes.remove("sub");
                parameters["requiredAttributes"] = json!(json!(missing).to_string());
                parameters["userAttributes"] = json!(json!(attributes).to_string());
            }
            Pending::MfaSetup { .. } => {
                parameters["MFAS_CAN_SETUP"] = json!("[\"SOFTWARE_TOKEN_MFA\"]");
            }
            Pending::PasswordVerifier { .. } => {}
        }
        let name = pending.name();
        let session = self.open_session(connection, client, &user.username, pending)?;
        Ok(json!({"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}))
    }

    /// A new session; answers the text the client must come back with.
    pub fn open_session(
        &self,
        connection: &Connection,
        client: &Client,
        username: &str,
        pending: Pending,
    ) -> Result<String, Refusal> {
        let text = URL_SAFE_NO_PAD.encode(self.around.bytes::<96>());
        let session = Session {
            digest: crate::digest(&text),
            pool_id: client.pool_id.clone(),
            client_id: client.id.clone(),
            username: username.to_owned(),
            pending,
        };
        let now = self.around.now();
        sessions::put(connection, &session, now + client.properties.auth_session_seconds() * 1_000, now)?;
        Ok(text)
    }
}
