//! Makes id, access and refresh tokens with the claims of the real ones. It never asks whether somebody may have them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::UserPools;
use crate::directory::{Client, Pool};
use crate::keys::SigningKey;
use crate::refusal::Refusal;
use crate::store::grants::{self, Grant};
use crate::store::groups;
use crate::store::users::User;

/// The scope of tokens from a sign-in with a password.
pub(crate) const USER_SCOPE: &str = "aws.cognito.signin.user.admin";

impl UserPools {
    /// Signs the user in: a new grant and its three tokens, as `AuthenticationResult`.
    pub fn grant(&self, connection: &Connection, pool: &Pool, client: &Client, user: &User) -> Result<Value, Refusal> {
        let now = self.around.now();
        let refresh_token = URL_SAFE_NO_PAD.encode(self.around.bytes::<96>());
        let grant = Grant {
            digest: crate::digest(&refresh_token),
            origin_jti: self.around.uuid(),
            pool_id: pool.id.clone(),
            client_id: client.id.clone(),
            username: user.username.clone(),
            auth_time: now,
            expires: now + client.properties.refresh_token_seconds() * 1_000,
            revoked: false,
        };
        grants::put(connection, &grant, now)?;
        let mut result = self.fresh_tokens(connection, pool, client, user, &grant)?;
        result["RefreshToken"] = json!(refresh_token);
        Ok(result)
    }

    /// Id and access token on an existing grant.
    pub fn fresh_tokens(
        &self,
        connection: &Connection,
        pool: &Pool,
        client: &Client,
        user: &User,
        grant: &Grant,
    ) -> Result<Value, Refusal> {
        let groups = groups::of_user(connection, &pool.id, &user.username)?;
        let now = self.around.now() / 1_000;
        let mut shared = Map::new();
        shared.insert("sub".to_owned(), json!(user.sub()));
        if !groups.is_empty() {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            shared.insert("cognito:groups".to_owned(), json!(names));
        }
        shared.insert("iss".to_owned(), json!(pool.issuer));
        if client.properties.revocation() {
            shared.insert("origin_jti".to_owned(), json!(grant.origin_jti));
        }
        shared.insert("event_id".to_owned(), json!(self.around.uuid()));
        shared.insert("auth_time".to_owned(), json!(grant.auth_time / 1_000));
        shared.insert("iat".to_owned(), json!(now));

        let mut access = shared.clone();
        access.insert("client_id".to_owned(), json!(client.id));
        access.insert("token_use".to_owned(), json!("access"));
        access.insert("scope".to_owned(), json!(USER_SCOPE));
        access.insert("exp".to_owned(), json!(now + client.properties.access_token_seconds()));
        access.insert("jti".to_owned(), json!(self.around.uuid()));
        access.insert("username".to_owned(), json!(user.username));

        let mut id = shared;
        let roles: Vec<&str> = groups.iter().filter_map(|group| group.role_arn.as_deref()).collect();
        if let Some(preferred) = roles.first() {
            id.insert("cognito:preferred_role".to_owned(), json!(preferred));
            id.insert("cognito:roles".to_owned(), json!(roles));
        }
        id.insert("cognito:username".to_owned(), json!(user.username));
        id.insert("aud".to_owned(), json!(client.id));
        id.insert("token_use".to_owned(), json!("id"));
        id.insert("exp".to_owned(), json!(now + client.properties.id_token_seconds()));
        id.insert("jti".to_owned(), json!(self.around.uuid()));
        for (name, value) in &user.attributes {
            if name != "sub" && crate::schema::readable(client, name) {
                id.insert(name.clone(), claim(name, value));
            }
        }

        Ok(json!({
            "AccessToken": sign(&pool.keys.access, &access)?,
            "ExpiresIn": client.properties.access_token_seconds(),
            "IdToken": sign(&pool.keys.id, &id)?,
            "TokenType": "Bearer",
        }))
    }

    /// An access token for a machine: `sub` is the client, there is no user in it.
    pub fn machine_token(&self, pool: &Pool, client: &Client, scopes: &[String]) -> Result<String, Refusal> {
        let now = self.around.now() / 1_000;
        let Value::Object(claims) = json!({
            "sub": client.id,
            "token_use": "access",
            "scope": scopes.join(" "),
            "auth_time": now,
            "iss": pool.issuer,
            "exp": now + client.properties.access_token_seconds(),
            "iat": now,
            "version": 2,
            "jti": self.around.uuid(),
            "client_id": client.id,
        }) else {
            return Err(crate::refusal::internal("claims are an object"));
        };
        sign(&pool.keys.access, &claims)
    }
}

/// Attributes are texts but for the two flags and the time of the last change.
fn claim(name: &str, value: &str) -> Value {
    match name {
        "email_verified" | "phone_number_verified" => json!(value == "true"),
        "updated_at" => value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)),
        "address" => json!({"formatted": value}),
        _ => json!(value),
    }
}

fn sign(key: &SigningKey, claims: &Map<String, Value>) -> Result<String, Refusal> {
    let header = json!({"kid": key.kid, "alg": "RS256"}).to_string();
    let payload = serde_json::to_vec(claims)?;
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}
