//! What the local runner knowingly passes over, and why. Everything that is neither read nor listed here is an error.

/// Resource types without a local counterpart.
pub const IGNORED_KINDS: &[(&str, &str)] = &[
    ("AWS::ApiGateway::Account", "an account-wide switch for access logs"),
    ("AWS::CloudWatch::Alarm", "nobody is called at night for a laptop"),
    ("AWS::CloudWatch::Dashboard", "the runner has its /_local pages"),
    ("AWS::Cognito::UserPoolDomain", "the token endpoint is served on the AWS port"),
    ("AWS::Cognito::UserPoolIdentityProvider", "other people's sign-in pages need a registered callback"),
    ("AWS::IAM::ManagedPolicy", "IAM is not enforced locally"),
    ("AWS::IAM::Policy", "IAM is not enforced locally"),
    ("AWS::IAM::Role", "IAM is not enforced locally"),
    ("AWS::Lambda::Permission", "IAM is not enforced locally"),
    ("AWS::Logs::LogGroup", "lines go to the runner's log; only the name is used"),
    ("AWS::SNS::Subscription", "only SMS is sent from the runner's topics"),
    ("AWS::SNS::TopicPolicy", "IAM is not enforced locally"),
    ("AWS::SQS::QueuePolicy", "loopback has no TLS, so the TLS-only rule must not hold here"),
    ("AWS::WAFv2::LoggingConfiguration", "no web ACL locally"),
    ("AWS::WAFv2::WebACL", "no web ACL locally"),
    ("AWS::WAFv2::WebACLAssociation", "no web ACL locally"),
];

/// Resource types that the runner serves, or reads.
pub const SERVED_KINDS: &[&str] = &[
    "AWS::CloudFormation::Stack",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolGroup",
    "AWS::Cognito::UserPoolResourceServer",
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::Api",
    "AWS::Serverless::Function",
];

/// Properties (kind, name, reason) that change nothing on a laptop.
pub const IGNORED_PROPERTIES: &[(&str, &str, &str)] = &[
    ("AWS::CloudFormation::Stack", "Tags", "labels"),
    ("AWS::CloudFormation::Stack", "TimeoutInMinutes", "nothing is waited for"),
    ("AWS::DynamoDB::Table", "ContributorInsightsSpecification", "metrics"),
    ("AWS::DynamoDB::Table", "DeletionProtectionEnabled", "--fresh is the only way to delete"),
    ("AWS::DynamoDB::Table", "OnDemandThroughput", "local tables have no limit"),
    ("AWS::DynamoDB::Table", "PointInTimeRecoverySpecification", "backups are AWS's"),
    ("AWS::DynamoDB::Table", "SSESpecification", "encryption at rest is the laptop's"),
    ("AWS::DynamoDB::Table", "TableClass", "a price"),
    ("AWS::DynamoDB::Table", "Tags", "labels"),
    ("AWS::S3::Bucket", "BucketEncryption", "encryption at rest is the laptop's"),
    ("AWS::S3::Bucket", "LifecycleConfiguration", "nothing grows old here"),
    ("AWS::S3::Bucket", "OwnershipControls", "one owner"),
    ("AWS::S3::Bucket", "PublicAccessBlockConfiguration", "IAM is not enforced locally"),
    ("AWS::S3::Bucket", "Tags", "labels"),
    ("AWS::S3::Bucket", "VersioningConfiguration", "one version is kept"),
    ("AWS::SNS::Topic", "DisplayName", "labels"),
    ("AWS::SNS::Topic", "KmsMasterKeyId", "encryption at rest is the laptop's"),
    ("AWS::SNS::Topic", "Tags", "labels"),
    ("AWS::SQS::Queue", "KmsDataKeyReusePeriodSeconds", "encryption at rest is the laptop's"),
    ("AWS::SQS::Queue", "KmsMasterKeyId", "encryption at rest is the laptop's"),
    ("AWS::SQS::Queue", "RedriveAllowPolicy", "IAM is not enforced locally"),
    ("AWS::SQS::Queue", "SqsManagedSseEnabled", "encryption at rest is the laptop's"),
    ("AWS::SQS::Queue", "Tags", "labels"),
    ("AWS::SecretsManager::Secret", "KmsKeyId", "encryption at rest is the laptop's"),
    ("AWS::SecretsManager::Secret", "Tags", "labels"),
    ("AWS::Serverless::Api", "AccessLogSetting", "requests are in the runner's log"),
    ("AWS::Serverless::Api", "AlwaysDeploy", "there is one deployment"),
    ("AWS::Serverless::Api", "Description", "labels"),
    ("AWS::Serverless::Api", "EndpointConfiguration", "one port"),
    ("AWS::Serverless::Api", "OpenApiVersion", "SAM's document is not built"),
    ("AWS::Serverless::Api", "Tags", "labels"),
    ("AWS::Serverless::Api", "TracingEnabled", "no X-Ray"),
    ("AWS::Serverless::Api", "Variables", "no stage variables reach a proxy integration of ours"),
    ("AWS::Serverless::Api MethodSettings", "DataTraceEnabled", "logs"),
    ("AWS::Serverless::Api MethodSettings", "LoggingLevel", "logs"),
    ("AWS::Serverless::Api MethodSettings", "MetricsEnabled", "metrics"),
    ("AWS::Serverless::Function", "Architectures", "binaries are built for this machine"),
    ("AWS::Serverless::Function", "Description", "labels"),
    ("AWS::Serverless::Function", "EphemeralStorage", "one disk"),
    ("AWS::Serverless::Function", "Handler", "custom runtimes have one"),
    ("AWS::Serverless::Function", "KmsKeyArn", "encryption at rest is the laptop's"),
    ("AWS::Serverless::Function", "PermissionsBoundary", "IAM is not enforced locally"),
    ("AWS::Serverless::Function", "Policies", "IAM is not enforced locally"),
    ("AWS::Serverless::Function", "Role", "IAM is not enforced locally"),
    ("AWS::Serverless::Function", "Tags", "labels"),
    ("AWS::Serverless::Function", "Tracing", "no X-Ray"),
    ("AWS::Serverless::Function LoggingConfig", "ApplicationLogLevel", "functions log at info"),
    ("AWS::Serverless::Function LoggingConfig", "LogFormat", "lines go to the runner's log"),
    ("AWS::Serverless::Function LoggingConfig", "SystemLogLevel", "lines go to the runner's log"),
    ("ScheduleV2", "Description", "labels"),
    ("ScheduleV2", "FlexibleTimeWindow", "a schedule fires when it is due"),
    ("ScheduleV2", "PermissionsBoundary", "IAM is not enforced locally"),
    ("ScheduleV2", "RoleArn", "IAM is not enforced locally"),
];

pub(crate) fn is_ignored_kind(kind: &str) -> bool {
    IGNORED_KINDS.iter().any(|(ignored, _)| *ignored == kind)
}

pub(crate) fn is_ignored_property(kind: &str, name: &str) -> bool {
    IGNORED_PROPERTIES.iter().any(|(of, ignored, _)| *of == kind && *ignored == name)
}
