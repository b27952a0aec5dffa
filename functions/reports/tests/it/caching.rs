//! What is known is not asked again, and what is new is.

use domain::Timestamp;
use testkit::ManualClock;

use crate::{app::App, world::World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_lake_is_asked_once() {
    let (app, world) = (App::start().await, World::of(5));
    app.fill("whole", &world.records()).await;
    let first = app.get("/reports/accounts-summary").await;
    assert_eq!((first.status, app.executions()), (200, 1), "{}", first.body);
    app.clock.advance_seconds(3_600);
    let second = app.get("/reports/accounts-summary?limit=1").await;
    assert_eq!(app.executions(), 1);
    assert_eq!((&first.body["rows"][0], &first.body["as_of"]), (&second.body["rows"][0], &second.body["as_of"]));
    // Another question, another execution; a default that is asked for is the same question.
    app.get("/reports/top-balances").await;
    app.get("/reports/top-balances?top=20").await;
    assert_eq!(app.executions(), 2);
    app.get("/reports/top-balances?top=21").await;
    assert_eq!(app.executions(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_data_makes_a_new_execution_of_the_reports_that_read_it() {
    let (app, world) = (App::start().await, World::of(6));
    let records = world.records();
    app.fill("whole", &records).await;
    app.get("/reports/customers-summary").await;
    app.get("/reports/trading-volume").await;
    assert_eq!(app.executions(), 2);
    app.clock.advance_seconds(60);
    let customers: Vec<_> = records.iter().filter(|record| record.table.name == "customers").cloned().collect();
    app.fill("more", &customers).await;
    let reply = app.get("/reports/customers-summary").await;
    app.get("/reports/trading-volume").await;
    assert_eq!(app.executions(), 3);
    assert_eq!(reply.body["as_of"], edge::clock::Clock::now(&app.clock).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_batch_again_behind_another_is_new_data() {
    let (app, world) = (App::start().await, World::of(6));
    let records = world.records();
    let (some, rest) = records.split_at(records.len() / 2);
    app.fill("a", some).await;
    app.get("/reports/customers-summary").await;
    app.clock.advance_seconds(1);
    app.fill("b", rest).await;
    app.clock.advance_seconds(1);
    app.fill("a", some).await;
    let reply = app.get("/reports/customers-summary").await;
    assert_eq!(reply.body["rows"][0]["customers"], world.customers.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_are_gone_are_made_again_once() {
    let (app, world) = (App::start().await, World::of(7));
    app.fill("whole", &world.records()).await;
    let first = app.get("/reports/accounts-summary").await;
    app.forget_results();
    for _ in 0..3 {
        let again = app.get("/reports/accounts-summary").await;
        assert_eq!((again.status, &again.body["rows"]), (200, &first.body["rows"]), "{}", again.body);
        assert_eq!(app.executions(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_page_is_one_of_the_same_results() {
    let (app, world) = (App::start().await, World::of(8));
    app.fill("whole", &world.records()).await;
    let first = app.get("/reports/recent-transfers?limit=3").await;
    let cursor = first.body["next_cursor"].as_str().expect("a cursor").to_owned();
    app.clock.advance_seconds(1);
    app.fill("again", &World::of(9).records()).await;
    let second = app.get(&format!("/reports/recent-transfers?limit=3&cursor={cursor}")).await;
    assert_eq!((second.status, app.executions()), (200, 1), "{}", second.body);
    assert_ne!(first.body["rows"], second.body["rows"]);
    // Of another question, or made up.
    for path in [
        format!("/reports/recent-transfers?top=51&cursor={cursor}"),
        format!("/reports/recent-trades?cursor={cursor}"),
        "/reports/recent-transfers?cursor=AAAA".to_owned(),
    ] {
        let reply = app.get(&path).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &"invalid_cursor".into()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_engine_reports_are_unavailable_and_say_so() {
    let mut app = App::start().await;
    // Nobody listens there.
    app.stores.lake.athena = App::athena_at("http://127.0.0.1:9");
    let reply = app.get("/reports/accounts-summary").await;
    assert_eq!((reply.status, &reply.body["code"]), (503, &"reports_unavailable".into()), "{}", reply.body);
    assert!(reply.headers.contains_key("retry-after"));
    let reply = app.query("SELECT 1").await;
    assert_eq!((reply.status, &reply.body["code"]), (503, &"reports_unavailable".into()), "{}", reply.body);
    // The catalogue needs none.
    assert_eq!(app.get("/reports").await.status, 200);
    let _: (ManualClock, Option<Timestamp>) = (app.clock.clone(), None);
}
