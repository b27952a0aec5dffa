//! Setting up an authenticator and asking for it at sign-in.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::UserPools;
use crate::challenge::mfa_setup_session;
use crate::directory::Pool;
use crate::refusal::{
    Refusal, enable_software_token_mfa, invalid_parameter, missing_parameter, software_token_mfa_not_found,
};
use crate::signup::taken_later;
use crate::store::sessions::{self, Pending};
use crate::store::users::{self, User};
use crate::totp::{self, SoftwareToken, Verdict};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AssociateSoftwareToken {
    access_token: Option<String>,
    session: Option<String>,
}

/// Hands out a secret. It takes the place of an older one only when it has been proven.
pub(crate) fn associate_software_token(pools: &UserPools, request: AssociateSoftwareToken) -> Result<Value, Refusal> {
    let secret = totp::encode(&pools.around.bytes::<32>());
    if let Some(token) = &request.access_token {
        let bearer = pools.bearer(token)?;
        require_enabled(&bearer.pool)?;
        pools.store.write(|connection| {
            let mut user = bearer.user(connection)?;
            user.associating = Some(secret.clone());
            save(connection, &bearer.pool, &user)
        })?;
        return Ok(json!({"SecretCode": secret}));
    }
    let text = request.session.ok_or_else(|| missing_parameter("AccessToken"))?;
    let session = pools.store.write(|connection| {
        let session = mfa_setup_session(pools, connection, &text)?;
        let (_, client) = pools.client(&session.client_id)?;
        sessions::spend(connection, &session)?;
        let pending = Pending::MfaSetup { secret: Some(secret.clone()), verified: None };
        pools.open_session(connection, &client, &session.username, pending)
    })?;
    Ok(json!({"SecretCode": secret, "Session": session}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VerifySoftwareToken {
    access_token: Option<String>,
    session: Option<String>,
    user_code: String,
    friendly_device_name: Option<String>,
}

/// Proves the secret with one code, which is spent by that.
pub(crate) fn verify_software_token(pools: &UserPools, request: VerifySoftwareToken) -> Result<Value, Refusal> {
    let now = pools.around.now() / 1_000;
    let prove = |secret: &str| match totp::judge(secret, 0, &request.user_code, now) {
        Verdict::Right(step) => Ok(step),
        Verdict::Replayed | Verdict::Wrong => Err(enable_software_token_mfa("Code mismatch")),
    };
    if let Some(token) = &request.access_token {
        let bearer = pools.bearer(token)?;
        require_enabled(&bearer.pool)?;
        pools.store.write(|connection| {
            let mut user = bearer.user(connection)?;
            let secret = user.associating.take().ok_or_else(no_token)?;
            let last_step = prove(&secret)?;
            user.software_token =
                Some(SoftwareToken { secret, device_name: request.friendly_device_name.clone(), last_step });
            save(connection, &bearer.pool, &user)
        })?;
        return Ok(json!({"Status": "SUCCESS"}));
    }
    let text = request.session.as_deref().ok_or_else(|| missing_parameter("AccessToken"))?;
    let session = pools.store.write(|connection| {
        let session = mfa_setup_session(pools, connection, text)?;
        let Pending::MfaSetup { secret: Some(secret), .. } = &session.pending else {
            return Err(no_token());
        };
        let pending = Pending::MfaSetup { secret: Some(secret.clone()), verified: Some(prove(secret)?) };
        let (_, client) = pools.client(&session.client_id)?;
        sessions::spend(connection, &session)?;
        pools.open_session(connection, &client, &session.username, pending)
    })?;
    Ok(json!({"Status": "SUCCESS", "Session": session}))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Preference {
    enabled: Option<bool>,
    preferred_mfa: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Preferences {
    #[serde(default)]
    software_token_mfa_settings: Option<Preference>,
    #[serde(default, rename = "SMSMfaSettings")]
    sms_mfa_settings: Option<Preference>,
    #[serde(default)]
    email_mfa_settings: Option<Preference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetUserMfaPreference {
    access_token: String,
    #[serde(flatten)]
    preferences: Preferences,
}

pub(crate) fn set_user_mfa_preference(pools: &UserPools, request: SetUserMfaPreference) -> Result<Value, Refusal> {
    let bearer = pools.bearer(&request.access_token)?;
    pools.store.write(|connection| {
        let mut user = bearer.user(connection)?;
        prefer(&mut user, &request.preferences)?;
        save(connection, &bearer.pool, &user)
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AdminSetUserMfaPreference {
    user_pool_id: String,
    username: String,
    #[serde(flatten)]
    preferences: Preferences,
}

pub(crate) fn admin_set_user_mfa_preference(
    pools: &UserPools,
    request: AdminSetUserMfaPreference,
) -> Result<Value, Refusal> {
    let pool = pools.pool(&request.user_pool_id)?;
    pools.store.write(|connection| {
        let mut user = pools.require_user(connection, &pool, &request.username)?;
        prefer(&mut user, &request.preferences)?;
        save(connection, &pool, &user)
    })?;
    Ok(json!({}))
}

fn prefer(user: &mut User, preferences: &Preferences) -> Result<(), Refusal> {
    for (settings, name) in [(&preferences.sms_mfa_settings, "SMS_MFA"), (&preferences.email_mfa_settings, "EMAIL_OTP")]
    {
        if settings.as_ref().is_some_and(|settings| settings.enabled == Some(true)) {
            return Err(no_delivery(name));
        }
    }
    if let Some(settings) = &preferences.software_token_mfa_settings {
        let enabled = settings.enabled.unwrap_or(false);
        let preferred = settings.preferred_mfa.unwrap_or(false);
        if (enabled || preferred) && user.software_token.is_none() {
            return Err(no_delivery("SOFTWARE_TOKEN_MFA"));
        }
        if preferred && !enabled {
            return Err(invalid_parameter("Invalid MFA Preference settings. Preferred MFA must be enabled"));
        }
        user.mfa_enabled = enabled;
        user.mfa_preferred = preferred;
    }
    Ok(())
}

fn no_delivery(name: &str) -> Refusal {
    invalid_parameter(format!("User does not have delivery config set to turn on {name}"))
}

fn no_token() -> Refusal {
    software_token_mfa_not_found("Software Token MFA does not exist for the user.")
}

fn require_enabled(pool: &Pool) -> Result<(), Refusal> {
    if pool.software_token_enabled() {
        Ok(())
    } else {
        Err(software_token_mfa_not_found("Software Token MFA is not enabled for the userPool."))
    }
}

fn save(connection: &rusqlite::Connection, pool: &Pool, user: &User) -> Result<(), Refusal> {
    users::save(connection, pool, user)?.map_err(|taken| taken_later(&taken))
}
