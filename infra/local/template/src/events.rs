//! What invokes a function: SAM's event types `Api`, `SQS`, `DynamoDB` and `ScheduleV2`, with AWS's defaults filled in.

use std::time::Duration;

use serde_json::Value;

use crate::document::scalar;
use crate::error::{Place, TemplateError};
use crate::fields::Fields;

/// One event source of a function.
#[derive(Debug, Clone)]
pub enum Event {
    /// A route of the API.
    Api(Route),
    /// A queue.
    Sqs(SqsSource),
    /// A table's stream.
    Stream(StreamSource),
    /// A schedule.
    Schedule(ScheduleSource),
}

/// A route and who may call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The event's name in the template.
    pub name: String,
    /// `Ref` of the API.
    pub api: String,
    /// Upper case; `ANY` for all.
    pub method: String,
    /// `/accounts/{id}`.
    pub path: String,
    /// The authorizer's name; `None` is a public route. The API's default is filled in.
    pub authorizer: Option<String>,
    /// An access token with any of these opens the route. The authorizer's own are filled in; empty means id tokens.
    pub scopes: Vec<String>,
}

/// An SQS event source mapping.
#[derive(Debug, Clone)]
pub struct SqsSource {
    /// The event's name in the template.
    pub name: String,
    /// The queue.
    pub queue_arn: String,
    /// Messages at a time, at most.
    pub batch_size: u32,
    /// How long a batch is gathered.
    pub window_s: u64,
    /// Invocations at once, at most.
    pub max_concurrency: Option<u32>,
    /// Whether the function's answer names the failed messages.
    pub report_batch_item_failures: bool,
    /// Filter patterns; a message must match one. Empty: all pass.
    pub filters: Vec<Value>,
    /// Off: nothing is polled.
    pub enabled: bool,
}

/// A DynamoDB stream event source mapping.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// The event's name in the template.
    pub name: String,
    /// The stream, as `Table::stream_arn` has it.
    pub stream_arn: String,
    /// `TRIM_HORIZON` or `LATEST`.
    pub starting_position: String,
    /// Records at a time, at most.
    pub batch_size: u32,
    /// How long a batch is gathered.
    pub window_s: u64,
    /// Whether a failed batch is halved.
    pub bisect_on_error: bool,
    /// Further tries of a batch; `None` is until the records expire.
    pub max_retry_attempts: Option<u32>,
    /// Older records are given up; `None` is never.
    pub max_record_age_s: Option<u64>,
    /// Batches of one shard at once.
    pub parallelization_factor: u32,
    /// Whether the function's answer names the first failed record.
    pub report_batch_item_failures: bool,
    /// Filter patterns; a record must match one. Empty: all pass.
    pub filters: Vec<Value>,
    /// Where a given-up batch is told: the ARN of a queue.
    pub on_failure: Option<String>,
    /// Off: nothing is read.
    pub enabled: bool,
}

/// A schedule.
#[derive(Debug, Clone)]
pub struct ScheduleSource {
    /// Its name in the scheduler.
    pub name: String,
    /// When it fires.
    pub expression: ScheduleExpression,
    /// The event; `<aws.scheduler.scheduled-time>` in it is the time it was due.
    pub input: Option<String>,
    /// The time zone of a cron expression.
    pub timezone: Option<String>,
    /// Where an event goes that could not be delivered: the ARN of a queue.
    pub dead_letter: Option<String>,
    /// Further tries of a failed delivery.
    pub max_retry_attempts: Option<u32>,
    /// Off: it never fires.
    pub enabled: bool,
}

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleExpression {
    /// `rate(5 minutes)`.
    Rate(Duration),
    /// `cron(0 6 * * ? *)`: the six fields.
    Cron(String),
    /// `at(2026-11-20T06:00:00)`: once, without zone.
    At(String),
}

impl ScheduleExpression {
    fn parse(text: &str, place: &Place) -> Result<Self, TemplateError> {
        let unknown = || place.error(format!("{text:?} is not a schedule: rate(5 minutes), cron(…) or at(…)"));
        let (kind, inner) = text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(unknown)?;
        match kind {
            "cron" if inner.split_whitespace().count() == 6 => Ok(Self::Cron(inner.to_owned())),
            "at" => Ok(Self::At(inner.to_owned())),
            "rate" => {
                let (count, unit) = inner.split_once(' ').ok_or_else(unknown)?;
                let seconds = match unit.trim_end_matches('s') {
                    "minute" => 60,
                    "hour" => 3_600,
                    "day" => 86_400,
                    _ => return Err(unknown()),
                };
                let count: u64 = count.parse().ok().filter(|count| *count > 0).ok_or_else(unknown)?;
                Ok(Self::Rate(Duration::from_secs(count.saturating_mul(seconds))))
            }
            _ => Err(unknown()),
        }
    }
}

pub(crate) fn read(name: &str, value: &Value, place: &Place) -> Result<Event, TemplateError> {
    let mut outer = Fields::new("event", value, place.clone())?;
    let kind = outer.required_text("Type")?;
    let properties = outer.take("Properties").unwrap_or_default();
    outer.finish()?;
    let place = place.at("Properties");
    let name = name.to_owned();
    match kind.as_str() {
        "Api" => route(name, Fields::new("Api", &properties, place)?).map(Event::Api),
        "SQS" => sqs(name, Fields::new("SQS", &properties, place)?).map(Event::Sqs),
        "DynamoDB" => stream(name, Fields::new("DynamoDB", &properties, place)?).map(Event::Stream),
        "ScheduleV2" => schedule(name, Fields::new("ScheduleV2", &properties, place)?).map(Event::Schedule),
        _ => Err(place.error(format!("events of type {kind} are not served locally"))),
    }
}

fn route(name: String, mut fields: Fields) -> Result<Route, TemplateError> {
    let mut auth = fields.inner("Auth", "Api Auth")?;
    let authorizer = auth.text("Authorizer")?;
    let scopes = auth.texts("AuthorizationScopes")?;
    if authorizer.is_none() && !scopes.is_empty() {
        return Err(auth.place("AuthorizationScopes").error("AuthorizationScopes works only when Authorizer is set"));
    }
    auth.finish()?;
    let route = Route {
        name,
        api: fields.required_text("RestApiId")?,
        method: fields.required_text("Method")?.to_uppercase(),
        path: fields.required_text("Path")?,
        authorizer,
        scopes,
    };
    fields.finish()?;
    Ok(route)
}

fn sqs(name: String, mut fields: Fields) -> Result<SqsSource, TemplateError> {
    let mut scaling = fields.inner("ScalingConfig", "SQS ScalingConfig")?;
    let max_concurrency = scaling.number("MaximumConcurrency")?;
    scaling.finish()?;
    let source = SqsSource {
        name,
        queue_arn: fields.required_text("Queue")?,
        batch_size: fields.number("BatchSize")?.unwrap_or(10),
        window_s: fields.number("MaximumBatchingWindowInSeconds")?.unwrap_or(0),
        max_concurrency,
        report_batch_item_failures: report_batch_item_failures(&mut fields)?,
        filters: filters(&mut fields)?,
        enabled: fields.flag("Enabled")?.unwrap_or(true),
    };
    fields.finish()?;
    Ok(source)
}

fn stream(name: String, mut fields: Fields) -> Result<StreamSource, TemplateError> {
    let unlimited = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let source = StreamSource {
        name,
        stream_arn: fields.required_text("Stream")?,
        starting_position: fields.required_text("StartingPosition")?,
        batch_size: fields.number("BatchSize")?.unwrap_or(100),
        window_s: fields.number("MaximumBatchingWindowInSeconds")?.unwrap_or(0),
        bisect_on_error: fields.flag("BisectBatchOnFunctionError")?.unwrap_or(false),
        max_retry_attempts: unlimited(fields.number("MaximumRetryAttempts")?)
            .and_then(|tries| u32::try_from(tries).ok()),
        max_record_age_s: unlimited(fields.number("MaximumRecordAgeInSeconds")?),
        parallelization_factor: fields.number("ParallelizationFactor")?.unwrap_or(1),
        report_batch_item_failures: report_batch_item_failures(&mut fields)?,
        filters: filters(&mut fields)?,
        on_failure: on_failure(&mut fields)?,
        enabled: fields.flag("Enabled")?.unwrap_or(true),
    };
    fields.finish()?;
    Ok(source)
}

fn schedule(name: String, mut fields: Fields) -> Result<ScheduleSource, TemplateError> {
    let place = fields.place("ScheduleExpression");
    let expression = ScheduleExpression::parse(&fields.required_text("ScheduleExpression")?, &place)?;
    let mut retry = fields.inner("RetryPolicy", "ScheduleV2 RetryPolicy")?;
    let max_retry_attempts = retry.number("MaximumRetryAttempts")?;
    retry.number::<u64>("MaximumEventAgeInSeconds")?;
    retry.finish()?;
    let mut dead_letter = fields.inner("DeadLetterConfig", "ScheduleV2 DeadLetterConfig")?;
    let dead_letter_arn = dead_letter.text("Arn")?;
    dead_letter.finish()?;
    let source = ScheduleSource {
        name: fields.text("Name")?.unwrap_or(name),
        expression,
        input: fields.take("Input").as_ref().map(scalar),
        timezone: fields.text("ScheduleExpressionTimezone")?,
        dead_letter: dead_letter_arn,
        max_retry_attempts,
        enabled: fields.text("State")?.as_deref() != Some("DISABLED"),
    };
    fields.finish()?;
    Ok(source)
}

/// `DestinationConfig.OnFailure.Destination`.
pub(crate) fn on_failure(fields: &mut Fields) -> Result<Option<String>, TemplateError> {
    let mut destinations = fields.inner("DestinationConfig", "DestinationConfig")?;
    let mut failure = destinations.inner("OnFailure", "OnFailure")?;
    if let Some(kind) = failure.text("Type")?
        && kind != "SQS"
    {
        return Err(failure.place("Type").error(format!("a destination of type {kind} is not served locally")));
    }
    let destination = failure.text("Destination")?;
    failure.finish()?;
    destinations.finish()?;
    Ok(destination)
}

fn report_batch_item_failures(fields: &mut Fields) -> Result<bool, TemplateError> {
    Ok(fields.texts("FunctionResponseTypes")?.iter().any(|kind| kind == "ReportBatchItemFailures"))
}

/// The parsed patterns of `FilterCriteria`. A leaf that is not a list of alternatives is refused here as AWS would.
fn filters(fields: &mut Fields) -> Result<Vec<Value>, TemplateError> {
    let mut criteria = fields.inner("FilterCriteria", "FilterCriteria")?;
    let place = criteria.place("Filters");
    let mut patterns = Vec::new();
    for (index, filter) in criteria.list("Filters")?.iter().enumerate() {
        let place = place.at(index).at("Pattern");
        let text = filter.get("Pattern").map(scalar).ok_or_else(|| place.error("is missing"))?;
        let pattern: Value =
            serde_json::from_str(&text).map_err(|error| place.error(format!("is not JSON: {error}")))?;
        check_pattern(&pattern, &place)?;
        patterns.push(pattern);
    }
    criteria.finish()?;
    Ok(patterns)
}

fn check_pattern(pattern: &Value, place: &Place) -> Result<(), TemplateError> {
    match pattern {
        Value::Object(keys) if !keys.is_empty() => keys.iter().try_for_each(|(key, value)| match value {
            Value::Array(alternatives) if key == "$or" => {
                alternatives.iter().try_for_each(|alternative| check_pattern(alternative, place))
            }
            Value::Array(alternatives) if !alternatives.is_empty() => Ok(()),
            Value::Object(_) => check_pattern(value, &place.at(key)),
            _ => Err(place.at(key).error("a filter's leaf must be a list of alternatives")),
        }),
        _ => Err(place.error("a filter pattern is a mapping")),
    }
}
