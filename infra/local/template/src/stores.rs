//! What keeps state: tables, queues, the user pool and its parts, secrets, topics, buckets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::document::scalar;
use crate::error::{Place, TemplateError};
use crate::fields::Fields;
use crate::stack::Resource;

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in the template.
    pub logical_id: String,
    /// Physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The body of a `CreateTable` request.
    pub create_table: Value,
    /// The attribute that holds the time to live, if it is enabled.
    pub ttl_attribute: Option<String>,
    /// What `GetAtt StreamArn` answers, if the table has a stream. The table's own stream may carry another label; map by table name.
    pub stream_arn: Option<String>,
}

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its name in the template.
    pub logical_id: String,
    /// Physical name; FIFO queues end in `.fifo`.
    pub name: String,
    /// `http://localhost:4566/000000000000/<name>`.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// The attributes of a `CreateQueue` request; `RedrivePolicy` is JSON text.
    pub attributes: BTreeMap<String, String>,
}

/// A Cognito user pool.
#[derive(Debug, Clone)]
pub struct UserPool {
    /// Its name in the template.
    pub logical_id: String,
    /// `<region>_<nine letters and digits>`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Properties in CloudFormation's shape. The user pool itself refuses what it does not serve.
    pub properties: Value,
}

/// A client of a user pool.
#[derive(Debug, Clone)]
pub struct UserPoolClient {
    /// Its name in the template.
    pub logical_id: String,
    /// The client id.
    pub id: String,
    /// The pool it belongs to.
    pub user_pool_id: String,
    /// Properties in CloudFormation's shape.
    pub properties: Value,
}

/// A group of a user pool.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name in the template.
    pub logical_id: String,
    /// The pool it belongs to.
    pub user_pool_id: String,
    /// Properties in CloudFormation's shape.
    pub properties: Value,
}

/// A resource server of a user pool: the namespace of custom scopes.
#[derive(Debug, Clone)]
pub struct ResourceServer {
    /// Its name in the template.
    pub logical_id: String,
    /// The pool it belongs to.
    pub user_pool_id: String,
    /// Properties in CloudFormation's shape.
    pub properties: Value,
}

/// A secret.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Its name in the template.
    pub logical_id: String,
    /// Physical name.
    pub name: String,
    /// Its ARN, which is also what `Ref` answers.
    pub arn: String,
    /// The value, where the template gives one.
    pub value: Option<String>,
    /// `GenerateSecretString` in CloudFormation's shape, where the value is to be drawn.
    pub generate: Option<Value>,
}

/// An SNS topic.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name in the template.
    pub logical_id: String,
    /// Physical name.
    pub name: String,
    /// Its ARN, which is also what `Ref` answers.
    pub arn: String,
}

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name in the template.
    pub logical_id: String,
    /// Physical name.
    pub name: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Stores {
    pub(crate) tables: Vec<Table>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) user_pools: Vec<UserPool>,
    pub(crate) user_pool_clients: Vec<UserPoolClient>,
    pub(crate) groups: Vec<Group>,
    pub(crate) resource_servers: Vec<ResourceServer>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) topics: Vec<Topic>,
    pub(crate) buckets: Vec<Bucket>,
}

impl Stores {
    pub(crate) fn read(&mut self, resource: &Resource) -> Result<(), TemplateError> {
        let logical_id = resource.logical_id.clone();
        let arn = resource.arn.clone().unwrap_or_default();
        let properties = resource.properties.clone();
        let place = Place::resource(&logical_id);
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => self.tables.push(table(resource, arn)?),
            "AWS::SQS::Queue" => self.queues.push(queue(resource, arn)?),
            "AWS::Cognito::UserPool" => {
                self.user_pools.push(UserPool { logical_id, id: resource.ref_value.clone(), arn, properties })
            }
            "AWS::Cognito::UserPoolClient" => {
                let user_pool_id = pool_of(&properties, &place)?;
                self.user_pool_clients.push(UserPoolClient {
                    logical_id,
                    id: resource.ref_value.clone(),
                    user_pool_id,
                    properties,
                });
            }
            "AWS::Cognito::UserPoolGroup" => {
                self.groups.push(Group { logical_id, user_pool_id: pool_of(&properties, &place)?, properties })
            }
            "AWS::Cognito::UserPoolResourceServer" => {
                self.resource_servers.push(ResourceServer {
                    logical_id,
                    user_pool_id: pool_of(&properties, &place)?,
                    properties,
                });
            }
            "AWS::SecretsManager::Secret" => {
                let mut fields = Fields::new("AWS::SecretsManager::Secret", &properties, place)?;
                let name = fields.text("Name")?.unwrap_or_else(|| secret_name(&arn));
                fields.text("Description")?;
                let secret = Secret {
                    logical_id,
                    name,
                    arn,
                    value: fields.text("SecretString")?,
                    generate: fields.take("GenerateSecretString"),
                };
                fields.finish()?;
                self.secrets.push(secret);
            }
            "AWS::SNS::Topic" => {
                let mut fields = Fields::new("AWS::SNS::Topic", &properties, place)?;
                fields.text("TopicName")?;
                fields.finish()?;
                let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
                self.topics.push(Topic { logical_id, name, arn });
            }
            "AWS::S3::Bucket" => {
                let mut fields = Fields::new("AWS::S3::Bucket", &properties, place)?;
                fields.text("BucketName")?;
                fields.finish()?;
                self.buckets.push(Bucket { logical_id, name: resource.ref_value.clone() });
            }
            _ => {
                let mut fields = Fields::new("AWS::CloudFormation::Stack", &properties, place)?;
                fields.text("TemplateURL")?;
                fields.take("Parameters");
                fields.finish()?;
            }
        }
        Ok(())
    }
}

fn pool_of(properties: &Value, place: &Place) -> Result<String, TemplateError> {
    properties.get("UserPoolId").map(scalar).ok_or_else(|| place.at("UserPoolId").error("is missing"))
}

/// `…:secret:<name>-<six letters>` without its ends.
fn secret_name(arn: &str) -> String {
    let tail = arn.rsplit(':').next().unwrap_or_default();
    tail.rsplit_once('-').map_or(tail, |(name, _)| name).to_owned()
}

fn table(resource: &Resource, arn: String) -> Result<Table, TemplateError> {
    let name = resource.ref_value.clone();
    let mut fields = Fields::new("AWS::DynamoDB::Table", &resource.properties, Place::resource(&resource.logical_id))?;
    fields.text("TableName")?;
    let mut create = Map::from_iter([("TableName".to_owned(), Value::from(name.clone()))]);
    for section in [
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "ProvisionedThroughput",
        "BillingMode",
    ] {
        if let Some(value) = fields.take(section) {
            create.insert(section.to_owned(), value);
        }
    }
    let mut stream = fields.inner("StreamSpecification", "AWS::DynamoDB::Table StreamSpecification")?;
    let view = stream.text("StreamViewType")?;
    stream.finish()?;
    if let Some(view) = &view {
        create.insert("StreamSpecification".to_owned(), json!({"StreamEnabled": true, "StreamViewType": view}));
    }
    let mut ttl = fields.inner("TimeToLiveSpecification", "AWS::DynamoDB::Table TimeToLiveSpecification")?;
    let attribute = ttl.text("AttributeName")?;
    let ttl_attribute = if ttl.flag("Enabled")?.unwrap_or(false) { attribute } else { None };
    ttl.finish()?;
    fields.finish()?;
    let stream_arn = view.map(|_| format!("{arn}/stream/{}", crate::physical::STREAM_LABEL));
    Ok(Table {
        logical_id: resource.logical_id.clone(),
        name,
        arn,
        create_table: Value::Object(create),
        ttl_attribute,
        stream_arn,
    })
}

fn queue(resource: &Resource, arn: String) -> Result<Queue, TemplateError> {
    let mut fields = Fields::new("AWS::SQS::Queue", &resource.properties, Place::resource(&resource.logical_id))?;
    fields.text("QueueName")?;
    let mut attributes = BTreeMap::new();
    for attribute in [
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "DelaySeconds",
        "FifoQueue",
        "FifoThroughputLimit",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "ReceiveMessageWaitTimeSeconds",
        "VisibilityTimeout",
    ] {
        // CloudFormation says MaximumMessageSize and so on exactly as the SQS API does.
        if let Some(value) = fields.text(attribute)? {
            attributes.insert(attribute.to_owned(), value);
        }
    }
    match fields.take("RedrivePolicy") {
        None => {}
        Some(Value::String(text)) => drop(attributes.insert("RedrivePolicy".to_owned(), text)),
        Some(policy) => drop(attributes.insert("RedrivePolicy".to_owned(), policy.to_string())),
    }
    fields.finish()?;
    let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
    Ok(Queue { logical_id: resource.logical_id.clone(), name, url: resource.ref_value.clone(), arn, attributes })
}
