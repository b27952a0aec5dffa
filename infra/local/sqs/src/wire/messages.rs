//! The calls about one message, and receiving.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{queue_of_url, required};
use crate::error::{ErrorKind, SqsError};
use crate::message::{self, Message, MessageAttribute, MessageAttributes, SendOptions, Sent};
use crate::receipt;
use crate::settings::WAIT_SECONDS_LIMIT;
use crate::{Receive, Sqs};

/// The content of a send, alone or in a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outgoing {
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    message_attributes: Option<MessageAttributes>,
    message_system_attributes: Option<MessageAttributes>,
}

impl Outgoing {
    /// What counts towards the limit of a batch.
    pub(super) fn size(&self) -> usize {
        let attributes = self.message_attributes.clone().unwrap_or_default();
        message::size(self.message_body.as_deref().unwrap_or_default(), &attributes)
    }

    /// Whether the sender asked for system attributes itself; only then it is told their digest.
    pub(super) fn states_system_attributes(&self) -> bool {
        self.message_system_attributes.is_some()
    }

    pub(super) fn parse(self, trace: Option<&str>) -> Result<(String, SendOptions), SqsError> {
        let body = required("MessageBody", self.message_body)?;
        let system = self.message_system_attributes.unwrap_or_default();
        if let Some(name) = system.keys().find(|name| *name != "AWSTraceHeader") {
            return Err(
                ErrorKind::InvalidParameterValue.because(format!("Message system attribute name '{name}' is invalid."))
            );
        }
        let stated = system.into_values().next().and_then(|attribute: MessageAttribute| attribute.string_value);
        let options = SendOptions {
            delay_seconds: self.delay_seconds,
            group_id: self.message_group_id,
            deduplication_id: self.message_deduplication_id,
            attributes: self.message_attributes.unwrap_or_default(),
            trace_header: stated.or_else(|| trace.map(str::to_owned)),
        };
        Ok((body, options))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessage {
    queue_url: Option<String>,
    #[serde(flatten)]
    outgoing: Outgoing,
}

pub(super) fn send(sqs: &Sqs, request: SendMessage, trace: Option<&str>) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let stated = request.outgoing.states_system_attributes();
    let (body, options) = request.outgoing.parse(trace)?;
    let sent = sqs.send(name, &body, &options)?;
    Ok(answer(&sent, stated))
}

/// The answer to a send. The digest of the system attributes is there for those who sent some, not for those
/// whose trace came in a header.
pub(super) fn answer(sent: &Sent, with_system_attributes: bool) -> Value {
    let mut answer = json!({
        "MessageId": sent.message_id,
        "MD5OfMessageBody": sent.md5_of_body,
    });
    let system = sent.md5_of_system_attributes.as_ref().filter(|_| with_system_attributes);
    let others = [
        ("MD5OfMessageAttributes", sent.md5_of_attributes.as_ref()),
        ("MD5OfMessageSystemAttributes", system),
        ("SequenceNumber", sent.sequence_number.as_ref()),
    ];
    for (name, value) in others {
        if let Some(value) = value {
            answer[name] = json!(value);
        }
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    // The old name of the system attributes, and the new one.
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
    receive_request_attempt_id: Option<String>,
}

pub(super) async fn receive(sqs: &Sqs, request: ReceiveMessage) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let max = request.max_number_of_messages.unwrap_or(1);
    if !(1..=10).contains(&max) {
        return Err(SqsError::invalid("MaxNumberOfMessages", max, "Must be between 1 and 10, if provided."));
    }
    if let Some(wait) = request.wait_time_seconds.filter(|wait| !(0..=WAIT_SECONDS_LIMIT).contains(wait)) {
        return Err(SqsError::invalid("WaitTimeSeconds", wait, "Must be >= 0 and <= 20, if provided."));
    }
    if let Some(seconds) = request.visibility_timeout {
        receipt::check_visibility(seconds)?;
    }
    if let Some(attempt) = request.receive_request_attempt_id.as_ref().filter(|_| !name.ends_with(".fifo")) {
        return Err(SqsError::wrong_queue_type("ReceiveRequestAttemptId", attempt));
    }
    let mut system = request.attribute_names.unwrap_or_default();
    system.extend(request.message_system_attribute_names.unwrap_or_default());
    let attributes = request.message_attribute_names.unwrap_or_default();
    let receive = Receive {
        max: usize::try_from(max).unwrap_or(1),
        visibility_seconds: request.visibility_timeout,
        wait: request.wait_time_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs),
    };
    let messages = sqs.receive_with(name, receive).await?;
    let messages: Vec<_> = messages.into_iter().map(|message| shown(message, &system, &attributes)).collect();
    Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
}

/// A message with the attributes asked for. The digest covers those that are shown.
fn shown(message: Message, system: &[String], wanted: &[String]) -> Value {
    let mut shown = Map::new();
    shown.insert("MD5OfBody".to_owned(), json!(message::md5_of_body(&message.body)));
    shown.insert("MessageId".to_owned(), json!(message.message_id));
    shown.insert("ReceiptHandle".to_owned(), json!(message.receipt_handle));
    shown.insert("Body".to_owned(), json!(message.body));
    let asked = |name: &str| system.iter().any(|wanted| wanted == "All" || wanted == name);
    let mut attributes = message.attributes;
    attributes.retain(|name, _| asked(name));
    if !attributes.is_empty() {
        shown.insert("Attributes".to_owned(), json!(attributes));
    }
    let mut attributes = message.message_attributes;
    attributes.retain(|name, _| wanted.iter().any(|pattern| matches(pattern, name)));
    if let Some(digest) = message::md5_of_attributes(&attributes) {
        shown.insert("MD5OfMessageAttributes".to_owned(), json!(digest));
        shown.insert("MessageAttributes".to_owned(), json!(attributes));
    }
    Value::Object(shown)
}

/// `All` and `.*` mean every attribute, `prefix.*` those that begin so, anything else one name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern {
        "All" | ".*" => true,
        _ => match pattern.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        },
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

pub(super) fn delete(sqs: &Sqs, request: &DeleteMessage) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    sqs.delete(name, required("ReceiptHandle", request.receipt_handle.as_ref())?)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeMessageVisibility {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

pub(super) fn change_visibility(sqs: &Sqs, request: &ChangeMessageVisibility) -> Result<Value, SqsError> {
    let name = queue_of_url(sqs, request.queue_url.as_ref())?;
    let handle = required("ReceiptHandle", request.receipt_handle.as_ref())?;
    let seconds = required("VisibilityTimeout", request.visibility_timeout)?;
    let now = sqs.now();
    sqs.commit(name, |tx, queue| receipt::change_visibility(tx, queue, handle, seconds, now))?;
    Ok(json!({}))
}
