//! Whatever can fail has somebody looking at it.

use local_template::{Resource, Stack};

use crate::queues::dead_letter_queues;
use crate::repository::Repository;

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
    }
    let audit = alarms.iter().any(|alarm| {
        alarm.properties["MetricName"] == "LedgerClean" && alarm.properties["Namespace"] == stack.name.as_str()
    });
    if !audit {
        broken.push("the audit has no alarm".to_owned());
    }
    broken
}
