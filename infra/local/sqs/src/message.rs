//! What a message is made of: its body, attributes, digests and size. Nothing here knows of queues in
//! store or of time.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{ErrorKind, SqsError};

/// One attribute that travels beside a message's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with an optional `.label`.
    pub data_type: String,
    /// The value of a string or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// The value of a binary, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

/// The attributes of a message, by name.
pub type MessageAttributes = BTreeMap<String, MessageAttribute>;

/// What a sender may say beside the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Seconds until the message can be received; the queue's delay if absent. Not on FIFO queues.
    pub delay_seconds: Option<i64>,
    /// The group whose order the message keeps. Required on FIFO queues.
    pub group_id: Option<String>,
    /// Recognises a repeated send for five minutes. FIFO queues only.
    pub deduplication_id: Option<String>,
    /// Attributes beside the body.
    pub attributes: MessageAttributes,
    /// The X-Ray trace the message belongs to.
    pub trace_header: Option<String>,
}

/// What a sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Identifies the message, also when it was recognised as sent before.
    pub message_id: String,
    /// Digest of the body as received, in hex.
    pub md5_of_body: String,
    /// Digest of the attributes, if there were any.
    pub md5_of_attributes: Option<String>,
    /// Digest of the system attributes, if there were any.
    pub md5_of_system_attributes: Option<String>,
    /// The place in the order of a FIFO queue.
    pub sequence_number: Option<String>,
}

/// A message as a receiver gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Identifies the message.
    pub message_id: String,
    /// Identifies this receive of it: what a delete or a change of visibility names.
    pub receipt_handle: String,
    /// The body as sent.
    pub body: String,
    /// System attributes: `SentTimestamp`, `ApproximateReceiveCount`, `MessageGroupId` and so on.
    pub attributes: BTreeMap<String, String>,
    /// Attributes beside the body.
    pub message_attributes: MessageAttributes,
    /// The queue it was received from.
    pub queue_arn: String,
}

impl Message {
    /// How often the message has been received, this time included.
    pub fn receive_count(&self) -> u32 {
        self.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
    }

    /// The message group on a FIFO queue.
    pub fn group_id(&self) -> Option<&str> {
        self.attributes.get("MessageGroupId").map(String::as_str)
    }

    /// The record that Lambda hands to a function for this message.
    pub fn to_record(&self) -> Value {
        let region = self.queue_arn.split(':').nth(3).unwrap_or_default();
        let attributes: serde_json::Map<String, Value> = self
            .message_attributes
            .iter()
            .map(|(name, attribute)| {
                let mut value = json!({
                    "dataType": attribute.data_type,
                    "stringListValues": [],
                    "binaryListValues": [],
                });
                if let Some(text) = &attribute.string_value {
                    value["stringValue"] = json!(text);
                }
                if let Some(binary) = &attribute.binary_value {
                    value["binaryValue"] = json!(binary);
                }
                (name.clone(), value)
            })
            .collect();
        let mut record = json!({
            "messageId": self.message_id,
            "receiptHandle": self.receipt_handle,
            "body": self.body,
            "attributes": self.attributes,
            "messageAttributes": attributes,
            "md5OfBody": md5_of_body(&self.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": region,
        });
        if let Some(digest) = md5_of_attributes(&self.message_attributes) {
            record["md5OfMessageAttributes"] = json!(digest);
        }
        record
    }
}

/// Refuses a body that is empty or holds characters that XML 1.0 cannot carry.
pub(crate) fn check_body(body: &str) -> Result<(), SqsError> {
    if body.is_empty() {
        return Err(SqsError::missing("MessageBody"));
    }
    let allowed = |c: char| matches!(c, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if !body.chars().all(allowed) {
        return Err(ErrorKind::InvalidMessageContents.because(
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ));
    }
    Ok(())
}

/// Refuses attributes that are too many, badly named, of an unknown type or without a value of that type.
pub(crate) fn check_attributes(attributes: &MessageAttributes) -> Result<(), SqsError> {
    let refused = |message: String| Err(ErrorKind::InvalidParameterValue.because(message));
    if attributes.len() > 10 {
        return refused(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [10].",
            attributes.len()
        ));
    }
    for (name, attribute) in attributes {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let lower = name.to_ascii_lowercase();
        let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
        if name.is_empty()
            || name.len() > 256
            || !name.chars().all(plain)
            || reserved
            || name.starts_with('.')
            || name.ends_with('.')
            || name.contains("..")
        {
            return refused(format!("Invalid message attribute name '{name}'."));
        }
        let base = attribute.data_type.split('.').next().unwrap_or_default();
        let text = attribute.string_value.as_deref().unwrap_or_default();
        match base {
            "String" | "Number" if text.is_empty() => {
                return refused(format!("Message attribute '{name}' must contain a non-empty value of type '{base}'."));
            }
            "String" => check_body(text)?,
            "Number" if text.parse::<f64>().is_err() => {
                return refused(format!("Can't cast the value of message attribute '{name}' to a number."));
            }
            "Number" => {}
            "Binary" if binary(attribute).is_none_or(|bytes| bytes.is_empty()) => {
                return refused(format!("Message attribute '{name}' must contain a non-empty value of type 'Binary'."));
            }
            "Binary" => {}
            _ => {
                return refused(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
                ));
            }
        }
    }
    Ok(())
}

/// What counts towards the size limits: the body and each attribute's name, type and value.
pub(crate) fn size(body: &str, attributes: &MessageAttributes) -> usize {
    let attribute_size = |(name, attribute): (&String, &MessageAttribute)| {
        let text = attribute.string_value.as_ref().map_or(0, String::len);
        let binary = binary(attribute).map_or(0, |bytes| bytes.len());
        name.len() + attribute.data_type.len() + text + binary
    };
    body.len() + attributes.iter().map(attribute_size).sum::<usize>()
}

fn binary(attribute: &MessageAttribute) -> Option<Vec<u8>> {
    BASE64.decode(attribute.binary_value.as_ref()?).ok()
}

/// MD5 of a body, in hex.
pub fn md5_of_body(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// MD5 of message attributes as the developer guide defines it: sorted by name, each part with its length
/// before it, and a byte that tells text (1) from binary (2). `None` if there are none.
pub fn md5_of_attributes(attributes: &MessageAttributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    let mut part = |bytes: &[u8], kind: Option<u8>| {
        if let Some(kind) = kind {
            digest.update([kind]);
        }
        // Messages end at 1 MiB, so the length always fits.
        digest.update((bytes.len() as u32).to_be_bytes());
        digest.update(bytes);
    };
    for (name, attribute) in attributes {
        part(name.as_bytes(), None);
        part(attribute.data_type.as_bytes(), None);
        match binary(attribute) {
            Some(bytes) if attribute.data_type.starts_with("Binary") => part(&bytes, Some(2)),
            _ => part(attribute.string_value.as_deref().unwrap_or_default().as_bytes(), Some(1)),
        }
    }
    Some(hex(&digest.finalize()))
}

/// The system attributes of a send, which carry a digest of their own.
pub(crate) fn system_attributes(trace_header: Option<&str>) -> MessageAttributes {
    trace_header
        .map(|trace| {
            let attribute = MessageAttribute {
                data_type: "String".to_owned(),
                string_value: Some(trace.to_owned()),
                binary_value: None,
            };
            ("AWSTraceHeader".to_owned(), attribute)
        })
        .into_iter()
        .collect()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random UUID (version 4), as the service names messages and requests: unique, not secret.
pub fn message_id() -> String {
    let random = fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{random:032x}");
    let (a, b, c, d, e) = (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}
