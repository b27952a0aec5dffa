//! What administrators do with users. On AWS an IAM policy stands before each of these.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::contacts;
use crate::delivery::Message;
use crate::directory::Pool;
use crate::lookup::{add_mfa_settings, attribute_list, check_username, user_type};
use crate::password::{self, StoredPassword};
use crate::recovery::set_password as make_permanent;
use crate::refusal::{Refusal, invalid_parameter, no_such_user, unsupported_user_state, username_exists};
use crate::schema::{self, Attribute, Writer};
use crate::signup::{adopt_username, must_be_unconfirmed, new_user, taken_at_sign_up, taken_later};
use crate::store::grants;
use crate::store::users::{self, Status, User};
use crate::triggers::{ForTriggers, NO_CLIENT};
use crate::wire::date;

const DAY_MS: i64 = 86_400_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateUser {
    user_pool_id: String,
    username: String,
    #[serde(default)]
    user_attributes: Vec<Attribute>,
    #[serde(default)]
    validation_data: Option<Vec<Attribute>>,
    temporary_password: Option<String>,
    message_action: Option<String>,
    #[serde(default)]
    desired_delivery_mediums: Vec<String>,
    client_metadata: Option<BTreeMap<String, String>>,
}

pub(crate) fn create_user(pools: &UserPools, request: CreateUser) -> Result<Value, Refusal> {
    check_username(&request.username)?;
    let pool = pools.pool(&request.user_pool_id)?;
    let policy = pool.properties.password_policy();
    if let Some(password) = &request.temporary_password {
        password::check(&policy, "temporaryPassword", password)?;
    }
    let temporary = request.temporary_password.clone().unwrap_or_else(|| password::generate(&pools.around, &policy));
    let found = pools.store.read(|connection| users::resolve(connection, &pool, &request.username))?;
    let resend = request.message_action.as_deref() == Some("RESEND");
    let mut user = match found {
        Some(user) if resend && user.status == Status::ForceChangePassword => user,
        Some(user) if resend => {
            let name = user.username;
            return Err(unsupported_user_state(format!(
                "Resend not possible. {name} status is not FORCE_CHANGE_PASSWORD"
            )));
        }
        Some(_) if pool.generates_usernames() => {
            let kind = if schema::is_phone(&request.username) { "phone_number" } else { "email" };
            return Err(taken_at_sign_up(&users::Taken { kind: kind.to_owned() }));
        }
        Some(_) => return Err(username_exists("User account already exists")),
        None if resend => return Err(no_such_user()),
        None => invite(pools, &pool, &request)?,
    };
    let messages = if request.message_action.as_deref() == Some("SUPPRESS") {
        Vec::new()
    } else {
        invitations(&pool, &user, &request, &temporary)?
    };
    let now = pools.around.now();
    user.password = Some(StoredPassword::new(&pools.around, &pool, &user.username, &temporary));
    user.temporary_until = Some(now + pool.properties.temporary_password_days() * DAY_MS);
    user.modified = now;
    pools.store.write(|connection| users::save(connection, &pool, &user)?.map_err(|taken| taken_at_sign_up(&taken)))?;
    messages.iter().for_each(|message| pools.send(message));
    Ok(json!({"User": user_type(&user, None)}))
}

/// The profile of a new user, after the pre-sign-up function has agreed.
fn invite(pools: &UserPools, pool: &Pool, request: &CreateUser) -> Result<User, Refusal> {
    let mut attributes = schema::to_map(request.user_attributes.clone());
    schema::check(pool, Writer::Admin, &attributes)?;
    adopt_username(pool, &request.username, &mut attributes)?;
    let user = new_user(pools, pool, &request.username, attributes, Status::ForceChangePassword);
    let extra = ForTriggers {
        client_metadata: request.client_metadata.clone(),
        validation_data: request.validation_data.clone().map(schema::to_map),
    };
    let mut shown = user.attributes.clone();
    shown.remove("sub");
    pools.pre_sign_up(pool, NO_CLIENT, "AdminCreateUser", &user.username, &shown, &extra)?;
    Ok(user)
}

/// Without a wish: SMS where there is a phone number, else e-mail.
fn invitations(pool: &Pool, user: &User, request: &CreateUser, temporary: &str) -> Result<Vec<Message>, Refusal> {
    let wished: Vec<&str> = if request.desired_delivery_mediums.is_empty() {
        vec![if user.attribute("phone_number").is_some() { "SMS" } else { "EMAIL" }]
    } else {
        request.desired_delivery_mediums.iter().map(String::as_str).collect()
    };
    let mut messages = Vec::new();
    for medium in wished {
        let attribute = match medium {
            "EMAIL" => "email",
            "SMS" => "phone_number",
            other => return Err(invalid_parameter(format!("Unknown delivery medium {other}"))),
        };
        let Some(to) = user.attribute(attribute) else {
            return Err(invalid_parameter(format!("User has no {attribute} to send a temporary password to")));
        };
        messages.push(Message::invitation(pool, attribute, to, &request.username, temporary));
    }
    Ok(messages)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetUserPassword {
    user_pool_id: String,
    username: String,
    password: String,
    permanent: Option<bool>,
}

pub(crate) fn set_user_password(pools: &UserPools, request: SetUserPassword) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    password::check(&pool.properties.password_policy(), "password", &request.password)?;
    let user = pools.store.read(|connection| pools.require_user(connection, &pool, &request.username))?;
    let stored = StoredPassword::new(&pools.around, &pool, &user.username, &request.password);
    pools.store.write(|connection| {
        let mut user = pools.require_user(connection, &pool, &request.username)?;
        let now = pools.around.now();
        if request.permanent == Some(true) {
            return make_permanent(connection, &pool, &mut user, stored, now);
        }
        user.password = Some(stored);
        user.status = Status::ForceChangePassword;
        user.temporary_until = Some(now + pool.properties.temporary_password_days() * DAY_MS);
        user.modified = now;
        users::save(connection, &pool, &user)?.map_err(|taken| taken_later(&taken))
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OneUser {
    user_pool_id: String,
    username: String,
    client_metadata: Option<BTreeMap<String, String>>,
}

/// Confirms without a code; contacts stay as unverified as they were.
pub(crate) fn confirm_sign_up(pools: &UserPools, request: OneUser) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let user = change(pools, &pool, &request.username, |user| {
        must_be_unconfirmed(user)?;
        user.status = Status::Confirmed;
        Ok(())
    })?;
    let extra = ForTriggers { client_metadata: request.client_metadata, validation_data: None };
    pools.post_confirmation(&pool, NO_CLIENT, "ConfirmSignUp", &user, &extra)?;
    Ok(json!({}))
}

pub(crate) fn get_user(pools: &UserPools, request: OneUser) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let user = pools.store.read(|connection| pools.require_user(connection, &pool, &request.username))?;
    let mut answer = json!({
        "Username": user.username,
        "UserAttributes": attribute_list(&user.attributes),
        "UserCreateDate": date(user.created),
        "UserLastModifiedDate": date(user.modified),
        "Enabled": user.enabled,
        "UserStatus": user.status.name(),
    });
    add_mfa_settings(&user, &mut answer);
    Ok(answer)
}

pub(crate) fn delete_user(pools: &UserPools, request: OneUser) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    pools.store.write(|connection| {
        let user = pools.require_user(connection, &pool, &request.username)?;
        users::delete(connection, &pool.id, &user.username)
    })?;
    Ok(json!({}))
}

/// No sign-in any more, and none that is open stays so.
pub(crate) fn disable_user(pools: &UserPools, request: OneUser) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    pools.store.write(|connection| {
        let mut user = pools.require_user(connection, &pool, &request.username)?;
        user.enabled = false;
        user.modified = pools.around.now();
        grants::revoke_all(connection, &pool.id, &user.username)?;
        users::save(connection, &pool, &user)?.map_err(|taken| taken_later(&taken))
    })?;
    Ok(json!({}))
}

pub(crate) fn enable_user(pools: &UserPools, request: OneUser) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    change(pools, &pool, &request.username, |user| {
        user.enabled = true;
        Ok(())
    })?;
    Ok(json!({}))
}

pub(crate) fn user_global_sign_out(pools: &UserPools, request: OneUser) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    pools.store.write(|connection| {
        let user = pools.require_user(connection, &pool, &request.username)?;
        grants::revoke_all(connection, &pool.id, &user.username)
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UpdateUserAttributes {
    user_pool_id: String,
    username: String,
    user_attributes: Vec<Attribute>,
}

pub(crate) fn update_user_attributes(pools: &UserPools, request: UpdateUserAttributes) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    write_attributes(pools, &pool, &request.username, schema::to_map(request.user_attributes))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteUserAttributes {
    user_pool_id: String,
    username: String,
    user_attribute_names: Vec<String>,
}

pub(crate) fn delete_user_attributes(pools: &UserPools, request: DeleteUserAttributes) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    let blank = request.user_attribute_names.into_iter().map(|name| (name, String::new())).collect();
    write_attributes(pools, &pool, &request.username, blank)
}

fn write_attributes(
    pools: &UserPools,
    pool: &Pool,
    username: &str,
    mut written: BTreeMap<String, String>,
) -> Result<Value, Refusal> {
    schema::check(pool, Writer::Admin, &written)?;
    schema::check_mutable(pool, &written)?;
    let messages = pools.store.write(|connection| {
        let mut user = pools.require_user(connection, pool, username)?;
        let messages = contacts::announce(pools, connection, pool, &mut user, &mut written)?;
        user.write(&written, pools.around.now());
        users::save(connection, pool, &user)?.map_err(|taken| taken_later(&taken))?;
        Ok(messages)
    })?;
    messages.iter().for_each(|message| pools.send(message));
    Ok(json!({}))
}

/// Changes one profile in one transaction and answers it as it is then.
fn change(
    pools: &UserPools,
    pool: &Pool,
    username: &str,
    edit: impl FnOnce(&mut User) -> Result<(), Refusal>,
) -> Result<User, Refusal> {
    pools.store.write(|connection| {
        let mut user = pools.require_user(connection, pool, username)?;
        edit(&mut user)?;
        user.modified = pools.around.now();
        users::save(connection, pool, &user)?.map_err(|taken| taken_later(&taken))?;
        Ok(user)
    })
}
