//! Long polls. The clock stands still, so a receiver that missed its wake-up would wait for ever: each test
//! would end at its limit instead of passing.

use std::time::Duration;

use local_sqs::{Message, SendOptions, Sqs};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::script::bench;

const LIMIT: Duration = Duration::from_secs(20);

fn wait_on(sqs: &Sqs, queue: &'static str) -> JoinHandle<Vec<Message>> {
    let sqs = sqs.clone();
    tokio::spawn(async move { sqs.receive(queue, 1, Duration::from_secs(20)).await.unwrap() })
}

async fn answer(waiter: JoinHandle<Vec<Message>>) -> Vec<String> {
    let messages = timeout(LIMIT, waiter).await.expect("the receiver was not woken").unwrap();
    messages.into_iter().map(|message| message.body).collect()
}

/// Lets spawned receivers run until they wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_empty_queue_answers_when_the_wait_is_over() {
    let bench = bench();
    bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    let waiter = wait_on(&bench.sqs, "work");
    settle().await;
    bench.clock.advance(Duration::from_millis(19_999));
    settle().await;
    assert!(!waiter.is_finished());
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(answer(waiter).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_send_wakes_a_receiver_at_once() {
    let bench = bench();
    bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    let waiter = wait_on(&bench.sqs, "work");
    settle().await;
    bench.sqs.send("work", "a", &SendOptions::default()).unwrap();
    assert_eq!(answer(waiter).await, ["a"]);
}

#[tokio::test]
async fn a_receiver_wakes_when_a_delay_or_a_timeout_ends() {
    let bench = bench();
    let visibility = [("VisibilityTimeout".to_owned(), "5".to_owned())].into();
    bench.sqs.ensure_queue("work", &visibility).unwrap();
    let waiter = wait_on(&bench.sqs, "work");
    settle().await;
    let delayed = SendOptions { delay_seconds: Some(3), ..SendOptions::default() };
    bench.sqs.send("work", "a", &delayed).unwrap();
    settle().await;
    assert!(!waiter.is_finished());
    bench.clock.advance(Duration::from_secs(3));
    assert_eq!(answer(waiter).await, ["a"]);

    let waiter = wait_on(&bench.sqs, "work");
    settle().await;
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(answer(waiter).await, ["a"]);
}

#[tokio::test]
async fn a_delete_wakes_whoever_waits_for_the_rest_of_the_group() {
    let bench = bench();
    let fifo = [("FifoQueue".to_owned(), "true".to_owned())].into();
    bench.sqs.ensure_queue("q.fifo", &fifo).unwrap();
    for body in ["a1", "a2", "a3"] {
        let options = SendOptions {
            group_id: Some("a".to_owned()),
            deduplication_id: Some(body.to_owned()),
            ..SendOptions::default()
        };
        bench.sqs.send("q.fifo", body, &options).unwrap();
    }
    let first = bench.sqs.receive("q.fifo", 1, Duration::ZERO).await.unwrap().remove(0);
    let waiter = wait_on(&bench.sqs, "q.fifo");
    settle().await;
    assert!(!waiter.is_finished());
    bench.sqs.delete("q.fifo", &first.receipt_handle).unwrap();
    assert_eq!(answer(waiter).await, ["a2"]);
}

#[tokio::test]
async fn giving_back_wakes_a_receiver_and_so_does_a_dead_letter() {
    let bench = bench();
    let redrive = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dead","maxReceiveCount":2}"#;
    bench.sqs.ensure_queue("dead", &Default::default()).unwrap();
    let attributes = [("RedrivePolicy", redrive), ("VisibilityTimeout", "5")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    bench.sqs.ensure_queue("work", &attributes).unwrap();
    bench.sqs.send("work", "a", &SendOptions::default()).unwrap();
    let first = bench.sqs.receive("work", 1, Duration::ZERO).await.unwrap().remove(0);
    let waiter = wait_on(&bench.sqs, "work");
    settle().await;
    bench.sqs.change_visibility("work", &first.receipt_handle, Duration::ZERO).unwrap();
    assert_eq!(answer(waiter).await, ["a"]);

    let undertaker = wait_on(&bench.sqs, "dead");
    settle().await;
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(bench.sqs.receive("work", 1, Duration::ZERO).await.unwrap(), []);
    assert_eq!(answer(undertaker).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_one_of_many_receivers_gets_its_message() {
    let bench = bench();
    bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    for round in 0..20 {
        let waiters: Vec<_> = (0..32).map(|_| wait_on(&bench.sqs, "work")).collect();
        for body in 0..waiters.len() {
            bench.sqs.send("work", &format!("{round}-{body}"), &SendOptions::default()).unwrap();
        }
        let mut got = Vec::new();
        for waiter in waiters {
            got.extend(answer(waiter).await);
        }
        got.sort();
        let mut sent: Vec<_> = (0..32).map(|body| format!("{round}-{body}")).collect();
        sent.sort();
        assert_eq!(got, sent);
    }
}

/// One receiver and one send per round, at every distance of time from each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_between_looking_and_waiting_is_not_missed() {
    let bench = bench();
    bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    for round in 0..1_500_u32 {
        let waiter = wait_on(&bench.sqs, "work");
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_nanos(u64::from(round % 600) * 250) {
            std::hint::spin_loop();
        }
        bench.sqs.send("work", "a", &SendOptions::default()).unwrap();
        let message = timeout(LIMIT, waiter).await.expect("the receiver was not woken").unwrap().remove(0);
        bench.sqs.delete("work", &message.receipt_handle).unwrap();
    }
}

#[tokio::test]
async fn deleting_a_queue_tells_those_who_wait_on_it() {
    let bench = bench();
    let url = bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    let sqs = bench.sqs.clone();
    let waiter = tokio::spawn(async move { sqs.receive("work", 1, Duration::from_secs(20)).await });
    settle().await;
    let request = http::Request::post("/")
        .header("x-amz-target", "AmazonSQS.DeleteQueue")
        .body(serde_json::json!({ "QueueUrl": url }).to_string().into())
        .unwrap();
    assert_eq!(bench.sqs.handle(request).await.status(), 200);
    let error = timeout(LIMIT, waiter).await.expect("the receiver was not woken").unwrap().unwrap_err();
    assert_eq!(error.kind.shape(), "QueueDoesNotExist");
}
