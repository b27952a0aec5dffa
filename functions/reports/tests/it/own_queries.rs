//! Queries of staff's own, from the question to the last page.

use std::time::Duration;

use aws::athena::Question;
use reports::guard;
use serde_json::{Value, json};
use testkit::request;

use crate::{app::App, world::World};

async fn filled() -> (App, World) {
    let (app, world) = (App::start().await, World::of(12));
    app.fill("whole", &world.records()).await;
    (app, world)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_answered_and_can_be_read_again_in_pages() {
    let (app, world) = filled().await;
    let reply = app.query("SELECT transfer_id, amount, currency FROM transfers ORDER BY transfer_id").await;
    assert_eq!((reply.status, &reply.body["status"]), (200, &"succeeded".into()), "{}", reply.body);
    let id = reply.body["query_id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("qry_"));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/queries/{id}?limit=11{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        seen.extend(
            page.body["rows"]
                .as_array()
                .expect("rows")
                .iter()
                .map(|row| row["transfer_id"].as_str().expect("an id").to_owned()),
        );
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut expected: Vec<_> = world.transfers.iter().map(|transfer| transfer.id.to_string()).collect();
    expected.sort();
    assert_eq!(seen, expected);
    assert!(reply.body["query"]["scanned_bytes"].as_i64().is_some_and(|bytes| bytes > 0), "{}", reply.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_waiting_a_query_is_accepted_and_followed() {
    let (app, _) = filled().await;
    let body = json!({"sql": "SELECT count(*) AS n FROM customers"});
    let started = app.serve(request("POST", "/queries", "/queries").caller("sam", "staff").json(&body).build()).await;
    assert!([200, 202].contains(&started.status), "{}", started.body);
    let id = started.body["query_id"].as_str().expect("an id").to_owned();
    let follow = async {
        loop {
            let reply = app.get(&format!("/queries/{id}")).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            if reply.body["status"] != "running" {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reply = tokio::time::timeout(Duration::from_secs(30), follow).await.expect("it ends");
    assert_eq!(reply.body["rows"], json!([{"n": 11}]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_never_reaches_the_engine() {
    let (app, _) = filled().await;
    for (sql, place) in [
        ("DROP TABLE accounts", json!([1, 1])),
        ("SELECT * FROM information_schema.tables", json!([1, 15])),
        ("SELECT 1\n  FROM secrets", json!([2, 8])),
        ("SELECT /* a /* b */ */ 1", json!([1, 8])),
    ] {
        let reply = app.query(sql).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &"invalid_query".into()), "{sql}: {}", reply.body);
        assert_eq!(json!([reply.body["line"], reply.body["column"]]), place, "{sql}: {}", reply.body);
        assert!(reply.body["reason"].is_string());
    }
    let huge = app.query(&format!("SELECT '{}'", "x".repeat(20_000))).await;
    assert_eq!((huge.status, &huge.body["code"]), (400, &"invalid_query".into()));
    for body in ["{}", r#"{"sql": 1}"#, r#"{"sql": "SELECT 1", "database": "x"}"#] {
        let reply = app.serve(request("POST", "/queries", "/queries").caller("sam", "staff").body(body).build()).await;
        assert_eq!(reply.status, 400, "{body}");
    }
    assert_eq!(app.executions(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_fails_tells_why() {
    let (app, _) = filled().await;
    let reply = app.query("SELECT no_such_column FROM accounts").await;
    let told = reply.body.to_string();
    assert!(told.contains("no_such_column"), "{} {told}", reply.status);
    assert!(
        (reply.status == 200 && reply.body["status"] == "failed") || reply.body["code"] == "invalid_query",
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_and_foreign_executions_do_not_exist() {
    let (app, _) = filled().await;
    let question = |workgroup: &'static str| {
        let token = "0123456789abcdef0123456789abcdef";
        Question { workgroup, sql: "SELECT 1", parameters: &[], token }
    };
    let foreign = app.stores.lake.athena.start(&question("other")).await.expect("it starts");
    let foreign = domain::id::QueryId::from_execution(&foreign).expect("an id");
    let made_up = domain::id::QueryId::from_bytes([9; 16]);
    for id in [foreign.as_str(), made_up.as_str(), "qry_1", "trf_1", "qry_zzzzzzzzzzzzzzzzzzzzzzzzzz"] {
        let reply = app.get(&format!("/queries/{id}")).await;
        assert_eq!((reply.status, &reply.body["code"]), (404, &"not_found".into()), "{id}: {}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_query_over_an_unchanged_lake_runs_once_a_day() {
    let (app, _) = filled().await;
    let first = app.query("select count(*) from trades").await;
    let second = app.query("SELECT  count( * )  FROM trades").await;
    assert_eq!((&first.body["query_id"], app.executions()), (&second.body["query_id"], 1));
    app.clock.advance_seconds(86_400);
    let third = app.query("SELECT count(*) FROM trades").await;
    assert_ne!(first.body["query_id"], third.body["query_id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_query_stays_stopped_and_reports_are_not_stopped() {
    let (app, _) = filled().await;
    let reply = app.query("SELECT count(*) FROM trades").await;
    let path = format!("/queries/{}", reply.body["query_id"].as_str().expect("an id"));
    let stop = |path: &str| request("DELETE", "/queries/{id}", path).caller("sam", "staff").build();
    assert_eq!(app.serve(stop(&path)).await.status, 204);
    // It had ended: stopping changes nothing.
    assert_eq!(app.get(&path).await.body["status"], "succeeded");
    let lake = &app.stores.lake;
    let token = "abcdef0123456789abcdef0123456789";
    let report = Question { workgroup: &lake.reports, sql: "SELECT 1", parameters: &[], token };
    let id = lake.athena.start(&report).await.expect("it starts");
    let id = domain::id::QueryId::from_execution(&id).expect("an id");
    assert_eq!(app.serve(stop(&format!("/queries/{id}"))).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_that_may_be_called_is_there_and_kinds_are_told() {
    let (app, _) = filled().await;
    for name in guard::functions() {
        let argument = match name {
            "current_date" => "current_date".to_owned(),
            "row_number" | "rank" | "dense_rank" | "percent_rank" | "cume_dist" => {
                format!("{name}() OVER (ORDER BY posted)")
            }
            "ntile" => "ntile(2) OVER (ORDER BY posted)".to_owned(),
            "nth_value" => "nth_value(posted, 1) OVER (ORDER BY posted)".to_owned(),
            "lag" | "lead" | "first_value" | "last_value" => format!("{name}(posted) OVER (ORDER BY posted)"),
            "bool_and" | "bool_or" => format!("{name}(TRUE)"),
            "corr" | "covar_pop" | "covar_samp" => format!("{name}(CAST(posted AS DOUBLE), CAST(held AS DOUBLE))"),
            "stddev" | "stddev_pop" | "stddev_samp" | "var_pop" | "var_samp" => {
                format!("{name}(CAST(posted AS DOUBLE))")
            }
            "avg" | "count" | "max" | "min" | "sum" => format!("{name}(posted)"),
            "coalesce" | "nullif" | "greatest" | "least" => format!("{name}(posted, held)"),
            "concat" => "concat(type, 'x')".to_owned(),
            "replace" => "replace(type, 'a', 'b')".to_owned(),
            "split_part" => "split_part(type, 'a', 1)".to_owned(),
            "starts_with" | "strpos" => format!("{name}(type, 'a')"),
            "substr" => "substr(type, 1, 2)".to_owned(),
            "length" | "lower" | "ltrim" | "reverse" | "rtrim" | "upper" => format!("{name}(type)"),
            "mod" => "mod(7, 4)".to_owned(),
            "power" => "power(2.0, 3)".to_owned(),
            "round" | "abs" | "sign" => format!("{name}(posted)"),
            "exp" | "ln" | "log10" | "sqrt" => format!("{name}(CAST(2 AS DOUBLE))"),
            "date_trunc" => "date_trunc('month', opened_at)".to_owned(),
            other => panic!("{other} is not tried"),
        };
        let reply = app.query(&format!("SELECT {argument} AS v FROM accounts LIMIT 3")).await;
        assert_eq!(reply.body["status"], "succeeded", "{name}: {}", reply.body);
    }
    let reply = app.query("SELECT 1 AS a, CAST(1 AS DECIMAL(38, 8)) AS b, 'x' AS c, TRUE AS d, DATE '2024-02-29' AS e, CAST(NULL AS VARCHAR) AS f, CAST(0.5 AS DOUBLE) AS g, TIMESTAMP '2024-02-29 12:00:00' AS h").await;
    let row = &reply.body["rows"][0];
    assert_eq!(row["a"], 1, "{}", reply.body);
    assert_eq!(
        [&row["b"], &row["c"], &row["e"], &row["g"]],
        [&json!("1"), &json!("x"), &json!("2024-02-29"), &json!("0.5")],
        "{}",
        reply.body
    );
    assert_eq!((&row["d"], &row["f"]), (&json!(true), &Value::Null));
    assert_eq!(row["h"], "2024-02-29T12:00:00.000Z");
    let kinds: Vec<_> =
        reply.body["columns"].as_array().expect("columns").iter().map(|column| column["type"].clone()).collect();
    assert_eq!(
        kinds,
        ["integer", "decimal", "string", "boolean", "day", "string", "double", "timestamp"],
        "{}",
        reply.body
    );
}
