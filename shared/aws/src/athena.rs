//! Athena: queries over the lake, asked, awaited and read.
//!
//! Athena answers a start with a token that it has seen with the execution it started then: what a token stands for is the caller's
//! business, that nothing is paid for twice is Athena's.

use std::fmt;

use aws_sdk_athena::{
    Client,
    types::{QueryExecutionContext, QueryExecutionState, ResultSet, Row},
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::Timestamp;
use rust_decimal::Decimal;

use crate::{http, store::StoreError};

/// Rows of one page at most. Source: Athena `GetQueryResults`, `MaxResults`; the first page's first row are the names.
pub const MAX_PAGE: usize = 999;

/// The queries of one database.
#[derive(Clone, Debug)]
pub struct Athena {
    client: Client,
    database: String,
}

/// A value for a `?` of a query. It travels as a literal of its type and is never pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A whole number.
    Whole(i64),
    /// An amount. It travels as text, which the query casts: engines differ in what type a bare `0.5` has.
    Decimal(Decimal),
    /// A day, as `YYYY-MM-DD`; the caller has parsed it.
    Day(String),
    /// Text.
    Text(String),
}

impl Parameter {
    /// The literal.
    fn literal(&self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Decimal(amount) => quoted(&amount.to_string()),
            Self::Day(day) => format!("DATE {}", quoted(day)),
            Self::Text(text) => quoted(text),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A query to start.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The workgroup that bounds and pays it.
    pub workgroup: &'a str,
    /// SQL, with a `?` for each parameter.
    pub sql: &'a str,
    /// In the order of the `?`.
    pub parameters: &'a [Parameter],
    /// 32 to 128 characters; the same token with another question is refused.
    pub token: &'a str,
}

/// Where an execution stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not finished.
    Running,
    /// There are results.
    Succeeded,
    /// There are none; why, in the engine's words.
    Failed(String),
    /// Stopped.
    Cancelled,
}

/// An execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// In which workgroup.
    pub workgroup: String,
    /// Where it stands.
    pub state: State,
    /// When it was submitted.
    pub submitted_at: Option<Timestamp>,
    /// Milliseconds from submission to the end, or until now.
    pub took_ms: i64,
    /// Bytes read from the lake: what is paid for.
    pub scanned_bytes: i64,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its name.
    pub name: String,
    /// Its type in Athena's words, such as `decimal`.
    pub kind: String,
}

/// The values of a row as text, `None` for null.
pub type ResultRow = Vec<Option<String>>;

/// A page of results: values as text, `None` for null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultPage {
    /// The columns.
    pub columns: Vec<ResultColumn>,
    /// The rows, each as long as the columns.
    pub rows: Vec<ResultRow>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Athena did not do what was asked.
#[derive(Debug)]
pub enum AthenaError {
    /// No such execution, or its results are gone.
    Gone,
    /// It refuses the question as it was put: the message is about the SQL.
    Refused(String),
    /// The world failed.
    Store(StoreError),
}

impl fmt::Display for AthenaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the execution or its results are gone"),
            Self::Refused(message) => write!(f, "refused: {message}"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AthenaError {}

impl Athena {
    /// Queries in this database.
    pub fn new(client: Client, database: String) -> Self {
        Self { client, database }
    }

    /// Starts a query, or finds the execution that its token has started before. Answers the execution's id, a UUID.
    pub async fn start(&self, question: &Question<'_>) -> Result<String, AthenaError> {
        let parameters = question.parameters.iter().map(Parameter::literal).collect::<Vec<_>>();
        let answer = self
            .client
            .start_query_execution()
            .query_string(question.sql)
            .client_request_token(question.token)
            .query_execution_context(QueryExecutionContext::builder().database(&self.database).build())
            .work_group(question.workgroup)
            // An empty list is refused.
            .set_execution_parameters((!parameters.is_empty()).then_some(parameters))
            .send()
            .await
            .map_err(|error| match code(&error) {
                Some("InvalidRequestException") => AthenaError::Refused(message(&error)),
                _ => failed(&error),
            })?;
        answer.query_execution_id.ok_or_else(|| AthenaError::Store(StoreError::corrupt("QueryExecutionId")))
    }

    /// An execution as it stands; `None` if there is none of this id that we may see.
    pub async fn execution(&self, id: &str) -> Result<Option<Execution>, AthenaError> {
        let answer = match self.client.get_query_execution().query_execution_id(id).send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match code(&error) {
                    Some("InvalidRequestException" | "AccessDeniedException") => Ok(None),
                    _ => Err(failed(&error)),
                };
            }
        };
        let Some(execution) = answer.query_execution else { return Ok(None) };
        let status = execution.status.ok_or_else(|| AthenaError::Store(StoreError::corrupt("Status")))?;
        let reason = || status.state_change_reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
        let state = match status.state {
            Some(QueryExecutionState::Succeeded) => State::Succeeded,
            Some(QueryExecutionState::Failed) => State::Failed(reason()),
            Some(QueryExecutionState::Cancelled) => State::Cancelled,
            Some(_) => State::Running,
            None => return Err(AthenaError::Store(StoreError::corrupt("State"))),
        };
        let figures = execution.statistics;
        Ok(Some(Execution {
            workgroup: execution.work_group.unwrap_or_default(),
            state,
            submitted_at: status.submission_date_time.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
            took_ms: figures.as_ref().and_then(|figures| figures.total_execution_time_in_millis).unwrap_or_default(),
            scanned_bytes: figures.as_ref().and_then(|figures| figures.data_scanned_in_bytes).unwrap_or_default(),
        }))
    }

    /// A page of the results of an execution that has succeeded: `limit` rows from `after` (the page's `next` before) on.
    pub async fn page(&self, id: &str, limit: usize, after: Option<&str>) -> Result<ResultPage, AthenaError> {
        // The first row of the first page repeats the columns' names.
        let names = usize::from(after.is_none());
        let rows = i32::try_from(limit.min(MAX_PAGE) + names).unwrap_or(i32::MAX);
        let request = self.client.get_query_results().query_execution_id(id).max_results(rows);
        let answer = request.set_next_token(after.map(str::to_owned)).send().await;
        let answer = answer.map_err(|error| match code(&error) {
            Some("InvalidRequestException" | "AccessDeniedException") => AthenaError::Gone,
            _ => failed(&error),
        })?;
        let (columns, rows) = read(answer.result_set.unwrap_or_else(|| ResultSet::builder().build()), names)
            .ok_or_else(|| AthenaError::Store(StoreError::corrupt("ResultSet")))?;
        Ok(ResultPage { columns, rows, next: answer.next_token.filter(|token| !token.is_empty()) })
    }

    /// Stops an execution; one that has ended stays as it is.
    pub async fn stop(&self, id: &str) -> Result<(), AthenaError> {
        match self.client.stop_query_execution().query_execution_id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("InvalidRequestException") => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// Columns and rows without the names; `None` if a row is not as long as the columns.
fn read(result: ResultSet, names: usize) -> Option<(Vec<ResultColumn>, Vec<ResultRow>)> {
    let columns: Vec<_> = result
        .result_set_metadata
        .and_then(|metadata| metadata.column_info)
        .unwrap_or_default()
        .into_iter()
        .map(|column| ResultColumn { name: column.name, kind: column.r#type })
        .collect();
    let row = |row: Row| -> Option<ResultRow> {
        let values: Vec<_> = row.data.unwrap_or_default().into_iter().map(|datum| datum.var_char_value).collect();
        (values.len() == columns.len()).then_some(values)
    };
    let rows = result.rows.unwrap_or_default().into_iter().skip(names).map(row).collect::<Option<Vec<_>>>()?;
    Some((columns, rows))
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn message<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or("no reason was given").to_owned()
}

fn failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> AthenaError {
    AthenaError::Store(StoreError::Unavailable(format!("athena: {}", http::name(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_literals_of_their_types() {
        for (parameter, literal) in [
            (Parameter::Whole(-3), "-3"),
            (Parameter::Decimal(Decimal::new(1_250, 2)), "'12.50'"),
            (Parameter::Day("2024-02-29".into()), "DATE '2024-02-29'"),
            (Parameter::Text("it's".into()), "'it''s'"),
            (Parameter::Text("' OR 1=1 --".into()), "''' OR 1=1 --'"),
        ] {
            assert_eq!(parameter.literal(), literal);
        }
    }
}
