//! What faults do to messages, and that nothing else comes of it.

use std::time::Duration;

use crate::script::{bench, check};

#[test]
fn a_message_put_back_comes_late_behind_others_and_uncounted() {
    check(
        "queue dead
         queue work VisibilityTimeout=30 RedrivePolicy={\"deadLetterTargetArn\":\"arn:aws:sqs:eu-central-1:000000000000:dead\",\"maxReceiveCount\":1}
         send work a
         send work b
         receive work 1       -> a
         put-back work a 5
         depth work           -> 1 0 1
         receive work         -> b
         delete work b
         receive work         -> nothing
         advance 5
         receive work         -> a
         delete work a
         depth work           -> 0 0 0
         depth dead           -> 0 0 0",
    );
}

#[test]
fn a_deleted_message_that_repeats_comes_once_more_and_the_old_receipt_is_void() {
    check(
        "queue dead
         queue work VisibilityTimeout=30 RedrivePolicy={\"deadLetterTargetArn\":\"arn:aws:sqs:eu-central-1:000000000000:dead\",\"maxReceiveCount\":1}
         send work a
         receive work         -> a
         repeat work a 2
         depth work           -> 0 0 1
         receive work         -> nothing
         advance 2
         delete-first work a
         receive work         -> a
         delete work a
         advance 60
         depth work           -> 0 0 0
         depth dead           -> 0 0 0",
    );
}

#[test]
fn whoever_received_it_since_keeps_it() {
    check(
        "queue work VisibilityTimeout=30
         send work a
         receive work         -> a
         advance 30
         depth work           -> 1 0 0
         put-back work a 10
         depth work           -> 0 0 1
         advance 10
         receive work         -> a
         delete work a
         put-back work a 0
         repeat work a 0
         depth work           -> 0 0 0",
    );
}

#[tokio::test]
async fn a_repeated_message_has_its_id_and_has_never_been_received() {
    let bench = bench();
    bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    let sent = bench.sqs.send("work", "a", &Default::default()).unwrap();
    let first = bench.sqs.receive("work", 1, Duration::ZERO).await.unwrap().remove(0);
    bench.sqs.delete_but_repeat("work", &first.receipt_handle, Duration::ZERO).unwrap();
    let second = bench.sqs.receive("work", 1, Duration::ZERO).await.unwrap().remove(0);
    assert_eq!((&first.message_id, &second.message_id), (&sent.message_id, &sent.message_id));
    assert_eq!((first.receive_count(), second.receive_count()), (1, 1));
    assert_ne!(first.receipt_handle, second.receipt_handle);
}
