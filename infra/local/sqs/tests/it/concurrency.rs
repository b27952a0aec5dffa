use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use local_sqs::{SendOptions, Sqs};

const GROUPS: usize = 4;
const MESSAGES: usize = 50;
const CONSUMERS: usize = 8;

/// Runs while messages come in: 8 consumers, 4 groups, 50 messages each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_consumers_keep_the_order_of_every_group_without_overlap_or_repetition() {
    let folder = tempfile::tempdir().unwrap();
    let sqs = Sqs::open(&folder.path().join("sqs.db"), "http://localhost", "000000000000", "eu-central-1").unwrap();
    sqs.ensure_queue("q.fifo", &[("FifoQueue".to_owned(), "true".to_owned())].into()).unwrap();

    let handled = Arc::new(Mutex::new(HashMap::<String, Vec<usize>>::new()));
    let busy: Arc<Vec<AtomicUsize>> = Arc::new((0..GROUPS).map(|_| AtomicUsize::new(0)).collect());
    let left = Arc::new(AtomicUsize::new(GROUPS * MESSAGES));
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| {
            let (sqs, handled, busy, left) = (sqs.clone(), handled.clone(), busy.clone(), left.clone());
            tokio::spawn(async move {
                while left.load(Ordering::SeqCst) > 0 {
                    // Batches of one and of several; each batch may hold several groups.
                    let batch = sqs.receive("q.fifo", 3, Duration::from_millis(50)).await.unwrap();
                    let mut groups: Vec<usize> = Vec::new();
                    for message in &batch {
                        let group: usize = message.group_id().unwrap().parse().unwrap();
                        if !groups.contains(&group) {
                            assert_eq!(busy[group].fetch_add(1, Ordering::SeqCst), 0, "group {group} is handled twice");
                            groups.push(group);
                        }
                    }
                    tokio::task::yield_now().await;
                    for message in &batch {
                        let group = message.group_id().unwrap().to_owned();
                        handled.lock().unwrap().entry(group).or_default().push(message.body.parse().unwrap());
                    }
                    for group in groups {
                        busy[group].fetch_sub(1, Ordering::SeqCst);
                    }
                    for message in &batch {
                        sqs.delete("q.fifo", &message.receipt_handle).unwrap();
                        left.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for number in 0..MESSAGES {
        for group in 0..GROUPS {
            let options = SendOptions {
                group_id: Some(group.to_string()),
                deduplication_id: Some(format!("{group}-{number}")),
                ..SendOptions::default()
            };
            sqs.send("q.fifo", &number.to_string(), &options).unwrap();
        }
        tokio::task::yield_now().await;
    }
    for consumer in consumers {
        tokio::time::timeout(Duration::from_secs(60), consumer).await.expect("consumers hang").unwrap();
    }
    let handled = handled.lock().unwrap();
    let in_order: Vec<usize> = (0..MESSAGES).collect();
    assert_eq!(handled.len(), GROUPS);
    for (group, numbers) in handled.iter() {
        assert_eq!(*numbers, in_order, "group {group}");
    }
}
