use futures::future::join_all;

use crate::app::{App, delete, limit, post};

#[tokio::test]
async fn a_customer_has_so_many_open_orders_and_no_more() {
    let mut app = App::start().await;
    app.limits.max_open_orders = 3;
    let keys: Vec<String> = (0..8).map(|nth| format!("k{nth}")).collect();
    let told = join_all(keys.iter().map(|key| app.told(post("alice", key, &limit("buy"))))).await;
    assert_eq!(told.iter().filter(|told| *told == "202 pending").count(), 3, "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "409 too_many_open_orders").count(), 5, "{told:?}");
    assert_eq!(app.holds("alice", "USD").await, "699.4 300.6 3");
    app.run().await;
    // It is not remembered: as soon as one is gone the same request is taken.
    let refused = keys.iter().zip(&told).find(|(_, told)| told.starts_with("409")).map(|(key, _)| key).expect("one");
    assert_eq!(app.told(post("alice", refused, &limit("buy"))).await, "409 too_many_open_orders");
    let id = app.orders_of("alice").await[0].id.to_string();
    assert_eq!(app.told(delete("alice", &id)).await, "202 open");
    app.run().await;
    assert_eq!(app.told(post("alice", refused, &limit("buy"))).await, "202 pending");
    assert_eq!(app.holds("alice", "USD").await, "699.4 300.6 3");
}

#[tokio::test]
async fn a_halted_instrument_takes_no_orders_but_cancellations() {
    let app = App::start().await;
    let open = app.send_while_running(crate::app::post_waiting("alice", "k", &limit("buy"))).await;
    app.set_halted(true).await;
    assert_eq!(app.told(post("alice", "new", &limit("buy"))).await, "409 instrument_halted");
    assert_eq!(app.holds("alice", "USD").await, "899.8 100.2 1");
    let cancelled = app.send_while_running(delete("alice", &open.id()).header("Prefer", "wait=10")).await;
    assert_eq!(cancelled.told(), "200 cancelled");
    app.set_halted(false).await;
    assert_eq!(app.told(post("alice", "new", &limit("buy"))).await, "202 pending");
}
