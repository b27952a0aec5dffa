//! Queries made to break the engine: each fails by itself, and the next is answered.

use std::time::Instant;

use local_athena::Limits;

use crate::world::{Transfer, UNIT, World};

#[tokio::test]
async fn no_query_is_too_deep_for_the_process() {
    let world = World::new().await;
    let chain = |between: &str, length| format!("SELECT {}1", format!("1 {between} ").repeat(length));
    for sql in [
        format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT {}1", "-".repeat(9_000).replace('-', "- ")),
        format!("SELECT {}true", "NOT ".repeat(15_000)),
        chain("+", 500),
        chain("+", 9_900),
        chain("+ 1 -", 250),
        chain("= 1 AND 1 =", 4_500),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(500)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(4_900)),
        format!("SELECT {}", vec!["1"; 500].join(",")),
        format!("SELECT * FROM {}(SELECT 1){}", "(SELECT * FROM ".repeat(3_000), " a)".repeat(3_000)),
        format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 9_000].join(",")),
        format!("SELECT CASE {} END", "WHEN 1 = 1 THEN 2 ".repeat(2_400)),
        format!("SELECT {}", vec!["1"; 9_000].join(",")),
        format!("SELECT {}1{}", "abs(".repeat(4_000), ")".repeat(4_000)),
        format!(
            "WITH {} SELECT 1",
            (0..900).map(|n| format!("a{n} AS (SELECT * FROM a{})", n + 1)).collect::<Vec<_>>().join(",")
        ),
    ] {
        let began = Instant::now();
        let outcome = match world.start(&sql, &[]).await {
            Ok(id) => world
                .ended(&id)
                .await
                .status
                .map(|status| format!("{:?} {:?}", status.state, status.state_change_reason)),
            Err(refused) => Some(refused),
        };
        let outcome = outcome.unwrap_or_default();
        println!(
            "{} … {} ms: {}",
            &sql[..40],
            began.elapsed().as_millis(),
            outcome.chars().take(120).collect::<String>()
        );
        world.check("SELECT 1 AS one", &["one", "1"]).await;
    }
}

#[tokio::test]
async fn a_query_has_a_memory_limit() {
    let world = World::with_limits(Limits { memory: 1024 * 1024, ..Limits::default() }).await;
    let rows: Vec<_> = (0..20_000_i64)
        .map(|number| Transfer {
            id: "t",
            currency: Some("EUR"),
            amount: UNIT * i128::from(number),
            version: number,
            ..Transfer::default()
        })
        .collect();
    for file in ["a", "b", "c", "d"] {
        world.write("2026-11-30", file, &rows);
    }
    let reason = world.failure("SELECT a.amount, b.version FROM transfers_versions a JOIN transfers_versions b ON a.version = b.version ORDER BY 1, 2").await;
    assert_eq!(reason, "EXCEEDED_MEMORY_LIMIT: Query exhausted resources at this scale factor");
    world.check("SELECT count(*) AS n FROM transfers_versions", &["n", "80000"]).await;
}

#[tokio::test]
async fn a_result_has_a_limit() {
    let world = World::with_limits(Limits { result: 100_000, ..Limits::default() }).await;
    let tens = "(VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10))";
    let sql = format!("SELECT * FROM {tens} a (x), {tens} b (y), {tens} c (z), {tens} d (v), {tens} e (w)");
    let reason = world.failure(&sql).await;
    assert!(reason.starts_with("EXCEEDED_RESULT_LIMIT: "), "{reason}");
    let left = std::fs::read_dir(world.objects.join(".athena/results")).expect("the folder").count();
    assert_eq!(left, 0, "nothing half done stays behind");
}

#[tokio::test]
async fn files_of_the_machine_are_no_tables() {
    let world = World::new().await;
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM \"file:///etc/passwd\"",
        "SELECT * FROM \"../x.parquet\"",
    ] {
        if let Ok(id) = world.start(sql, &[]).await {
            let reason = world.ended(&id).await.status.and_then(|status| status.state_change_reason).expect("a reason");
            assert!(reason.contains("does not exist") || reason.contains("NOT_FOUND"), "{sql}: {reason}");
        }
    }
}
