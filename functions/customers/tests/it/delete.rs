//! Removing a customer.

use aws::customers::Claim;
use domain::customer::CustomerStatus;
use serde_json::json;

use crate::app::{App, path, to};

#[tokio::test]
async fn a_customer_without_accounts_goes_with_everything_that_was_his() {
    let app = App::start().await;
    let alice = app.person("alice", Some("+51987654321")).await;
    let path = format!("/customers/{}", alice.id);
    assert_eq!(app.staff("DELETE", &path, None).await.0, 204);
    assert_eq!(app.read(&alice.id).await, None);
    for claim in Claim::of(&alice) {
        assert_eq!(app.bank.customers.holder(&claim).await.expect("read"), None, "{claim:?}");
    }
    assert_eq!(app.token("alice").await, None);
    assert_eq!(app.staff("DELETE", &path, None).await.0, 404);
    app.person("alice", Some("+51987654321")).await;
}

#[tokio::test]
async fn whoever_has_an_account_stays_as_he_was() {
    let app = App::start().await;
    let alice = app.customer("alice", None, None).await;
    app.stack.account("alice", "USD", "0.00", app.now()).await;
    let (status, answer, _) = app.staff("DELETE", &path("alice"), None).await;
    assert_eq!((status, &answer["code"]), (409, &json!("customer_has_accounts")));
    assert_eq!(app.read(&alice.id).await.map(|alice| alice.status), Some(CustomerStatus::Active));
}

#[tokio::test]
async fn only_staff_deletes_and_only_the_version_demanded() {
    let app = App::start().await;
    app.customer("alice", None, None).await;
    assert_eq!(app.as_customer("alice", "DELETE", &path("alice"), None).await.0, 403);
    let with_tag = |tag: &str| to("DELETE", &path("alice"), None).caller("sue", "staff").header("If-Match", tag);
    assert_eq!(app.send(with_tag("\"2\"")).await.0, 412);
    assert_eq!(app.send(with_tag("\"1\"")).await.0, 204);
}

#[tokio::test]
async fn a_deletion_that_broke_off_is_finished_by_repeating_it() {
    let app = App::start().await;
    let alice = app.person("alice", None).await;
    // As a call left it that stopped between user and rows.
    let shut = alice.with_status(CustomerStatus::Inactive);
    app.bank.customers.replace(&alice, &shut).await.expect("written");
    app.bank.users.delete(&alice.id).await.expect("deleted");
    assert_eq!(app.staff("DELETE", &format!("/customers/{}", alice.id), None).await.0, 204);
    assert_eq!(app.read(&alice.id).await, None);
}
