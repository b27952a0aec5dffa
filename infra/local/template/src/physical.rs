//! Physical names, ARNs and everything else `Ref` and `GetAtt` answer.
//!
//! All of it follows from stack name and logical id (or the name the template gives), so that nothing has to be created first.

use sha2::{Digest, Sha256};

use crate::error::{Place, TemplateError};
use crate::intrinsics::Scope;
use crate::stack::Options;

/// The stream label of every table. AWS uses the moment it was enabled; here it must be the same after a restart.
pub(crate) const STREAM_LABEL: &str = "2026-01-01T00:00:00.000";

/// `AWS::Region` and its like.
pub(crate) fn pseudo_parameter(name: &str, options: &Options) -> Option<String> {
    Some(match name {
        "AWS::AccountId" => options.account.clone(),
        "AWS::Partition" => "aws".to_owned(),
        "AWS::Region" => options.region.clone(),
        "AWS::StackId" => stack_id(options),
        "AWS::StackName" => options.stack_name.clone(),
        "AWS::URLSuffix" => "amazonaws.com".to_owned(),
        _ => return None,
    })
}

pub(crate) fn stack_id(options: &Options) -> String {
    let token = token(options, "stack", 12);
    format!("arn:aws:cloudformation:{}:{}:stack/{}/{token}", options.region, options.account, options.stack_name)
}

/// What `Ref` answers for a resource.
pub(crate) fn reference(scope: &Scope<'_>, logical_id: &str, place: &Place) -> Result<String, TemplateError> {
    let options = scope.options;
    let kind = kind(scope, logical_id);
    Ok(match kind {
        "AWS::SQS::Queue" => format!(
            "{}/{}/{}",
            options.aws_endpoint.trim_end_matches('/'),
            options.account,
            name(scope, logical_id, place)?
        ),
        "AWS::Cognito::UserPool" => format!("{}_{}", options.region, token(options, logical_id, 9)),
        "AWS::Cognito::UserPoolClient" => token(options, logical_id, 26),
        "AWS::Serverless::Api" => token(options, logical_id, 10),
        "AWS::CloudFormation::Stack"
        | "AWS::SNS::Topic"
        | "AWS::SecretsManager::Secret"
        | "AWS::IAM::ManagedPolicy" => arn(scope, logical_id, place)?.unwrap_or_default(),
        _ => name(scope, logical_id, place)?,
    })
}

/// What `GetAtt` answers for a resource.
pub(crate) fn attribute(
    scope: &Scope<'_>,
    logical_id: &str,
    attribute: &str,
    place: &Place,
) -> Result<String, TemplateError> {
    let options = scope.options;
    let kind = kind(scope, logical_id);
    let unknown = || place.error(format!("{kind} {logical_id} has no attribute {attribute} that is served"));
    Ok(match (kind, attribute) {
        (_, "Arn") => arn(scope, logical_id, place)?.ok_or_else(unknown)?,
        ("AWS::DynamoDB::Table", "StreamArn") => {
            format!("{}/stream/{STREAM_LABEL}", arn(scope, logical_id, place)?.unwrap_or_default())
        }
        ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => name(scope, logical_id, place)?,
        ("AWS::SQS::Queue", "QueueUrl") => reference(scope, logical_id, place)?,
        ("AWS::SNS::Topic", "TopicArn") | ("AWS::SecretsManager::Secret", "Id") => reference(scope, logical_id, place)?,
        ("AWS::Cognito::UserPool", "UserPoolId") => reference(scope, logical_id, place)?,
        ("AWS::Cognito::UserPool", "ProviderName") => {
            format!("cognito-idp.{}.amazonaws.com/{}", options.region, reference(scope, logical_id, place)?)
        }
        ("AWS::Cognito::UserPool", "ProviderURL") => {
            format!("{}/{}", options.aws_endpoint.trim_end_matches('/'), reference(scope, logical_id, place)?)
        }
        ("AWS::Cognito::UserPoolClient", "ClientId") => reference(scope, logical_id, place)?,
        // `Api.Stage` is SAM's way to the stage resource; its Ref is the stage's name.
        ("AWS::Serverless::Api", "Stage") => property(scope, logical_id, "StageName", place)?.ok_or_else(unknown)?,
        ("AWS::CloudFormation::Stack", output) if output.starts_with("Outputs.") => {
            crate::stack::nested_output(scope, logical_id, &output["Outputs.".len()..], place)?
        }
        _ => return Err(unknown()),
    })
}

/// The ARN of a resource, for the kinds that have one here.
pub(crate) fn arn(scope: &Scope<'_>, logical_id: &str, place: &Place) -> Result<Option<String>, TemplateError> {
    let Options { region, account, .. } = scope.options;
    let name = || name(scope, logical_id, place);
    Ok(Some(match kind(scope, logical_id) {
        "AWS::Serverless::Function" => format!("arn:aws:lambda:{region}:{account}:function:{}", name()?),
        "AWS::DynamoDB::Table" => format!("arn:aws:dynamodb:{region}:{account}:table/{}", name()?),
        "AWS::SQS::Queue" => format!("arn:aws:sqs:{region}:{account}:{}", name()?),
        "AWS::SNS::Topic" => format!("arn:aws:sns:{region}:{account}:{}", name()?),
        "AWS::SecretsManager::Secret" => {
            format!(
                "arn:aws:secretsmanager:{region}:{account}:secret:{}-{}",
                name()?,
                token(scope.options, logical_id, 6)
            )
        }
        "AWS::Cognito::UserPool" => {
            format!("arn:aws:cognito-idp:{region}:{account}:userpool/{}", reference(scope, logical_id, place)?)
        }
        "AWS::IAM::Role" => format!("arn:aws:iam::{account}:role/{}", name()?),
        "AWS::IAM::ManagedPolicy" => format!("arn:aws:iam::{account}:policy/{}", name()?),
        "AWS::Logs::LogGroup" => format!("arn:aws:logs:{region}:{account}:log-group:{}:*", name()?),
        "AWS::CloudWatch::Alarm" => format!("arn:aws:cloudwatch:{region}:{account}:alarm:{}", name()?),
        "AWS::S3::Bucket" => format!("arn:aws:s3:::{}", name()?),
        "AWS::WAFv2::WebACL" => format!(
            "arn:aws:wafv2:{region}:{account}:regional/webacl/{}/{}",
            name()?,
            token(scope.options, logical_id, 12)
        ),
        "AWS::CloudFormation::Stack" => stack_id(&nested_options(scope.options, logical_id)),
        _ => return Ok(None),
    }))
}

/// The options a nested stack starts from: its own name, the surroundings of its parent.
pub(crate) fn nested_options(options: &Options, logical_id: &str) -> Options {
    Options {
        stack_name: format!("{}-{logical_id}", options.stack_name),
        parameters: Default::default(),
        ..options.clone()
    }
}

/// The physical name: what the template says, else stack and logical id.
fn name(scope: &Scope<'_>, logical_id: &str, place: &Place) -> Result<String, TemplateError> {
    let kind = kind(scope, logical_id);
    let given = match kind {
        "AWS::Serverless::Function" => "FunctionName",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::IAM::Policy" => "PolicyName",
        "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::CloudWatch::Alarm" => "AlarmName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::Cognito::UserPoolGroup" => "GroupName",
        "AWS::Cognito::UserPoolResourceServer" => "Identifier",
        "AWS::Cognito::UserPoolIdentityProvider" => "ProviderName",
        "AWS::Cognito::UserPoolDomain" => "Domain",
        _ => "Name",
    };
    if let Some(given) = property(scope, logical_id, given, place)? {
        return Ok(given);
    }
    let name = format!("{}-{logical_id}", scope.options.stack_name);
    Ok(match kind {
        "AWS::S3::Bucket" => name.to_lowercase(),
        "AWS::SQS::Queue" if property(scope, logical_id, "FifoQueue", place)?.as_deref() == Some("true") => {
            format!("{name}.fifo")
        }
        _ => name,
    })
}

fn kind<'s>(scope: &Scope<'s>, logical_id: &str) -> &'s str {
    scope.template.resources.get(logical_id).map_or("", |resource| resource.kind.as_str())
}

fn property(scope: &Scope<'_>, logical_id: &str, name: &str, place: &Place) -> Result<Option<String>, TemplateError> {
    let Some(value) = scope.template.resources.get(logical_id).and_then(|resource| resource.properties.get(name))
    else {
        return Ok(None);
    };
    scope.guarded(&format!("{logical_id}.{name}"), place, || {
        let place = Place::resource(logical_id).at(name);
        Ok(match scope.value(value, &place)? {
            Some(_) => Some(scope.text(value, &place)?),
            None => None,
        })
    })
}

/// Lower-case letters and digits that follow from stack and logical id: what AWS would draw at random.
fn token(options: &Options, logical_id: &str, length: usize) -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let digest = Sha256::digest(format!("{}/{}/{}/{logical_id}", options.account, options.region, options.stack_name));
    digest.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).take(length).collect()
}
