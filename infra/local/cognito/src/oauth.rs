//! `POST /oauth2/token`: tokens for machines (client credentials) and refreshed ones. Errors in the form of RFC 6749.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::config::Flow;
use crate::directory::{Client, Pool};
use crate::refresh::live_grant;
use crate::refusal::Refusal;
use crate::store::directory::scopes;
use crate::wire::{body_of, respond};
use crate::{UserPools, same_bytes};

/// The `error` of an answer.
type OAuthError = &'static str;

pub(crate) fn token(pools: &UserPools, request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = match answer(pools, request) {
        Ok(body) => respond(StatusCode::OK, "application/json", body_of(&body)),
        Err("server_error") => {
            let body = json!({"error": "server_error"});
            respond(StatusCode::INTERNAL_SERVER_ERROR, "application/json", body_of(&body))
        }
        Err(error) => respond(StatusCode::BAD_REQUEST, "application/json", body_of(&json!({"error": error}))),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn answer(pools: &UserPools, request: &Request<Bytes>) -> Result<Value, OAuthError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|value| {
        value.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    if !is_form || request.body().len() > 16_384 {
        return Err("invalid_request");
    }
    let mut form = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(request.body()) {
        // A parameter given twice is an error (RFC 6749, 3.2).
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err("invalid_request");
        }
    }
    let grant_type = form.get("grant_type").map(String::as_str).ok_or("invalid_request")?;
    let (pool, client) = authenticate(pools, request, &form)?;
    match grant_type {
        "client_credentials" => client_credentials(pools, &pool, &client, &form),
        "refresh_token" => refresh_token(pools, &pool, &client, &form),
        _ => Err("unsupported_grant_type"),
    }
}

/// The client by Basic authentication or by fields of the form, never by both.
fn authenticate(
    pools: &UserPools,
    request: &Request<Bytes>,
    form: &BTreeMap<String, String>,
) -> Result<(Arc<Pool>, Arc<Client>), OAuthError> {
    let (client_id, secret) = match request.headers().get(header::AUTHORIZATION) {
        Some(value) => {
            let encoded = value.to_str().ok().and_then(|value| value.strip_prefix("Basic ")).ok_or("invalid_client")?;
            let decoded = STANDARD.decode(encoded.trim()).map_err(|_| "invalid_client")?;
            let text = String::from_utf8(decoded).map_err(|_| "invalid_client")?;
            let (id, secret) = text.split_once(':').ok_or("invalid_client")?;
            if form.get("client_id").is_some_and(|given| given != id) || form.contains_key("client_secret") {
                return Err("invalid_request");
            }
            (id.to_owned(), Some(secret.to_owned()))
        }
        None => (form.get("client_id").cloned().ok_or("invalid_request")?, form.get("client_secret").cloned()),
    };
    let (pool, client) = pools.client(&client_id).map_err(|_| "invalid_client")?;
    let right = match (&client.secret, secret) {
        (Some(expected), Some(given)) => same_bytes(expected.as_bytes(), given.as_bytes()),
        (None, None) => true,
        _ => false,
    };
    if right { Ok((pool, client)) } else { Err("invalid_client") }
}

fn client_credentials(
    pools: &UserPools,
    pool: &Pool,
    client: &Client,
    form: &BTreeMap<String, String>,
) -> Result<Value, OAuthError> {
    let properties = &client.properties;
    let allowed = properties.allowed_oauth_flows_user_pool_client == Some(true)
        && properties.allowed_oauth_flows.iter().any(|flow| flow == "client_credentials");
    if client.secret.is_none() || !allowed {
        return Err("unauthorized_client");
    }
    let served = pools.store.read(|connection| scopes(connection, &pool.id)).map_err(fault)?;
    let open = |scope: &str| {
        properties.allowed_oauth_scopes.iter().any(|listed| listed == scope) && served.iter().any(|s| s == scope)
    };
    let granted: Vec<String> = match form.get("scope").map(|scope| scope.trim()).filter(|s| !s.is_empty()) {
        None => properties.allowed_oauth_scopes.iter().filter(|scope| open(scope)).cloned().collect(),
        Some(asked) => {
            let asked: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
            if !asked.iter().all(|scope| open(scope)) {
                return Err("invalid_scope");
            }
            asked
        }
    };
    if granted.is_empty() {
        return Err("invalid_scope");
    }
    let token = pools.machine_token(pool, client, &granted).map_err(fault)?;
    let seconds = properties.access_token_seconds();
    Ok(json!({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}))
}

fn refresh_token(
    pools: &UserPools,
    pool: &Pool,
    client: &Client,
    form: &BTreeMap<String, String>,
) -> Result<Value, OAuthError> {
    let token = form.get("refresh_token").ok_or("invalid_request")?;
    if !client.properties.allows(Flow::Refresh) {
        return Err("unauthorized_client");
    }
    let result = pools.store.read(|connection| {
        let (grant, user) = live_grant(pools, connection, pool, client, token)?;
        pools.fresh_tokens(connection, pool, client, &user, &grant)
    });
    let result = result.map_err(|refusal| match refusal.name {
        "InternalErrorException" => "server_error",
        _ => "invalid_grant",
    })?;
    Ok(json!({
        "access_token": result["AccessToken"],
        "id_token": result["IdToken"],
        "expires_in": result["ExpiresIn"],
        "token_type": "Bearer",
    }))
}

fn fault(_: Refusal) -> OAuthError {
    "server_error"
}
