//! The AWS SDK for Rust against `handle` behind a plain HTTP server. The SDK verifies the digests itself.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageAttributeValue,
    MessageSystemAttributeName, MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use local_sqs::Sqs;

use crate::script::{Bench, bench};

pub async fn serve(sqs: Sqs) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sqs = sqs.clone();
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let sqs = sqs.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let response = sqs.handle(http::Request::from_parts(parts, body)).await;
                    Ok::<_, hyper::Error>(response.map(Full::new))
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

pub async fn client() -> (Client, Bench) {
    let bench = bench();
    (serve(bench.sqs.clone()).await, bench)
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
}

#[tokio::test]
async fn a_message_makes_the_round_trip_with_attributes_and_digests() {
    let (sqs, _bench) = client().await;
    let url = sqs.create_queue().queue_name("work").send().await.unwrap().queue_url.unwrap();
    assert_eq!(url, "http://localhost:4566/000000000000/work");
    let blob = MessageAttributeValue::builder().data_type("Binary.png").binary_value(Blob::new([0, 255, 7])).build();
    let number = MessageAttributeValue::builder().data_type("Number").string_value("1.50").build();
    let sent = sqs
        .send_message()
        .queue_url(&url)
        .message_body("Grüße, €")
        .message_attributes("kind", text("order"))
        .message_attributes("order.price", number.unwrap())
        .message_attributes("icon", blob.unwrap())
        .message_system_attributes(
            MessageSystemAttributeNameForSends::AwsTraceHeader,
            MessageSystemAttributeValue::builder().data_type("String").string_value("Root=1-2-3").build().unwrap(),
        )
        .send()
        .await
        .unwrap();
    assert!(sent.md5_of_message_attributes.is_some());
    assert!(sent.md5_of_message_system_attributes.is_some());
    assert_eq!(sent.sequence_number, None);

    let received = sqs
        .receive_message()
        .queue_url(&url)
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.body(), Some("Grüße, €"));
    assert_eq!(message.md5_of_body, sent.md5_of_message_body);
    assert_eq!(message.md5_of_message_attributes, sent.md5_of_message_attributes);
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["icon"].binary_value().unwrap().as_ref(), [0, 255, 7]);
    assert_eq!(attributes["order.price"].string_value(), Some("1.50"));
    let system = message.attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(system[&MessageSystemAttributeName::AwsTraceHeader], "Root=1-2-3");

    let some = sqs.receive_message().queue_url(&url).message_attribute_names("order.*").send().await.unwrap();
    let message = &some.messages()[0];
    assert_eq!(message.message_attributes().unwrap().len(), 1);
    assert_eq!(message.attributes(), None);
    assert_ne!(message.md5_of_message_attributes, sent.md5_of_message_attributes);
    sqs.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
}

#[tokio::test]
async fn the_queue_calls_answer_as_documented() {
    let (sqs, bench) = client().await;
    let dead = sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let url = sqs
        .create_queue()
        .queue_name("work")
        .attributes(QueueAttributeName::VisibilityTimeout, "45")
        .tags("team", "trade")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let same = sqs.create_queue().queue_name("work").attributes(QueueAttributeName::VisibilityTimeout, "45");
    assert_eq!(same.send().await.unwrap().queue_url.unwrap(), url);
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dead","maxReceiveCount":1}"#;
    let set = sqs.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::RedrivePolicy, policy);
    set.send().await.unwrap();
    let all = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All).send().await.unwrap();
    let all = all.attributes().unwrap();
    assert_eq!(all[&QueueAttributeName::VisibilityTimeout], "45");
    assert_eq!(all[&QueueAttributeName::MaximumMessageSize], "1048576");
    assert_eq!(all[&QueueAttributeName::QueueArn], "arn:aws:sqs:eu-central-1:000000000000:work");
    assert_eq!(all[&QueueAttributeName::RedrivePolicy], policy);
    assert!(!all.contains_key(&QueueAttributeName::FifoQueue));

    let sources = sqs.list_dead_letter_source_queues().queue_url(&dead).send().await.unwrap();
    assert_eq!(sources.queue_urls(), std::slice::from_ref(&url));
    let listed = sqs.list_queues().queue_name_prefix("w").send().await.unwrap();
    assert_eq!(listed.queue_urls(), std::slice::from_ref(&url));
    let first = sqs.list_queues().max_results(1).send().await.unwrap();
    assert_eq!(first.queue_urls(), std::slice::from_ref(&dead));
    let second = sqs.list_queues().max_results(1).next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!((second.queue_urls(), second.next_token()), (std::slice::from_ref(&url), None));
    assert_eq!(sqs.get_queue_url().queue_name("work").send().await.unwrap().queue_url.unwrap(), url);

    sqs.tag_queue().queue_url(&url).tags("env", "dev").send().await.unwrap();
    sqs.untag_queue().queue_url(&url).tag_keys("team").send().await.unwrap();
    let tags = sqs.list_queue_tags().queue_url(&url).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().clone().into_iter().collect::<Vec<_>>(), [("env".to_owned(), "dev".to_owned())]);

    // A poisoned message is buried, then moved back where it came from.
    sqs.send_message().queue_url(&url).message_body("poison").send().await.unwrap();
    let take = || async {
        let received = sqs.receive_message().queue_url(&url).send().await.unwrap();
        received.messages().first().and_then(|message| message.message_id.clone())
    };
    let id = take().await;
    bench.clock.advance(Duration::from_secs(45));
    assert_eq!(take().await, None);
    let dead_arn = "arn:aws:sqs:eu-central-1:000000000000:dead";
    sqs.start_message_move_task().source_arn(dead_arn).send().await.unwrap();
    let tasks = sqs.list_message_move_tasks().source_arn(dead_arn).send().await.unwrap();
    assert_eq!(tasks.results()[0].status(), Some("COMPLETED"));
    assert_eq!(tasks.results()[0].approximate_number_of_messages_moved(), 1);
    let back = take().await;
    assert!(back.is_some() && back != id, "a moved message counts as new");

    sqs.purge_queue().queue_url(&url).send().await.unwrap();
    sqs.delete_queue().queue_url(&url).send().await.unwrap();
    assert!(take_fails(&sqs, &url).await);
}

async fn take_fails(sqs: &Client, url: &str) -> bool {
    let error = sqs.receive_message().queue_url(url).send().await.unwrap_err();
    error.into_service_error().is_queue_does_not_exist()
}

#[tokio::test]
async fn a_batch_answers_entry_by_entry() {
    let (sqs, _bench) = client().await;
    let create = sqs.create_queue().queue_name("q.fifo").attributes(QueueAttributeName::FifoQueue, "true");
    let url = create.send().await.unwrap().queue_url.unwrap();
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(format!("body {id}"));
    let sent = sqs
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("one").message_group_id("g").message_deduplication_id("1").build().unwrap())
        .entries(entry("no-group").message_deduplication_id("2").build().unwrap())
        .entries(entry("delayed").message_group_id("g").message_deduplication_id("3").delay_seconds(3).build().unwrap())
        .entries(entry("two").message_group_id("g").message_deduplication_id("4").build().unwrap())
        .entries(entry("twice").message_group_id("g").message_deduplication_id("1").build().unwrap())
        .send()
        .await
        .unwrap();
    let done: Vec<_> = sent.successful().iter().map(|entry| entry.id()).collect();
    assert_eq!(done, ["one", "two", "twice"]);
    assert_eq!(sent.successful()[0].message_id(), sent.successful()[2].message_id());
    assert_eq!(sent.successful()[0].sequence_number(), sent.successful()[2].sequence_number());
    assert!(sent.successful()[0].sequence_number() < sent.successful()[1].sequence_number());
    let failed: Vec<_> = sent.failed().iter().map(|entry| (entry.id(), entry.code(), entry.sender_fault())).collect();
    assert_eq!(failed, [("no-group", "MissingParameter", true), ("delayed", "InvalidParameterValue", true)]);

    let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
    let handles: Vec<_> = received.messages().iter().map(|message| message.receipt_handle().unwrap()).collect();
    assert_eq!(handles.len(), 2);
    let change = |id: &str, handle: &str| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(handle);
        entry.visibility_timeout(60).build().unwrap()
    };
    let changed = sqs
        .change_message_visibility_batch()
        .queue_url(&url)
        .entries(change("a", handles[0]))
        .entries(change("b", "garbage"))
        .send()
        .await
        .unwrap();
    assert_eq!((changed.successful()[0].id(), changed.failed()[0].code()), ("a", "ReceiptHandleIsInvalid"));
    let delete = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let deleted = sqs
        .delete_message_batch()
        .queue_url(&url)
        .entries(delete("a", handles[0]))
        .entries(delete("b", handles[1]))
        .entries(delete("c", "garbage"))
        .send()
        .await
        .unwrap();
    assert_eq!((deleted.successful().len(), deleted.failed().len()), (2, 1));
}
