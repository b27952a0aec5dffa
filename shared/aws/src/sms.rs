//! SMS through SNS. Knows what an error says about the phone at the other end, and repeats nothing on a guess.

use std::fmt;

use aws_sdk_sns::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::publish::PublishError,
    types::MessageAttributeValue,
};
use domain::sms::Sms;

use crate::http;

/// Why an SMS is not known to be on its way. The causes name no number and no text.
#[derive(Debug, PartialEq, Eq)]
pub enum SendError {
    /// SNS surely sent nothing; another try does no harm.
    NotSent(String),
    /// Nobody knows; a repetition might be a second SMS.
    Unknown(String),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(cause) => write!(f, "SMS not sent: {cause}"),
            Self::Unknown(cause) => write!(f, "SMS sent or not: {cause}"),
        }
    }
}

impl std::error::Error for SendError {}

/// The way to phones.
#[derive(Clone, Debug)]
pub struct Phone {
    client: Client,
}

impl Phone {
    /// Through this client, which must not repeat requests by itself.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Hands an SMS to SNS, once, as one that must arrive (`Transactional`).
    pub async fn send(&self, sms: &Sms) -> Result<(), SendError> {
        let transactional = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("Transactional")
            .build()
            .map_err(|_| SendError::NotSent("the request could not be made".into()))?;
        let published = self
            .client
            .publish()
            .phone_number(sms.to.as_str())
            .message(sms.text.as_str())
            .message_attributes("AWS.SNS.SMS.SMSType", transactional)
            .send()
            .await;
        published.map(drop).map_err(|error| {
            let cause = http::name(&error);
            if surely_not_sent(&error) { SendError::NotSent(cause) } else { SendError::Unknown(cause) }
        })
    }
}

/// The request never left, or SNS itself refused it: throttled, or at fault (4xx). A 5xx or silence says nothing.
fn surely_not_sent(error: &SdkError<PublishError>) -> bool {
    match error {
        SdkError::ServiceError(context) => {
            context.err().code().is_some() && (400..500).contains(&context.raw().status().as_u16())
        }
        error => http::never_left(error),
    }
}
