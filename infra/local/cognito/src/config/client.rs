//! `AWS::Cognito::UserPoolClient`.

use serde::Deserialize;
use serde_json::Value;

use super::loose;
use crate::SetupError;

/// A way to sign in that a client may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    UserPassword,
    UserSrp,
    AdminUserPassword,
    Refresh,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClientProperties {
    #[serde(rename = "ClientName")]
    pub client_name: Option<String>,
    #[serde(rename = "GenerateSecret", deserialize_with = "loose::flag")]
    pub generate_secret: Option<bool>,
    #[serde(rename = "ExplicitAuthFlows")]
    pub explicit_auth_flows: Option<Vec<String>>,
    #[serde(rename = "PreventUserExistenceErrors")]
    pub prevent_user_existence_errors: Option<String>,
    #[serde(rename = "EnableTokenRevocation", deserialize_with = "loose::flag")]
    pub enable_token_revocation: Option<bool>,
    #[serde(rename = "AllowedOAuthFlows")]
    pub allowed_oauth_flows: Vec<String>,
    #[serde(rename = "AllowedOAuthFlowsUserPoolClient", deserialize_with = "loose::flag")]
    pub allowed_oauth_flows_user_pool_client: Option<bool>,
    #[serde(rename = "AllowedOAuthScopes")]
    pub allowed_oauth_scopes: Vec<String>,
    #[serde(rename = "ReadAttributes")]
    pub read_attributes: Option<Vec<String>>,
    #[serde(rename = "WriteAttributes")]
    pub write_attributes: Option<Vec<String>>,
    #[serde(rename = "AccessTokenValidity", deserialize_with = "loose::number")]
    access_token_validity: Option<i64>,
    #[serde(rename = "IdTokenValidity", deserialize_with = "loose::number")]
    id_token_validity: Option<i64>,
    #[serde(rename = "RefreshTokenValidity", deserialize_with = "loose::number")]
    refresh_token_validity: Option<i64>,
    #[serde(rename = "TokenValidityUnits")]
    token_validity_units: TokenValidityUnits,
    #[serde(rename = "AuthSessionValidity", deserialize_with = "loose::number")]
    auth_session_validity: Option<i64>,
    #[serde(rename = "RefreshTokenRotation")]
    refresh_token_rotation: RefreshTokenRotation,
    // Taken, without effect here: hosted pages and analytics are not part of the stand-in.
    #[serde(rename = "UserPoolId")]
    _user_pool_id: Option<String>,
    #[serde(rename = "SupportedIdentityProviders")]
    _supported_identity_providers: Value,
    #[serde(rename = "CallbackURLs")]
    _callback_urls: Value,
    #[serde(rename = "LogoutURLs")]
    _logout_urls: Value,
    #[serde(rename = "DefaultRedirectURI")]
    _default_redirect_uri: Value,
    #[serde(rename = "AnalyticsConfiguration")]
    _analytics_configuration: Value,
    #[serde(rename = "EnablePropagateAdditionalUserContextData")]
    _enable_propagate_additional_user_context_data: Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct TokenValidityUnits {
    access_token: Option<Unit>,
    id_token: Option<Unit>,
    refresh_token: Option<Unit>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct RefreshTokenRotation {
    feature: Option<String>,
    #[serde(rename = "RetryGracePeriodSeconds", deserialize_with = "loose::number")]
    _retry_grace_period_seconds: Option<i64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl Unit {
    fn seconds(self) -> i64 {
        match self {
            Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 3_600,
            Unit::Days => 86_400,
        }
    }
}

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// What the service takes in `ExplicitAuthFlows`; custom challenges and choice-based sign-in are not served.
const FLOWS: [&str; 7] = [
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_CUSTOM_AUTH",
    "ADMIN_NO_SRP_AUTH",
    "USER_PASSWORD_AUTH",
];

impl ClientProperties {
    /// Values that are well-formed but out of range or not served.
    pub fn check(&self, resource: &str) -> Result<(), SetupError> {
        let refuse = |path: &str, reason: String| {
            Err(SetupError::Property { resource: resource.to_owned(), path: path.to_owned(), reason })
        };
        let flows = self.explicit_auth_flows.iter().flatten();
        if let Some(flow) = flows.into_iter().find(|flow| !FLOWS.contains(&flow.as_str())) {
            return refuse("ExplicitAuthFlows", format!("`{flow}` is not served"));
        }
        for (path, seconds, low, high) in [
            ("AccessTokenValidity", self.access_token_seconds(), 300, DAY),
            ("IdTokenValidity", self.id_token_seconds(), 300, DAY),
            ("RefreshTokenValidity", self.refresh_token_seconds(), HOUR, 3_650 * DAY),
            ("AuthSessionValidity", self.auth_session_seconds(), 180, 900),
        ] {
            if !(low..=high).contains(&seconds) {
                return refuse(path, format!("{seconds} s is outside {low} to {high} s"));
            }
        }
        if self.refresh_token_rotation.feature.as_deref() == Some("ENABLED") {
            return refuse("RefreshTokenRotation.Feature", "only DISABLED is served".to_owned());
        }
        if let Some(other) = self.prevent_user_existence_errors.as_deref()
            && !["ENABLED", "LEGACY"].contains(&other)
        {
            return refuse("PreventUserExistenceErrors", format!("`{other}` is neither ENABLED nor LEGACY"));
        }
        Ok(())
    }

    /// Whether the client may use this flow. Without `ExplicitAuthFlows`: SRP and refresh.
    pub fn allows(&self, flow: Flow) -> bool {
        let names: &[&str] = match flow {
            Flow::UserPassword => &["ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"],
            Flow::UserSrp => &["ALLOW_USER_SRP_AUTH"],
            Flow::AdminUserPassword => &["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"],
            Flow::Refresh => &["ALLOW_REFRESH_TOKEN_AUTH"],
        };
        match &self.explicit_auth_flows {
            None => matches!(flow, Flow::UserSrp | Flow::Refresh),
            // The names without ALLOW_ are older and leave SRP and refresh open.
            Some(flows) if flows.iter().all(|name| !name.starts_with("ALLOW_")) => {
                matches!(flow, Flow::UserSrp | Flow::Refresh) || flows.iter().any(|f| names.contains(&f.as_str()))
            }
            Some(flows) => flows.iter().any(|name| names.contains(&name.as_str())),
        }
    }

    /// Whether an unknown user must look like a wrong password.
    pub fn hides_users(&self) -> bool {
        self.prevent_user_existence_errors.as_deref() == Some("ENABLED")
    }

    pub fn revocation(&self) -> bool {
        self.enable_token_revocation.unwrap_or(true)
    }

    pub fn access_token_seconds(&self) -> i64 {
        validity(self.access_token_validity, self.token_validity_units.access_token, Unit::Hours, HOUR)
    }

    pub fn id_token_seconds(&self) -> i64 {
        validity(self.id_token_validity, self.token_validity_units.id_token, Unit::Hours, HOUR)
    }

    pub fn refresh_token_seconds(&self) -> i64 {
        validity(self.refresh_token_validity, self.token_validity_units.refresh_token, Unit::Days, 30 * DAY)
    }

    pub fn auth_session_seconds(&self) -> i64 {
        self.auth_session_validity.unwrap_or(3).saturating_mul(60)
    }
}

/// Zero means the default, as CloudFormation has it.
fn validity(given: Option<i64>, unit: Option<Unit>, default_unit: Unit, default_seconds: i64) -> i64 {
    match given {
        None | Some(0) => default_seconds,
        Some(amount) => amount.saturating_mul(unit.unwrap_or(default_unit).seconds()),
    }
}
