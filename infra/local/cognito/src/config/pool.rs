//! `AWS::Cognito::UserPool`.

use serde::Deserialize;
use serde_json::Value;

use super::loose;
use crate::SetupError;

/// The properties served, and those taken and knowingly without effect here (the underscored ones:
/// they concern billing, mail senders, risk scoring or deletion of the stack).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct PoolProperties {
    pub user_pool_name: Option<String>,
    pub policies: Policies,
    pub username_attributes: Vec<String>,
    pub alias_attributes: Vec<String>,
    pub username_configuration: UsernameConfiguration,
    pub auto_verified_attributes: Vec<String>,
    pub schema: Vec<SchemaAttribute>,
    pub mfa_configuration: Mfa,
    pub enabled_mfas: Vec<String>,
    pub lambda_config: LambdaConfig,
    pub account_recovery_setting: AccountRecoverySetting,
    pub admin_create_user_config: AdminCreateUserConfig,
    pub user_attribute_update_settings: UserAttributeUpdateSettings,
    pub verification_message_template: VerificationMessageTemplate,
    pub email_verification_message: Option<String>,
    pub email_verification_subject: Option<String>,
    pub sms_verification_message: Option<String>,
    #[serde(rename = "SmsAuthenticationMessage")]
    _sms_authentication_message: Option<String>,
    #[serde(rename = "EmailConfiguration")]
    _email_configuration: Value,
    #[serde(rename = "SmsConfiguration")]
    _sms_configuration: Value,
    #[serde(rename = "DeletionProtection")]
    _deletion_protection: Option<String>,
    #[serde(rename = "UserPoolTags")]
    _user_pool_tags: Value,
    #[serde(rename = "UserPoolAddOns")]
    _user_pool_add_ons: Value,
    #[serde(rename = "UserPoolTier")]
    _user_pool_tier: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct Policies {
    pub password_policy: Option<PasswordPolicy>,
    pub sign_in_policy: Option<SignInPolicy>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct SignInPolicy {
    pub allowed_first_auth_factors: Vec<String>,
}

/// What a password must have; what is omitted is not required. Length 6–99.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct PasswordPolicy {
    #[serde(deserialize_with = "loose::number")]
    pub minimum_length: Option<i64>,
    #[serde(deserialize_with = "loose::flag")]
    pub require_uppercase: Option<bool>,
    #[serde(deserialize_with = "loose::flag")]
    pub require_lowercase: Option<bool>,
    #[serde(deserialize_with = "loose::flag")]
    pub require_numbers: Option<bool>,
    #[serde(deserialize_with = "loose::flag")]
    pub require_symbols: Option<bool>,
    #[serde(deserialize_with = "loose::number")]
    pub temporary_password_validity_days: Option<i64>,
    #[serde(deserialize_with = "loose::number")]
    pub password_history_size: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct UsernameConfiguration {
    #[serde(deserialize_with = "loose::flag")]
    pub case_sensitive: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct SchemaAttribute {
    pub name: String,
    #[serde(default)]
    pub attribute_data_type: Option<String>,
    #[serde(default, deserialize_with = "loose::flag")]
    pub developer_only_attribute: Option<bool>,
    #[serde(default, deserialize_with = "loose::flag")]
    pub mutable: Option<bool>,
    #[serde(default, deserialize_with = "loose::flag")]
    pub required: Option<bool>,
    #[serde(default)]
    pub string_attribute_constraints: StringConstraints,
    #[serde(default)]
    pub number_attribute_constraints: NumberConstraints,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct StringConstraints {
    #[serde(deserialize_with = "loose::number")]
    pub min_length: Option<i64>,
    #[serde(deserialize_with = "loose::number")]
    pub max_length: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct NumberConstraints {
    #[serde(deserialize_with = "loose::number")]
    pub min_value: Option<i64>,
    #[serde(deserialize_with = "loose::number")]
    pub max_value: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Mfa {
    #[default]
    Off,
    Optional,
    On,
}

/// The triggers served. Any other one is an error, not silence.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct LambdaConfig {
    pub pre_sign_up: Option<String>,
    pub post_confirmation: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct AccountRecoverySetting {
    pub recovery_mechanisms: Vec<RecoveryMechanism>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct RecoveryMechanism {
    pub name: String,
    #[serde(default, deserialize_with = "loose::number")]
    pub priority: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct AdminCreateUserConfig {
    #[serde(deserialize_with = "loose::flag")]
    pub allow_admin_create_user_only: Option<bool>,
    pub invite_message_template: InviteMessageTemplate,
    #[serde(deserialize_with = "loose::number")]
    pub unused_account_validity_days: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct InviteMessageTemplate {
    #[serde(rename = "EmailMessage")]
    pub email_message: Option<String>,
    #[serde(rename = "EmailSubject")]
    pub email_subject: Option<String>,
    #[serde(rename = "SMSMessage")]
    pub sms_message: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct UserAttributeUpdateSettings {
    pub attributes_require_verification_before_update: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(crate) struct VerificationMessageTemplate {
    pub default_email_option: Option<String>,
    pub email_message: Option<String>,
    pub email_subject: Option<String>,
    pub sms_message: Option<String>,
    #[serde(rename = "EmailMessageByLink")]
    _email_message_by_link: Option<String>,
    #[serde(rename = "EmailSubjectByLink")]
    _email_subject_by_link: Option<String>,
}

impl PoolProperties {
    /// Values that are well-formed but not served.
    pub fn check(&self, resource: &str) -> Result<(), SetupError> {
        let refuse = |path: &str, reason: String| {
            Err(SetupError::Property { resource: resource.to_owned(), path: path.to_owned(), reason })
        };
        let contacts = ["email", "phone_number"];
        for (path, given, allowed) in [
            ("UsernameAttributes", &self.username_attributes, &contacts[..]),
            ("AutoVerifiedAttributes", &self.auto_verified_attributes, &contacts[..]),
            ("AliasAttributes", &self.alias_attributes, &["email", "phone_number", "preferred_username"][..]),
            ("EnabledMfas", &self.enabled_mfas, &["SOFTWARE_TOKEN_MFA"][..]),
            (
                "UserAttributeUpdateSettings.AttributesRequireVerificationBeforeUpdate",
                &self.user_attribute_update_settings.attributes_require_verification_before_update,
                &contacts[..],
            ),
        ] {
            if let Some(other) = given.iter().find(|name| !allowed.contains(&name.as_str())) {
                return refuse(path, format!("`{other}` is not served; known: {}", allowed.join(", ")));
            }
        }
        if !self.username_attributes.is_empty() && !self.alias_attributes.is_empty() {
            return refuse("AliasAttributes", "cannot stand beside UsernameAttributes".to_owned());
        }
        if self.mfa_configuration != Mfa::Off && self.enabled_mfas.is_empty() {
            return refuse("EnabledMfas", "MFA needs SOFTWARE_TOKEN_MFA".to_owned());
        }
        if self.verification_message_template.default_email_option.as_deref() == Some("CONFIRM_WITH_LINK") {
            let path = "VerificationMessageTemplate.DefaultEmailOption";
            return refuse(path, "only CONFIRM_WITH_CODE is served".to_owned());
        }
        if let Some(policy) = &self.policies.sign_in_policy
            && policy.allowed_first_auth_factors.iter().any(|factor| factor != "PASSWORD")
        {
            let path = "Policies.SignInPolicy.AllowedFirstAuthFactors";
            return refuse(path, "only PASSWORD is served".to_owned());
        }
        if let Some(policy) = &self.policies.password_policy {
            if policy.minimum_length.is_some_and(|length| !(6..=99).contains(&length)) {
                return refuse("Policies.PasswordPolicy.MinimumLength", "must be between 6 and 99".to_owned());
            }
            if policy.password_history_size.unwrap_or(0) != 0 {
                return refuse("Policies.PasswordPolicy.PasswordHistorySize", "only 0 is served".to_owned());
            }
        }
        Ok(())
    }

    /// The policy in force; without one in the template, the service's default.
    pub fn password_policy(&self) -> PasswordPolicy {
        self.policies.password_policy.clone().unwrap_or(PasswordPolicy {
            minimum_length: Some(8),
            require_uppercase: Some(true),
            require_lowercase: Some(true),
            require_numbers: Some(true),
            require_symbols: Some(true),
            ..PasswordPolicy::default()
        })
    }

    /// Days a temporary password lives.
    pub fn temporary_password_days(&self) -> i64 {
        let policy = self.policies.password_policy.as_ref().and_then(|p| p.temporary_password_validity_days);
        policy.or(self.admin_create_user_config.unused_account_validity_days).unwrap_or(7)
    }

    /// User names and aliases differ by case unless the template says otherwise.
    pub fn case_sensitive(&self) -> bool {
        self.username_configuration.case_sensitive.unwrap_or(true)
    }
}
