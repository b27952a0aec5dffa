use futures::future::join_all;
use serde_json::json;

use crate::app::{App, post, wish};

#[tokio::test]
async fn money_goes_into_the_wallet_and_back() {
    let app = App::start().await;
    let account = app.account("alice", "100.00").await;
    let reply = app.send(post("alice", "in", &wish("in", &account, "60.00"))).await;
    assert_eq!(reply.told(), "201 completed", "{}", reply.body);
    assert_eq!(
        [&reply.body["type"], &reply.body["amount"], &reply.body["from_account"], &reply.body["to_account"]],
        [&json!("wallet"), &json!("60.00"), &json!(account.id), &json!(null)]
    );
    assert_eq!(app.money("alice", &account).await, "40.00 60 0");
    let back = app.send(post("alice", "out", &wish("out", &account, "25.50"))).await;
    assert_eq!((back.told().as_str(), &back.body["to_account"]), ("201 completed", &json!(account.id)));
    assert_eq!(app.money("alice", &account).await, "65.50 34.5 0");
}

#[tokio::test]
async fn a_repetition_moves_nothing_and_a_known_no_stays_a_no() {
    let app = App::start().await;
    let account = app.account("alice", "100.00").await;
    let other = app.account("alice", "100.00").await;
    let first = app.send(post("alice", "k", &wish("in", &account, "60.00"))).await;
    app.clock.advance_seconds(5);
    let again = app.send(post("alice", "k", &wish("in", &account, "60"))).await;
    assert_eq!((again.told().as_str(), &again.body), ("201 completed replayed", &first.body));
    for (body, field) in [
        (wish("out", &account, "60.00"), "direction"),
        (wish("in", &other, "60.00"), "account_id"),
        (wish("in", &account, "61.00"), "amount"),
    ] {
        let reply = app.send(post("alice", "k", &body)).await;
        assert_eq!((reply.told().as_str(), &reply.body["field"]), ("422 idempotency_key_reused", &json!(field)));
    }
    for (key, body) in [("dear", wish("in", &account, "40.01")), ("much", wish("out", &account, "60.01"))] {
        assert_eq!(app.told(post("alice", key, &body)).await, "422 insufficient_funds");
    }
    app.send(post("alice", "more", &wish("in", &other, "50.00"))).await;
    assert_eq!(
        app.told(post("alice", "much", &wish("out", &account, "60.01"))).await,
        "422 insufficient_funds replayed"
    );
    assert_eq!(app.money("alice", &account).await, "40.00 110 0");
}

#[tokio::test]
async fn twenty_at_once_with_one_key_move_it_once() {
    let app = App::start().await;
    let account = app.account("alice", "100.00").await;
    let told = join_all((0..20).map(|_| app.told(post("alice", "k", &wish("in", &account, "60.00"))))).await;
    let expected = ["201 completed", "201 completed replayed", "409 request_in_progress"];
    assert!(told.iter().all(|told| expected.contains(&told.as_str())), "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "201 completed").count(), 1, "{told:?}");
    assert_eq!(app.money("alice", &account).await, "40.00 60 0");
}

#[tokio::test]
async fn many_at_once_never_move_more_than_there_is() {
    let app = App::start().await;
    let account = app.account("alice", "100.00").await;
    let keys: Vec<String> = (0..8).map(|nth| format!("k{nth}")).collect();
    let told = join_all(keys.iter().map(|key| app.told(post("alice", key, &wish("in", &account, "30.00"))))).await;
    assert_eq!(told.iter().filter(|told| *told == "201 completed").count(), 3, "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "422 insufficient_funds").count(), 5, "{told:?}");
    assert_eq!(app.money("alice", &account).await, "10.00 90 0");
}

#[tokio::test]
async fn existence_comes_before_state_and_state_before_funds() {
    let app = App::start().await;
    let (account, bobs) = (app.account("alice", "100.00").await, app.account("bob", "100.00").await);
    let dear = wish("in", &account, "1000.00");
    let foreign = json!({"direction": "in", "account_id": account.id, "amount": "1000.00", "currency": "EUR"});
    let missing = json!({"direction": "in", "account_id": "acc_1", "amount": "1.00", "currency": "USD"});
    let set = async |status: &str| app.set_status("LedgerTable", account.id.as_str(), "account", status).await;

    app.set_customer_status("alice", "blocked").await;
    assert_eq!(app.told(post("alice", "k", &missing)).await, "404 not_found");
    assert_eq!(app.told(post("alice", "k", &wish("in", &bobs, "1.00"))).await, "404 not_found");
    set("frozen").await;
    assert_eq!(app.told(post("alice", "k", &foreign)).await, "409 customer_not_active");
    app.set_customer_status("alice", "active").await;
    assert_eq!(app.told(post("alice", "k", &foreign)).await, "409 account_frozen");
    set("closed").await;
    assert_eq!(app.told(post("alice", "k", &foreign)).await, "409 account_closed");
    set("active").await;
    assert_eq!(app.told(post("alice", "k", &foreign)).await, "409 currency_mismatch");
    assert_eq!(app.told(post("alice", "k", &dear)).await, "422 insufficient_funds");
    // Nothing but the last refusal was remembered.
    assert_eq!(app.told(post("alice", "k", &foreign)).await, "422 idempotency_key_reused");
    assert_eq!(app.money("alice", &account).await, "100.00 0 0");
    assert_eq!(app.money("bob", &bobs).await, "100.00 0 0");
}

#[tokio::test]
async fn staff_move_the_money_of_the_accounts_owner() {
    let app = App::start().await;
    let account = app.account("alice", "100.00").await;
    let staff = post("sam", "k", &wish("in", &account, "10.00")).caller("sam", "staff");
    assert_eq!(app.told(staff).await, "201 completed");
    assert_eq!(app.money("alice", &account).await, "90.00 10 0");
    assert_eq!(app.stack.holding("sam", "USD").await, ["0", "0"]);
}
