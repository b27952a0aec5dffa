//! Every rule is broken here on purpose, and must say so.

use crate::repository::Repository;
use crate::{alarms, calls, dependencies, gateway, layout, names, permissions, queues, routes, stores};

type Rule = fn(&Repository) -> Vec<String>;

/// Replaces `from` by `to` in the template (everywhere) and expects the rule to complain with `complaint`.
#[track_caller]
fn broken(rule: Rule, from: &str, to: &str, complaint: &str) {
    let text = Repository::text_here();
    assert!(text.contains(from), "the template has no {from:?} to change");
    let found = match Repository::read(text.replace(from, to)) {
        Ok(repository) => rule(&repository),
        Err(error) => vec![error],
    };
    assert!(
        found.iter().any(|line| line.contains(complaint)),
        "{from:?} → {to:?}: nothing says {complaint:?}, but {found:#?}"
    );
}

/// A queue worker and a stream worker, which the template may not have yet.
const WORKERS: &str = r#"
  Probe:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/probe/
      Timeout: 10
      Events:
        Queue: {Type: SQS, Properties: {Queue: !GetAtt ProbeQueue.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}}
        Stream: {Type: DynamoDB, Properties: {Stream: !GetAtt LedgerTable.StreamArn, StartingPosition: LATEST, BisectBatchOnFunctionError: true, MaximumRetryAttempts: 2, FunctionResponseTypes: [ReportBatchItemFailures], DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt ProbeDeadLetters.Arn}}}}
  ProbeQueue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60, SqsManagedSseEnabled: true, RedrivePolicy: {deadLetterTargetArn: !GetAtt ProbeDeadLetters.Arn, maxReceiveCount: 5}}}
  ProbeDeadLetters: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true}}

Outputs:
"#;

/// The rule on the template with the workers above, once as they are and once changed.
#[track_caller]
fn broken_worker(rule: Rule, from: &str, to: &str, complaint: &str) {
    let text = Repository::text_here().replacen("\nOutputs:\n", WORKERS, 1);
    let check = |text: String| match Repository::read(text) {
        Ok(repository) => rule(&repository),
        Err(error) => vec![error],
    };
    let before = check(text.clone());
    assert!(!before.iter().any(|line| line.contains(complaint)), "broken before: {before:#?}");
    let after = check(text.replace(from, to));
    assert!(
        after.iter().any(|line| line.contains(complaint)),
        "{from:?} → {to:?}: nothing says {complaint:?}, but {after:#?}"
    );
}

/// The rule on the template with the workers above, which nobody has finished.
#[track_caller]
fn worker_lacks(rule: Rule, complaint: &str) {
    let text = Repository::text_here().replacen("\nOutputs:\n", WORKERS, 1);
    let found = rule(&Repository::read(text).unwrap_or_else(|error| panic!("{error}")));
    assert!(found.iter().any(|line| line.contains(complaint)), "nothing says {complaint:?}, but {found:#?}");
}

#[test]
fn the_rules_about_names_can_fail() {
    let rule: Rule = names::one_name_everywhere;
    broken(rule, "\n  Transfers:\n", "\n  TransfersX:\n", "Transfers");
    broken(
        rule,
        "-transfers-expire\"\n      Description",
        "-expire\"\n      Description",
        "FunctionName is florin-expire",
    );
    broken(rule, "target/lambda/docs/", "target/lambda/doc/", "CodeUri is target/lambda/doc/");
    broken(rule, "/${AWS::StackName}/health\"", "/aws/lambda/health\"", "LoggingConfig.LogGroup is /aws/lambda/health");
    broken(
        rule,
        "LogGroup: !Ref DocsLogs",
        "LogGroup: !Ref HealthLogs",
        "Docs: LoggingConfig.LogGroup is /florin/health",
    );
    worker_lacks(names::every_function_has_its_events, "probe: there is no events/probe.json");
    worker_lacks(rule, "Probe: there is no functions/probe");
    let variables: Rule = names::variables_are_given_and_read;
    broken(
        variables,
        "          SELF_SERVICE_DEPOSITS:",
        "          DEPOSITS:",
        "transfers reads SELF_SERVICE_DEPOSITS",
    );
    broken(variables, "          SELF_SERVICE_DEPOSITS:", "          DEPOSITS:", "transfers is given DEPOSITS");
    broken(variables, "          PHONE_CODE_BUDGET:", "          BUDGET:", "phone-codes reads PHONE_CODE_BUDGET");
}

#[test]
fn the_rules_about_permissions_can_fail() {
    let rule: Rule = permissions::least_privilege;
    broken(rule, "      Role: !GetAtt DocsRole.Arn\n", "", "Docs: its Role is not DocsRole");
    broken(rule, "Role: !GetAtt DocsRole.Arn", "Role: !GetAtt HealthRole.Arn", "Docs: its Role is not DocsRole");
    broken(rule, "\"dynamodb:Scan\"", "\"dynamodb:Scans\"", "LedgerAuditRole: dynamodb:Scans is not in the list");
    broken(rule, "\"dynamodb:Scan\"", "\"dynamodb:*\"", "LedgerAuditRole: dynamodb:* is not in the list");
    broken(
        rule,
        "[\"cognito-idp:DescribeUserPool\"], Resource: !GetAtt UserPool.Arn",
        "[\"cognito-idp:DescribeUserPool\"], Resource: \"*\"",
        "HealthRole: cognito-idp:DescribeUserPool on *",
    );
    broken(
        rule,
        "${LedgerTable.Arn}/index/holds",
        "${LedgerTable.Arn}/index/*",
        "TransfersExpireRole: dynamodb:Query on arn",
    );
    let phones = "Action: [\"sns:Publish\"], NotResource: !Sub \"arn:${AWS::Partition}:sns:*:*:*\"";
    for (instead, complaint) in [
        ("Action: [\"sns:Publish\"], Resource: \"*\"", "SmsSendRole: sns:Publish on *"),
        (
            "Action: [\"sns:Publish\"], NotResource: \"arn:aws:sns:us-east-1:*:*\"",
            "SmsSendRole: sns:Publish on all but",
        ),
        ("Action: [\"sns:Publish\"], NotResource: topic", "SmsSendRole: sns:Publish on all but topic"),
        (
            "Action: [\"sqs:SendMessage\"], NotResource: \"arn:aws:sns:*:*:*\"",
            "SmsSendRole: sqs:SendMessage on all but",
        ),
    ] {
        broken(rule, phones, instead, complaint);
    }
    broken(rule, "Service: lambda.amazonaws.com", "Service: ec2.amazonaws.com", "is trusted to ec2.amazonaws.com");
    broken(rule, "AmazonAPIGatewayPushToCloudWatchLogs", "AdministratorAccess", "ApiLogsRole is attached");
    let wiring: Rule = permissions::grants_follow_the_wiring;
    broken(wiring, "Resource: !GetAtt DocsLogs.Arn", "Resource: !GetAtt HealthLogs.Arn", "DocsRole: logs:PutLogEvents");
    broken(
        wiring,
        "\"xray:PutTelemetryRecords\"",
        "\"xray:PutTraceSegments\"",
        "xray:PutTelemetryRecords on * is missing",
    );
    broken(
        wiring,
        "[\"sqs:SendMessage\"], Resource: !GetAtt LedgerAuditDeadLetters.Arn",
        "[\"sqs:SendMessage\"], Resource: !GetAtt TransfersExpireDeadLetters.Arn",
        "LedgerAuditRole: sqs:SendMessage",
    );
    broken(wiring, "/index/holds", "/index/hold", "TransfersExpireRole: LedgerTable has no index hold");
    broken(wiring, ", !Ref HealthRole]", "]", "HealthRole uses LedgerTable but, with an own key, may not use the key");
    broken(
        wiring,
        "          CUSTOMERS_TABLE: !Ref CustomersTable\n",
        "",
        "its variables do not name CustomersTable, its role may use it",
    );
    broken(
        wiring,
        "          SMS_QUEUE_URL: !Ref SmsQueue\n",
        "",
        "VouchersSettle: its variables do not name SmsQueue, its role may use it",
    );
    broken(
        wiring,
        "[\"sqs:SendMessage\"], Resource: [!GetAtt SmsQueue.Arn, !GetAtt AuthCodeTimerQueue.Arn]",
        "[\"sqs:SendMessage\"], Resource: [!GetAtt SmsQueue.Arn]",
        "PhoneCodes: its variables name AuthCodeTimerQueue, its role may not use it",
    );
    broken(
        wiring,
        "          PHONE_CODE_SECRET: !If [PhoneAccess, !Ref PhoneCodeKey, \"\"]\n",
        "",
        "Vouchers: its variables do not name PhoneCodeKey, its role may use it",
    );
    broken(wiring, "!Ref PhoneCodesRole, ", "", "PhoneCodesRole uses PhoneCodeKey but, with an own key");
    broken(
        wiring,
        "[\"sqs:SendMessage\"], Resource: !GetAtt OrdersSettleDeadLetters.Arn",
        "[\"sqs:SendMessage\"], Resource: !GetAtt SweepDeadLetters.Arn",
        "OrdersSettleRole: sqs:SendMessage",
    );
    broken(
        wiring,
        "Resource: !GetAtt ExchangeTable.StreamArn",
        "Resource: !GetAtt LedgerTable.StreamArn",
        "OrdersSettleRole: dynamodb:GetRecords on",
    );
    let used: Rule = calls::calls_are_granted_and_grants_are_used;
    broken(
        used,
        ", \"dynamodb:Scan\"",
        "",
        "ledger-audit calls dynamodb:Scan on LedgerTable, which its role does not grant",
    );
    broken(
        used,
        "\"dynamodb:Scan\"",
        "\"dynamodb:Scan\", \"dynamodb:DeleteItem\"",
        "ledger-audit is granted dynamodb:DeleteItem on LedgerTable, which it does not call",
    );
    worker_lacks(wiring, "ProbeRole: sqs:ReceiveMessage on");
    worker_lacks(wiring, "ProbeRole: dynamodb:GetRecords on");
}

#[test]
fn the_rules_about_routes_can_fail() {
    let rule: Rule = routes::openapi_equals_template;
    broken(rule, "Path: /payees", "Path: /payee", "GET /payee is not in openapi.yaml");
    broken(rule, "Path: /payees", "Path: /payee", "GET /payees is not in template.yaml");
    broken(rule, "Method: PUT", "Method: PATCH", "PUT /customers/{id} is not in template.yaml");
    broken(
        rule,
        "Path: /me}",
        "Path: /me, Auth: {Authorizer: NONE}}",
        "GET /me needs no token in the template and a in openapi.yaml",
    );
    broken(rule, "Path: /payees", "Path: /accounts", "GET /accounts is served twice");
    broken(
        rule,
        "AuthorizationScopes: [aws.cognito.signin.user.admin]",
        "AuthorizationScopes: [openid]",
        "does not ask for aws.cognito.signin.user.admin",
    );
    let public: Rule = routes::public_routes_are_listed;
    broken(
        public,
        "Path: /me}",
        "Path: /me, Auth: {Authorizer: NONE}}",
        "GET /me is open but not in public-routes.txt",
    );
    broken(
        public,
        "Path: /health, Auth: {Authorizer: NONE}",
        "Path: /health",
        "GET /health is in public-routes.txt but not open",
    );
    let partner: Rule = routes::partner_scope_stays_on_vouchers;
    let opened = "Path: /me, Auth: {Authorizer: Cognito, AuthorizationScopes: [aws.cognito.signin.user.admin, florin/vouchers.buy]}}";
    broken(partner, "Path: /me}", opened, "GET /me is open to florin/vouchers.buy");
    broken(
        partner,
        ", Auth: {Authorizer: Cognito, AuthorizationScopes: [aws.cognito.signin.user.admin, florin/vouchers.buy]}",
        "",
        "POST /vouchers is closed to florin/vouchers.buy",
    );
    broken(
        partner,
        "AuthorizationScopes: [aws.cognito.signin.user.admin]",
        "AuthorizationScopes: [aws.cognito.signin.user.admin, florin/vouchers.buy]",
        "the authorizer Cognito opens every route",
    );
}

#[test]
fn the_rule_about_the_gateway_can_fail() {
    let rule: Rule = gateway::answers_are_problem_documents;
    broken(rule, "        THROTTLED:\n", "        THROTTLING:\n", "there is no gateway response for THROTTLED");
    broken(rule, "StatusCode: 413", "StatusCode: 400", "REQUEST_TOO_LARGE: the status is Some(400) and not 413");
    broken(rule, "'application/problem+json'", "'application/json'", "UNAUTHORIZED is no application/problem+json");
    broken(rule, "Access-Control-Allow-Origin: !Sub", "Access-Control-Allow-Origins: !Sub", "has not the CORS header");
    broken(rule, "\"status\":429", "\"status\":400", "THROTTLED: the body says 400");
    broken(
        rule,
        "\"code\":\"payload_too_large\"",
        "\"code\":\"too_large\"",
        "REQUEST_TOO_LARGE: the body says 413 \"too_large\"",
    );
    broken(
        rule,
        "\"request_id\":\"$context.requestId\"}",
        "\"request_id\":\"$context.requestId\"",
        "the body is not JSON",
    );
    broken(rule, ", Retry-After: \"'1'\"", "", "THROTTLED has no Retry-After");
    broken(rule, ",Prefer'", "'", "CORS does not allow the header Prefer");
    broken(rule, "'GET,POST,PUT,PATCH,DELETE,OPTIONS'", "'GET,POST'", "CORS does not allow the method of PUT");
    broken(rule, "/~1auth~1sign-in", "/~1auth~1signin", "MethodSettings names POST /auth/signin");
}

#[test]
fn the_rules_about_queues_can_fail() {
    let rule: Rule = queues::queues_lose_nothing;
    broken(
        rule,
        "MessageRetentionPeriod: 1209600",
        "MessageRetentionPeriod: 60",
        "keeps dead letters for less than fourteen days",
    );
    broken_worker(
        rule,
        "VisibilityTimeout: 60",
        "VisibilityTimeout: 59",
        "visibility 59 s, Probe needs 6 × its timeout: 60 s",
    );
    broken_worker(
        rule,
        ", RedrivePolicy: {deadLetterTargetArn: !GetAtt ProbeDeadLetters.Arn, maxReceiveCount: 5}",
        "",
        "ProbeQueue neither has a dead-letter queue nor is one",
    );
    broken_worker(rule, "maxReceiveCount: 5", "maxReceiveCount: 1", "ProbeQueue gives up after 1 receives");
    broken_worker(rule, "{VisibilityTimeout: 60,", "{VisibilityTimeout: 60, FifoQueue: true,", "are not of one kind");
    broken_worker(
        rule,
        "!GetAtt ProbeQueue.Arn,",
        "!GetAtt ProbeQueue.Arn, MaximumBatchingWindowInSeconds: 5,",
        "needs 6 × its timeout: 65 s",
    );
    let fifo = "Queue: !GetAtt OrderQueue.Arn, BatchSize: 10,";
    broken(rule, fifo, "Queue: !GetAtt OrderQueue.Arn, BatchSize: 11,", "AWS refuses a batch of more than 10 on FIFO");
    broken(
        rule,
        fifo,
        "Queue: !GetAtt OrderQueue.Arn, BatchSize: 10, MaximumBatchingWindowInSeconds: 1,",
        "OrderQueue: AWS refuses a batching window on FIFO",
    );
    broken(
        rule,
        "    Default: 60\n    MinValue: 1\n    MaxValue: 43200\n",
        "    Default: 59\n    MinValue: 1\n    MaxValue: 43200\n",
        "OrderQueue: visibility 59 s, OrdersMatch needs",
    );
    broken(rule, "    Default: 125\n", "    Default: 141\n", "VouchersOrder: it is killed before it can say");
    let private: Rule = queues::queues_are_private;
    broken(private, ", SqsManagedSseEnabled: true", "", "is not encrypted at rest");
    broken(
        private,
        "\"aws:SecureTransport\": \"false\"",
        "\"aws:SecureTransport\": \"true\"",
        "denies requests without TLS",
    );
    broken(
        private,
        "Action: \"sqs:*\", Resource: !GetAtt LedgerAuditDeadLetters.Arn",
        "Action: \"sqs:*\", Resource: \"*\"",
        "LedgerAuditDeadLetters: no queue policy",
    );
    let sources: Rule = queues::sources_report_failures;
    broken_worker(
        sources,
        "ProbeQueue.Arn, FunctionResponseTypes: [ReportBatchItemFailures]",
        "ProbeQueue.Arn",
        "one bad message would return its whole batch",
    );
    broken_worker(
        sources,
        "MaximumRetryAttempts: 2, FunctionResponseTypes: [ReportBatchItemFailures]",
        "MaximumRetryAttempts: 2",
        "one bad record would repeat its whole batch",
    );
    broken_worker(sources, "BisectBatchOnFunctionError: true, ", "", "a bad record would block its shard");
    broken_worker(
        sources,
        "StartingPosition: LATEST,",
        "StartingPosition: LATEST, FilterCriteria: {Filters: [{Pattern: '{\"eventName\":\"INSERT\"}'}]},",
        "a filter's leaf must be a list",
    );
    worker_lacks(sources, "Probe.Stream: without a filter every write of its table calls it");
    broken_worker(
        sources,
        "Stream: !GetAtt LedgerTable.StreamArn",
        "Stream: !GetAtt ExchangeTable.StreamArn",
        "ExchangeTable: 3 read its stream",
    );
    broken(
        sources,
        "Destination: !GetAtt OrdersSettleDeadLetters.Arn",
        "Destination: !GetAtt OrderDeadLetters.Arn",
        "OrdersSettle.Journal: a FIFO queue is not allowed as destination",
    );
}

#[test]
fn the_rules_about_schedules_and_alarms_can_fail() {
    let rule: Rule = queues::schedules_are_named_and_caught;
    broken(
        rule,
        "            Name: !Sub \"${AWS::StackName}-ledger-audit\"\n",
        "",
        "LedgerAudit.OnSchedule: without the stack in its Name",
    );
    broken(
        rule,
        "            DeadLetterConfig: {Arn: !GetAtt LedgerAuditDeadLetters.Arn}",
        "           ",
        "do not go to one dead-letter queue",
    );
    broken(
        rule,
        "{OnFailure: {Type: SQS, Destination: !GetAtt LedgerAuditDeadLetters.Arn}}",
        "{}",
        "do not go to one dead-letter queue",
    );
    broken(
        rule,
        "EventInvokeConfig: {MaximumRetryAttempts: 0, ",
        "EventInvokeConfig: {",
        "MaximumRetryAttempts of the runs is not said",
    );
    broken(rule, "<aws.scheduler.scheduled-time>", "now", "does not tell the function its time");
    let alarms: Rule = alarms::everything_is_watched;
    broken(alarms, "-transfers\"\n      Description", "-pay\"\n      Description", "Transfers has no alarm on Errors");
    broken(
        alarms,
        "-docs\"\n      Description",
        "-doc\"\n      Description",
        "watches florin-docs, which is no function",
    );
    broken(alarms, "-order.fifo\"", "-orders.fifo\"", "OrderQueueAge watches florin-order.fifo, which is no queue");
    broken(
        alarms,
        "Value: !GetAtt LedgerAuditDeadLetters.QueueName",
        "Value: somewhere",
        "LedgerAuditDeadLetters has no alarm",
    );
    broken(
        alarms,
        "Parameters: {Florin: !Ref AWS::StackName,",
        "Parameters: {Florin: other,",
        "the API has no alarm on 5XXError",
    );
    broken(
        alarms,
        "Parameters: {Florin: !Ref AWS::StackName,",
        "Parameters: {Florin: other,",
        "the audit has no alarm",
    );
    for what in
        ["an order that its book", "an SMS", "a supplier that delivers after", "a purchase of long unknown outcome"]
    {
        broken(alarms, "Parameters: {Florin: !Ref AWS::StackName,", "Parameters: {Florin: other,", what);
    }
    let published = |text: &str| vec![("functions/pay/src/lib.rs".to_owned(), text.to_owned())];
    let watched = ["VoucherLateSuccess".to_owned()];
    assert!(alarms::unpublished(&watched, &published("metric(\"VoucherLateSuccess\")")).is_empty());
    assert_eq!(alarms::unpublished(&watched, &published("metric(\"VoucherLate\")")).len(), 1);
    broken(alarms, "!If [AlarmTopic, [!Ref AlarmTopicArn], !Ref \"AWS::NoValue\"]", "[]", "nobody is told");
}

#[test]
fn the_rules_about_state_parameters_and_size_can_fail() {
    let rule: Rule = stores::state_is_kept;
    broken(rule, "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete", "UserPool goes with its stack");
    broken(
        rule,
        "UpdateReplacePolicy: Retain\n    Properties:\n      BillingMode",
        "UpdateReplacePolicy: Delete\n    Properties:\n      BillingMode",
        "LedgerTable goes with its stack",
    );
    broken(
        rule,
        "PointInTimeRecoveryEnabled: !If [Prod, true, false]",
        "PointInTimeRecoveryEnabled: false",
        "no point-in-time recovery",
    );
    broken(
        rule,
        "DeletionProtectionEnabled: !If [Prod, true, false]",
        "DeletionProtectionEnabled: false",
        "no deletion protection",
    );
    broken(rule, "BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED", "costs money at rest");
    broken(rule, "BillingMode: PAY_PER_REQUEST", "TableName: ledger", "with a fixed name");
    broken(rule, "RetentionInDays: !Ref LogRetentionDays, ", "", "keeps its lines for ever");
    broken(
        rule,
        "      WriteAttributes: [email, given_name, family_name, phone_number]",
        "     ",
        "lets a customer write any attribute",
    );
    broken(rule, "[Prod, ACTIVE, INACTIVE]", "[Prod, INACTIVE, INACTIVE]", "UserPool has no deletion protection");
    let generated = "GenerateSecretString: {PasswordLength: 64, ExcludePunctuation: true}";
    broken(rule, generated, "SecretString: hush", "PhoneCodeKey: its value stands in the template");
    broken(rule, generated, "Name: key", "PhoneCodeKey: a deleted secret keeps its name");
    let parameters: Rule = stores::parameters_are_explained_and_used;
    broken(parameters, "($8 a month, and $0.60 per million requests)", "", "WebAcl does not say what it costs");
    broken(parameters, "Description: Its secret.", "ConstraintDescription: x", "GoogleClientSecret has no description");
    broken(parameters, "NoEcho: true, ", "", "GoogleClientSecret is shown in consoles");
    broken(parameters, "NoEcho: true, ", "", "VoucherSupplierToken is shown in consoles");
    broken(parameters, "($0.40 a month)", "", "PhoneAccess does not say what it costs");
    broken(
        parameters,
        "\n  EndpointUrl:\n",
        "\n  Unused: {Type: String, Default: x, Description: y}\n  EndpointUrl:\n",
        "Unused is used nowhere",
    );
    let rest: Rule = stores::nothing_is_paid_at_rest;
    broken(rest, "    Condition: PartnerAccess\n", "", "PartnerClient costs money at rest");
    broken(rest, "    Condition: Alarms\n", "", "LedgerAuditDeadLettersAlarm costs money at rest");
    broken(rest, "    Condition: PhoneAccess\n", "", "PhoneCodeKey costs money at rest");
    let size: Rule = stores::within_limits;
    let many: String = (0..450).map(|n| format!("  Q{n}: {{Type: AWS::SQS::Queue}}\n")).collect();
    broken(size, "\nOutputs:\n", &format!("\n{many}\nOutputs:\n"), "resources, more than 450");
}

#[test]
fn the_rules_about_dependencies_can_fail() {
    let package = |folder: &str, dependencies: &[&str]| dependencies::Package {
        name: folder.rsplit('/').next().unwrap_or_default().to_owned(),
        folder: folder.to_owned(),
        binaries: Vec::new(),
        dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        lints_are_the_workspaces: true,
    };
    for (wrong, complaint) in [
        (package("shared/domain", &["tokio"]), "domain depends on tokio"),
        (package("shared/domain", &["aws-sdk-sqs"]), "domain depends on aws-sdk-sqs"),
        (package("shared/aws", &["edge"]), "aws depends on edge"),
        (package("functions/pay", &["auth"]), "pay depends on auth"),
        (package("infra/local", &["domain"]), "local depends on domain"),
    ] {
        let mut packages = vec![wrong];
        packages.extend(["shared/domain", "shared/edge", "functions/auth"].map(|folder| package(folder, &[])));
        assert_eq!(dependencies::point_one_way(&packages), [complaint]);
    }
    let unlinted = dependencies::Package { lints_are_the_workspaces: false, ..package("shared/domain", &[]) };
    assert_eq!(dependencies::point_one_way(&[unlinted]), ["domain: [lints] is not the workspace's"]);
    for (tree, complaint) in [
        (["aws-lc-rs v1.13.0", "rustls v0.23.1"], "aws-lc-rs"),
        (["rustls v0.21.0", "rustls v0.23.1"], "rustls v0.21.0"),
        (["native-tls v0.2.0", "rustls v0.23.1"], "native-tls"),
    ] {
        let tree: Vec<_> = tree.iter().map(|line| (*line).to_owned()).collect();
        assert!(dependencies::one_tls_stack(&tree).concat().contains(complaint), "{tree:?}");
    }
}

#[test]
fn the_rules_about_files_can_fail() {
    let file = |text: &str| vec![("shared/domain/src/money.rs".to_owned(), text.to_owned())];
    for line in
        ["use std::env;", "let now = SystemTime::now();", "pub async fn post() {}", "use aws_sdk_dynamodb::Client;"]
    {
        assert_eq!(layout::domain_is_pure(&file(line)).len(), 1, "{line}");
    }
    assert!(layout::domain_is_pure(&file("// no async fn here\nlet x = 1;")).is_empty());
    assert_eq!(layout::no_local_mode(&file("let url = \"http://localhost:1\";")).len(), 1);
    assert!(layout::no_local_mode(&file("#[cfg(test)]\nlet url = \"http://localhost:1\";")).is_empty());
    assert_eq!(layout::modules_are_introduced(&file("use std::fmt;")).len(), 1);
    let entries = |extra: &str| {
        let fixed =
            "Cargo.lock Cargo.toml LICENSE README.md events functions infra samconfig.toml shared template.yaml";
        fixed.split(' ').chain([extra]).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(layout::top_level(&entries("target")).is_empty());
    assert_eq!(layout::top_level(&entries("notes.md")), ["notes.md does not belong at the top"]);
    assert_eq!(layout::top_level(&entries("target")[1..]), ["Cargo.lock is missing"]);
    assert_eq!(layout::infra_level(&["docker".to_owned()]), ["infra/docker does not belong there"]);
    assert_eq!(layout::no_machine_paths(&file(concat!("see /ho", "me/me/x"))).len(), 1);
    assert!(layout::no_machine_paths(&file(concat!("infra/wo", "rk/x"))).is_empty());
    let read = names::variables_read("variable::required(\"LEDGER_TABLE\")?; say(\"GOODBYE\")");
    assert_eq!(read.into_iter().collect::<Vec<_>>(), ["LEDGER_TABLE"]);
    let read =
        names::variables_read("variable::number::<u64>(\"HOURS\")?; use edge::variable::{self}; say(\"GOODBYE\")");
    assert_eq!(read.into_iter().collect::<Vec<_>>(), ["HOURS"]);
}
