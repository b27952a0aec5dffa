//! A resolved stack: what CloudFormation would create from the template with these parameters.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;

use crate::api::{self, Api};
use crate::catalogue;
use crate::document::Template;
use crate::error::{Place, TemplateError};
use crate::function::{self, Function};
use crate::intrinsics::Scope;
use crate::stores::{Bucket, Group, Queue, ResourceServer, Secret, Stores, Table, Topic, UserPool, UserPoolClient};
use crate::{parameters, physical};

/// The surroundings a template is resolved in.
#[derive(Debug, Clone)]
pub struct Options {
    /// `AWS::StackName`, the prefix of every physical name.
    pub stack_name: String,
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`, twelve digits.
    pub account: String,
    /// Where the AWS services listen, `http://localhost:4566`: the base of queue URLs.
    pub aws_endpoint: String,
    /// Values for the template's parameters; the defaults stand for the rest.
    pub parameters: BTreeMap<String, String>,
}

impl Options {
    /// The stack of a laptop. The template's defaults are those of a dev deployment, less what costs money at rest there and nothing here:
    /// that is switched on.
    pub fn local(aws_endpoint: &str) -> Self {
        Self {
            stack_name: "florin".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "000000000000".to_owned(),
            aws_endpoint: aws_endpoint.to_owned(),
            parameters: BTreeMap::from([("PartnerAccess".to_owned(), "true".to_owned())]),
        }
    }
}

/// A resource with its properties evaluated.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// `AWS::DynamoDB::Table`.
    pub kind: String,
    /// Properties, every function evaluated.
    pub properties: Value,
    /// What `Ref` answers.
    pub ref_value: String,
    /// What `GetAtt Arn` answers, where the kind has one.
    pub arn: Option<String>,
}

/// A stack: everything the template makes with these parameters, and nothing that a condition leaves out.
#[derive(Debug, Clone)]
pub struct Stack {
    /// `AWS::StackName`.
    pub name: String,
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// The parameters' values.
    pub parameters: IndexMap<String, Value>,
    /// Resources in the order of the file.
    pub resources: IndexMap<String, Resource>,
    /// Outputs by name.
    pub outputs: IndexMap<String, String>,
    /// Nested stacks by logical id.
    pub nested: IndexMap<String, Stack>,
    functions: Vec<Function>,
    apis: Vec<Api>,
    stores: Stores,
}

impl Stack {
    /// All functions.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The API. A stack of ours has one.
    pub fn api(&self) -> Option<&Api> {
        self.apis.first()
    }

    /// Tables, as `CreateTable` requests.
    pub fn tables(&self) -> &[Table] {
        &self.stores.tables
    }

    /// Queues with their attributes.
    pub fn queues(&self) -> &[Queue] {
        &self.stores.queues
    }

    /// User pools.
    pub fn user_pools(&self) -> &[UserPool] {
        &self.stores.user_pools
    }

    /// Clients of the user pools.
    pub fn user_pool_clients(&self) -> &[UserPoolClient] {
        &self.stores.user_pool_clients
    }

    /// Groups of the user pools.
    pub fn groups(&self) -> &[Group] {
        &self.stores.groups
    }

    /// Resource servers (scopes) of the user pools.
    pub fn resource_servers(&self) -> &[ResourceServer] {
        &self.stores.resource_servers
    }

    /// Secrets.
    pub fn secrets(&self) -> &[Secret] {
        &self.stores.secrets
    }

    /// Topics.
    pub fn topics(&self) -> &[Topic] {
        &self.stores.topics
    }

    /// Buckets.
    pub fn buckets(&self) -> &[Bucket] {
        &self.stores.buckets
    }
}

/// Reads a template and resolves it. Fails on anything the runner would have to guess about.
pub fn load(path: &Path, options: &Options) -> Result<Stack, TemplateError> {
    Template::read(path)?.resolve(options)
}

impl Template {
    /// Resolves the template: parameters, conditions, functions, nested stacks; then reads what the runner serves.
    pub fn resolve(&self, options: &Options) -> Result<Stack, TemplateError> {
        let scope = Scope::new(self, options, parameters::values(self, &options.parameters)?);
        let mut resources = IndexMap::new();
        for (logical_id, raw) in &self.resources {
            let place = Place::resource(logical_id);
            if !scope.exists(logical_id, &place)? {
                continue;
            }
            let mut properties = serde_json::Map::new();
            for (name, value) in &raw.properties {
                if let Some(value) = scope.value(value, &place.at(name))? {
                    properties.insert(name.clone(), value);
                }
            }
            let resource = Resource {
                logical_id: logical_id.clone(),
                kind: raw.kind.clone(),
                properties: Value::Object(properties),
                ref_value: physical::reference(&scope, logical_id, &place)?,
                arn: physical::arn(&scope, logical_id, &place)?,
            };
            if raw.kind == "AWS::CloudFormation::Stack" {
                nest(&scope, logical_id, &place)?;
            }
            resources.insert(logical_id.clone(), resource);
        }
        let mut outputs = IndexMap::new();
        for (name, output) in &self.outputs {
            let place = Place::resource(name);
            if output.condition.as_deref().map_or(Ok(true), |condition| scope.condition(condition, &place))? {
                outputs.insert(name.clone(), scope.text(&output.value, &place)?);
            }
        }
        read(Stack {
            name: options.stack_name.clone(),
            region: options.region.clone(),
            account: options.account.clone(),
            nested: scope.nested.take(),
            parameters: scope.parameters,
            resources,
            outputs,
            functions: Vec::new(),
            apis: Vec::new(),
            stores: Stores::default(),
        })
    }
}

/// Reads what is served out of the resolved resources; everything else must be known to be ignored.
fn read(mut stack: Stack) -> Result<Stack, TemplateError> {
    for resource in stack.resources.values() {
        match resource.kind.as_str() {
            "AWS::Serverless::Function" => stack.functions.push(function::read(resource)?),
            "AWS::Serverless::Api" => stack.apis.push(api::read(resource)?),
            kind if catalogue::SERVED_KINDS.contains(&kind) => stack.stores.read(resource)?,
            kind if catalogue::is_ignored_kind(kind) => {}
            kind => {
                return Err(Place::resource(&resource.logical_id)
                    .at("Type")
                    .error(format!("{kind} is not served locally")));
            }
        }
    }
    for function in &mut stack.functions {
        let place = Place::resource(&function.logical_id);
        api::apply_defaults(function, &stack.apis, &place)?;
    }
    Ok(stack)
}

/// Resolves a nested stack unless it has been.
fn nest(scope: &Scope<'_>, logical_id: &str, place: &Place) -> Result<(), TemplateError> {
    if scope.nested.borrow().contains_key(logical_id) {
        return Ok(());
    }
    let stack = scope.guarded(&format!("stack {logical_id}"), place, || {
        let Some(raw) = scope.template.resources.get(logical_id) else {
            return Err(place.error("there is no such stack"));
        };
        let place = Place::resource(logical_id);
        let location = raw.properties.get("TemplateURL").ok_or_else(|| place.at("TemplateURL").error("is missing"))?;
        let location = scope.text(location, &place.at("TemplateURL"))?;
        let path = scope.template.path.parent().unwrap_or(Path::new("")).join(location);
        let mut options = physical::nested_options(scope.options, logical_id);
        if let Some(Value::Object(parameters)) = raw.properties.get("Parameters") {
            for (name, value) in parameters {
                let place = place.at("Parameters").at(name);
                if scope.value(value, &place)?.is_some() {
                    options.parameters.insert(name.clone(), scope.text(value, &place)?);
                }
            }
        }
        Template::read(&path)
            .and_then(|template| template.resolve(&options))
            .map_err(|error| place.at("TemplateURL").error(format!("{}: {error}", path.display())))
    })?;
    scope.nested.borrow_mut().insert(logical_id.to_owned(), stack);
    Ok(())
}

/// The output of a nested stack.
pub(crate) fn nested_output(
    scope: &Scope<'_>,
    logical_id: &str,
    output: &str,
    place: &Place,
) -> Result<String, TemplateError> {
    nest(scope, logical_id, place)?;
    let nested = scope.nested.borrow();
    let found = nested.get(logical_id).and_then(|stack| stack.outputs.get(output));
    found.cloned().ok_or_else(|| place.error(format!("{logical_id} has no output {output}")))
}
