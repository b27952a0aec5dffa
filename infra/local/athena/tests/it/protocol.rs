//! The life of a query, as clients follow it.

use std::time::Duration;

use aws_sdk_athena::error::ProvideErrorMetadata;
use aws_sdk_athena::types::{QueryExecutionContext, QueryExecutionState};
use local_athena::Limits;

use crate::world::{UNIT, World, transfer};

/// A thousand million rows to look at.
const SLOW: &str = "WITH d AS (SELECT * FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) AS t (x)), \
                    k AS (SELECT a.x FROM d a, d b, d c) SELECT count(*) FROM k a, k b, k c WHERE a.x + b.x <> 100 * c.x";

#[tokio::test]
async fn a_query_is_described_from_beginning_to_end() {
    let world = World::new().await;
    world.write("2026-11-30", "a.parquet", &[transfer("t1", "EUR", UNIT, 1)]);
    let id = world.start("SELECT * FROM transfers_versions WHERE transfer_id = ?", &["'t1'"]).await.expect("started");
    let execution = world.ended(&id).await;
    assert_eq!(execution.query_execution_id(), Some(id.as_str()));
    assert_eq!(execution.work_group(), Some("florin-queries"));
    assert_eq!(execution.execution_parameters(), ["'t1'"]);
    assert_eq!(execution.query_execution_context().and_then(|context| context.database()), Some("florin"));
    let output = execution.result_configuration().and_then(|results| results.output_location()).expect("an output");
    assert_eq!(output, format!("s3://lake/results/queries/{id}.csv"));
    let statistics = execution.statistics().expect("statistics");
    assert!(statistics.data_scanned_in_bytes() > Some(0));
    assert!(statistics.engine_execution_time_in_millis().is_some());
    let status = execution.status().expect("a status");
    assert!(status.submission_date_time() <= status.completion_date_time());
    let csv =
        std::fs::read_to_string(world.objects.join(format!("lake/results/queries/{id}.csv"))).expect("the result");
    assert!(
        csv.starts_with("\"transfer_id\",\"currency\",\"amount\",") && csv.contains("\"t1\",\"EUR\",\"1.00000000\","),
        "{csv}"
    );
}

#[tokio::test]
async fn results_come_in_pages() {
    let world = World::new().await;
    let rows: Vec<_> = (0..25).map(|number| transfer("t", "EUR", number, 1)).collect();
    world.write("2026-11-30", "a.parquet", &rows);
    let id = world.start("SELECT amount FROM transfers_versions ORDER BY amount", &[]).await.expect("started");
    world.ended(&id).await;
    let (mut pages, mut values, mut token) = (0, Vec::new(), None);
    loop {
        let page = world.athena.get_query_results().query_execution_id(&id).max_results(10).set_next_token(token);
        let page = page.send().await.expect("a page");
        pages += 1;
        for row in page.result_set.and_then(|set| set.rows).unwrap_or_default() {
            values.push(row.data()[0].var_char_value().expect("a value").to_owned());
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((pages, values.len(), values[0].as_str(), values[25].as_str()), (3, 26, "amount", "0.00000024"));
    for (most, token) in [(1_001, None), (0, None), (10, Some("nonsense")), (10, Some("x:1"))] {
        let page = world.athena.get_query_results().query_execution_id(&id).max_results(most);
        let refused = page.set_next_token(token.map(str::to_owned)).send().await.expect_err("refused");
        assert_eq!(refused.code(), Some("InvalidRequestException"), "{most} {token:?}");
    }
}

#[tokio::test]
async fn a_token_begins_a_query_once_also_across_a_restart() {
    let world = World::new().await;
    let token = "0123456789abcdef0123456789abcdef";
    let start = async |world: &World, sql: &str, token: &str| {
        let start = world.athena.start_query_execution().query_string(sql).work_group("florin-queries");
        let context = QueryExecutionContext::builder().database("florin").build();
        let started = start.query_execution_context(context).client_request_token(token).send().await;
        started
            .map(|started| started.query_execution_id.expect("an id"))
            .map_err(|error| error.code().unwrap_or_default().to_owned())
    };
    let first = start(&world, "SELECT 1", token).await.expect("started");
    assert_eq!(start(&world, "SELECT 1", token).await, Ok(first.clone()));
    assert_eq!(start(&world, "SELECT 2", token).await, Err("InvalidRequestException".to_owned()));
    assert_eq!(start(&world, "SELECT 1", "short").await, Err("ValidationException".to_owned()));
    let other = start(&world, "SELECT 1", "fedcba9876543210fedcba9876543210").await.expect("started");
    assert_ne!(other, first);
    world.ended(&first).await;
    world.ended(&other).await;
    let again = world.again().await;
    assert_eq!(start(&again, "SELECT 1", token).await, Ok(first.clone()));
    let results = again.athena.get_query_results().query_execution_id(&first).send().await.expect("results");
    assert_eq!(results.result_set.and_then(|set| set.rows).map(|rows| rows.len()), Some(2));
    let listed = again.athena.list_query_executions().work_group("florin-queries").send().await.expect("listed");
    let mut listed = listed.query_execution_ids.unwrap_or_default();
    listed.sort_unstable();
    let mut both = vec![first, other];
    both.sort_unstable();
    assert_eq!(listed, both);
}

#[tokio::test]
async fn a_query_is_stopped_and_others_take_its_turn() {
    let world = World::with_limits(Limits { running: 1, ..Limits::default() }).await;
    let slow = world.start(SLOW, &[]).await.expect("started");
    let waiting = world.start("SELECT 1", &[]).await.expect("started");
    let early = world.athena.get_query_results().query_execution_id(&waiting).send().await.expect_err("not yet");
    assert!(
        early.message().unwrap_or_default().starts_with("Query has not yet finished. Current state: "),
        "{early:?}"
    );
    world.athena.stop_query_execution().query_execution_id(&slow).send().await.expect("stopped");
    let status = world.ended(&slow).await.status.expect("a status");
    assert_eq!(status.state, Some(QueryExecutionState::Cancelled));
    assert_eq!(
        world.ended(&waiting).await.status.and_then(|status| status.state),
        Some(QueryExecutionState::Succeeded)
    );
    // What has ended stays as it is.
    world.athena.stop_query_execution().query_execution_id(&waiting).send().await.expect("nothing to do");
    assert_eq!(
        world.ended(&waiting).await.status.and_then(|status| status.state),
        Some(QueryExecutionState::Succeeded)
    );
    let refused = world.athena.get_query_results().query_execution_id(&slow).send().await.expect_err("none");
    assert_eq!(refused.message(), Some("Query did not finish successfully. Final query state: CANCELLED"));
}

#[tokio::test]
async fn a_query_has_a_time_limit() {
    let world = World::with_limits(Limits { time: Duration::from_millis(200), ..Limits::default() }).await;
    let reason = world.failure(SLOW).await;
    assert!(reason.starts_with("EXCEEDED_TIME_LIMIT: "), "{reason}");
}

#[tokio::test]
async fn so_many_may_wait_for_their_turn() {
    let world = World::with_limits(Limits { running: 1, waiting: 1, ..Limits::default() }).await;
    let (first, second) = (world.start(SLOW, &[]).await.expect("runs"), world.start(SLOW, &[]).await.expect("waits"));
    let refused = world.start("SELECT 1", &[]).await.expect_err("one too many");
    assert!(refused.starts_with("TooManyRequestsException: "), "{refused}");
    for id in [first, second] {
        world.athena.stop_query_execution().query_execution_id(&id).send().await.expect("stopped");
        let status = world.ended(&id).await.status.expect("a status");
        assert_eq!(status.state, Some(QueryExecutionState::Cancelled));
    }
    world.check("SELECT 1 AS one", &["one", "1"]).await;
}

#[tokio::test]
async fn a_workgroup_cancels_what_reads_too_much() {
    let world = World::new().await;
    let rows: Vec<_> = (0..1_000).map(|number| transfer("t", "EUR", number, 1)).collect();
    world.write("2026-11-30", "a.parquet", &rows);
    let start = world
        .athena
        .start_query_execution()
        .query_string("SELECT * FROM florin.transfers_versions")
        .work_group("narrow");
    let id = start.send().await.expect("started").query_execution_id.expect("an id");
    let status = world.ended(&id).await.status.expect("a status");
    assert_eq!(status.state, Some(QueryExecutionState::Cancelled));
    assert_eq!(status.state_change_reason.as_deref(), Some("Bytes scanned limit was exceeded"));
    let group =
        world.athena.get_work_group().work_group("narrow").send().await.expect("known").work_group.expect("a group");
    let configuration = group.configuration.expect("a configuration");
    assert_eq!(configuration.bytes_scanned_cutoff_per_query, Some(100));
    assert_eq!(
        configuration.result_configuration.and_then(|results| results.output_location).as_deref(),
        Some("s3://lake/results/narrow/")
    );
}

#[tokio::test]
async fn what_is_not_known_or_not_allowed_is_refused() {
    let world = World::new().await;
    let missing = world.athena.get_query_execution().query_execution_id("nobody").send().await.expect_err("unknown");
    assert_eq!(
        (missing.code(), missing.message()),
        (Some("InvalidRequestException"), Some("QueryExecution nobody was not found"))
    );
    for group in ["nobody", "primary"] {
        let refused = world.athena.start_query_execution().query_string("SELECT 1").work_group(group).send().await;
        assert_eq!(refused.expect_err("refused").code(), Some("InvalidRequestException"));
    }
    for (sql, message) in [
        ("SELEC 1", "InvalidRequestException: line 1:1: mismatched input 'SELEC'. Expecting: "),
        ("SELECT 1; SELECT 2", "InvalidRequestException: Only one sql statement is allowed. Got: "),
        ("", "ValidationException: "),
    ] {
        let refused = world.start(sql, &[]).await.expect_err(sql);
        assert!(refused.starts_with(message), "{sql}: {refused}");
    }
    for output in ["s3://lake/../../x/", "file:///tmp/", "s3://lake/.athena/x/"] {
        let results = aws_sdk_athena::types::ResultConfiguration::builder().output_location(output).build();
        let start = world.athena.start_query_execution().query_string("SELECT 1").work_group("primary");
        let refused = start.result_configuration(results).send().await.expect_err(output);
        assert_eq!(refused.code(), Some("InvalidRequestException"), "{output}");
    }
}
