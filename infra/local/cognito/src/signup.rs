//! A user signs himself up and confirms it with the code he was sent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::delivery::{self, Message};
use crate::directory::Pool;
use crate::lookup::{check_secret_hash, check_username};
use crate::password::{self, StoredPassword};
use crate::refusal::{
    Refusal, alias_exists, attempt_limit, constraint, invalid_parameter, not_authorized, user_not_found,
    username_exists,
};
use crate::schema::{self, Attribute, Writer};
use crate::store::attempts::{self, Limit};
use crate::store::codes;
use crate::store::users::{self, Status, Taken, User};
use crate::triggers::ForTriggers;

/// How long a sign-up code lives.
pub(crate) const SIGN_UP_CODE_MS: i64 = 24 * 3_600_000;
/// Messages a user may be sent per hour and purpose. The service says "five to twenty".
pub(crate) const SENDS_PER_HOUR: u32 = 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SignUp {
    client_id: String,
    secret_hash: Option<String>,
    username: String,
    password: Option<String>,
    #[serde(default)]
    user_attributes: Vec<Attribute>,
    #[serde(default)]
    validation_data: Option<Vec<Attribute>>,
    client_metadata: Option<BTreeMap<String, String>>,
}

pub(crate) fn sign_up(pools: &UserPools, request: SignUp) -> Result<Value, Refusal> {
    check_username(&request.username)?;
    let (pool, client) = pools.client(&request.client_id)?;
    check_secret_hash(&client, &request.username, request.secret_hash.as_deref())?;
    if pool.properties.admin_create_user_config.allow_admin_create_user_only == Some(true) {
        return Err(not_authorized("SignUp is not permitted for this user pool"));
    }
    let Some(password) = &request.password else {
        return Err(constraint(" null", "password", "Member must not be null"));
    };
    password::check(&pool.properties.password_policy(), "password", password)?;
    let mut attributes = schema::to_map(request.user_attributes);
    schema::check(&pool, Writer::Client(&client), &attributes)?;
    adopt_username(&pool, &request.username, &mut attributes)?;
    schema::check_required(&pool, &attributes)?;
    if pools.store.read(|connection| users::resolve(connection, &pool, &request.username))?.is_some() {
        return Err(exists(&pool, &request.username));
    }

    let extra = ForTriggers {
        client_metadata: request.client_metadata,
        validation_data: request.validation_data.map(schema::to_map),
    };
    let mut user = new_user(pools, &pool, &request.username, attributes, Status::Unconfirmed);
    let mut shown = user.attributes.clone();
    shown.remove("sub");
    let decision = pools.pre_sign_up(&pool, &client.id, "SignUp", &user.username, &shown, &extra)?;
    for (asked, name) in [(decision.verify_email, "email"), (decision.verify_phone, "phone_number")] {
        if asked && user.attribute(name).is_some() {
            user.attributes.insert(format!("{name}_verified"), "true".to_owned());
        }
    }
    if decision.confirm {
        user.status = Status::Confirmed;
    }
    user.password = Some(StoredPassword::new(&pools.around, &pool, &user.username, password));

    let target = if decision.confirm { None } else { delivery::sign_up_target(&pool, &user) };
    let message = target.map(|(attribute, to)| Message::verification(&pool, &attribute, &to, &pools.around.code()));
    pools.store.write(|connection| {
        users::save(connection, &pool, &user)?.map_err(|taken| taken_at_sign_up(&taken))?;
        if let Some(message) = &message {
            let expires = pools.around.now() + SIGN_UP_CODE_MS;
            codes::put(connection, &pool.id, &user.username, codes::SIGN_UP, message.code(), expires)?;
        }
        Ok(())
    })?;

    let mut answer = json!({"UserConfirmed": decision.confirm, "UserSub": user.sub()});
    if let Some(message) = &message {
        pools.send(message);
        answer["CodeDeliveryDetails"] = message.details();
    }
    if decision.confirm {
        pools.post_confirmation(&pool, &client.id, "ConfirmSignUp", &user, &extra)?;
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ConfirmSignUp {
    client_id: String,
    secret_hash: Option<String>,
    username: String,
    confirmation_code: String,
    client_metadata: Option<BTreeMap<String, String>>,
}

pub(crate) fn confirm_sign_up(pools: &UserPools, request: ConfirmSignUp) -> Result<Value, Refusal> {
    check_username(&request.username)?;
    let (pool, client) = pools.client(&request.client_id)?;
    check_secret_hash(&client, &request.username, request.secret_hash.as_deref())?;
    let user = pools.store.write(|connection| {
        let Some(mut user) = users::resolve(connection, &pool, &request.username)? else {
            return Err(if client.properties.hides_users() { codes::expired() } else { unknown_here() });
        };
        must_be_unconfirmed(&user)?;
        let now = pools.around.now();
        codes::redeem(connection, &pool.id, &user.username, codes::SIGN_UP, &request.confirmation_code, now)?;
        if let Some((attribute, _)) = delivery::sign_up_target(&pool, &user) {
            user.attributes.insert(format!("{attribute}_verified"), "true".to_owned());
        }
        user.status = Status::Confirmed;
        user.modified = now;
        users::save(connection, &pool, &user)?.map_err(|taken| taken_later(&taken))?;
        Ok(user)
    })?;
    let extra = ForTriggers { client_metadata: request.client_metadata, validation_data: None };
    pools.post_confirmation(&pool, &client.id, "ConfirmSignUp", &user, &extra)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResendConfirmationCode {
    client_id: String,
    secret_hash: Option<String>,
    username: String,
}

pub(crate) fn resend_confirmation_code(pools: &UserPools, request: ResendConfirmationCode) -> Result<Value, Refusal> {
    check_username(&request.username)?;
    let (pool, client) = pools.client(&request.client_id)?;
    check_secret_hash(&client, &request.username, request.secret_hash.as_deref())?;
    let message = pools.store.write(|connection| {
        let Some(user) = users::resolve(connection, &pool, &request.username)? else {
            return if client.properties.hides_users() { Ok(None) } else { Err(unknown_here()) };
        };
        if user.status != Status::Unconfirmed {
            return Err(invalid_parameter("User is already confirmed."));
        }
        let Some((attribute, to)) = delivery::sign_up_target(&pool, &user) else {
            return Err(invalid_parameter("Cannot resend codes. Auto verification not turned on."));
        };
        let now = pools.around.now();
        let sends = Limit { pool_id: &pool.id, subject: &user.username, purpose: "send:sign-up" };
        if attempts::blocked(connection, &sends, now)? {
            return Err(attempt_limit());
        }
        attempts::count_within_hour(connection, &sends, SENDS_PER_HOUR, now)?;
        let message = Message::verification(&pool, &attribute, &to, &pools.around.code());
        let expires = now + SIGN_UP_CODE_MS;
        codes::put(connection, &pool.id, &user.username, codes::SIGN_UP, message.code(), expires)?;
        Ok(Some(message))
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

/// A delivery as it would look, where the user does not exist and must not be known not to.
pub(crate) fn pretended_delivery(username: &str) -> Value {
    if schema::is_phone(username) {
        delivery::details("phone_number", username)
    } else {
        delivery::details("email", if schema::is_email(username) { username } else { "p@d" })
    }
}

/// Where users sign in with e-mail or phone, the user name given is that attribute.
pub(crate) fn adopt_username(
    pool: &Pool,
    username: &str,
    attributes: &mut BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let (email, phone) = (pool.signs_in_with("email"), pool.signs_in_with("phone_number"));
    let name = if email && schema::is_email(username) {
        "email"
    } else if phone && schema::is_phone(username) {
        "phone_number"
    } else if !pool.generates_usernames() {
        let email_alias = pool.properties.alias_attributes.iter().any(|alias| alias == "email");
        if email_alias && schema::is_email(username) {
            return Err(invalid_parameter(
                "Username cannot be of email format, since user pool is configured for email alias.",
            ));
        }
        return Ok(());
    } else {
        return Err(invalid_parameter(match (email, phone) {
            (true, true) => "Username should be either an email or a phone number.",
            (true, false) => "Username should be an email.",
            _ => "Username should be a phone number.",
        }));
    };
    match attributes.get(name) {
        Some(given) if pool.normalise(given) != pool.normalise(username) => {
            Err(invalid_parameter(format!("The {name} attribute differs from the username.")))
        }
        Some(_) => Ok(()),
        None => {
            attributes.insert(name.to_owned(), username.to_owned());
            Ok(())
        }
    }
}

/// A profile with its generated ids. In pools with generated user names, name and `sub` are the same.
pub(crate) fn new_user(
    pools: &UserPools,
    pool: &Pool,
    username: &str,
    mut attributes: BTreeMap<String, String>,
    status: Status,
) -> User {
    let now = pools.around.now();
    let sub = pools.around.uuid();
    attributes.retain(|_, value| !value.is_empty());
    for contact in ["email", "phone_number"] {
        if attributes.contains_key(contact) {
            attributes.entry(format!("{contact}_verified")).or_insert_with(|| "false".to_owned());
        }
    }
    attributes.insert("sub".to_owned(), sub.clone());
    User {
        username: if pool.generates_usernames() { sub } else { pool.normalise(username) },
        status,
        enabled: true,
        attributes,
        pending: BTreeMap::new(),
        password: None,
        temporary_until: None,
        software_token: None,
        associating: None,
        mfa_enabled: false,
        mfa_preferred: false,
        created: now,
        modified: now,
    }
}

pub(crate) fn must_be_unconfirmed(user: &User) -> Result<(), Refusal> {
    if user.status == Status::Unconfirmed {
        return Ok(());
    }
    Err(not_authorized(format!("User cannot be confirmed. Current status is {}", user.status.name())))
}

/// The refusal of calls with a client where users are not hidden.
pub(crate) fn unknown_here() -> Refusal {
    user_not_found("Username/client id combination not found.")
}

fn exists(pool: &Pool, username: &str) -> Refusal {
    let kind = match pool.generates_usernames() {
        true if schema::is_phone(username) => "phone_number",
        true => "email",
        false => "username",
    };
    taken_at_sign_up(&Taken { kind: kind.to_owned() })
}

pub(crate) fn taken_at_sign_up(taken: &Taken) -> Refusal {
    match taken.kind.as_str() {
        "username" => username_exists("User already exists"),
        kind => username_exists(format!("An account with the given {kind} already exists.")),
    }
}

/// A name that turns out to be somebody else's when it is confirmed or changed.
pub(crate) fn taken_later(taken: &Taken) -> Refusal {
    alias_exists(format!("An account with the given {} already exists.", taken.kind))
}
