use futures::future::join_all;
use serde_json::json;
use testkit::delivered;

use crate::app::{App, buy, id_of, paid, partner, post, wish};

#[tokio::test]
async fn the_same_request_gets_the_first_answer_again_whatever_has_become_of_it() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let first = app.send(buy("alice", "k", &account)).await;
    app.clock.advance_seconds(3);
    let again = app.send(buy("alice", "k", &account)).await;
    assert_eq!((again.status, again.is_replayed(), &again.body), (202, true, &first.body));
    app.settle(&first.id(), &delivered("ABC-1")).await;
    app.clock.advance_seconds(86_400);
    let again = app.send(buy("alice", "k", &account)).await;
    assert_eq!((again.status, again.is_replayed(), &again.body), (202, true, &first.body));
    assert_eq!((app.orders().await.len(), app.sms().await.len()), (1, 1));
    assert_eq!(app.balance(&account).await, "15.00 0.00 15.00");
}

#[tokio::test]
async fn the_same_key_for_something_else_names_the_first_field_that_differs() {
    let app = App::start().await;
    let (account, other) = (app.account("alice", "20.00").await, app.account("alice", "20.00").await);
    app.stack.product("movistar", "1.00").await;
    app.send(buy("alice", "k", &account)).await;
    for (field, value) in [
        ("product_id", json!("movistar")),
        ("product_id", json!("nowhere")),
        ("phone", json!("+51987654322")),
        ("account_id", json!(other.id)),
    ] {
        let mut body = wish(&account);
        body[field] = value;
        let reply = app.send(post("k", &body).caller("alice", "")).await;
        assert_eq!(reply.told(), "422 idempotency_key_reused", "{}", reply.body);
        assert_eq!(reply.body["field"], field);
    }
    app.send(post("k", &paid("p-1")).claims(partner("pos"))).await;
    let reply = app.send(post("k", &paid("p-2")).claims(partner("pos"))).await;
    assert_eq!((reply.status, &reply.body["field"]), (422, &json!("payment_reference")));
    assert_eq!(app.balance(&account).await, "20.00 5.00 15.00");
}

#[tokio::test]
async fn keys_of_one_buyer_never_touch_anothers() {
    let app = App::start().await;
    let (alice, bob) = (app.account("alice", "20.00").await, app.account("bob", "20.00").await);
    let (first, second) = (app.send(buy("alice", "k", &alice)).await, app.send(buy("bob", "k", &bob)).await);
    assert_eq!((first.is_replayed(), second.is_replayed()), (false, false));
    assert_ne!(first.id(), second.id());
}

#[tokio::test]
async fn many_at_once_with_one_key_make_one_purchase() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let told = join_all((0..20).map(|_| app.told(buy("alice", "k", &account)))).await;
    let expected = ["202 processing", "202 processing replayed", "409 request_in_progress"];
    assert!(told.iter().all(|told| expected.contains(&told.as_str())), "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "202 processing").count(), 1, "{told:?}");
    assert_eq!(app.orders().await, [json!({"voucher_id": id_of("alice", "k")})]);
    assert_eq!(app.balance(&account).await, "20.00 5.00 15.00");
    app.assert_clean().await;
}

#[tokio::test]
async fn many_at_once_never_spend_more_than_there_is() {
    let app = App::start().await;
    let account = app.account("alice", "22.00").await;
    let keys: Vec<String> = (0..12).map(|nth| format!("k{nth}")).collect();
    let told = join_all(keys.iter().map(|key| app.told(buy("alice", key, &account)))).await;
    assert_eq!(told.iter().filter(|told| *told == "202 processing").count(), 4, "{told:?}");
    assert_eq!(told.iter().filter(|told| *told == "422 insufficient_funds").count(), 8, "{told:?}");
    assert_eq!(app.balance(&account).await, "22.00 20.00 2.00");
    assert_eq!(app.orders().await.len(), 4);
    app.assert_clean().await;
}
