//! The CloudFormation properties of pools, clients, groups and resource servers, read strictly:
//! a property that is neither served nor knowingly ignored is an error naming it.

mod client;
mod loose;
mod pool;

pub(crate) use client::{ClientProperties, Flow};
pub(crate) use pool::{Mfa, PasswordPolicy, PoolProperties, SchemaAttribute};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::SetupError;

/// `AWS::Cognito::UserPoolGroup`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct GroupProperties {
    pub group_name: String,
    pub description: Option<String>,
    #[serde(default, deserialize_with = "loose::number")]
    pub precedence: Option<i64>,
    pub role_arn: Option<String>,
    #[serde(rename = "UserPoolId")]
    _user_pool_id: Option<String>,
}

/// `AWS::Cognito::UserPoolResourceServer`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ResourceServerProperties {
    pub identifier: String,
    #[serde(rename = "Name")]
    _name: String,
    #[serde(default)]
    pub scopes: Vec<ScopeProperties>,
    #[serde(rename = "UserPoolId")]
    _user_pool_id: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ScopeProperties {
    pub scope_name: String,
    #[serde(rename = "ScopeDescription")]
    _scope_description: Option<String>,
}

/// Reads properties; the error carries the path of the offending one.
pub(crate) fn read<T: DeserializeOwned>(resource: &str, properties: &Value) -> Result<T, SetupError> {
    serde_path_to_error::deserialize(properties).map_err(|error| SetupError::Property {
        resource: resource.to_owned(),
        path: error.path().to_string(),
        reason: error.inner().to_string(),
    })
}
