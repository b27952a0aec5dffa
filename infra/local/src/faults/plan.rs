//! The plan as it is written: JSON of `--faults` and of the faults page. It says what and how often; nothing here decides.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What goes wrong how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPlan {
    /// Seed of the generators; setting a plan starts them anew.
    pub seed: u64,
    /// Faults of DynamoDB.
    pub dynamodb: DynamoDbFaults,
    /// What queues may do and seldom do.
    pub sqs: SqsFaults,
    /// What table streams may do and seldom do.
    pub streams: StreamFaults,
    /// Functions killed at random.
    pub kill: KillShares,
    /// Functions killed at one write each.
    pub kills: Vec<Kill>,
}

/// Shares of the requests, each between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DynamoDbFaults {
    /// Writes refused because another transaction is under way. Nothing is written.
    pub transaction_conflict: f64,
    /// Requests refused for their rate. Nothing is done.
    pub throttle: f64,
    /// Requests that are carried out and then answered with an internal error.
    pub lost_answer: f64,
}

/// Shares of the messages that event sources deliver, each between 0 and 1. No message meets the same twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqsFaults {
    /// Standard queues: messages that come once more although they were deleted.
    pub duplicate: f64,
    /// Standard queues: messages that come late, and so behind others.
    pub delay: f64,
    /// FIFO queues: batches whose success is not heard, so that they come again after their visibility timeout.
    pub redeliver: f64,
    /// How late duplicates and delayed messages come, at most.
    pub within_ms: u64,
    /// The consumers it is for; absent are all.
    pub functions: Option<Vec<String>>,
}

impl Default for SqsFaults {
    fn default() -> Self {
        Self { duplicate: 0.0, delay: 0.0, redeliver: 0.0, within_ms: 2_000, functions: None }
    }
}

/// Shares of the batches that streams deliver, each between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StreamFaults {
    /// Batches delivered once more after their success.
    pub duplicate: f64,
    /// Batches passed over without a call. A stream loses nothing on AWS: for consumers that must not rely on it.
    pub drop: f64,
    /// The consumers it is for; absent are all.
    pub functions: Option<Vec<String>>,
}

/// Shares of the functions' writes at which their process is killed, each between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KillShares {
    /// Without the write being carried out.
    pub before: f64,
    /// With the write carried out and never answered.
    pub after: f64,
    /// The functions it is for; absent are all.
    pub functions: Option<Vec<String>>,
}

/// A process killed at one write of its function. Happens once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// The function: its folder, or its name in the template or on AWS.
    pub function: String,
    /// On which side of the write.
    pub when: When,
    /// At the how manieth of the writes that match, counted from when the rule was set.
    #[serde(default = "first")]
    pub write: u64,
    /// Only writes whose request has this text in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Only writes to this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<WriteService>,
}

fn first() -> u64 {
    1
}

/// On which side of a write a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The write is not carried out.
    Before,
    /// The write is carried out, and nobody hears of it.
    After,
}

/// A service that functions write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteService {
    /// Items put, changed or deleted, alone or together.
    DynamoDb,
    /// Messages sent, alone or together.
    Sqs,
    /// Messages published.
    Sns,
}

impl FaultPlan {
    /// Reads the JSON of `--faults` or `PUT /_local/faults`.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        // By way of a map: serde would take a list for a struct as well.
        let fields: serde_json::Map<String, Value> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let plan = Self::deserialize(Value::Object(fields)).map_err(|error| error.to_string())?;
        for (name, share) in [
            ("dynamodb.transaction_conflict", plan.dynamodb.transaction_conflict),
            ("dynamodb.throttle", plan.dynamodb.throttle),
            ("dynamodb.lost_answer", plan.dynamodb.lost_answer),
            ("sqs.duplicate", plan.sqs.duplicate),
            ("sqs.delay", plan.sqs.delay),
            ("sqs.redeliver", plan.sqs.redeliver),
            ("streams.duplicate", plan.streams.duplicate),
            ("streams.drop", plan.streams.drop),
            ("kill.before", plan.kill.before),
            ("kill.after", plan.kill.after),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{name} must be between 0 and 1"));
            }
        }
        plan.kills.iter().try_for_each(Kill::check)?;
        Ok(plan)
    }
}

impl Kill {
    /// Reads one rule or a list of them, the JSON of `POST /_local/faults/kills`.
    pub fn parse(json: &[u8]) -> Result<Vec<Self>, String> {
        let rules: Vec<Value> = match serde_json::from_slice(json).map_err(|error| error.to_string())? {
            Value::Array(rules) => rules,
            rule @ Value::Object(_) => vec![rule],
            _ => return Err("must be a rule or a list of rules".to_owned()),
        };
        let rules = rules.into_iter().map(|rule| {
            let rule: Self = serde_json::from_value(rule).map_err(|error| error.to_string())?;
            rule.check().map(|()| rule)
        });
        rules.collect()
    }

    fn check(&self) -> Result<(), String> {
        if self.write == 0 { Err("writes are counted from 1".to_owned()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_with_its_defaults_and_written_so_that_it_can_be_read() {
        let plan = FaultPlan::parse(
            br#"{"seed":7,"sqs":{"duplicate":0.1},"streams":{"drop":1},"kill":{"after":0.01,"functions":["vouchers"]},
                 "kills":[{"function":"vouchers-order","when":"after","contains":"vch_1","service":"dynamodb"}]}"#,
        )
        .expect("a plan");
        assert_eq!((plan.sqs.within_ms, plan.kills[0].write), (2_000, 1));
        assert_eq!((plan.kills[0].when, plan.kills[0].service), (When::After, Some(WriteService::DynamoDb)));
        let written = serde_json::to_vec(&plan).expect("JSON");
        assert_eq!(FaultPlan::parse(&written), Ok(plan));
    }

    #[test]
    fn a_plan_that_cannot_be_meant_is_refused() {
        for plan in [
            r#"{"dynamodb":{"throttle":1.5}}"#,
            r#"{"dynamodb":{"throtle":0.5}}"#,
            r#"{"sqs":{"duplicate":-0.1}}"#,
            r#"{"kills":[{"function":"vouchers"}]}"#,
            r#"{"kills":[{"function":"vouchers","when":"during"}]}"#,
            r#"{"kills":[{"function":"vouchers","when":"before","write":0}]}"#,
            r#"{"kills":[{"function":"vouchers","when":"before","service":"s3"}]}"#,
            "[]",
            "",
        ] {
            assert!(FaultPlan::parse(plan.as_bytes()).is_err(), "{plan}");
        }
    }

    #[test]
    fn rules_come_alone_or_in_a_list() {
        let rule = r#"{"function":"vouchers","when":"before","write":2}"#;
        let alone = Kill::parse(rule.as_bytes()).expect("a rule");
        assert_eq!(
            Kill::parse(format!("[{rule},{rule}]").as_bytes()).expect("rules"),
            [&alone[..], &alone[..]].concat()
        );
        assert!(Kill::parse(b"7").is_err());
        assert!(Kill::parse(br#"{"function":"vouchers","when":"before","write":0}"#).is_err());
    }
}
