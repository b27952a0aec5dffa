//! A queue's name and attributes: which exist, what they may be, what they are when nobody says.
//! An attribute map that passed here is canonical: the same settings always compare equal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::Millis;
use crate::error::{ErrorKind, SqsError};

/// The largest message and the largest batch, in bytes of body and attributes.
pub const MESSAGE_BYTES_LIMIT: usize = 1_048_576;
/// The longest delay of a message, in seconds.
pub const DELAY_SECONDS_LIMIT: i64 = 900;
/// The longest visibility timeout, in seconds: 12 hours, counted from the receive.
pub const VISIBILITY_SECONDS_LIMIT: i64 = 43_200;
/// The longest long poll, in seconds.
pub const WAIT_SECONDS_LIMIT: i64 = 20;

/// The attributes of a queue, by the names of the service.
pub type Attributes = BTreeMap<String, String>;

/// What the attributes say, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub delay: Millis,
    pub visibility: Millis,
    pub retention: Millis,
    pub wait: Millis,
    pub message_bytes: usize,
    pub redrive: Option<Redrive>,
    pub redrive_allow: RedriveAllow,
    pub content_based_deduplication: bool,
    pub deduplication_per_group: bool,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub target_arn: String,
    pub max_receive_count: i64,
}

/// Which queues may name this one as their dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedriveAllow {
    All,
    None,
    Queues(Vec<String>),
}

/// Attributes with a number in them: name, smallest, largest and default value.
const NUMBERS: [(&str, i64, i64, i64); 6] = [
    ("DelaySeconds", 0, DELAY_SECONDS_LIMIT, 0),
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400, 300),
    ("MaximumMessageSize", 1_024, MESSAGE_BYTES_LIMIT as i64, MESSAGE_BYTES_LIMIT as i64),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, WAIT_SECONDS_LIMIT, 0),
    ("VisibilityTimeout", 0, VISIBILITY_SECONDS_LIMIT, 30),
];

/// Attributes that only FIFO queues have: name, values, default.
const FIFO_CHOICES: [(&str, &[&str], &str); 4] = [
    ("FifoQueue", &["true"], "true"),
    ("ContentBasedDeduplication", &["true", "false"], "false"),
    ("DeduplicationScope", &["queue", "messageGroup"], "queue"),
    ("FifoThroughputLimit", &["perQueue", "perMessageGroupId"], "perQueue"),
];

/// Attributes that the queue computes and nobody sets.
pub(crate) const COMPUTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

const TEXTS: [&str; 5] = ["KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled"];

/// Whether a queue of this name is FIFO.
pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(".fifo")
}

/// Whether the service has an attribute of this name that can be read.
pub(crate) fn is_known(attribute: &str) -> bool {
    attribute == "All"
        || COMPUTED.contains(&attribute)
        || TEXTS.contains(&attribute)
        || NUMBERS.iter().any(|(name, ..)| *name == attribute)
        || FIFO_CHOICES.iter().any(|(name, ..)| *name == attribute)
}

/// Refuses a name that no queue can have, and a FIFO attribute that contradicts it.
pub(crate) fn check_name(name: &str, attributes: &Attributes) -> Result<(), SqsError> {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fifo_wanted = attributes.get("FifoQueue").is_some_and(|v| v == "true");
    if fifo_wanted && !is_fifo(name) || stem.is_empty() && is_fifo(name) {
        return Err(ErrorKind::InvalidParameterValue.because(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
        ));
    }
    if stem.is_empty() || name.len() > 80 || !stem.chars().all(plain) || is_fifo(name) && !fifo_wanted {
        return Err(ErrorKind::InvalidParameterValue
            .because("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"));
    }
    Ok(())
}

/// Checks attributes as given to a create or set call and puts them into their one canonical form.
/// An empty policy means "none" and stays in the map, so that a set call can remove one.
pub(crate) fn canonical(name: &str, given: &Attributes) -> Result<Attributes, SqsError> {
    given
        .iter()
        .map(|(attribute, value)| Ok((attribute.clone(), canonical_value(is_fifo(name), attribute, value)?)))
        .collect()
}

fn canonical_value(fifo: bool, attribute: &str, value: &str) -> Result<String, SqsError> {
    let refused = || ErrorKind::InvalidAttributeValue.because(format!("Invalid value for the parameter {attribute}."));
    if let Some((_, least, most, _)) = NUMBERS.iter().find(|(name, ..)| *name == attribute) {
        return match value.parse::<i64>() {
            Ok(number) if (*least..=*most).contains(&number) => Ok(number.to_string()),
            _ => Err(refused()),
        };
    }
    if let Some((_, values, _)) = FIFO_CHOICES.iter().find(|(name, ..)| *name == attribute) {
        return match (fifo, values.contains(&value)) {
            (false, _) => Err(unknown(attribute)),
            (true, false) => Err(refused()),
            (true, true) => Ok(value.to_owned()),
        };
    }
    match attribute {
        "SqsManagedSseEnabled" if value == "true" || value == "false" => Ok(value.to_owned()),
        "SqsManagedSseEnabled" => Err(refused()),
        "KmsMasterKeyId" => Ok(value.to_owned()),
        "Policy" | "RedrivePolicy" | "RedriveAllowPolicy" if value.is_empty() => Ok(String::new()),
        "Policy" => match serde_json::from_str::<Value>(value) {
            Ok(policy @ Value::Object(_)) => Ok(policy.to_string()),
            _ => Err(refused()),
        },
        "RedrivePolicy" => {
            let redrive = redrive(value)?;
            Ok(json!({
                "deadLetterTargetArn": redrive.target_arn,
                "maxReceiveCount": redrive.max_receive_count,
            })
            .to_string())
        }
        "RedriveAllowPolicy" => {
            redrive_allow(value).ok_or_else(refused)?;
            Ok(serde_json::from_str::<Value>(value)?.to_string())
        }
        _ => Err(unknown(attribute)),
    }
}

pub(crate) fn unknown(attribute: &str) -> SqsError {
    ErrorKind::InvalidAttributeName.because(format!("Unknown Attribute {attribute}."))
}

/// The attributes that nobody set, with the values they then have.
pub(crate) fn defaults(name: &str) -> Attributes {
    let numbers = NUMBERS
        .iter()
        .filter(|(name, ..)| *name != "KmsDataKeyReusePeriodSeconds")
        .map(|(name, _, _, value)| ((*name).to_owned(), value.to_string()));
    let fifo =
        FIFO_CHOICES.iter().filter(|_| is_fifo(name)).map(|(name, _, value)| ((*name).to_owned(), (*value).to_owned()));
    let encrypted = ("SqsManagedSseEnabled".to_owned(), "true".to_owned());
    numbers.chain(fifo).chain([encrypted]).collect()
}

impl Settings {
    /// Reads canonical attributes.
    pub(crate) fn of(attributes: &Attributes) -> Result<Self, SqsError> {
        let number = |wanted: &str| {
            let set = attributes.get(wanted).and_then(|v| v.parse::<i64>().ok());
            let default = NUMBERS.iter().find(|(name, ..)| *name == wanted);
            set.or(default.map(|(_, _, _, value)| *value)).unwrap_or(0)
        };
        let is = |name: &str, value: &str| attributes.get(name).is_some_and(|v| v == value);
        let policy = |name: &str| attributes.get(name).filter(|v| !v.is_empty());
        Ok(Self {
            delay: number("DelaySeconds") * 1_000,
            visibility: number("VisibilityTimeout") * 1_000,
            retention: number("MessageRetentionPeriod") * 1_000,
            wait: number("ReceiveMessageWaitTimeSeconds") * 1_000,
            message_bytes: usize::try_from(number("MaximumMessageSize")).unwrap_or(MESSAGE_BYTES_LIMIT),
            redrive: policy("RedrivePolicy").map(|v| redrive(v)).transpose()?,
            redrive_allow: policy("RedriveAllowPolicy").and_then(|v| redrive_allow(v)).unwrap_or(RedriveAllow::All),
            content_based_deduplication: is("ContentBasedDeduplication", "true"),
            deduplication_per_group: is("DeduplicationScope", "messageGroup"),
        })
    }
}

fn redrive(policy: &str) -> Result<Redrive, SqsError> {
    let refused = |reason| SqsError::invalid("RedrivePolicy", policy, reason);
    let parsed: Value = serde_json::from_str(policy).map_err(|_| refused("Redrive policy is not a valid JSON map."))?;
    let target_arn = parsed["deadLetterTargetArn"]
        .as_str()
        .filter(|arn| arn.starts_with("arn:") && arn.split(':').count() == 6)
        .ok_or_else(|| refused("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."))?;
    // The console and CloudFormation write a number, many scripts a string; the service takes both.
    let count = &parsed["maxReceiveCount"];
    let max_receive_count = count
        .as_i64()
        .or_else(|| count.as_str().and_then(|text| text.parse().ok()))
        .ok_or_else(|| refused("Redrive policy does not contain mandatory attribute: maxReceiveCount."))?;
    if !(1..=1_000).contains(&max_receive_count) {
        return Err(refused("Invalid value for maxReceiveCount. It must be an integer between 1 and 1000."));
    }
    Ok(Redrive { target_arn: target_arn.to_owned(), max_receive_count })
}

fn redrive_allow(policy: &str) -> Option<RedriveAllow> {
    let parsed: Value = serde_json::from_str(policy).ok()?;
    match parsed["redrivePermission"].as_str()? {
        "allowAll" => Some(RedriveAllow::All),
        "denyAll" => Some(RedriveAllow::None),
        "byQueue" => {
            let arns = parsed["sourceQueueArns"].as_array()?;
            let arns = arns.iter().map(|arn| arn.as_str().map(str::to_owned));
            arns.collect::<Option<Vec<_>>>().map(RedriveAllow::Queues)
        }
        _ => None,
    }
}
