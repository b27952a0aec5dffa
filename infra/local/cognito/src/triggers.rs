//! The functions a pool calls: before a sign-up and after a confirmation. Never called inside a transaction.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::UserPools;
use crate::directory::Pool;
use crate::refusal::{Refusal, invalid_lambda_response, user_lambda_validation};
use crate::store::users::User;

/// Where a user is confirmed without a client.
pub(crate) const NO_CLIENT: &str = "CLIENT_ID_NOT_APPLICABLE";

/// What the pre-sign-up function may decide.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct PreSignUp {
    pub confirm: bool,
    pub verify_email: bool,
    pub verify_phone: bool,
}

/// Data that a client hands to the triggers.
#[derive(Default)]
pub(crate) struct ForTriggers {
    pub client_metadata: Option<BTreeMap<String, String>>,
    pub validation_data: Option<BTreeMap<String, String>>,
}

impl UserPools {
    /// Asks the pre-sign-up function, if there is one. `source` is `SignUp` or `AdminCreateUser`.
    pub fn pre_sign_up(
        &self,
        pool: &Pool,
        client_id: &str,
        source: &str,
        username: &str,
        attributes: &BTreeMap<String, String>,
        extra: &ForTriggers,
    ) -> Result<PreSignUp, Refusal> {
        let Some(arn) = &pool.properties.lambda_config.pre_sign_up else {
            return Ok(PreSignUp::default());
        };
        let response = json!({"autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false});
        let mut event = self.event(pool, client_id, &format!("PreSignUp_{source}"), username, attributes, extra);
        event["response"] = response;
        let answer = self.call(arn, "PreSignUp", event)?;
        let flag = |name: &str| answer["response"][name].as_bool().unwrap_or(false);
        Ok(PreSignUp {
            confirm: flag("autoConfirmUser"),
            verify_email: flag("autoVerifyEmail"),
            verify_phone: flag("autoVerifyPhone"),
        })
    }

    /// Tells the post-confirmation function. The user stays confirmed whatever it answers.
    /// `source` is `ConfirmSignUp` or `ConfirmForgotPassword`.
    pub fn post_confirmation(
        &self,
        pool: &Pool,
        client_id: &str,
        source: &str,
        user: &User,
        extra: &ForTriggers,
    ) -> Result<(), Refusal> {
        let Some(arn) = &pool.properties.lambda_config.post_confirmation else {
            return Ok(());
        };
        let mut attributes = user.attributes.clone();
        attributes.insert("cognito:user_status".to_owned(), user.status.name().to_owned());
        let source = format!("PostConfirmation_{source}");
        let event = self.event(pool, client_id, &source, &user.username, &attributes, extra);
        self.call(arn, "PostConfirmation", event)?;
        Ok(())
    }

    fn event(
        &self,
        pool: &Pool,
        client_id: &str,
        source: &str,
        username: &str,
        attributes: &BTreeMap<String, String>,
        extra: &ForTriggers,
    ) -> Value {
        let mut request = Map::new();
        request.insert("userAttributes".to_owned(), json!(attributes));
        if let Some(validation_data) = &extra.validation_data {
            request.insert("validationData".to_owned(), json!(validation_data));
        }
        if let Some(metadata) = &extra.client_metadata {
            request.insert("clientMetadata".to_owned(), json!(metadata));
        }
        json!({
            "version": "1",
            "region": self.region,
            "userPoolId": pool.id,
            "userName": username,
            "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
            "triggerSource": source,
            "request": request,
            "response": {},
        })
    }

    fn call(&self, arn: &str, trigger: &str, event: Value) -> Result<Value, Refusal> {
        let answer = tokio::runtime::Handle::current().block_on(self.around.hooks.trigger(arn, event));
        match answer {
            Ok(answer) if answer.is_object() => Ok(answer),
            Ok(_) => Err(invalid_lambda_response("Unrecognizable lambda output")),
            Err(error) => Err(user_lambda_validation(format!("{trigger} failed with error {error}."))),
        }
    }
}
