//! A customer's first day through the real path, and the same under faults.

use local::FaultPlan;
use serde_json::{Value, json};

use crate::world::{World, start, start_with};

async fn account(world: &World, token: &str, currency: &str) -> String {
    let body = json!({"type": "checking", "currency": currency});
    let opened = world.http.post("/accounts", Some(token), &body).await.expect_status(201);
    opened["account_id"].as_str().expect("an id").to_owned()
}

async fn posted(world: &World, token: &str, account: &str) -> Value {
    world.http.get(&format!("/accounts/{account}"), Some(token)).await.expect_status(200)["balance"]["posted"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sign_up_to_a_transfer_and_its_statement() {
    let world = start().await;
    let tokens = world.customer("alice@example.com").await;
    let token = tokens["access_token"].as_str().expect("a token");
    let me = world.http.get("/me", Some(token)).await.expect_status(200);
    assert_eq!(me["email"], "alice@example.com");
    let (from, to) = (account(&world, token, "USD").await, account(&world, token, "USD").await);
    let deposit = json!({"type": "deposit", "amount": "100.00", "currency": "USD", "to_account": from});
    world.http.post("/transfers", Some(token), &deposit).await.expect_status(201);
    let transfer =
        json!({"type": "transfer", "amount": "40.00", "currency": "USD", "from_account": from, "to_account": to});
    let first = world.http.post_once("/transfers", Some(token), "t1", &transfer).await;
    let again = world.http.post_once("/transfers", Some(token), "t1", &transfer).await;
    assert_eq!(first.expect_status(201), again.expect_status(201));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(
        (posted(&world, token, &from).await, posted(&world, token, &to).await),
        (json!("60.00"), json!("40.00"))
    );
    let entries = world.http.get(&format!("/accounts/{from}/entries"), Some(token)).await.expect_status(200);
    let after: Vec<&Value> =
        entries["items"].as_array().expect("entries").iter().map(|entry| &entry["balance_after"]).collect();
    assert_eq!(after, ["60.00", "100.00"]);
    world.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_stays_right_while_dynamodb_conflicts_throttles_and_loses_answers() {
    let plan =
        FaultPlan::parse(br#"{"seed":7,"dynamodb":{"transaction_conflict":0.2,"throttle":0.1,"lost_answer":0.1}}"#)
            .expect("a plan");
    let calm = FaultPlan::default();
    let world = start_with(|config| config.faults = Some(calm)).await;
    let tokens = world.customer("alice@example.com").await;
    let token = tokens["access_token"].as_str().expect("a token");
    let (from, to) = (account(&world, token, "USD").await, account(&world, token, "USD").await);
    let deposit = json!({"type": "deposit", "amount": "100.00", "currency": "USD", "to_account": from});
    world.http.post("/transfers", Some(token), &deposit).await.expect_status(201);

    let text = serde_json::to_string(&plan).expect("JSON");
    let set = world.root().send("PUT", "/_local/faults", &[], text).await.expect_status(200);
    assert_eq!((&set["seed"], &set["reaches_functions"]), (&json!(7), &json!(true)));
    let transfer =
        json!({"type": "transfer", "amount": "1.00", "currency": "USD", "from_account": from, "to_account": to});
    for number in 0..30 {
        let key = format!("t{number}");
        let mut tries = 0;
        loop {
            let seen = world.http.post_once("/transfers", Some(token), &key, &transfer).await;
            if seen.status == 201 {
                break;
            }
            tries += 1;
            assert!(matches!(seen.status, 409 | 500 | 503) && tries < 20, "{seen:?}");
        }
    }
    let calm = serde_json::to_string(&FaultPlan::default()).expect("JSON");
    world.aws().send("PUT", "/_local/faults", &[], calm).await.expect_status(200);
    assert_eq!(
        (posted(&world, token, &from).await, posted(&world, token, &to).await),
        (json!("70.00"), json!("30.00"))
    );
    world.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_whose_function_dies_at_its_commit_happens_once_for_a_client_that_repeats_it() {
    let world = start().await;
    let tokens = world.customer("alice@example.com").await;
    let token = tokens["access_token"].as_str().expect("a token");
    let (from, to) = (account(&world, token, "USD").await, account(&world, token, "USD").await);
    let deposit = json!({"type": "deposit", "amount": "100.00", "currency": "USD", "to_account": from});
    world.http.post("/transfers", Some(token), &deposit).await.expect_status(201);
    let transfer =
        json!({"type": "transfer", "amount": "1.00", "currency": "USD", "from_account": from, "to_account": to});
    for (when, replayed) in [("before", ""), ("after", "true")] {
        // Only a write that names the receiving account is meant.
        let kill = json!({"function": "transfers", "when": when, "service": "dynamodb", "contains": to});
        world.root().send("POST", "/_local/faults/kills", &[], kill.to_string()).await.expect_status(200);
        let died = world.http.post_once("/transfers", Some(token), when, &transfer).await;
        assert!(died.status >= 500, "{died:?}");
        let again = world.http.post_once("/transfers", Some(token), when, &transfer).await;
        again.expect_status(201);
        assert_eq!(again.header("idempotent-replayed"), replayed, "{when}");
    }
    assert_eq!((posted(&world, token, &from).await, posted(&world, token, &to).await), (json!("98.00"), json!("2.00")));
    let faults = world.root().get("/_local/faults", None).await.expect_status(200);
    assert_eq!((&faults["counts"]["kills"], &faults["kills"]), (&json!(2), &json!([])));
    world.runner.shutdown().await;
}
