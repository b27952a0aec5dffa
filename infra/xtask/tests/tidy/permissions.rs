//! What the roles may do: named actions on named resources, and all that the wiring needs.

use std::collections::BTreeMap;

use local_template::{Event, Stack};
use serde_json::Value;

use crate::queues;
use crate::repository::{Repository, texts};

/// Every action our roles may be granted. A new one is added here by hand, so that a misspelt one does not pass:
/// CloudFormation and cfn-lint take any text.
const ACTIONS: &[&str] = &[
    "cognito-idp:AdminAddUserToGroup",
    "cognito-idp:AdminCreateUser",
    "cognito-idp:AdminDeleteUser",
    "cognito-idp:AdminDisableUser",
    "cognito-idp:AdminEnableUser",
    "cognito-idp:AdminGetUser",
    "cognito-idp:AdminUpdateUserAttributes",
    "cognito-idp:AdminUserGlobalSignOut",
    "cognito-idp:DescribeUserPool",
    "cognito-idp:ListUsers",
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeStream",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "secretsmanager:GetSecretValue",
    "sns:Publish",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// Actions that know no narrower resource than `*`.
const ON_EVERYTHING: &[&str] = &["xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// What an SMS is granted on. A phone number has no ARN, so the grant is on all but this: what has one (a topic, an endpoint) stays closed.
pub const PHONE_NUMBERS: &str = "all but arn:aws:sns:*:*:*";

/// A managed policy that a service asks for by name.
const MANAGED: &[(&str, &str)] = &[("ApiLogsRole", "service-role/AmazonAPIGatewayPushToCloudWatchLogs")];

struct Statement {
    effect: String,
    actions: Vec<String>,
    resources: Vec<String>,
}

/// Statements by role (logical id): its own and those of policies attached beside it.
fn statements(stack: &Stack) -> BTreeMap<String, Vec<Statement>> {
    let mut found: BTreeMap<String, Vec<Statement>> = BTreeMap::new();
    let read = |document: &Value| -> Vec<Statement> {
        let statements = document["Statement"].as_array().cloned().unwrap_or_default();
        statements
            .iter()
            .map(|statement| Statement {
                effect: texts(&statement["Effect"]).concat(),
                actions: texts(&statement["Action"]),
                resources: match (&statement["Resource"], &statement["NotResource"]) {
                    (resources, Value::Null) => texts(resources),
                    (_, others) => texts(others).iter().map(|other| format!("all but {other}")).collect(),
                },
            })
            .collect()
    };
    for resource in stack.resources.values() {
        match resource.kind.as_str() {
            "AWS::IAM::Role" => {
                let own = found.entry(resource.logical_id.clone()).or_default();
                for policy in resource.properties["Policies"].as_array().into_iter().flatten() {
                    own.extend(read(&policy["PolicyDocument"]));
                }
            }
            "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => {
                for role in texts(&resource.properties["Roles"]) {
                    let role = stack.resources.values().find(|other| other.ref_value == role);
                    let id = role.map_or_else(|| resource.logical_id.clone(), |role| role.logical_id.clone());
                    found.entry(id).or_default().extend(read(&resource.properties["PolicyDocument"]));
                }
            }
            _ => {}
        }
    }
    found
}

/// Every action a role (logical id) is granted, with what it is granted on.
pub fn grants(stack: &Stack, role: &str) -> Vec<(String, String)> {
    let statements = statements(stack).remove(role).unwrap_or_default();
    let pairs = statements.iter().flat_map(|statement| {
        let actions = statement.actions.iter();
        actions.flat_map(|action| statement.resources.iter().map(|on| (action.clone(), on.clone())))
    });
    pairs.collect()
}

pub fn least_privilege(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let stack = &repository.full;
    for function in stack.functions() {
        let (id, properties) = (&function.logical_id, &stack.resources[&function.logical_id].properties);
        let own = stack.resources.get(&format!("{id}Role")).and_then(|role| role.arn.clone());
        if own.is_none() || properties["Role"].as_str() != own.as_deref() {
            broken.push(format!("{id}: its Role is not {id}Role, so SAM would attach managed policies on *"));
        }
        if properties.get("Policies").is_some() {
            broken.push(format!("{id}: Policies only add to SAM's managed ones; grant in {id}Role"));
        }
    }
    for role in stack.resources.values().filter(|resource| resource.kind == "AWS::IAM::Role") {
        let id = &role.logical_id;
        for managed in role.properties["ManagedPolicyArns"].as_array().into_iter().flatten().flat_map(texts) {
            if !MANAGED.iter().any(|(of, policy)| of == id && managed.ends_with(policy)) {
                broken.push(format!("{id} is attached {managed}"));
            }
        }
        let trusted =
            texts(&role.properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]).concat();
        let expected = if id == "ApiLogsRole" { "apigateway.amazonaws.com" } else { "lambda.amazonaws.com" };
        if trusted != expected {
            broken.push(format!("{id} is trusted to {trusted}"));
        }
    }
    for (role, statements) in statements(stack) {
        for statement in statements {
            if statement.effect != "Allow" || statement.actions.is_empty() || statement.resources.is_empty() {
                broken.push(format!("{role}: a statement that allows nothing by name"));
            }
            for action in &statement.actions {
                if !ACTIONS.contains(&action.as_str()) {
                    broken.push(format!("{role}: {action} is not in the list of our actions"));
                }
                let wide = |on: &&String| on.contains('*') || on.starts_with("all but ");
                for resource in statement.resources.iter().filter(wide) {
                    let log_streams =
                        action.starts_with("logs:") && resource.ends_with(":*") && resource.matches('*').count() == 1;
                    let known = resource == "*" && ON_EVERYTHING.contains(&action.as_str());
                    let phones = resource == PHONE_NUMBERS && action == "sns:Publish";
                    if !log_streams && !known && !phones {
                        broken.push(format!("{role}: {action} on {resource}"));
                    }
                }
            }
        }
    }
    broken
}

/// What SAM's managed policies would have given, and a function with a role of its own must be given by name;
/// and the name of a table, a queue or a secret goes together with a grant on it.
pub fn grants_follow_the_wiring(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let stack = &repository.full;
    let statements = statements(stack);
    for function in stack.functions() {
        let id = &function.logical_id;
        let role = format!("{id}Role");
        let granted: Vec<&Statement> = statements.get(&role).into_iter().flatten().collect();
        let mut need = |actions: &[&str], resource: &str, why: &str| {
            for action in actions {
                let found = granted.iter().any(|statement| {
                    statement.actions.iter().any(|granted| granted == action)
                        && statement.resources.iter().any(|on| on == resource)
                });
                if !found {
                    broken.push(format!("{role}: {action} on {resource} is missing: {why}"));
                }
            }
        };
        if let Some(logs) = stack.resources.get(&format!("{id}Logs")).and_then(|logs| logs.arn.as_deref()) {
            need(&["logs:CreateLogStream", "logs:PutLogEvents"], logs, "its log");
        }
        need(ON_EVERYTHING, "*", "tracing");
        if let Some(queue) = &function.on_failure {
            need(&["sqs:SendMessage"], queue, "its on-failure destination");
        }
        for event in &function.events {
            match event {
                Event::Sqs(source) => {
                    need(
                        &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                        &source.queue_arn,
                        "its queue",
                    );
                }
                Event::Stream(source) => {
                    let actions = [
                        "dynamodb:GetRecords",
                        "dynamodb:GetShardIterator",
                        "dynamodb:DescribeStream",
                        "dynamodb:ListStreams",
                    ];
                    need(&actions, &source.stream_arn, "its stream");
                    if let Some(queue) = &source.on_failure {
                        need(&["sqs:SendMessage"], queue, "its on-failure destination");
                    }
                }
                Event::Api(_) | Event::Schedule(_) => {}
            }
        }
        // A queue of its own failures is wired, not named.
        let failures = queues::failures_of(function);
        for queue in stack.queues().iter().filter(|queue| !failures.contains(&queue.arn)) {
            let named = function.environment.values().any(|value| *value == queue.url);
            let used = allows(&granted, "sqs:SendMessage", &queue.arn);
            if named != used {
                broken.push(mismatch(id, named, &queue.logical_id, used));
            }
        }
        let key = granted.iter().any(|statement| statement.actions.iter().any(|action| action == "kms:Decrypt"));
        for secret in stack.secrets() {
            let named = function.environment.values().any(|value| *value == secret.arn);
            let used = allows(&granted, "secretsmanager:GetSecretValue", &secret.arn);
            if named != used {
                broken.push(mismatch(id, named, &secret.logical_id, used));
            }
            if used && !key {
                broken.push(without_key(&role, &secret.logical_id));
            }
        }
        for table in stack.tables() {
            let named = function.environment.values().any(|value| *value == table.name);
            let used = granted.iter().any(|statement| statement.resources.contains(&table.arn));
            if named != used {
                broken.push(mismatch(id, named, &table.logical_id, used));
            }
            let indexes = texts_of_indexes(&table.create_table);
            for on in granted.iter().flat_map(|statement| &statement.resources) {
                let index = on.strip_prefix(&format!("{}/index/", table.arn));
                if index.is_some_and(|index| !indexes.iter().any(|known| known == index)) {
                    broken.push(format!("{role}: {} has no index {}", table.logical_id, index.unwrap_or_default()));
                }
            }
            if used && !key {
                broken.push(without_key(&role, &table.logical_id));
            }
        }
    }
    broken
}

fn texts_of_indexes(create_table: &Value) -> Vec<String> {
    create_table["GlobalSecondaryIndexes"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|index| texts(&index["IndexName"]))
        .collect()
}

fn allows(granted: &[&Statement], action: &str, resource: &str) -> bool {
    granted.iter().any(|statement| {
        statement.actions.iter().any(|allowed| allowed == action) && statement.resources.iter().any(|on| on == resource)
    })
}

fn mismatch(function: &str, named: bool, what: &str, used: bool) -> String {
    let says = if named { "name" } else { "do not name" };
    let may = if used { "may use" } else { "may not use" };
    format!("{function}: its variables {says} {what}, its role {may} it")
}

fn without_key(role: &str, what: &str) -> String {
    format!("{role} uses {what} but, with an own key, may not use the key: add it to KeyAccess")
}
