//! What rows and changes become.

use lake_ingest::Ingested;
use serde_json::{Value as Json, json};
use testkit::{Objects, event as example};

use crate::world::{World, check_notes, event, records, view};

#[tokio::test]
async fn the_views_show_the_rows_as_they_are_and_nothing_of_people() {
    let world = World::with_history().await;
    let objects = Objects::start().await;
    let ingest = world.ingest(&objects);
    for stream in world.streams() {
        ingest.handle(event(&stream)).await.expect("ingested");
    }
    let shown = view(records(&objects));
    assert_eq!(shown, world.rows().await);
    check_notes(&objects);
    for table in ["account_types", "customers", "accounts", "transfers", "wallets", "vouchers"] {
        assert!(shown.keys().any(|(name, _)| *name == table), "nothing in {table}");
    }
    let customers = shown.keys().filter(|(table, _)| *table == "customers").count();
    assert_eq!(customers, 2, "who was deleted is not shown");
    let printed = format!("{:?}", records(&objects));
    for secret in ["Quispe", "example.com", "987654321", "12345678\"", "CODE-1"] {
        assert!(!printed.contains(secret), "{secret} is in the lake");
    }
}

#[tokio::test]
async fn what_is_nothing_of_the_lake_makes_no_file() {
    let world = World::with_history().await;
    let objects = Objects::start().await;
    let is_of_the_lake = |record: &&Json| {
        let key = |name: &str| record["dynamodb"]["Keys"][name]["S"].as_str().unwrap_or_default().to_owned();
        ["account", "transfer", "wallet", "customer", "voucher"].contains(&key("sk").as_str())
            || key("pk") == "account-types"
    };
    let others: Vec<_> = world.streams().concat().into_iter().filter(|record| !is_of_the_lake(&record)).collect();
    assert!(others.len() > 5, "{others:?}");
    let done = world.ingest(&objects).ingest(event(&others)).await.expect("ingested");
    assert_eq!((done, objects.all().len()), (Ingested { versions: 0, files: 0 }, 0));
}

#[tokio::test]
async fn a_record_that_does_not_read_fails_its_batch_before_anything_is_written() {
    let world = World::with_history().await;
    let objects = Objects::start().await;
    let mut records = world.streams().concat();
    let broken = records.iter_mut().find(|record| record["dynamodb"]["Keys"]["sk"]["S"] == "account");
    broken.expect("an account")["dynamodb"]["NewImage"]["posted"] = json!({"N": "0.001"});
    let error = world.ingest(&objects).handle(event(&records)).await.expect_err("it is corrupt").to_string();
    assert!(error.contains("corrupt: posted"), "{error}");
    assert_eq!(objects.writes(), 0);
    for poison in [json!({}), json!({"Records": [{"dynamodb": {}}]}), json!({"Records": 5}), json!(null)] {
        world.ingest(&objects).handle(poison).await.expect_err("no batch");
    }
}

#[tokio::test]
async fn an_amount_with_more_decimals_than_the_lake_has_is_refused_and_not_rounded() {
    let world = World::with_history().await;
    let objects = Objects::start().await;
    let mut records = world.streams().concat();
    let wallet = records.iter_mut().find(|record| record["dynamodb"]["Keys"]["sk"]["S"] == "wallet");
    wallet.expect("a wallet")["dynamodb"]["NewImage"]["f#BTC"] = json!({"N": "0.123456789"});
    world.ingest(&objects).handle(event(&records)).await.expect_err("it does not fit");
    assert!(!objects.all().keys().any(|key| key.starts_with("tables/wallets/")));
}

#[tokio::test]
async fn the_examples_are_batches_of_each_table() {
    let world = World::with_history().await;
    for (name, table, versions) in [
        ("lake-ingest", "transfers", 5),
        ("lake-ingest.customers", "customers", 2),
        ("lake-ingest.vouchers", "vouchers", 1),
    ] {
        let objects = Objects::start().await;
        let ingest = world.ingest(&objects);
        let done = ingest.ingest(example(name)).await.expect("ingested");
        assert_eq!(done.versions, versions, "{name}");
        let answer = ingest.handle(example(name)).await.expect("ingested");
        assert_eq!(answer, json!({"batchItemFailures": []}), "all is done");
        assert!(objects.all().contains_key(&format!("fresh/{table}")), "{name}");
    }
}
