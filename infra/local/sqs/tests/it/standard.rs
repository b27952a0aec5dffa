use std::time::Duration;

use local_sqs::{ErrorKind, SendOptions};

use crate::script::{bench, check};

#[test]
fn a_received_message_is_invisible_until_its_timeout_and_then_comes_back() {
    check(
        "queue work VisibilityTimeout=30
         send work a
         send work b
         depth work           -> 2 0 0
         receive work         -> a b
         receive work         -> nothing
         depth work           -> 0 2 0
         delete work a
         advance 29.999
         receive work         -> nothing
         advance 0.001
         receive work         -> b
         delete work b
         advance 60
         receive work         -> nothing
         depth work           -> 0 0 0",
    );
}

#[test]
fn the_visibility_timeout_can_be_shortened_and_prolonged_up_to_12_hours() {
    check(
        "queue work VisibilityTimeout=30
         send work a
         receive work           -> a
         visibility work a 0
         receive work           -> a
         visibility work a 100
         advance 99
         receive work           -> nothing
         visibility work a 43101
         visibility work a 43102  -> InvalidParameterValue
         visibility work a 43201  -> InvalidParameterValue
         advance 43101
         visibility work a 10   -> MessageNotInflight
         receive work           -> a
         delete work a
         visibility work a 10   -> InvalidParameterValue",
    );
}

#[test]
fn a_message_is_delayed_by_its_own_delay_or_the_queues() {
    check(
        "queue slow DelaySeconds=10
         send slow a
         send slow b delay=0
         send slow c delay=900
         send slow d delay=901   -> InvalidParameterValue
         send slow e delay=-1    -> InvalidParameterValue
         depth slow              -> 1 0 2
         receive slow            -> b
         advance 10
         receive slow            -> a
         advance 889.999
         depth slow              -> 2 0 1
         advance 0.001
         depth slow              -> 3 0 0",
    );
}

#[test]
fn an_old_receipt_no_longer_deletes_but_a_late_one_does() {
    check(
        "queue work VisibilityTimeout=5
         send work a
         receive work           -> a
         advance 5
         receive work           -> a
         delete-first work a
         advance 5
         delete work a
         receive work           -> nothing
         delete work a",
    );
}

#[test]
fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    check(
        r#"queue dead
         queue work VisibilityTimeout=1 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dead","maxReceiveCount":"3"}
         send work a
         receive work    -> a
         advance 1
         receive work    -> a
         send work b
         advance 1
         receive work    -> b a
         receive dead    -> nothing
         delete work b
         advance 1
         receive work    -> nothing
         depth work      -> 0 0 0
         receive dead    -> a
         delete dead a
         advance 60
         receive dead    -> nothing"#,
    );
}

#[test]
fn messages_past_their_retention_are_gone() {
    check(
        "queue brief MessageRetentionPeriod=60
         send brief a
         advance 59
         send brief b
         depth brief     -> 2 0 0
         advance 1
         depth brief     -> 1 0 0
         receive brief   -> b",
    );
}

#[test]
fn a_buried_message_keeps_its_id_age_and_count_and_names_its_source() {
    let bench = bench();
    let arn = "arn:aws:sqs:eu-central-1:000000000000:dead";
    let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}"#);
    let attributes = [("VisibilityTimeout", "1"), ("RedrivePolicy", redrive.as_str())];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    // The source may be declared before its dead-letter queue.
    let url = bench.sqs.ensure_queue("work", &attributes).unwrap();
    assert_eq!(url, "http://localhost:4566/000000000000/work");
    bench.sqs.ensure_queue("dead", &Default::default()).unwrap();
    let sent = bench.sqs.send(&url, "a", &SendOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let receive = |queue: &str| runtime.block_on(bench.sqs.receive(queue, 10, Duration::ZERO)).unwrap();
    let first = receive("arn:aws:sqs:eu-central-1:000000000000:work").remove(0);
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(receive("work"), []);
    let buried = receive(arn).remove(0);
    assert_eq!(buried.message_id, sent.message_id);
    assert_eq!(buried.attributes["SentTimestamp"], first.attributes["SentTimestamp"]);
    assert_eq!(buried.receive_count(), 2);
    assert_eq!(buried.attributes["DeadLetterQueueSourceArn"], "arn:aws:sqs:eu-central-1:000000000000:work");
    let foreign = bench.sqs.delete("work", &buried.receipt_handle).unwrap_err();
    assert_eq!(foreign.kind, ErrorKind::ReceiptHandleIsInvalid);
}

#[test]
fn a_declared_queue_takes_on_changed_attributes_and_keeps_its_messages() {
    check(
        "queue work VisibilityTimeout=30
         send work a
         queue work VisibilityTimeout=5
         receive work   -> a
         advance 5
         receive work   -> a
         queue work     -> ok
         queue bad!name -> InvalidParameterValue
         queue work NoSuchThing=1       -> InvalidAttributeName
         queue work VisibilityTimeout=x -> InvalidAttributeValue
         queue work FifoQueue=true      -> InvalidParameterValue",
    );
}

#[test]
fn what_was_in_flight_when_the_runner_died_can_be_released() {
    let bench = bench();
    bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    bench.sqs.send("work", "a", &SendOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let receive = || runtime.block_on(bench.sqs.receive("work", 10, Duration::ZERO)).unwrap();
    assert_eq!(receive().len(), 1);
    assert_eq!(receive().len(), 0);
    bench.sqs.release_in_flight().unwrap();
    assert_eq!(receive()[0].receive_count(), 2);
}

#[test]
fn a_lambda_record_looks_as_aws_sends_it() {
    let bench = bench();
    let fifo = [("FifoQueue".to_owned(), "true".to_owned())].into();
    bench.sqs.ensure_queue("orders.fifo", &fifo).unwrap();
    let options = SendOptions {
        group_id: Some("BTC-EUR".to_owned()),
        deduplication_id: Some("o1".to_owned()),
        trace_header: Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()),
        ..SendOptions::default()
    };
    bench.sqs.send("orders.fifo", "{}", &options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let message = runtime.block_on(bench.sqs.receive("orders.fifo", 1, Duration::ZERO)).unwrap().remove(0);
    let record = message.to_record();
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:eu-central-1:000000000000:orders.fifo");
    assert_eq!(record["awsRegion"], "eu-central-1");
    assert_eq!(record["md5OfBody"], "99914b932bd37a50b983c5e7c90ae93b");
    assert_eq!(record["attributes"]["MessageGroupId"], "BTC-EUR");
    assert_eq!(record["attributes"]["MessageDeduplicationId"], "o1");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(record["attributes"]["AWSTraceHeader"], "Root=1-5759e988-bd862e3fe1be46a994272793");
    assert_eq!(record["attributes"]["SequenceNumber"].as_str().unwrap().len(), 20);
}
