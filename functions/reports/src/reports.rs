//! The reports of the catalogue.

use std::time::Duration;

use aws::athena::{AthenaError, Execution, ResultPage, State};
use domain::id::QueryId;
use edge::{
    clock::Clock,
    http::{Answer, Page, Problem, Request, accepted, csv, ok},
};
use serde_json::json;

use crate::{
    Stores, broken,
    catalogue::{REPORTS, Report},
    failed, nameless,
    parameters::{self, Asked},
    rows::Table,
    run::{Freshness, Run, attempts},
    unavailable,
};

/// How long a request waits for its report; the gateway gives up after 29 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a request gets.
enum Found {
    /// The first page of the results.
    Ready(Run, ResultPage),
    /// Still running.
    Running(Run),
}

pub(crate) fn list(clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    request.only_query(&[])?;
    let now = clock.now();
    let items: Vec<_> = REPORTS.iter().map(|report| report.describe(now)).collect();
    ok(&Page::new(items, None, "reports"))
}

pub(crate) async fn one(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let report = request.path_id("name", Report::named)?;
    let asked = parameters::read(report.parameters, request, clock.now())?;
    let scope = format!("report {} {}", report.name, asked.spelled());
    let page = request.page(&scope)?.checked(|place| place.contains(' '))?;
    let freshness = stores.lake.freshness(report.tables()).await.map_err(|error| unavailable(&error))?;
    // A further page is one of the results that the first came from, whatever the lake holds by now.
    let found = match page.after.as_deref().and_then(|place| place.split_once(' ')) {
        Some((id, token)) => further(stores, id, page.limit, token).await?,
        None => first(stores, report, &asked, &freshness, (page.limit, clock)).await?,
    };
    let (run, results) = match found {
        Found::Ready(run, results) => (run, results),
        Found::Running(run) => return running(&run),
    };
    let table = Table::new(&results, Some(report)).with_names(&stores.customers).await.map_err(nameless)?;
    let next = results.next.map(|token| format!("{} {token}", run.id));
    let next = Page::<()>::new(Vec::new(), next.as_deref(), &scope).next_cursor;
    if csv::is_wanted(request.header("accept")) {
        return Ok(as_csv(&table, report.name, next));
    }
    let parameters: serde_json::Map<_, _> =
        asked.told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    ok(&json!({
        "report": report.name,
        "title": report.title,
        "parameters": parameters,
        "as_of": freshness.as_of,
        "columns": table.columns,
        "rows": table,
        "next_cursor": next,
        "query": figures(&run.execution),
    }))
    .map(|answer| answer.header("Vary", "Accept"))
}

/// The first page: from the execution that this question has had, or a new one.
async fn first(
    stores: &Stores,
    report: &Report,
    asked: &Asked,
    freshness: &Freshness,
    (limit, clock): (usize, &impl Clock),
) -> Result<Found, Problem> {
    let lake = &stores.lake;
    let mut cause = String::new();
    for attempt in attempts(clock.now()) {
        let run = match lake.ask(&lake.reports, (report.sql, &asked.bound), (freshness, &attempt), PATIENCE).await {
            Ok(run) => run,
            Err(AthenaError::Gone) => continue,
            Err(AthenaError::Refused(reason)) => return Err(broken(&reason)),
            Err(error) => return Err(failed(error)),
        };
        match &run.execution.state {
            State::Running => return Ok(Found::Running(run)),
            State::Failed(reason) => cause.clone_from(reason),
            State::Cancelled => "cancelled".clone_into(&mut cause),
            State::Succeeded => match lake.athena.page(&run.id, limit, None).await {
                Ok(page) => return Ok(Found::Ready(run, page)),
                // Results are kept for a week.
                Err(AthenaError::Gone) => {}
                Err(error) => return Err(failed(error)),
            },
        }
        tracing::warn!(report = report.name, execution = run.id, cause, "a report's execution is of no use");
    }
    Err(unavailable(&cause))
}

async fn further(stores: &Stores, id: &str, limit: usize, token: &str) -> Result<Found, Problem> {
    let lake = &stores.lake;
    let execution = lake.wait(id, Duration::ZERO).await.map_err(failed)?.ok_or_else(Problem::not_found)?;
    let page = lake.athena.page(id, limit, Some(token)).await.map_err(|error| match error {
        AthenaError::Gone => Problem::not_found(),
        error => failed(error),
    })?;
    Ok(Found::Ready(Run { id: id.to_owned(), execution }, page))
}

/// 202: the same request again finds the same execution, and so does `GET /queries/{id}`.
fn running(run: &Run) -> Result<Answer, Problem> {
    let id = QueryId::from_execution(&run.id).ok_or_else(|| broken(&"an execution's id is no UUID"))?;
    let answer = accepted(&json!({"query_id": id, "status": "running", "query": figures(&run.execution)}))?;
    Ok(answer.header("Retry-After", "1"))
}

pub(crate) fn figures(execution: &Execution) -> serde_json::Value {
    json!({"execution_time_ms": execution.took_ms, "scanned_bytes": execution.scanned_bytes})
}

/// The page as a file. What did not fit follows at the address of the `Link` header, told relative to the present one.
pub(crate) fn as_csv(table: &Table, name: &str, next: Option<String>) -> Answer {
    let answer = Answer::raw("text/csv; charset=utf-8; header=present", table.csv().into_bytes())
        .header("Content-Disposition", format!("attachment; filename=\"{name}.csv\""))
        .header("Vary", "Accept");
    match next {
        Some(cursor) => answer.header("Link", format!("<?cursor={cursor}>; rel=\"next\"")),
        None => answer,
    }
}
