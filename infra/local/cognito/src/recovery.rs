//! Forgotten, reset and changed passwords.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::delivery::Message;
use crate::directory::Pool;
use crate::lookup::{check_secret_hash, check_username};
use crate::password::{self, StoredPassword};
use crate::refusal::{
    Refusal, attempt_limit, code_mismatch, invalid_parameter, missing_parameter, not_authorized, wrong_credentials,
};
use crate::signup::{SENDS_PER_HOUR, pretended_delivery, taken_later, unknown_here};
use crate::store::attempts::{self, Limit};
use crate::store::codes;
use crate::store::users::{self, Status, User};
use crate::triggers::ForTriggers;

/// How long a code for a new password lives.
const RESET_CODE_MS: i64 = 3_600_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ForgotPassword {
    client_id: String,
    secret_hash: Option<String>,
    username: String,
}

pub(crate) fn forgot_password(pools: &UserPools, request: ForgotPassword) -> Result<Value, Refusal> {
    check_username(&request.username)?;
    let (pool, client) = pools.client(&request.client_id)?;
    check_secret_hash(&client, &request.username, request.secret_hash.as_deref())?;
    let hides = client.properties.hides_users();
    let message = pools.store.write(|connection| {
        let user = match users::resolve(connection, &pool, &request.username)? {
            None if hides => return Ok(None),
            None => return Err(unknown_here()),
            Some(user) if !user.enabled && hides => return Ok(None),
            Some(user) if !user.enabled => return Err(not_authorized("User is disabled.")),
            Some(user) => user,
        };
        if user.status == Status::ForceChangePassword {
            return Err(not_authorized("User password cannot be reset in the current state."));
        }
        match reset_message(pools, connection, &pool, &user) {
            Err(refusal) if hides && refusal.name == "InvalidParameterException" => Ok(None),
            outcome => outcome.map(Some),
        }
    })?;
    let details = match &message {
        Some(message) => {
            pools.send(message);
            message.details()
        }
        None => pretended_delivery(&request.username),
    };
    Ok(json!({"CodeDeliveryDetails": details}))
}

/// Puts a code for a new password and words its message, by the way the pool recovers accounts.
fn reset_message(pools: &UserPools, connection: &Connection, pool: &Pool, user: &User) -> Result<Message, Refusal> {
    let mut mechanisms = pool.properties.account_recovery_setting.recovery_mechanisms.clone();
    mechanisms.sort_by_key(|mechanism| mechanism.priority);
    let ways: Vec<&str> = if mechanisms.is_empty() {
        // What the service does where nothing is said.
        vec!["phone_number", "email"]
    } else {
        mechanisms.iter().filter_map(|mechanism| mechanism.name.strip_prefix("verified_")).collect()
    };
    if ways.is_empty() {
        return Err(not_authorized("Contact administrator to reset password."));
    }
    let found = ways.into_iter().find(|name| user.verified(name));
    let Some((attribute, to)) = found.and_then(|name| Some((name, user.attribute(name)?))) else {
        return Err(invalid_parameter(
            "Cannot reset password for the user as there is no registered/verified email or phone_number",
        ));
    };
    let now = pools.around.now();
    let sends = Limit { pool_id: &pool.id, subject: &user.username, purpose: "send:reset" };
    if attempts::blocked(connection, &sends, now)? {
        return Err(attempt_limit());
    }
    attempts::count_within_hour(connection, &sends, SENDS_PER_HOUR, now)?;
    let message = Message::verification(pool, attribute, to, &pools.around.code());
    codes::put(connection, &pool.id, &user.username, codes::RESET, message.code(), now + RESET_CODE_MS)?;
    Ok(message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ConfirmForgotPassword {
    client_id: String,
    secret_hash: Option<String>,
    username: String,
    confirmation_code: String,
    password: String,
    client_metadata: Option<BTreeMap<String, String>>,
}

pub(crate) fn confirm_forgot_password(pools: &UserPools, request: ConfirmForgotPassword) -> Result<Value, Refusal> {
    check_username(&request.username)?;
    let (pool, client) = pools.client(&request.client_id)?;
    check_secret_hash(&client, &request.username, request.secret_hash.as_deref())?;
    password::check(&pool.properties.password_policy(), "password", &request.password)?;
    let hides = client.properties.hides_users();
    let find = |connection: &Connection| match users::resolve(connection, &pool, &request.username)? {
        Some(user) if user.enabled => Ok(user),
        _ if hides => Err(code_mismatch("Invalid verification code provided, please try again.")),
        Some(_) => Err(not_authorized("User is disabled.")),
        None => Err(unknown_here()),
    };
    let username = pools.store.read(find)?.username;
    let stored = StoredPassword::new(&pools.around, &pool, &username, &request.password);
    let user = pools.store.write(|connection| {
        let mut user = find(connection)?;
        let now = pools.around.now();
        codes::redeem(connection, &pool.id, &user.username, codes::RESET, &request.confirmation_code, now)?;
        set_password(connection, &pool, &mut user, stored, now)?;
        Ok(user)
    })?;
    let extra = ForTriggers { client_metadata: request.client_metadata, validation_data: None };
    pools.post_confirmation(&pool, &client.id, "ConfirmForgotPassword", &user, &extra)?;
    Ok(json!({}))
}

/// A permanent password: the user is confirmed and wrong tries are forgotten.
pub(crate) fn set_password(
    connection: &Connection,
    pool: &Pool,
    user: &mut User,
    stored: StoredPassword,
    now: i64,
) -> Result<(), Refusal> {
    user.password = Some(stored);
    user.temporary_until = None;
    user.status = Status::Confirmed;
    user.modified = now;
    let tries = Limit { pool_id: &pool.id, subject: &user.username, purpose: "password" };
    attempts::clear(connection, &tries)?;
    users::save(connection, pool, user)?.map_err(|taken| taken_later(&taken))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangePassword {
    access_token: String,
    previous_password: Option<String>,
    proposed_password: String,
}

pub(crate) fn change_password(pools: &UserPools, request: ChangePassword) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    let pool = &bearer.pool;
    let user = pools.store.read(|connection| bearer.user(connection))?;
    let Some(previous) = &request.previous_password else {
        return Err(missing_parameter("PreviousPassword"));
    };
    password::check(&pool.properties.password_policy(), "proposedPassword", &request.proposed_password)?;
    let right = user.password.as_ref().is_some_and(|stored| stored.matches(previous));
    let checked = user.password;
    let proposed = &request.proposed_password;
    let stored = right.then(|| StoredPassword::new(&pools.around, pool, &user.username, proposed));
    pools.store.write(|connection| {
        let mut user = bearer.user(connection)?;
        let now = pools.around.now();
        let tries = Limit { pool_id: &pool.id, subject: &user.username, purpose: "change-password" };
        if attempts::blocked(connection, &tries, now)? {
            return Err(attempt_limit());
        }
        match stored {
            Some(stored) if user.password == checked => {
                attempts::clear(connection, &tries)?;
                set_password(connection, pool, &mut user, stored, now)
            }
            _ => {
                attempts::count_within_hour(connection, &tries, 5, now)?;
                Err(wrong_credentials().kept())
            }
        }
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AdminResetUserPassword {
    user_pool_id: String,
    username: String,
}

/// The password no longer signs in; a code lets the user set another.
pub(crate) fn admin_reset_user_password(pools: &UserPools, request: AdminResetUserPassword) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let message = pools.store.write(|connection| {
        let mut user = pools.require_user(connection, &pool, &request.username)?;
        if !matches!(user.status, Status::Confirmed | Status::ResetRequired) {
            return Err(not_authorized("User password cannot be reset in the current state."));
        }
        let message = reset_message(pools, connection, &pool, &user)?;
        user.status = Status::ResetRequired;
        user.modified = pools.around.now();
        users::save(connection, &pool, &user)?.map_err(|taken| taken_later(&taken))?;
        Ok(message)
    })?;
    pools.send(&message);
    Ok(json!({}))
}
