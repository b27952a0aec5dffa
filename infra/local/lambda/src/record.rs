//! What is remembered of finished invocations. Bounded; holds no payloads.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One finished invocation.
#[derive(Clone, Debug, Serialize)]
pub struct InvocationRecord {
    /// Request id, as in the log lines.
    pub request_id: String,
    /// Physical name of the function.
    pub function: String,
    /// When a process took it.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: SystemTime,
    /// From then until the answer.
    #[serde(rename = "duration_ms", serialize_with = "millis")]
    pub duration: Duration,
    /// How long it had waited for a process before.
    #[serde(rename = "queued_ms", serialize_with = "millis")]
    pub queued: Duration,
    /// Start of the process to its first `next`, on the first invocation it serves.
    #[serde(rename = "init_duration_ms", serialize_with = "optional_millis", skip_serializing_if = "Option::is_none")]
    pub init_duration: Option<Duration>,
    /// Peak resident memory of the process so far, if it was still there to be asked.
    pub max_memory_used_mb: Option<u64>,
    /// How it ended.
    #[serde(flatten)]
    pub status: Status,
    /// Size of the event, in bytes.
    pub request_bytes: usize,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// With a response.
    Success,
    /// With an error of the function or the end of its process.
    Error {
        /// Lambda's name of the error.
        error_type: String,
        /// Its text.
        message: String,
    },
    /// At its timeout.
    Timeout,
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp(*at))
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1e5).round() / 100.0)
}

fn optional_millis<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    millis(&duration.unwrap_or_default(), serializer)
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn timestamp(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let at = at.replace_nanosecond(at.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(at);
    let text = at.format(&Rfc3339).unwrap_or_default();
    match text.rsplit_once('.') {
        Some((seconds, fraction)) => {
            format!("{seconds}.{:0<3}Z", fraction.trim_end_matches('Z'))
        }
        None => text.replace('Z', ".000Z"),
    }
}

/// The latest invocations of all functions.
pub(crate) struct History {
    limit: usize,
    records: Mutex<VecDeque<InvocationRecord>>,
}

impl History {
    pub(crate) fn new(limit: usize) -> History {
        History { limit, records: Mutex::default() }
    }

    pub(crate) fn push(&self, record: InvocationRecord) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= self.limit {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub(crate) fn newest_first(&self) -> Vec<InvocationRecord> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_always_carry_three_decimals() {
        let at = |ms| timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(1_500), "1970-01-01T00:00:01.500Z");
        assert_eq!(at(1_763_722_800_007), "2025-11-21T11:00:00.007Z");
    }
}
