//! Logs as JSON lines on stdout, one per business event, and metrics in CloudWatch's embedded format (EMF).
//! Never a body, a phone number, a code, a token or an e-mail address.

use domain::Timestamp;
use serde_json::{Map, Value, json};

/// Starts JSON logging at `info`, once per process, at init.
pub fn init() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .init();
}

/// Writes one metric in the embedded metric format. `unit` is CloudWatch's (`Count`, `None`, `Milliseconds`).
/// Source: CloudWatch embedded metric format specification.
pub fn metric(namespace: &str, now: Timestamp, name: &str, unit: &str, value: &Value, dimensions: &[(&str, &str)]) {
    println!("{}", embedded_metric(namespace, now, name, unit, value, dimensions));
}

fn embedded_metric(
    namespace: &str,
    now: Timestamp,
    name: &str,
    unit: &str,
    value: &Value,
    dimensions: &[(&str, &str)],
) -> Value {
    let keys: Vec<_> = dimensions.iter().map(|(key, _)| *key).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": now.millis(),
            "CloudWatchMetrics": [{"Namespace": namespace, "Dimensions": [keys], "Metrics": [{"Name": name, "Unit": unit}]}],
        }),
    );
    for (key, dimension) in dimensions {
        line.insert((*key).into(), json!(dimension));
    }
    line.insert(name.into(), value.clone());
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_names_its_namespace_dimensions_and_value() {
        let line = embedded_metric(
            "florin",
            Timestamp::from_millis(5),
            "Difference",
            "None",
            &json!(0),
            &[("currency", "USD")],
        );
        assert_eq!(
            line,
            json!({"_aws": {"Timestamp": 5, "CloudWatchMetrics": [{"Namespace": "florin", "Dimensions": [["currency"]],
                "Metrics": [{"Name": "Difference", "Unit": "None"}]}]}, "currency": "USD", "Difference": 0})
        );
    }
}
