//! Every refusal maps to the SDK's own error, and carries both names on the wire.

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde_json::{Value, json};

use crate::script::{Bench, bench};
use crate::wire::client;

#[tokio::test]
async fn the_sdk_recognises_the_refusals() {
    let (sqs, _bench) = client().await;
    let create = || sqs.create_queue().queue_name("work");
    let url = create().send().await.unwrap().queue_url.unwrap();

    let error = sqs.get_queue_url().queue_name("none").send().await.unwrap_err();
    assert!(error.into_service_error().is_queue_does_not_exist());
    let other = create().attributes(QueueAttributeName::DelaySeconds, "5").send().await.unwrap_err();
    assert!(other.into_service_error().is_queue_name_exists());
    let error = sqs.delete_message().queue_url(&url).receipt_handle("x").send().await.unwrap_err();
    assert!(error.into_service_error().is_receipt_handle_is_invalid());
    let error = sqs.send_message().queue_url(&url).message_body("\u{1}").send().await.unwrap_err();
    assert!(error.into_service_error().is_invalid_message_contents());
    let error = sqs.send_message_batch().queue_url(&url).set_entries(Some(vec![])).send().await.unwrap_err();
    assert!(error.into_service_error().is_empty_batch_request());
    let entry = |id: &str, size: usize| {
        SendMessageBatchRequestEntry::builder().id(id).message_body("x".repeat(size)).build().unwrap()
    };
    let batch = |entries| sqs.send_message_batch().queue_url(&url).set_entries(Some(entries)).send();
    let error = batch(vec![entry("a", 1), entry("a", 1)]).await.unwrap_err();
    assert!(error.into_service_error().is_batch_entry_ids_not_distinct());
    let error = batch((0..11).map(|n| entry(&n.to_string(), 1)).collect()).await.unwrap_err();
    assert!(error.into_service_error().is_too_many_entries_in_batch_request());
    let error = batch(vec![entry("a b", 1)]).await.unwrap_err();
    assert!(error.into_service_error().is_invalid_batch_entry_id());
    let error = batch(vec![entry("a", 600_000), entry("b", 600_000)]).await.unwrap_err();
    assert!(error.into_service_error().is_batch_request_too_long());
    batch(vec![entry("a", 524_288), entry("b", 524_288)]).await.unwrap();
    sqs.purge_queue().queue_url(&url).send().await.unwrap();
    let error = sqs.purge_queue().queue_url(&url).send().await.unwrap_err();
    assert!(error.into_service_error().is_purge_queue_in_progress());

    sqs.send_message().queue_url(&url).message_body("a").send().await.unwrap();
    let received = sqs.receive_message().queue_url(&url).visibility_timeout(0).send().await.unwrap();
    let handle = received.messages()[0].receipt_handle().unwrap();
    let change = sqs.change_message_visibility().queue_url(&url).receipt_handle(handle).visibility_timeout(5);
    assert!(change.send().await.unwrap_err().into_service_error().is_message_not_inflight());

    sqs.delete_queue().queue_url(&url).send().await.unwrap();
    let error = create().send().await.unwrap_err();
    assert!(error.into_service_error().is_queue_deleted_recently());
}

#[tokio::test]
async fn refusals_the_sdk_has_no_type_for_keep_their_code() {
    let (sqs, _bench) = client().await;
    let url = sqs.create_queue().queue_name("work").send().await.unwrap().queue_url.unwrap();
    let send = |body: String, delay| sqs.send_message().queue_url(&url).message_body(body).delay_seconds(delay).send();
    for (body, delay, code) in [
        ("x".to_owned(), 901, "InvalidParameterValue"),
        ("x".repeat(1_048_577), 0, "InvalidParameterValue"),
        (String::new(), 0, "MissingParameter"),
    ] {
        let error = send(body, delay).await.unwrap_err().into_service_error();
        assert_eq!(error.code(), Some(code));
    }
    assert!(send("x".repeat(1_048_576), 0).await.is_ok());
}

async fn call(bench: &Bench, operation: &str, body: Value) -> (u16, Option<String>, Value) {
    let request = http::Request::post("/")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .body(body.to_string().into())
        .unwrap();
    let response = bench.sqs.handle(request).await;
    let header = response.headers().get("x-amzn-query-error").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), header, serde_json::from_slice(response.body()).unwrap())
}

#[tokio::test]
async fn a_refusal_carries_the_json_name_and_the_query_name() {
    let bench = bench();
    let url = bench.sqs.ensure_queue("work", &Default::default()).unwrap();
    let gone = "http://localhost:4566/000000000000/gone";
    let all_digits = "9".repeat(3);
    for (operation, body, query_code, shape) in [
        (
            "SendMessage",
            json!({ "QueueUrl": gone, "MessageBody": "a" }),
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": "http://localhost/111111111111/work", "MessageBody": "a" }),
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
        ),
        ("SendMessage", json!({ "MessageBody": "a" }), "MissingParameter", "MissingParameter"),
        ("SendMessage", json!({ "QueueUrl": url }), "MissingParameter", "MissingParameter"),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "a", "MessageAttributes": { "x": { "DataType": "Text", "StringValue": "v" } } }),
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "a", "MessageAttributes": { "AWS.x": { "DataType": "String", "StringValue": "v" } } }),
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": 7 }),
            "SerializationException",
            "SerializationException",
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "MaxNumberOfMessages": 11 }),
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "WaitTimeSeconds": 21 }),
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "VisibilityTimeout": 43_201 }),
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        (
            "GetQueueAttributes",
            json!({ "QueueUrl": url, "AttributeNames": ["Colour"] }),
            "InvalidAttributeName",
            "InvalidAttributeName",
        ),
        (
            "SetQueueAttributes",
            json!({ "QueueUrl": url, "Attributes": { "DelaySeconds": all_digits } }),
            "InvalidAttributeValue",
            "InvalidAttributeValue",
        ),
        (
            "SetQueueAttributes",
            json!({ "QueueUrl": url, "Attributes": { "FifoQueue": "true" } }),
            "InvalidAttributeName",
            "InvalidAttributeName",
        ),
        (
            "SetQueueAttributes",
            json!({ "QueueUrl": url, "Attributes": { "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-central-1:000000000000:gone\",\"maxReceiveCount\":3}" } }),
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        ("CreateQueue", json!({ "QueueName": "work.fifo" }), "InvalidParameterValue", "InvalidParameterValue"),
        (
            "StartMessageMoveTask",
            json!({ "SourceArn": "arn:aws:sqs:eu-central-1:000000000000:gone" }),
            "ResourceNotFoundException",
            "ResourceNotFoundException",
        ),
        (
            "StartMessageMoveTask",
            json!({ "SourceArn": "arn:aws:sqs:eu-central-1:000000000000:work" }),
            "InvalidParameterValue",
            "InvalidParameterValue",
        ),
        (
            "CancelMessageMoveTask",
            json!({ "TaskHandle": "x" }),
            "ResourceNotFoundException",
            "ResourceNotFoundException",
        ),
        (
            "AddPermission",
            json!({ "QueueUrl": url }),
            "AWS.SimpleQueueService.UnsupportedOperation",
            "UnsupportedOperation",
        ),
        ("Dance", json!({}), "InvalidAction", "InvalidAction"),
    ] {
        let (status, header, answer) = call(&bench, operation, body.clone()).await;
        let context = format!("{operation} {body} answered {answer}");
        assert_eq!(status, 400, "{context}");
        assert_eq!(header.as_deref(), Some(format!("{query_code};Sender").as_str()), "{context}");
        assert_eq!(answer["__type"], format!("com.amazonaws.sqs#{shape}"), "{context}");
        assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()), "{context}");
    }
}
