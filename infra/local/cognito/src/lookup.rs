//! What most operations begin with: the client and its secret hash, the user behind a name, the user behind a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::directory::{Client, Pool};
use crate::refusal::{Refusal, constraint, no_such_user, not_authorized};
use crate::store::grants;
use crate::store::users::{self, User};
use crate::tokens::USER_SCOPE;
use crate::verify::{self, TokenError};
use crate::wire::date;
use crate::{UserPools, same_bytes};

/// Whom a valid access token speaks for.
pub(crate) struct Bearer {
    pub pool: Arc<Pool>,
    pub client: Arc<Client>,
    username: String,
    origin_jti: Option<String>,
    auth_time: i64,
}

impl UserPools {
    /// Checks an access token down to its claims. Whether it was revoked is asked in the transaction, by [`Bearer::user`].
    pub fn bearer(&self, token: &str) -> Result<Bearer, Refusal> {
        let invalid = || not_authorized("Invalid Access Token");
        let pool = self.pool_of_token(token).ok_or_else(invalid)?;
        let claims = match verify::verify(&pool, token, self.around.now() / 1_000) {
            Ok(claims) => claims,
            Err(TokenError::Expired) => return Err(not_authorized("Access Token has expired")),
            Err(TokenError::Invalid) => return Err(invalid()),
        };
        if claims.text("token_use") != Some("access") {
            return Err(invalid());
        }
        if !claims.text("scope").unwrap_or("").split(' ').any(|scope| scope == USER_SCOPE) {
            return Err(not_authorized("Access Token does not have required scopes"));
        }
        let (Some(username), Some(client_id)) = (claims.text("username"), claims.text("client_id")) else {
            return Err(invalid());
        };
        let (_, client) = self.client_of(&pool.id, client_id)?;
        Ok(Bearer {
            client,
            username: username.to_owned(),
            origin_jti: claims.text("origin_jti").map(str::to_owned),
            auth_time: claims.0.get("auth_time").and_then(Value::as_i64).unwrap_or(0),
            pool,
        })
    }

    /// The pool whose id stands at the end of an unverified issuer: only a hint which keys to verify with.
    fn pool_of_token(&self, token: &str) -> Option<Arc<Pool>> {
        let payload = token.split('.').nth(1)?;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&bytes).ok()?;
        let (_, pool_id) = claims.get("iss")?.as_str()?.rsplit_once('/')?;
        self.pool(pool_id).ok()
    }

    /// The user of a pool by any of his names, for calls of an administrator.
    pub fn require_user(&self, connection: &Connection, pool: &Pool, name: &str) -> Result<User, Refusal> {
        users::resolve(connection, pool, name)?.ok_or_else(no_such_user)
    }
}

impl Bearer {
    /// The user, if the token still stands.
    pub fn user(&self, connection: &Connection) -> Result<User, Refusal> {
        let Some(user) = users::load(connection, &self.pool.id, &self.username)? else {
            return Err(no_such_user());
        };
        let revoked = match &self.origin_jti {
            Some(origin_jti) => grants::family_revoked(connection, origin_jti)?,
            None => grants::sign_in_revoked(connection, &self.pool.id, &self.username, self.auth_time)?,
        };
        if revoked {
            return Err(not_authorized("Access Token has been revoked"));
        }
        if !user.enabled {
            return Err(not_authorized("User is disabled."));
        }
        Ok(user)
    }
}

/// A client with a secret must show its hash over user name and client id.
pub(crate) fn check_secret_hash(client: &Client, username: &str, given: Option<&str>) -> Result<(), Refusal> {
    let Some(secret) = &client.secret else {
        return match given {
            None => Ok(()),
            Some(_) => Err(not_authorized(format!("Unable to verify secret hash for client {}", client.id))),
        };
    };
    let Some(given) = given else {
        return Err(not_authorized(format!(
            "Client {} is configured with secret but SECRET_HASH was not received",
            client.id
        )));
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let expected = STANDARD.encode(hmac::sign(&key, format!("{username}{}", client.id).as_bytes()));
    if same_bytes(expected.as_bytes(), given.as_bytes()) {
        Ok(())
    } else {
        Err(not_authorized(format!("SecretHash does not match for the client: {}", client.id)))
    }
}

/// The service's bounds on a user name.
pub(crate) fn check_username(username: &str) -> Result<(), Refusal> {
    if username.is_empty() {
        return Err(constraint("", "username", "Member must have length greater than or equal to 1"));
    }
    if username.chars().count() > 128 {
        return Err(constraint("", "username", "Member must have length less than or equal to 128"));
    }
    if username.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let rule = "Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+";
        return Err(constraint("", "username", rule));
    }
    Ok(())
}

/// `[{Name, Value}]`, `sub` among them.
pub(crate) fn attribute_list(attributes: &BTreeMap<String, String>) -> Value {
    attributes.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect()
}

/// `UserType` of the API; `only` narrows the attributes.
pub(crate) fn user_type(user: &User, only: Option<&[String]>) -> Value {
    let mut attributes = user.attributes.clone();
    if let Some(only) = only {
        attributes.retain(|name, _| only.contains(name));
    }
    json!({
        "Username": user.username,
        "Attributes": attribute_list(&attributes),
        "UserCreateDate": date(user.created),
        "UserLastModifiedDate": date(user.modified),
        "Enabled": user.enabled,
        "UserStatus": user.status.name(),
    })
}

/// `UserMFASettingList` and `PreferredMfaSetting`, where there is something to say.
pub(crate) fn add_mfa_settings(user: &User, answer: &mut Value) {
    if user.mfa_enabled && user.software_token.is_some() {
        answer["UserMFASettingList"] = json!(["SOFTWARE_TOKEN_MFA"]);
        if user.mfa_preferred {
            answer["PreferredMfaSetting"] = json!("SOFTWARE_TOKEN_MFA");
        }
    }
}
