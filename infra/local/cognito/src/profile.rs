//! What a signed-in user does with his own profile, by his access token.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::contacts;
use crate::delivery::Message;
use crate::lookup::{add_mfa_settings, attribute_list};
use crate::refusal::{Refusal, attempt_limit, invalid_parameter};
use crate::schema::{self, Attribute, Writer};
use crate::signup::{SENDS_PER_HOUR, SIGN_UP_CODE_MS, taken_later};
use crate::store::attempts::{self, Limit};
use crate::store::users;
use crate::store::{codes, grants};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TokenOnly {
    access_token: String,
}

pub(crate) fn get_user(pools: &UserPools, request: TokenOnly) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    let user = pools.store.read(|connection| bearer.user(connection))?;
    let mut visible = user.attributes.clone();
    visible.retain(|name, _| name == "sub" || schema::readable(&bearer.client, name));
    let mut answer = json!({"Username": user.username, "UserAttributes": attribute_list(&visible)});
    add_mfa_settings(&user, &mut answer);
    Ok(answer)
}

pub(crate) fn delete_user(pools: &UserPools, request: TokenOnly) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    pools.store.write(|connection| {
        let user = bearer.user(connection)?;
        users::delete(connection, &bearer.pool.id, &user.username)
    })?;
    Ok(json!({}))
}

/// Ends every sign-in of the user: refresh tokens, and access tokens where the pool itself is asked.
pub(crate) fn global_sign_out(pools: &UserPools, request: TokenOnly) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    pools.store.write(|connection| {
        let user = bearer.user(connection)?;
        grants::revoke_all(connection, &bearer.pool.id, &user.username)
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UpdateUserAttributes {
    access_token: String,
    user_attributes: Vec<Attribute>,
}

pub(crate) fn update_user_attributes(pools: &UserPools, request: UpdateUserAttributes) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    let pool = &bearer.pool;
    let mut written = schema::to_map(request.user_attributes);
    schema::check(pool, Writer::Client(&bearer.client), &written)?;
    schema::check_mutable(pool, &written)?;
    let messages = pools.store.write(|connection| {
        let mut user = bearer.user(connection)?;
        let messages = contacts::announce(pools, connection, pool, &mut user, &mut written)?;
        user.write(&written, pools.around.now());
        schema::check_required(pool, &user.attributes)?;
        users::save(connection, pool, &user)?.map_err(|taken| taken_later(&taken))?;
        Ok(messages)
    })?;
    messages.iter().for_each(|message| pools.send(message));
    let details: Vec<Value> = messages.iter().map(Message::details).collect();
    Ok(json!({"CodeDeliveryDetailsList": details}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteUserAttributes {
    access_token: String,
    user_attribute_names: Vec<String>,
}

pub(crate) fn delete_user_attributes(pools: &UserPools, request: DeleteUserAttributes) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    let pool = &bearer.pool;
    let blank: BTreeMap<String, String> =
        request.user_attribute_names.into_iter().map(|name| (name, String::new())).collect();
    schema::check(pool, Writer::Client(&bearer.client), &blank)?;
    schema::check_mutable(pool, &blank)?;
    pools.store.write(|connection| {
        let mut user = bearer.user(connection)?;
        user.write(&blank, pools.around.now());
        schema::check_required(pool, &user.attributes)?;
        users::save(connection, pool, &user)?.map_err(|taken| taken_later(&taken))
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetUserAttributeVerificationCode {
    access_token: String,
    attribute_name: String,
}

pub(crate) fn get_user_attribute_verification_code(
    pools: &UserPools,
    request: GetUserAttributeVerificationCode,
) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    let pool = &bearer.pool;
    let name = contact(&request.attribute_name)?;
    let message = pools.store.write(|connection| {
        let user = bearer.user(connection)?;
        let pending = user.pending.get(name).map(String::as_str);
        let Some(to) = pending.or(user.attribute(name)) else {
            return Err(invalid_parameter(format!("User does not have attribute {name}")));
        };
        let now = pools.around.now();
        let sends = Limit { pool_id: &pool.id, subject: &user.username, purpose: "send:attribute" };
        if attempts::blocked(connection, &sends, now)? {
            return Err(attempt_limit());
        }
        attempts::count_within_hour(connection, &sends, SENDS_PER_HOUR, now)?;
        let message = Message::verification(pool, name, to, &pools.around.code());
        let purpose = codes::attribute(name);
        codes::put(connection, &pool.id, &user.username, &purpose, message.code(), now + SIGN_UP_CODE_MS)?;
        Ok(message)
    })?;
    pools.send(&message);
    Ok(json!({"CodeDeliveryDetails": message.details()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VerifyUserAttribute {
    access_token: String,
    attribute_name: String,
    code: String,
}

pub(crate) fn verify_user_attribute(pools: &UserPools, request: VerifyUserAttribute) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    let pool = &bearer.pool;
    let name = contact(&request.attribute_name)?;
    pools.store.write(|connection| {
        let mut user = bearer.user(connection)?;
        let now = pools.around.now();
        let purpose = codes::attribute(name);
        codes::redeem(connection, &pool.id, &user.username, &purpose, &request.code, now)?;
        if let Some(value) = user.pending.remove(name) {
            user.attributes.insert(name.to_owned(), value);
        }
        user.attributes.insert(format!("{name}_verified"), "true".to_owned());
        user.modified = now;
        users::save(connection, pool, &user)?.map_err(|taken| taken_later(&taken))
    })?;
    Ok(json!({}))
}

fn contact(name: &str) -> Result<&str, Refusal> {
    match name {
        "email" | "phone_number" => Ok(name),
        _ => Err(invalid_parameter(format!("Attribute {name} cannot be verified"))),
    }
}
