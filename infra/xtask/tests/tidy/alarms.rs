//! Whatever can fail has somebody looking at it.

use local_template::{Resource, Stack};

use crate::layout::{self, Source};
use crate::queues::dead_letter_queues;
use crate::repository::{Repository, texts};

/// Metrics of ours that a person must hear of, with what each is.
const OWN: &[(&str, &str)] = &[
    ("LedgerClean", "the audit"),
    ("OrdersStuck", "an order that its book does not answer"),
    ("SmsOutcomeUnknown", "an SMS that may or may not have been sent"),
    ("VoucherContradiction", "a supplier that contradicts itself"),
    ("VoucherLateSuccess", "a supplier that delivers after the money was given back"),
    ("VouchersUnknownTooLong", "a purchase of long unknown outcome"),
];

/// Alarms of the stack and of the stacks in it.
fn alarms(stack: &Stack) -> Vec<&Resource> {
    let own = stack.resources.values().filter(|resource| resource.kind == "AWS::CloudWatch::Alarm");
    own.chain(stack.nested.values().flat_map(alarms)).collect()
}

fn watches(alarm: &Resource, metric: &str, dimension: &str, value: &str) -> bool {
    let dimensions = alarm.properties["Dimensions"].as_array().cloned().unwrap_or_default();
    alarm.properties["MetricName"] == metric
        && dimensions.iter().any(|found| found["Name"] == dimension && found["Value"] == value)
}

pub fn everything_is_watched(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let stack = &repository.full;
    let alarms = alarms(stack);
    let mut need = |what: &str, metric: &str, dimension: &str, value: &str| {
        if !alarms.iter().any(|alarm| watches(alarm, metric, dimension, value)) {
            broken.push(format!("{what} has no alarm on {metric}"));
        }
    };
    for function in stack.functions() {
        need(&function.logical_id, "Errors", "FunctionName", &function.name);
    }
    for queue in stack.queues() {
        if dead_letter_queues(stack).contains(&queue.arn) {
            need(&queue.logical_id, "ApproximateNumberOfMessagesVisible", "QueueName", &queue.name);
        }
    }
    for metric in ["5XXError", "Latency"] {
        need("the API", metric, "ApiName", &stack.name);
    }
    for alarm in &alarms {
        if alarm.properties["AlarmActions"].as_array().is_none_or(Vec::is_empty) {
            broken.push(format!("{}: nobody is told", alarm.logical_id));
        }
        if let Some(name) = alarm.properties["Dimensions"][0]["Value"].as_str()
            && alarm.properties["Dimensions"][0]["Name"] == "FunctionName"
            && stack.functions().iter().all(|function| function.name != name)
        {
            broken.push(format!("{} watches {name}, which is no function", alarm.logical_id));
        }
        if let Some(name) = alarm.properties["Dimensions"][0]["Value"].as_str()
            && alarm.properties["Dimensions"][0]["Name"] == "QueueName"
            && stack.queues().iter().all(|queue| queue.name != name)
        {
            broken.push(format!("{} watches {name}, which is no queue", alarm.logical_id));
        }
    }
    let own: Vec<String> = alarms
        .iter()
        .filter(|alarm| alarm.properties["Namespace"] == stack.name.as_str())
        .flat_map(|alarm| texts(&alarm.properties["MetricName"]))
        .collect();
    let sources: Vec<_> = ["functions", "shared"].iter().flat_map(|folder| layout::sources(folder)).collect();
    broken.extend(
        OWN.iter()
            .filter(|(metric, _)| own.iter().all(|watched| watched != metric))
            .map(|(_, what)| format!("{what} has no alarm")),
    );
    broken.extend(unpublished(&own, &sources));
    broken
}

/// Metrics of ours that no source names: their alarms would never ring.
pub fn unpublished(metrics: &[String], sources: &[Source]) -> Vec<String> {
    let named = |metric: &str| sources.iter().any(|(_, text)| text.contains(&format!("\"{metric}\"")));
    let lost = metrics.iter().filter(|metric| !named(metric));
    lost.map(|metric| format!("an alarm watches {metric}, which nobody publishes")).collect()
}
