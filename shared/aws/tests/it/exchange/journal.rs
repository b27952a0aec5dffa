//! The journal is a fence, and a snapshot is whole or not there.

use aws::exchange::Appended;
use domain::{
    exchange::Batch,
    order::{Kind, Limit, OrderKey, Owner, PlaceOrder, SelfTrade, Side, Terms, TimeInForce},
    order_book::{Book, Command, Snapshot},
};
use testkit::Stack;

use super::symbol;
use crate::now;

fn batch(number: u128) -> Batch {
    Batch { commands: vec![Command::Cancel { order: OrderKey(number), owner: Owner(number) }], events: vec![] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_writers_of_a_version_one_loses_every_time() {
    let stack = Stack::start().await;
    let (mut won, mut versions) = ([0, 0], 0);
    for version in 1..=100 {
        let mut tasks = Vec::new();
        for writer in 0..2u128 {
            let exchange = stack.exchange();
            tasks.push(tokio::spawn(async move {
                let batch = batch(u128::from(version) * 2 + writer);
                exchange.append(&symbol(), version, now(), &batch).await.expect("an answer")
            }));
        }
        for (writer, task) in tasks.into_iter().enumerate() {
            if task.await.expect("no panic") == Appended::Done {
                won[writer] += 1;
                versions += 1;
                let stored = stack.exchange().tail(&symbol(), version, 1).await.unwrap();
                assert_eq!(stored[0].batch, batch(u128::from(version) * 2 + writer as u128), "the winner is stored");
            }
        }
        assert_eq!(versions, version, "one winner each: {won:?}");
    }
}

#[tokio::test]
async fn a_journal_is_read_in_order_from_anywhere_and_newest_first() {
    let stack = Stack::start().await;
    let exchange = stack.exchange();
    assert_eq!(exchange.head(&symbol()).await.unwrap(), 0);
    assert!(exchange.tail(&symbol(), 1, 10).await.unwrap().is_empty());
    for version in 1..=25 {
        let at = now().plus_seconds(version as i64);
        assert_eq!(exchange.append(&symbol(), version, at, &batch(version.into())).await.unwrap(), Appended::Done);
    }
    assert_eq!(exchange.head(&symbol()).await.unwrap(), 25);
    let versions =
        |entries: &[domain::exchange::JournalEntry]| entries.iter().map(|entry| entry.version).collect::<Vec<_>>();
    let tail = exchange.tail(&symbol(), 11, 10).await.unwrap();
    assert_eq!(versions(&tail), (11..=20).collect::<Vec<_>>());
    assert_eq!((tail[0].batch.clone(), tail[0].at), (batch(11), now().plus_seconds(11)));
    assert_eq!(versions(&exchange.tail(&symbol(), 24, 10).await.unwrap()), [24, 25]);
    assert_eq!(versions(&exchange.recent(&symbol(), 3).await.unwrap()), [25, 24, 23]);
    let other = domain::instrument::Symbol::parse("ETH-USD").unwrap();
    assert_eq!(exchange.head(&other).await.unwrap(), 0);
}

/// A book with this many resting orders.
fn snapshot(orders: u128) -> Snapshot {
    let mut book = Book::new(Terms::new(1, 0, 0, 0).unwrap());
    let mut events = Vec::new();
    for number in 0..orders {
        let limit = Limit { price: 100, quantity: 1, time_in_force: TimeInForce::Gtc, post_only: false };
        let order = PlaceOrder {
            id: OrderKey(u128::MAX - number),
            owner: Owner(u128::MAX - number % 7),
            side: Side::Buy,
            kind: Kind::Limit(limit),
            self_trade: SelfTrade::ExpireTaker,
            reserved: 100,
            expires_at: None,
        };
        book.apply(&Command::Place(order), &mut events);
    }
    book.snapshot()
}

#[tokio::test]
async fn a_snapshot_of_many_chunks_comes_back_whole_and_never_goes_backwards() {
    let stack = Stack::start().await;
    let exchange = stack.exchange();
    assert_eq!(exchange.load_snapshot(&symbol()).await.unwrap(), None);
    let (small, large) = (snapshot(3), snapshot(20_000));
    assert!(exchange.save_snapshot(&symbol(), 500, &large).await.unwrap());
    assert_eq!(exchange.load_snapshot(&symbol()).await.unwrap(), Some((500, large.clone())));
    assert!(!exchange.save_snapshot(&symbol(), 400, &small).await.unwrap());
    assert!(!exchange.save_snapshot(&symbol(), 500, &large).await.unwrap());
    assert_eq!(exchange.load_snapshot(&symbol()).await.unwrap(), Some((500, large)));
    assert!(exchange.save_snapshot(&symbol(), 1_000, &small).await.unwrap());
    assert_eq!(exchange.load_snapshot(&symbol()).await.unwrap(), Some((1_000, small)));
    // What the pointer does not show any more is gone: pointer and one chunk are left.
    let client = stack.environment().dynamodb();
    let scan = client.scan().table_name(stack.table("ExchangeTable")).send().await.unwrap();
    assert_eq!(scan.items().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_reads_while_others_write_snapshots_gets_a_whole_one() {
    let stack = Stack::start().await;
    let large = snapshot(15_000);
    stack.exchange().save_snapshot(&symbol(), 1, &large).await.unwrap();
    let mut writers = Vec::new();
    for writer in 0..2 {
        let (exchange, large) = (stack.exchange(), large.clone());
        writers.push(tokio::spawn(async move {
            for version in 2..8 {
                exchange.save_snapshot(&symbol(), version * 2 + writer, &large).await.expect("saved or not");
            }
        }));
    }
    let mut seen = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        let (version, snapshot) = stack.exchange().load_snapshot(&symbol()).await.unwrap().expect("a snapshot");
        assert!(version >= seen && snapshot.bids.len() == 15_000);
        seen = version;
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
    let (version, snapshot) = stack.exchange().load_snapshot(&symbol()).await.unwrap().expect("a snapshot");
    assert_eq!((version, snapshot.bids.len()), (15, 15_000));
    let client = stack.environment().dynamodb();
    let scan = client.scan().table_name(stack.table("ExchangeTable")).projection_expression("sk").send().await.unwrap();
    let sorts: Vec<_> = scan.items().iter().filter_map(|item| item["sk"].as_s().ok()).collect();
    assert!(sorts.iter().all(|sort| *sort == "latest" || sort.starts_with("000000000015#")), "{sorts:?}");
}
