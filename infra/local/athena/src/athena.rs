//! Athena's operations: requests read, answers written. What a query means is the engine's business.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::engine::{Engine, Refused};
use crate::executions::{Execution, Request, State};
use crate::http::ServiceError;
use crate::results::{self, Row};
use crate::sql::LENGTH_LIMIT;
use crate::types::ResultColumn;
use crate::{CATALOG, WorkGroup};

/// Most rows of a page.
const PAGE_LIMIT: usize = 1_000;
/// Most ids of a list.
const LIST_LIMIT: usize = 50;

pub(crate) async fn handle(engine: &Engine, operation: &str, body: Value) -> Result<Value, ServiceError> {
    match operation {
        "StartQueryExecution" => start(engine, parse(body)?).await,
        "GetQueryExecution" => Ok(json!({"QueryExecution": described(&found(engine, &parse(body)?)?)})),
        "BatchGetQueryExecution" => batch(engine, parse(body)?),
        "GetQueryResults" => page(engine, parse(body)?),
        "StopQueryExecution" => {
            engine.stop(&found(engine, &parse(body)?)?.id);
            Ok(json!({}))
        }
        "ListQueryExecutions" => list(engine, parse(body)?),
        "GetWorkGroup" => work_group(engine, parse(body)?),
        "ListWorkGroups" => Ok(json!({"WorkGroups": work_groups(engine)})),
        other => Err(ServiceError::new("UnknownOperationException", format!("{other} is not served locally"))),
    }
}

fn parse<T: DeserializeOwned>(body: Value) -> Result<T, ServiceError> {
    serde_json::from_value(body).map_err(|error| ServiceError::new("SerializationException", error.to_string()))
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError { detail: Some("INVALID_INPUT"), ..ServiceError::new("InvalidRequestException", message) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Start {
    query_string: String,
    #[serde(default)]
    query_execution_context: Option<QueryContext>,
    #[serde(default)]
    result_configuration: Option<ResultConfiguration>,
    #[serde(default)]
    work_group: Option<String>,
    #[serde(default)]
    client_request_token: Option<String>,
    #[serde(default)]
    execution_parameters: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueryContext {
    #[serde(default)]
    database: Option<String>,
    #[serde(default)]
    catalog: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultConfiguration {
    #[serde(default)]
    output_location: Option<String>,
}

async fn start(engine: &Engine, start: Start) -> Result<Value, ServiceError> {
    let constraint = |field: &str, rule: &str| {
        let message = format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length {rule}"
        );
        Err(ServiceError::new("ValidationException", message))
    };
    match start.query_string.len() {
        0 => return constraint("queryString", "greater than or equal to 1"),
        length if length > LENGTH_LIMIT => return constraint("queryString", "less than or equal to 262144"),
        _ => {}
    }
    match start.client_request_token.as_deref().map(str::len) {
        Some(length) if length < 32 => return constraint("clientRequestToken", "greater than or equal to 32"),
        Some(length) if length > 128 => return constraint("clientRequestToken", "less than or equal to 128"),
        _ => {}
    }
    if start.execution_parameters.as_ref().is_some_and(Vec::is_empty) {
        return constraint("executionParameters", "greater than or equal to 1");
    }
    let (database, catalog) =
        start.query_execution_context.map_or((None, None), |context| (context.database, context.catalog));
    if catalog.as_ref().is_some_and(|catalog| !catalog.eq_ignore_ascii_case(CATALOG)) {
        return Err(invalid(format!("Catalog {} is not found", catalog.unwrap_or_default())));
    }
    let request = Request {
        query: start.query_string,
        parameters: start.execution_parameters.unwrap_or_default(),
        database: database.unwrap_or_else(|| "default".to_owned()).to_lowercase(),
        catalog,
        work_group: start.work_group.unwrap_or_else(|| "primary".to_owned()),
        output: start.result_configuration.and_then(|configuration| configuration.output_location),
        token: start.client_request_token,
    };
    match engine.start(request).await {
        Ok(id) => Ok(json!({"QueryExecutionId": id})),
        Err(Refused::Invalid(message)) => Err(invalid(message)),
        Err(Refused::Malformed(message)) => Err(ServiceError {
            detail: Some("MALFORMED_QUERY"),
            ..ServiceError::new("InvalidRequestException", message)
        }),
        Err(Refused::Busy) => Err(ServiceError::new(
            "TooManyRequestsException",
            "You have exceeded the limit for the number of queries you can run concurrently.",
        )),
        Err(Refused::Internal(message)) => Err(ServiceError::new("InternalServerException", message)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ById {
    query_execution_id: String,
}

fn found(engine: &Engine, by: &ById) -> Result<Execution, ServiceError> {
    let missing = || invalid(format!("QueryExecution {} was not found", by.query_execution_id));
    engine.inner.executions.get(&by.query_execution_id).ok_or_else(missing)
}

fn described(execution: &Execution) -> Value {
    let Execution { request, .. } = execution;
    let seconds = |milliseconds: i64| milliseconds as f64 / 1_000.0;
    let (started, completed) = (execution.started, execution.completed);
    let until = completed.unwrap_or_else(crate::engine::now);
    let mut status = json!({"State": execution.state, "SubmissionDateTime": seconds(execution.submitted)});
    if let Some(completed) = completed {
        status["CompletionDateTime"] = seconds(completed).into();
    }
    if let Some(reason) = &execution.reason {
        status["StateChangeReason"] = reason.as_str().into();
        if execution.state == State::Failed {
            let category = if reason.contains("INTERNAL_ERROR") { 1 } else { 2 };
            status["AthenaError"] =
                json!({"ErrorCategory": category, "ErrorType": 1006, "Retryable": false, "ErrorMessage": reason});
        }
    }
    let mut context = json!({"Database": request.database});
    if let Some(catalog) = &request.catalog {
        context["Catalog"] = catalog.as_str().into();
    }
    let mut described = json!({
        "QueryExecutionId": execution.id,
        "Query": request.query,
        "StatementType": if execution.utility { "UTILITY" } else { "DML" },
        "ResultConfiguration": {"OutputLocation": execution.output},
        "QueryExecutionContext": context,
        "Status": status,
        "Statistics": {
            "EngineExecutionTimeInMillis": started.map_or(0, |started| (until - started).max(0)),
            "DataScannedInBytes": execution.scanned,
            "TotalExecutionTimeInMillis": (until - execution.submitted).max(0),
            "QueryQueueTimeInMillis": (started.unwrap_or(until) - execution.submitted).max(0),
            "ServiceProcessingTimeInMillis": 0,
            "ResultReuseInformation": {"ReusedPreviousResult": false},
        },
        "WorkGroup": request.work_group,
        "EngineVersion": engine_version(),
        "SubstatementType": if execution.utility { "SHOW" } else { "SELECT" },
    });
    if !request.parameters.is_empty() {
        described["ExecutionParameters"] = json!(request.parameters);
    }
    described
}

fn engine_version() -> Value {
    json!({"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"})
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    query_execution_ids: Vec<String>,
}

fn batch(engine: &Engine, batch: Batch) -> Result<Value, ServiceError> {
    if batch.query_execution_ids.len() > LIST_LIMIT {
        return Err(invalid(format!("at most {LIST_LIMIT} queries at once")));
    }
    let (mut executions, mut unprocessed) = (Vec::new(), Vec::new());
    for query_execution_id in batch.query_execution_ids {
        match found(engine, &ById { query_execution_id: query_execution_id.clone() }) {
            Ok(execution) => executions.push(described(&execution)),
            Err(error) => unprocessed.push(json!({
                "QueryExecutionId": query_execution_id, "ErrorCode": "INVALID_INPUT", "ErrorMessage": error.message,
            })),
        }
    }
    Ok(json!({"QueryExecutions": executions, "UnprocessedQueryExecutionIds": unprocessed}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PageRequest {
    query_execution_id: String,
    #[serde(default)]
    max_results: Option<usize>,
    #[serde(default)]
    next_token: Option<String>,
}

fn page(engine: &Engine, request: PageRequest) -> Result<Value, ServiceError> {
    let execution = found(engine, &ById { query_execution_id: request.query_execution_id })?;
    let state = execution.state.name();
    match execution.state {
        State::Succeeded => {}
        State::Queued | State::Running => {
            return Err(invalid(format!("Query has not yet finished. Current state: {state}")));
        }
        State::Failed | State::Cancelled => {
            return Err(invalid(format!("Query did not finish successfully. Final query state: {state}")));
        }
    }
    let most = request.max_results.unwrap_or(PAGE_LIMIT);
    if !(1..=PAGE_LIMIT).contains(&most) {
        return Err(invalid(format!("MaxResults is more than maximum allowed length {PAGE_LIMIT}")));
    }
    let from = match request.next_token {
        None => 0,
        Some(token) => {
            let of_this = token.strip_prefix(&execution.id).and_then(|rest| rest.strip_prefix(':')?.parse().ok());
            of_this.ok_or_else(|| invalid("NextToken is invalid"))?
        }
    };
    let file = engine.inner.result(&execution.output).ok_or_else(|| invalid("the result has no place"))?;
    let (rows, next) = results::page(&file, from, most)
        .map_err(|error| invalid(format!("Could not find results at {}: {error}", execution.output)))?;
    let mut answer = json!({
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": rows.iter().map(row).collect::<Vec<_>>(),
            "ResultSetMetadata": {"ColumnInfo": execution.columns.iter().map(column).collect::<Vec<_>>()},
        },
    });
    if let Some(next) = next {
        answer["NextToken"] = format!("{}:{next}", execution.id).into();
    }
    Ok(answer)
}

fn row(row: &Row) -> Value {
    let value = |value: &Option<String>| value.as_ref().map_or_else(|| json!({}), |text| json!({"VarCharValue": text}));
    json!({"Data": row.iter().map(value).collect::<Vec<_>>()})
}

fn column(column: &ResultColumn) -> Value {
    json!({
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": column.kind,
        "Precision": column.precision,
        "Scale": column.scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": column.kind == "varchar",
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    #[serde(default)]
    work_group: Option<String>,
    #[serde(default)]
    max_results: Option<usize>,
    #[serde(default)]
    next_token: Option<String>,
}

fn list(engine: &Engine, request: ListRequest) -> Result<Value, ServiceError> {
    let work_group = request.work_group.as_deref().unwrap_or("primary");
    known_group(engine, work_group)?;
    let most = request.max_results.unwrap_or(LIST_LIMIT).clamp(1, LIST_LIMIT);
    let ids = engine.inner.executions.of_work_group(work_group);
    // The token is the last id that was told: newer queries do not shift the pages.
    let from = match &request.next_token {
        None => 0,
        Some(token) => ids.iter().position(|id| id == token).ok_or_else(|| invalid("NextToken is invalid"))? + 1,
    };
    let page = &ids[from..(from + most).min(ids.len())];
    let mut answer = json!({"QueryExecutionIds": page});
    if let Some(last) = page.last().filter(|_| from + page.len() < ids.len()) {
        answer["NextToken"] = last.as_str().into();
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WorkGroupRequest {
    work_group: String,
}

fn known_group(engine: &Engine, name: &str) -> Result<WorkGroup, ServiceError> {
    match engine.inner.catalogue.work_groups.get(name) {
        Some(group) => Ok(group.clone()),
        None if name == "primary" => Ok(WorkGroup::default()),
        None => Err(invalid(format!("WorkGroup {name} is not found."))),
    }
}

fn work_group(engine: &Engine, request: WorkGroupRequest) -> Result<Value, ServiceError> {
    let group = known_group(engine, &request.work_group)?;
    let mut configuration = json!({
        "ResultConfiguration": {},
        "EnforceWorkGroupConfiguration": group.enforced,
        "PublishCloudWatchMetricsEnabled": false,
        "RequesterPaysEnabled": false,
        "EngineVersion": engine_version(),
    });
    if let Some(output) = &group.output {
        configuration["ResultConfiguration"]["OutputLocation"] = output.as_str().into();
    }
    if let Some(cutoff) = group.bytes_scanned_cutoff {
        configuration["BytesScannedCutoffPerQuery"] = cutoff.into();
    }
    Ok(json!({"WorkGroup": {
        "Name": request.work_group,
        "State": "ENABLED",
        "Description": group.description.unwrap_or_default(),
        "Configuration": configuration,
        "CreationTime": 0,
    }}))
}

fn work_groups(engine: &Engine) -> Vec<Value> {
    let groups = engine.inner.catalogue.work_groups.iter();
    let summary = |(name, group): (&String, &WorkGroup)| {
        json!({
            "Name": name, "State": "ENABLED", "Description": group.description, "CreationTime": 0,
            "EngineVersion": engine_version(),
        })
    };
    groups.map(summary).collect()
}
