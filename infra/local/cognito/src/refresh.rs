//! New tokens for a refresh token, and its revocation.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::directory::{Client, Pool};
use crate::lookup::check_secret_hash;
use crate::refusal::{Refusal, not_authorized, unauthorized, unsupported_operation, unsupported_token_type};
use crate::signin::parameter;
use crate::store::grants::{self, Grant};
use crate::store::users::{self, Status, User};
use crate::{UserPools, same_bytes};

/// Id and access token; the refresh token stays the same and is not sent again.
pub(crate) fn refresh(
    pools: &UserPools,
    pool: &Pool,
    client: &Client,
    parameters: &BTreeMap<String, String>,
) -> Result<Value, Refusal> {
    let token = parameter(parameters, "REFRESH_TOKEN")?;
    pools.store.read(|connection| {
        let (grant, user) = live_grant(pools, connection, pool, client, token)?;
        check_secret_hash(client, &user.username, parameters.get("SECRET_HASH").map(String::as_str))?;
        let result = pools.fresh_tokens(connection, pool, client, &user, &grant)?;
        Ok(json!({"ChallengeParameters": {}, "AuthenticationResult": result}))
    })
}

/// The grant behind a refresh token that this client may use now.
pub(crate) fn live_grant(
    pools: &UserPools,
    connection: &Connection,
    pool: &Pool,
    client: &Client,
    token: &str,
) -> Result<(Grant, User), Refusal> {
    let invalid = || not_authorized("Invalid Refresh Token");
    let grant = grants::load(connection, &crate::digest(token))?.ok_or_else(invalid)?;
    if grant.client_id != client.id || grant.pool_id != pool.id {
        return Err(invalid());
    }
    if grant.revoked {
        return Err(not_authorized("Refresh Token has been revoked"));
    }
    if grant.expires <= pools.around.now() {
        return Err(not_authorized("Refresh Token has expired"));
    }
    let user = users::load(connection, &pool.id, &grant.username)?.ok_or_else(invalid)?;
    if !user.enabled {
        return Err(not_authorized("User is disabled."));
    }
    if user.status == Status::ResetRequired {
        return Err(crate::refusal::password_reset_required("Password reset required for the user"));
    }
    Ok((grant, user))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RevokeToken {
    token: String,
    client_id: String,
    client_secret: Option<String>,
}

/// Ends a refresh token and the access tokens made from it. A token unknown here is as good as revoked.
pub(crate) fn revoke_token(pools: &UserPools, request: RevokeToken) -> Result<Value, Refusal> {
    let (_, client) = pools.client(&request.client_id)?;
    if let Some(secret) = &client.secret
        && !request.client_secret.as_deref().is_some_and(|given| same_bytes(given.as_bytes(), secret.as_bytes()))
    {
        return Err(unauthorized("Client secret does not match"));
    }
    if !client.properties.revocation() {
        return Err(unsupported_operation("Token revocation is not enabled for this client"));
    }
    // Id and access tokens have three parts; refresh tokens made here have none.
    if request.token.split('.').count() == 3 {
        return Err(unsupported_token_type("Only refresh tokens can be revoked"));
    }
    pools.store.write(|connection| {
        let digest = crate::digest(&request.token);
        match grants::load(connection, &digest)? {
            Some(grant) if grant.client_id != client.id => Err(unauthorized("The token was issued to another client")),
            Some(_) => grants::revoke(connection, &digest),
            None => Ok(()),
        }
    })?;
    Ok(json!({}))
}
