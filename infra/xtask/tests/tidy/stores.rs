//! State that must survive mistakes, parameters that say what they cost, and CloudFormation's limits.

use local_template::Event;
use serde_json::Value;

use crate::repository::Repository;

/// Parameters that switch on something with a price at rest: the description names it.
const PRICED: &[&str] = &[
    "Stage",
    "AccessLogs",
    "Alarms",
    "WebAcl",
    "KmsKeyArn",
    "PartnerAccess",
    "PhoneAccess",
    "PhoneCodeBudget",
    "LogRetentionDays",
    "AuditSchedule",
];

pub fn state_is_kept(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    for (id, raw) in &repository.template.resources {
        let Some(prod) = repository.full.resources.get(id) else {
            broken.push(format!(
                "{id} is not in the stack that has everything: tests/tidy/repository.rs needs a parameter"
            ));
            continue;
        };
        let stateful =
            ["AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::S3::Bucket"].contains(&raw.kind.as_str());
        if stateful {
            let kept = raw.deletion_policy.as_deref().is_some_and(|policy| policy.starts_with("Retain"));
            if !kept || raw.update_replace_policy.as_deref() != Some("Retain") {
                broken.push(format!(
                    "{id} goes with its stack: DeletionPolicy RetainExceptOnCreate, UpdateReplacePolicy Retain"
                ));
            }
        }
        match raw.kind.as_str() {
            "AWS::DynamoDB::Table" => {
                if prod.properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] != true {
                    broken.push(format!("{id} has no point-in-time recovery in prod"));
                }
                if prod.properties["DeletionProtectionEnabled"] != true {
                    broken.push(format!("{id} has no deletion protection in prod"));
                }
                if prod.properties["BillingMode"] != "PAY_PER_REQUEST" {
                    broken.push(format!("{id} costs money at rest"));
                }
                if prod.properties["SSESpecification"]["KMSMasterKeyId"].is_null() {
                    broken.push(format!("{id} does not take the own key"));
                }
                if raw.properties.contains_key("TableName") {
                    broken.push(format!("{id}: a kept table with a fixed name blocks the next stack of that name"));
                }
            }
            "AWS::Cognito::UserPool" if prod.properties["DeletionProtection"] != "ACTIVE" => {
                broken.push(format!("{id} has no deletion protection in prod"));
            }
            "AWS::Cognito::UserPoolClient" if prod.properties["GenerateSecret"] == false => {
                let writable = prod.properties["WriteAttributes"].as_array().cloned().unwrap_or_default();
                if writable.is_empty()
                    || writable.iter().any(|name| name.as_str().is_some_and(|name| name.starts_with("custom:")))
                {
                    broken.push(format!("{id} lets a customer write any attribute about himself"));
                }
            }
            "AWS::SecretsManager::Secret" => {
                if prod.properties.get("KmsKeyId").is_none() {
                    broken.push(format!("{id} does not take the own key"));
                }
                if raw.properties.contains_key("Name") {
                    broken.push(format!(
                        "{id}: a deleted secret keeps its name for days and blocks the next stack of that name"
                    ));
                }
                if raw.properties.contains_key("SecretString") {
                    broken.push(format!("{id}: its value stands in the template"));
                }
            }
            "AWS::Logs::LogGroup" => {
                if prod.properties.get("RetentionInDays").is_none() {
                    broken.push(format!("{id} keeps its lines for ever"));
                }
                if prod.properties.get("KmsKeyId").is_none() {
                    broken.push(format!("{id} does not take the own key"));
                }
            }
            _ => {}
        }
    }
    broken
}

pub fn parameters_are_explained_and_used(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let mut used = Vec::new();
    for section in ["Conditions", "Globals", "Resources", "Outputs"] {
        references(&repository.template.document[section], &mut used);
    }
    for (name, parameter) in &repository.template.parameters {
        let description = parameter.description.as_deref().unwrap_or_default();
        if description.is_empty() {
            broken.push(format!("{name} has no description"));
        }
        if PRICED.contains(&name.as_str()) && !description.contains('$') {
            broken.push(format!("{name} does not say what it costs"));
        }
        if parameter.default.is_none() {
            broken.push(format!("{name} has no default, so the template does not deploy as it is"));
        }
        if (name.ends_with("Secret") || name.ends_with("Token")) && !parameter.no_echo {
            broken.push(format!("{name} is shown in consoles: NoEcho"));
        }
        if !used.iter().any(|used| used == name) {
            broken.push(format!("{name} is used nowhere"));
        }
    }
    broken
}

/// Names in `Ref` and `Fn::Sub`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => found.push(name.clone()),
                    ("Fn::Sub", Value::String(text)) => {
                        found.extend(
                            text.split("${")
                                .skip(1)
                                .filter_map(|part| part.split(['}', '.']).next())
                                .map(str::to_owned),
                        );
                    }
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// What has a monthly price although nothing happens.
const PRICED_AT_REST: &[&str] = &[
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::NatGateway",
    "AWS::KMS::Key",
    "AWS::RDS::DBCluster",
    "AWS::SecretsManager::Secret",
    "AWS::WAFv2::WebACL",
];

/// What is there without a word said all the same, because the bank is not whole without it. Each is in the description of its parameter.
const WORTH_ITS_PRICE: &[(&str, &str)] = &[("PhoneCodeKey", "PhoneAccess")];

/// The stack as it deploys without a word said.
pub fn nothing_is_paid_at_rest(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    for resource in repository.dev.resources.values() {
        let machine = resource.properties["AllowedOAuthFlows"]
            .as_array()
            .is_some_and(|flows| flows.iter().any(|flow| flow == "client_credentials"));
        let accepted = WORTH_ITS_PRICE.iter().any(|(id, parameter)| {
            let condition = repository.template.resources.get(*id).and_then(|raw| raw.condition.as_deref());
            *id == resource.logical_id && condition == Some(*parameter) && PRICED.contains(parameter)
        });
        if (PRICED_AT_REST.contains(&resource.kind.as_str()) || machine) && !accepted {
            broken.push(format!(
                "{} costs money at rest: put it behind a parameter that says how much",
                resource.logical_id
            ));
        }
    }
    broken
}

/// How many resources CloudFormation sees once SAM has expanded the template.
pub fn resource_count(repository: &Repository) -> usize {
    let stack = &repository.full;
    let mut count = stack.resources.len() + 2; // the API's deployment and stage
    for function in stack.functions() {
        count += usize::from(function.max_retry_attempts.is_some() || function.on_failure.is_some()); // EventInvokeConfig
        for event in &function.events {
            count += match event {
                Event::Api(_) | Event::Sqs(_) | Event::Stream(_) => 1, // a permission, or an event source mapping
                Event::Schedule(_) => 2,                               // the schedule and its role
            };
        }
    }
    count
}

pub fn within_limits(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    for (what, count, limit) in [
        ("resources", resource_count(repository), 450), // of 500: room for what SAM adds unasked
        ("parameters", repository.template.parameters.len(), 200),
        ("outputs", repository.template.outputs.len(), 200),
        ("bytes", repository.text.len(), 400_000), // of 1 MB in S3, after SAM has made twice as much of it
    ] {
        if count > limit {
            broken.push(format!("{count} {what}, more than {limit}"));
        }
    }
    broken
}
