//! Pools and clients as the service describes them.

use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::config::Mfa;
use crate::directory::Client;
use crate::listing::{page_size, read_token, write_token};
use crate::refusal::Refusal;
use crate::store::users;
use crate::wire::date;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OnePool {
    user_pool_id: String,
}

pub(crate) fn user_pool(pools: &UserPools, request: OnePool) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let mut answer = json!({});
    // The API has the names of CloudFormation but for these.
    for (name, value) in pool.raw.as_object().into_iter().flatten() {
        match name.as_str() {
            "UserPoolName" | "EnabledMfas" | "Policies" => {}
            "Schema" => answer["SchemaAttributes"] = native("", value),
            other => answer[other] = native(other, value),
        }
    }
    let policy = pool.properties.password_policy();
    let flag = |given: Option<bool>| given.unwrap_or(false);
    answer["Policies"] = json!({"PasswordPolicy": {
        "MinimumLength": policy.minimum_length.unwrap_or(6),
        "RequireUppercase": flag(policy.require_uppercase),
        "RequireLowercase": flag(policy.require_lowercase),
        "RequireNumbers": flag(policy.require_numbers),
        "RequireSymbols": flag(policy.require_symbols),
        "TemporaryPasswordValidityDays": pool.properties.temporary_password_days(),
    }});
    answer["Id"] = json!(pool.id);
    answer["Arn"] = json!(pool.arn);
    answer["Name"] = json!(pool.properties.user_pool_name.as_deref().unwrap_or(&pool.id));
    answer["MfaConfiguration"] = json!(match pool.properties.mfa_configuration {
        Mfa::Off => "OFF",
        Mfa::Optional => "OPTIONAL",
        Mfa::On => "ON",
    });
    answer["CreationDate"] = date(pool.created);
    answer["LastModifiedDate"] = date(pool.modified);
    let users = pools.store.read(|connection| users::count(connection, &pool.id))?;
    answer["EstimatedNumberOfUsers"] = json!(users);
    Ok(json!({"UserPool": answer}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListUserPools {
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(crate) fn user_pools(pools: &UserPools, request: ListUserPools) -> Result<Value, Refusal> {
    let limit = page_size(request.max_results)?;
    let after = read_token(request.next_token.as_deref())?;
    let mut found: Vec<_> = {
        let directory = pools.directory.read().unwrap_or_else(PoisonError::into_inner);
        directory.pools.values().filter(|pool| pool.id > after).cloned().collect()
    };
    found.sort_by(|left, right| left.id.cmp(&right.id));
    let token = write_token(&mut found, limit, |pool| &pool.id);
    let shown: Vec<Value> = found
        .iter()
        .map(|pool| {
            json!({
                "Id": pool.id,
                "Name": pool.properties.user_pool_name.as_deref().unwrap_or(&pool.id),
                "CreationDate": date(pool.created),
                "LastModifiedDate": date(pool.modified),
            })
        })
        .collect();
    let mut answer = json!({"UserPools": shown});
    if let Some(token) = token {
        answer["NextToken"] = json!(token);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OneClient {
    user_pool_id: String,
    client_id: String,
}

pub(crate) fn user_pool_client(pools: &UserPools, request: OneClient) -> Result<Value, Refusal> {
    let (_, client) = pools.client_of(&request.user_pool_id, &request.client_id)?;
    let mut answer = json!({});
    for (name, value) in client.raw.as_object().into_iter().flatten() {
        if name != "GenerateSecret" {
            answer[name.as_str()] = native(name, value);
        }
    }
    answer["UserPoolId"] = json!(client.pool_id);
    answer["ClientId"] = json!(client.id);
    answer["ClientName"] = json!(client_name(&client));
    if let Some(secret) = &client.secret {
        answer["ClientSecret"] = json!(secret);
    }
    answer["EnableTokenRevocation"] = json!(client.properties.revocation());
    answer["CreationDate"] = date(client.created);
    answer["LastModifiedDate"] = date(client.modified);
    Ok(json!({"UserPoolClient": answer}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListUserPoolClients {
    user_pool_id: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(crate) fn user_pool_clients(pools: &UserPools, request: ListUserPoolClients) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let limit = page_size(request.max_results)?;
    let after = read_token(request.next_token.as_deref())?;
    let mut found: Vec<_> = {
        let directory = pools.directory.read().unwrap_or_else(PoisonError::into_inner);
        let clients = directory.clients.values();
        clients.filter(|client| client.pool_id == pool.id && client.id > after).cloned().collect()
    };
    found.sort_by(|left, right| left.id.cmp(&right.id));
    let token = write_token(&mut found, limit, |client| &client.id);
    let shown: Vec<Value> = found
        .iter()
        .map(|client| json!({"ClientId": client.id, "UserPoolId": pool.id, "ClientName": client_name(client)}))
        .collect();
    let mut answer = json!({"UserPoolClients": shown});
    if let Some(token) = token {
        answer["NextToken"] = json!(token);
    }
    Ok(answer)
}

fn client_name(client: &Client) -> &str {
    client.properties.client_name.as_deref().unwrap_or(&client.id)
}

/// The types of the API where CloudFormation may have passed text: flags, numbers, and the bounds that are text there.
fn native(name: &str, value: &Value) -> Value {
    match (name, value) {
        (_, Value::Array(items)) => items.iter().map(|item| native("", item)).collect(),
        (_, Value::Object(fields)) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), native(name, value)));
            Value::Object(fields.collect())
        }
        ("MinLength" | "MaxLength" | "MinValue" | "MaxValue", Value::Number(number)) => json!(number.to_string()),
        (
            "CaseSensitive"
            | "Mutable"
            | "Required"
            | "DeveloperOnlyAttribute"
            | "AllowAdminCreateUserOnly"
            | "AllowedOAuthFlowsUserPoolClient"
            | "EnablePropagateAdditionalUserContextData",
            Value::String(text),
        ) => json!(text.eq_ignore_ascii_case("true")),
        (
            "Priority"
            | "UnusedAccountValidityDays"
            | "AccessTokenValidity"
            | "IdTokenValidity"
            | "RefreshTokenValidity"
            | "AuthSessionValidity",
            Value::String(text),
        ) => text.trim().parse::<i64>().map_or_else(|_| value.clone(), |number| json!(number)),
        _ => value.clone(),
    }
}
