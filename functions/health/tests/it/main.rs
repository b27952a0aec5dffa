//! The report, with everything there and with something gone.

use aws::{client::Environment, customers::Customers, identity::Users, ledger::Ledger};
use health::{Health, handle};
use serde_json::Value;
use testkit::{ManualClock, Stack, UserPool, document, event, event_request};

async fn report(health: Health<ManualClock>) -> (u16, Value) {
    let outcome = handle(&health, event_request(event("health.json"))).await;
    let (status, document, _) = document(outcome);
    (status, document)
}

async fn world() -> (Stack, UserPool, Health<ManualClock>) {
    let (stack, pool) = (Stack::start().await, UserPool::start().await);
    let tables = stack.environment().dynamodb();
    let health = Health {
        ledger: Ledger::new(tables.clone(), stack.table("LedgerTable")),
        customers: Customers::new(tables, stack.table("CustomersTable")),
        users: Users::new(pool.environment().cognito(), pool.pool_id()),
        clock: ManualClock::default(),
    };
    (stack, pool, health)
}

#[tokio::test]
async fn all_there_is_healthy() {
    let (_stack, _pool, health) = world().await;
    let (status, report) = report(health).await;
    assert_eq!((status, &report["status"]), (200, &Value::from("healthy")), "{report}");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["timestamp"], "2026-11-21T10:00:00.000Z");
    for service in ["ledger_table", "customers_table", "user_pool"] {
        assert_eq!(report["services"][service]["status"], "healthy", "{service}");
        assert!(report["services"][service]["millis"].is_u64(), "{service}");
    }
}

#[tokio::test]
async fn what_is_gone_is_named_and_the_rest_is_still_healthy() {
    let (stack, _pool, mut health) = world().await;
    health.ledger = Ledger::new(stack.environment().dynamodb(), "gone".into());
    let (status, found) = report(health).await;
    assert_eq!((status, &found["status"]), (503, &Value::from("unhealthy")));
    let status_of = |service: &str| found["services"][service]["status"].as_str().unwrap_or_default().to_owned();
    assert_eq!(["ledger_table", "customers_table", "user_pool"].map(status_of), ["unhealthy", "healthy", "healthy"]);
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_after_the_limit() {
    let (_stack, _pool, mut health) = world().await;
    // Accepts connections and never answers.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    health.users =
        Users::new(Environment::at(&endpoint, "eu-west-1").expect("a client").cognito(), "eu-west-1_hangs".into());
    let (status, found) = report(health).await;
    assert_eq!(status, 503);
    assert_eq!(found["services"]["user_pool"]["status"], "unhealthy");
    assert!(found["services"]["user_pool"]["millis"].as_u64().is_some_and(|millis| (2000..4000).contains(&millis)));
    drop(listener);
}
