//! What queries answer.

use aws_sdk_athena::types::QueryExecutionState;

use crate::world::{Transfer, UNIT, World, transfer};

async fn filled() -> World {
    let world = World::new().await;
    world.write(
        "2026-11-29",
        "a.parquet",
        &[
            Transfer { days_ago: 1, ..transfer("t1", "EUR", 10 * UNIT, 1) },
            Transfer { days_ago: 1, ..transfer("t2", "EUR", 5 * UNIT + 1, 1) },
        ],
    );
    world.write(
        "2026-11-30",
        "b.parquet",
        &[
            transfer("t1", "EUR", 12 * UNIT, 2), // a newer version
            transfer("t1", "EUR", 12 * UNIT, 2), // delivered twice
            transfer("t3", "USD", 7 * UNIT / 2, 1),
            Transfer { deleted: true, ..transfer("t4", "USD", UNIT, 2) },
            Transfer { currency: None, ..transfer("t5", "", -UNIT, 1) },
        ],
    );
    world
}

#[tokio::test]
async fn a_view_shows_the_newest_version_of_each_row() {
    let world = filled().await;
    world
        .check(
            "SELECT transfer_id, currency, amount FROM transfers ORDER BY transfer_id",
            &[
                "transfer_id | currency | amount",
                "t1 | EUR | 12.00000000",
                "t2 | EUR | 5.00000001",
                "t3 | USD | 3.50000000",
                "t5 | - | -1.00000000",
            ],
        )
        .await;
    world
        .check(
            "SELECT currency, total FROM \"FLORIN\".Per_Currency ORDER BY total DESC",
            &["currency | total", "EUR | 17.00000001", "USD | 3.50000000", "- | -1.00000000"],
        )
        .await;
}

#[tokio::test]
async fn values_have_the_form_and_the_type_of_athena() {
    let world = filled().await;
    world.check(
        "SELECT created_at, CAST(created_at AS DATE) AS day, amount > 11 AS large, version, CAST(NULL AS varchar) AS none, \
         CAST(created_at AS varchar) AS text FROM transfers_versions WHERE transfer_id = 't3'",
        &[
            "created_at | day | large | version | none | text",
            "2026-11-30 19:04:15.000 | 2026-11-30 | false | 1 | - | 2026-11-30 19:04:15.000",
        ],
    ).await;
    let id = world.start("SELECT amount, created_at, version, deleted, transfer_id, date '2026-01-01' AS d, count(*) OVER () AS n, row_number() OVER () AS r, 1.5 AS x FROM transfers_versions", &[]).await.expect("started");
    world.ended(&id).await;
    let results = world.athena.get_query_results().query_execution_id(&id).send().await.expect("results");
    let columns = results
        .result_set
        .and_then(|set| set.result_set_metadata)
        .and_then(|meta| meta.column_info)
        .unwrap_or_default();
    let described: Vec<_> = columns
        .iter()
        .map(|column| format!("{} {} {} {}", column.name, column.r#type, column.precision, column.scale))
        .collect();
    assert_eq!(
        described,
        [
            "amount decimal 38 8",
            "created_at timestamp 3 0",
            "version bigint 19 0",
            "deleted boolean 0 0",
            "transfer_id varchar 2147483647 0",
            "d date 0 0",
            "n bigint 19 0",
            "r bigint 19 0",
            "x decimal 2 1",
        ]
    );
}

#[tokio::test]
async fn decimals_are_exact_and_rounded_as_trino_rounds() {
    let world = filled().await;
    for (sql, expected) in [
        ("SELECT sum(amount) FROM transfers", "19.50000001"),
        ("SELECT sum(amount) / count(*) FROM transfers", "4.87500000"),
        ("SELECT avg(amount) FROM transfers", "4.87500000"),
        ("SELECT avg(amount) FROM transfers WHERE currency = 'EUR'", "8.50000001"), // 8.500000005
        ("SELECT CAST(1 AS decimal(38,8)) / 3", "0.33333333"),
        ("SELECT CAST(-2 AS decimal(38,8)) / 3", "-0.66666667"),
        ("SELECT CAST(sum(amount) / count(*) AS DECIMAL(38,8)) FROM transfers", "4.87500000"),
        ("SELECT 0.1 + 0.2", "0.3"),
        ("SELECT 7 / 2", "3"),
        ("SELECT avg(version) FROM transfers_versions WHERE transfer_id = 't1'", "1.6666666666666667"),
        ("SELECT sum(amount) FROM transfers WHERE transfer_id = 'nobody'", "-"),
        ("SELECT count(*) FROM transfers WHERE transfer_id = 'nobody'", "0"),
        ("SELECT CAST(amount * 2 AS DECIMAL(38,8)) FROM transfers WHERE transfer_id = 't2'", "10.00000002"),
        ("SELECT sum(CASE WHEN currency = 'EUR' THEN amount ELSE 0 END) FROM transfers", "17.00000001"),
    ] {
        assert_eq!(world.rows(sql).await, ["_col0", expected], "{sql}");
    }
    assert_eq!(world.failure("SELECT amount / 0 FROM transfers").await, "DIVISION_BY_ZERO: Division by zero");
}

#[tokio::test]
async fn functions_of_moments_are_trinos() {
    let world = World::new().await;
    let moment = "TIMESTAMP '2026-11-26 19:04:15.070'";
    for (expression, expected) in [
        ("date_trunc('month', @)", "2026-11-01 00:00:00.000"),
        ("date_trunc('week', CAST(@ AS DATE))", "2026-11-23"),
        ("EXTRACT(YEAR FROM @)", "2026"),
        ("EXTRACT(DOW FROM @)", "4"),
        ("day_of_week(@) * 100 + month(@)", "411"),
        ("date_add('day', -7, CAST(@ AS DATE))", "2026-11-19"),
        ("date_add('month', 3, @)", "2027-02-26 19:04:15.070"),
        ("date_diff('second', @, TIMESTAMP '2026-11-26 19:05:15')", "59"),
        ("date_diff('day', DATE '2026-11-26', DATE '2026-12-01')", "5"),
        ("date_format(@, '%Y-%m-%d %H:%i')", "2026-11-26 19:04"),
        ("from_iso8601_timestamp('2026-11-26T20:04:15+01:00')", "2026-11-26 19:04:15.000 UTC"),
        ("to_iso8601(CAST(@ AS DATE))", "2026-11-26"),
        ("CAST(@ AS DATE) + INTERVAL '1' DAY", "2026-11-27"),
        ("@ >= DATE '2026-11-26'", "true"),
        ("date('2026-11-26') = CAST(@ AS DATE)", "true"),
        ("current_date = CAST(current_timestamp AS DATE)", "true"),
        ("@ < current_timestamp", "true"),
        ("CAST(@ AS varchar)", "2026-11-26 19:04:15.070"),
        ("hour(@) + minute(@)", "23"),
    ] {
        let sql = format!("SELECT {}", expression.replace('@', moment));
        assert_eq!(world.rows(&sql).await, ["_col0", expected], "{sql}");
    }
    world
        .check(
            "SELECT approx_percentile(x, 0.5) AS median FROM (VALUES (1.0E0), (2.0E0), (3.0E0)) AS t (x)",
            &["median", "2.0"],
        )
        .await;
}

#[tokio::test]
async fn days_that_are_not_asked_for_are_not_read() {
    let world = filled().await;
    let scanned = async |sql: &str| {
        let id = world.start(sql, &[]).await.expect("started");
        let execution = world.ended(&id).await;
        execution.statistics().and_then(|statistics| statistics.data_scanned_in_bytes()).expect("bytes")
    };
    let all = scanned("SELECT * FROM transfers_versions").await;
    let one = scanned("SELECT * FROM transfers_versions WHERE dt >= '2026-11-30'").await;
    assert!(one > 0 && one < all, "{one} of {all}");
    assert_eq!(scanned("SELECT * FROM transfers_versions WHERE dt = '2020-01-01'").await, 0);
    world.check("SELECT DISTINCT dt FROM transfers_versions ORDER BY dt", &["dt", "2026-11-29", "2026-11-30"]).await;
}

#[tokio::test]
async fn a_table_without_objects_is_empty() {
    let world = World::new().await;
    world.check("SELECT transfer_id, dt FROM transfers_versions", &["transfer_id | dt"]).await;
    world.check("SELECT count(*) AS n FROM transfers", &["n", "0"]).await;
    std::fs::create_dir_all(world.objects.join("lake/tables/transfers/dt=2026-11-30")).expect("made");
    world.check("SELECT count(*) AS n FROM transfers", &["n", "0"]).await;
    world.write("2026-11-30", "a.parquet", &[]);
    world.check("SELECT count(*) AS n FROM transfers", &["n", "0"]).await;
    world.write("2026-11-30", "b.parquet", &[transfer("t1", "EUR", 1, 1)]);
    world.check("SELECT count(*) AS n FROM transfers", &["n", "1"]).await;
}

#[tokio::test]
async fn parameters_take_the_places_of_question_marks() {
    let world = filled().await;
    let sql =
        "SELECT transfer_id FROM transfers WHERE currency = ? AND amount > ? AND created_at < ? ORDER BY 1 LIMIT ?";
    let rows = world.rows_with(sql, &["'EUR'", "5.5", "TIMESTAMP '2027-01-01 00:00:00'", "10"]).await;
    assert_eq!(rows, ["transfer_id", "t1"]);
    let rows = world.rows_with("SELECT ? AS text", &["'x'' OR 1=1 --'"]).await;
    assert_eq!(rows, ["text", "x' OR 1=1 --"]);
}

#[tokio::test]
async fn what_fails_says_why_as_athena_does() {
    let world = filled().await;
    for (sql, reason) in [
        ("SELECT * FROM nothing", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.florin.nothing' does not exist"),
        ("SELECT * FROM other.transfers", "SCHEMA_NOT_FOUND: line 1:15: Schema 'other' does not exist"),
        ("SELECT * FROM other.florin.transfers", "CATALOG_NOT_FOUND: line 1:15: Catalog 'other' not found"),
        (
            "SELECT nothing FROM transfers",
            "COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved or requester is not authorized to access requested resources",
        ),
        ("SELECT nothing(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'nothing' not registered"),
        ("SELECT CAST('x' AS bigint)", "INVALID_CAST_ARGUMENT: "),
        ("INSERT INTO transfers VALUES (1)", "Insufficient permissions to execute the query. "),
        ("DROP TABLE transfers", "Insufficient permissions to execute the query. "),
        ("CREATE TABLE x AS SELECT 1 AS a", "Insufficient permissions to execute the query. "),
        ("SELECT 1 AS a INTO x", "Insufficient permissions to execute the query. "),
        ("SELECT * FROM circle", "INVALID_VIEW: "),
        ("SELECT * FROM stale", "INVALID_VIEW: View 'stale': its query has no column b"),
        ("SELECT a FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y", "AMBIGUOUS_NAME: line 1:8: Column 'a' is ambiguous"),
        ("SELECT 1 AS a UNION SELECT 1, 2", "SYNTAX_ERROR: "),
    ] {
        let found = world.failure(sql).await;
        assert!(found.starts_with(reason), "{sql}: {found}");
    }
    assert!(world.objects.join("lake/tables/transfers").exists());
}

#[tokio::test]
async fn objects_that_are_no_parquet_or_vanish_fail_the_query() {
    let world = filled().await;
    let broken = world.write("2026-11-30", "c.parquet", &[transfer("t9", "EUR", 1, 1)]);
    let whole = std::fs::read(&broken).expect("read");
    std::fs::write(&broken, &whole[..whole.len() / 2]).expect("cut off");
    let reason = world.failure("SELECT count(amount) FROM transfers_versions").await;
    assert!(reason.starts_with("HIVE_BAD_DATA: "), "{reason}");
    std::fs::remove_file(&broken).expect("removed");
    world.check("SELECT count(amount) AS n FROM transfers_versions", &["n", "7"]).await;
}

#[tokio::test]
async fn the_catalogue_is_shown_without_headings() {
    let world = World::new().await;
    world.check("SHOW TABLES", &["circle", "per_currency", "stale", "transfers", "transfers_versions"]).await;
    world.check("show databases", &["florin"]).await;
    let described = world.rows("DESCRIBE transfers_versions").await;
    assert!(described[0].starts_with("transfer_id         \tstring"), "{described:?}");
    assert!(described.iter().any(|line| line.starts_with("# Partition Information")), "{described:?}");
    assert_eq!(world.outcome("DESCRIBE nothing").await.0, QueryExecutionState::Failed);
}
