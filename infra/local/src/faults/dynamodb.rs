//! Faults that DynamoDB has on AWS and the embedded engine never shows: conflicts, throttling, answers that get lost.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::plan::DynamoDbFaults;

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

/// Decides on one request by its operation.
pub fn decide(shares: &DynamoDbFaults, operation: &str, generator: &mut fastrand::Rng) -> Fate {
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
    fn a_cancelled_transaction_names_a_reason_per_action() {
        let body = br#"{"TransactItems":[{},{},{}]}"#;
        let response = refusal(Fate::Conflicts, "TransactWriteItems", body).expect("an error");
        let error: Value = serde_json::from_slice(response.body()).expect("JSON");
        let codes: Vec<&Value> =
            error["CancellationReasons"].as_array().expect("reasons").iter().map(|r| &r["Code"]).collect();
        assert_eq!(codes, ["TransactionConflict", "None", "None"]);
        assert!(error["message"].as_str().expect("text").ends_with("[TransactionConflict, None, None]"));
    }
}
