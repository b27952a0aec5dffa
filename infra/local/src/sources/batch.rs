//! What a function's answer says about the batch it was given.

use serde_json::Value;

/// How a batch went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is done.
    Done,
    /// These items are not done, by their identifier; the others are.
    Partly(Vec<String>),
    /// Nothing counts as done.
    Failed,
}

/// Reads an answer under `ReportBatchItemFailures`. Nothing, `null`, and a list that is absent, `null` or empty mean
/// success; what cannot be understood, or names an item that was not in the batch, fails the whole batch.
pub fn outcome(answer: &[u8], in_batch: impl Fn(&str) -> bool) -> Outcome {
    if answer.trim_ascii().is_empty() {
        return Outcome::Done;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Outcome::Failed;
    };
    let failures = match &answer {
        Value::Null => return Outcome::Done,
        Value::Object(answer) => answer.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return Outcome::Failed,
    };
    let items = match failures {
        Value::Null => return Outcome::Done,
        Value::Array(items) => items,
        _ => return Outcome::Failed,
    };
    let identifier = |item: &Value| item["itemIdentifier"].as_str().filter(|id| in_batch(id)).map(str::to_owned);
    match items.iter().map(identifier).collect::<Option<Vec<_>>>() {
        Some(failed) if failed.is_empty() => Outcome::Done,
        Some(failed) => Outcome::Partly(failed),
        None => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_lambda_reads_them() {
        let partly = |ids: &[&str]| Outcome::Partly(ids.iter().map(|id| (*id).to_owned()).collect());
        for (answer, expected) in [
            ("", Outcome::Done),
            ("null", Outcome::Done),
            ("{}", Outcome::Done),
            (r#"{"batchItemFailures": null}"#, Outcome::Done),
            (r#"{"batchItemFailures": []}"#, Outcome::Done),
            (r#"{"batchItemFailures": [{"itemIdentifier": "b"}]}"#, partly(&["b"])),
            (r#"{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}"#, partly(&["a", "b"])),
            (r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, Outcome::Failed),
            (r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#, Outcome::Failed),
            (r#"{"batchItemFailures": [{"id": "a"}]}"#, Outcome::Failed),
            (r#"{"batchItemFailures": [{"itemIdentifier": "unknown"}]}"#, Outcome::Failed),
            (r#"{"batchItemFailures": "a"}"#, Outcome::Failed),
            (r#""done""#, Outcome::Failed),
            ("not json", Outcome::Failed),
        ] {
            assert_eq!(outcome(answer.as_bytes(), |id| ["a", "b"].contains(&id)), expected, "{answer}");
        }
    }
}
