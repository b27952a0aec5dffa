//! Queries of staff's own.

use std::time::Duration;

use aws::athena::{AthenaError, Execution, State};
use domain::id::QueryId;
use edge::{
    clock::Clock,
    http::{Answer, Code, Page, Problem, Request, accepted, csv, no_content, ok},
};
use lake::schema::Table as LakeTable;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Stores, broken, failed,
    guard::{self, Refused},
    nameless,
    reports::{as_csv, figures},
    rows::Table,
    run::{Run, attempts, minute},
    unavailable,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    sql: String,
}

/// Starts a query, or finds it: the same SQL over an unchanged lake is run once a day.
pub(crate) async fn start(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let query: Query = request.parse()?;
    let admitted = guard::admit(&query.sql).map_err(refused)?;
    let wait = request.prefer_wait().unwrap_or_default();
    let lake = &stores.lake;
    let tables = admitted.tables.iter().filter_map(|name| LakeTable::named(name));
    let freshness = lake.freshness(tables).await.map_err(|error| unavailable(&error))?;
    let sql = (admitted.sql.as_str(), &[][..]);
    let now = clock.now();
    // `current_date` is part of a query's meaning, and so the day of its token.
    let [_, today, _] = attempts(now);
    let mut run = lake.ask(&lake.queries, sql, (&freshness, &today), Duration::ZERO).await.map_err(told)?;
    if run.is_lost() {
        run = lake.ask(&lake.queries, sql, (&freshness, &minute(now)), Duration::ZERO).await.map_err(told)?;
    }
    if !wait.is_zero() {
        run.execution =
            lake.wait(&run.id, wait).await.map_err(failed)?.ok_or_else(|| unavailable(&"the execution is gone"))?;
    }
    let id = QueryId::from_execution(&run.id).ok_or_else(|| broken(&"an execution's id is no UUID"))?;
    tracing::info!(query_id = %id, execution = run.id, tables = ?admitted.tables, "a query of staff's own");
    if run.execution.state == State::Running {
        return Ok(accepted(&head(&id, &run.execution))?.header("Retry-After", "1"));
    }
    page(stores, &id, &run, request).await
}

pub(crate) async fn one(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    let (id, run) = find(stores, request).await?;
    request.only_query(&["limit", "cursor"])?;
    if run.execution.state == State::Running {
        return Ok(ok(&head(&id, &run.execution))?.header("Retry-After", "1"));
    }
    page(stores, &id, &run, request).await
}

/// Stops a query of staff's own; a report may be waited for by others.
pub(crate) async fn stop(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    let (_, run) = find(stores, request).await?;
    if run.execution.workgroup != stores.lake.queries {
        return Err(Problem::not_found());
    }
    stores.lake.athena.stop(&run.id).await.map_err(failed)?;
    Ok(no_content())
}

async fn find(stores: &Stores, request: &Request) -> Result<(QueryId, Run), Problem> {
    let id = request.path_id("id", QueryId::parse)?;
    let execution_id = id.execution().ok_or_else(Problem::not_found)?;
    let execution = stores.lake.wait(&execution_id, Duration::ZERO).await.map_err(failed)?;
    let execution = execution.ok_or_else(Problem::not_found)?;
    Ok((id, Run { id: execution_id, execution }))
}

/// What is told of a query that has no rows to show.
fn head(id: &QueryId, execution: &Execution) -> Map<String, Value> {
    let mut body = Map::new();
    let (status, reason) = match &execution.state {
        State::Running => ("running", None),
        State::Succeeded => ("succeeded", None),
        State::Failed(reason) => ("failed", Some(reason)),
        State::Cancelled => ("cancelled", None),
    };
    body.insert("query_id".into(), json!(id));
    body.insert("status".into(), json!(status));
    if let Some(reason) = reason {
        body.insert("reason".into(), json!(reason));
    }
    body.insert("submitted_at".into(), json!(execution.submitted_at));
    body.insert("query".into(), figures(execution));
    body
}

async fn page(stores: &Stores, id: &QueryId, run: &Run, request: &Request) -> Result<Answer, Problem> {
    let scope = format!("query {id}");
    let page = request.page(&scope)?;
    let mut body = head(id, &run.execution);
    if run.execution.state != State::Succeeded {
        return ok(&body);
    }
    let results =
        stores.lake.athena.page(&run.id, page.limit, page.after.as_deref()).await.map_err(|error| match error {
            // Results are kept for a week.
            AthenaError::Gone => Problem::not_found(),
            error => failed(error),
        })?;
    let mut table = Table::new(&results, None);
    if run.execution.workgroup == stores.lake.reports {
        table = table.with_names(&stores.customers).await.map_err(nameless)?;
    }
    let next = Page::<()>::new(Vec::new(), results.next.as_deref(), &scope).next_cursor;
    if csv::is_wanted(request.header("accept")) {
        return Ok(as_csv(&table, id.as_str(), next));
    }
    body.insert("columns".into(), json!(table.columns));
    let rows = serde_json::to_value(&table).map_err(|error| broken(&error))?;
    body.insert("rows".into(), rows);
    body.insert("next_cursor".into(), json!(next));
    Ok(ok(&body)?.header("Vary", "Accept"))
}

fn refused(refused: Refused) -> Problem {
    let problem =
        Problem::field(Code::InvalidQuery, "/sql", refused.to_string()).with("reason", refused.reason.clone());
    match refused.place {
        Some((line, column)) => problem.with("line", line).with("column", column),
        None => problem,
    }
}

/// What the engine says to a query before it runs is about the query.
fn told(error: AthenaError) -> Problem {
    match error {
        AthenaError::Refused(reason) => refused(Refused { reason, place: None }),
        error => failed(error),
    }
}
