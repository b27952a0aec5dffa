//! Faults that DynamoDB has on AWS and the embedded engine never shows: conflicts, throttling, answers that get lost.
//!
//! A seeded generator decides per request, so a run that failed can be run again.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What goes wrong how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPlan {
    /// Seed of the generator; setting a plan starts it anew.
    pub seed: u64,
    /// Faults of DynamoDB.
    pub dynamodb: DynamoDbFaults,
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

impl FaultPlan {
    /// Reads the JSON of `--faults` or `PUT /_local/faults`.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        // By way of a map: serde would take a list for a struct as well.
        let fields: serde_json::Map<String, Value> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let plan = Self::deserialize(Value::Object(fields)).map_err(|error| error.to_string())?;
        let shares = &plan.dynamodb;
        for (name, share) in [
            ("dynamodb.transaction_conflict", shares.transaction_conflict),
            ("dynamodb.throttle", shares.throttle),
            ("dynamodb.lost_answer", shares.lost_answer),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{name} must be between 0 and 1"));
            }
        }
        Ok(plan)
    }
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing out of the ordinary.
    Passes,
    /// Refused: conflict.
    Conflicts,
    /// Refused: throttled, the table's capacity exceeded.
    Throttled,
    /// A transaction cancelled because one of its writes was throttled.
    Cancelled,
    /// Carried out, but the answer is lost.
    Lost,
}

/// The plan in force and its generator.
#[derive(Debug)]
pub struct Faults {
    state: Mutex<(FaultPlan, fastrand::Rng)>,
}

impl Faults {
    /// With this plan.
    pub fn new(plan: FaultPlan) -> Self {
        let generator = fastrand::Rng::with_seed(plan.seed);
        Self { state: Mutex::new((plan, generator)) }
    }

    /// The plan in force.
    pub fn plan(&self) -> FaultPlan {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Another plan from now on.
    pub fn set(&self, plan: FaultPlan) {
        let generator = fastrand::Rng::with_seed(plan.seed);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = (plan, generator);
    }

    /// Decides on one request by its operation.
    pub fn fate(&self, operation: &str) -> Fate {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (plan, generator) = &mut *state;
        let shares = &plan.dynamodb;
        let conflicts = matches!(operation, "TransactWriteItems" | "PutItem" | "UpdateItem" | "DeleteItem");
        if conflicts && generator.f64() < shares.transaction_conflict {
            return Fate::Conflicts;
        }
        if generator.f64() < shares.throttle {
            let cancelled = operation == "TransactWriteItems" && generator.bool();
            return if cancelled { Fate::Cancelled } else { Fate::Throttled };
        }
        if generator.f64() < shares.lost_answer {
            return Fate::Lost;
        }
        Fate::Passes
    }
}

/// The error that DynamoDB answers for a fate; `None` for the one that passes.
pub fn refusal(fate: Fate, operation: &str, body: &[u8]) -> Option<Response<Bytes>> {
    let actions = || {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        request["TransactItems"].as_array().map_or(1, Vec::len).max(1)
    };
    let cancelled = |code: &str, message: &str| {
        let mut reasons = vec![json!({"Code": "None"}); actions()];
        reasons[0] = json!({"Code": code, "Message": message});
        let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
        json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "message": format!(
                "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", ")
            ),
            "CancellationReasons": reasons,
        })
    };
    let transaction = operation == "TransactWriteItems";
    let (status, error) = match fate {
        Fate::Passes => return None,
        Fate::Conflicts if transaction => {
            (400, cancelled("TransactionConflict", "Transaction is ongoing for the item"))
        }
        Fate::Conflicts => (
            400,
            json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "message": "Transaction is ongoing for the item"
            }),
        ),
        Fate::Cancelled => (
            400,
            cancelled(
                "ThrottlingError",
                "Throughput exceeds the current capacity for one or more global secondary indexes.",
            ),
        ),
        Fate::Throttled => (
            400,
            json!({
                "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "message": "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."
            }),
        ),
        Fate::Lost => (
            500,
            json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "Internal server error"}),
        ),
    };
    let mut response = Response::new(Bytes::from(error.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Ok(id) = HeaderValue::from_str(&local_lambda::request_id()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let plan =
            FaultPlan::parse(br#"{"seed":7,"dynamodb":{"transaction_conflict":0.3,"throttle":0.2}}"#).expect("a plan");
        let run = || {
            let faults = Faults::new(plan.clone());
            std::iter::repeat_with(|| faults.fate("TransactWriteItems")).take(200).collect::<Vec<_>>()
        };
        let seen = run();
        assert_eq!(seen, run());
        let count = |fate| seen.iter().filter(|seen| **seen == fate).count();
        assert!((40..80).contains(&count(Fate::Conflicts)), "{}", count(Fate::Conflicts));
        let throttled = count(Fate::Throttled) + count(Fate::Cancelled);
        assert!((15..50).contains(&throttled), "{throttled}");
        assert_eq!(count(Fate::Lost), 0);
    }

    #[test]
    fn without_a_plan_everything_passes_and_reads_never_conflict() {
        let faults = Faults::new(FaultPlan::default());
        assert!((0..100).all(|_| faults.fate("TransactWriteItems") == Fate::Passes));
        faults.set(FaultPlan::parse(br#"{"dynamodb":{"transaction_conflict":1}}"#).expect("a plan"));
        assert_eq!((faults.fate("GetItem"), faults.fate("PutItem")), (Fate::Passes, Fate::Conflicts));
    }

    #[test]
    fn a_cancelled_transaction_names_a_reason_per_action() {
        let body = br#"{"TransactItems":[{},{},{}]}"#;
        let response = refusal(Fate::Conflicts, "TransactWriteItems", body).expect("an error");
        let error: Value = serde_json::from_slice(response.body()).expect("JSON");
        let codes: Vec<&Value> =
            error["CancellationReasons"].as_array().expect("reasons").iter().map(|r| &r["Code"]).collect();
        assert_eq!(codes, ["TransactionConflict", "None", "None"]);
        assert!(error["message"].as_str().expect("text").ends_with("[TransactionConflict, None, None]"));
    }

    #[test]
    fn a_plan_that_cannot_be_meant_is_refused() {
        for plan in [r#"{"dynamodb":{"throttle":1.5}}"#, r#"{"dynamodb":{"throtle":0.5}}"#, "[]", ""] {
            assert!(FaultPlan::parse(plan.as_bytes()).is_err(), "{plan}");
        }
    }
}
