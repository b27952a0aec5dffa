//! A Lambda function as the template declares it.

use std::collections::BTreeMap;

use crate::error::{Place, TemplateError};
use crate::events::{self, Event};
use crate::fields::Fields;
use crate::stack::Resource;

/// A Lambda function with everything that invokes it.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in the template, `TransfersExpire`.
    pub logical_id: String,
    /// Physical name, `florin-transfers-expire`.
    pub name: String,
    /// Folder, package, binary: the last part of `CodeUri`, `transfers-expire`.
    pub folder: String,
    /// Its ARN.
    pub arn: String,
    /// Killed after so many seconds.
    pub timeout_s: u64,
    /// Memory, in MB.
    pub memory_mb: u32,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Routes, queues, streams and schedules that invoke it.
    pub events: Vec<Event>,
    /// The log group its lines belong to.
    pub log_group: String,
    /// Where an asynchronous invocation goes that failed for good: the ARN of a queue.
    pub on_failure: Option<String>,
    /// Further tries of a failed asynchronous invocation (AWS: two where nothing is said).
    pub max_retry_attempts: Option<u32>,
    /// An asynchronous event older than this is given up.
    pub max_event_age_s: Option<u64>,
    /// How many may run at once.
    pub reserved_concurrency: Option<u32>,
}

pub(crate) fn read(resource: &Resource) -> Result<Function, TemplateError> {
    let place = Place::resource(&resource.logical_id);
    let mut fields = Fields::new("AWS::Serverless::Function", &resource.properties, place)?;
    fields.text("FunctionName")?;
    let runtime = fields.required_text("Runtime")?;
    if !runtime.starts_with("provided") {
        return Err(fields
            .place("Runtime")
            .error(format!("{runtime} is not served: functions bring their own bootstrap")));
    }
    let code = fields.required_text("CodeUri")?;
    let folder = code.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let mut environment = fields.inner("Environment", "AWS::Serverless::Function Environment")?;
    let variables = environment.pairs("Variables")?;
    environment.finish()?;
    let mut logging = fields.inner("LoggingConfig", "AWS::Serverless::Function LoggingConfig")?;
    let log_group = logging.text("LogGroup")?.unwrap_or_else(|| format!("/aws/lambda/{}", resource.ref_value));
    logging.finish()?;
    let mut invoke = fields.inner("EventInvokeConfig", "AWS::Serverless::Function EventInvokeConfig")?;
    let max_retry_attempts = invoke.number("MaximumRetryAttempts")?;
    let max_event_age_s = invoke.number("MaximumEventAgeInSeconds")?;
    let on_failure = events::on_failure(&mut invoke)?;
    invoke.finish()?;
    let events = fields
        .entries("Events")?
        .iter()
        .map(|(name, value, place)| events::read(name, value, place))
        .collect::<Result<_, _>>()?;
    let function = Function {
        logical_id: resource.logical_id.clone(),
        name: resource.ref_value.clone(),
        folder,
        arn: resource.arn.clone().unwrap_or_default(),
        timeout_s: fields.number("Timeout")?.unwrap_or(3),
        memory_mb: fields.number("MemorySize")?.unwrap_or(128),
        environment: variables,
        events,
        log_group,
        on_failure,
        max_retry_attempts,
        max_event_age_s,
        reserved_concurrency: fields.number("ReservedConcurrentExecutions")?,
    };
    fields.finish()?;
    Ok(function)
}
