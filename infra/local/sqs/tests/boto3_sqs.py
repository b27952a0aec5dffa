"""Checks a running SQS endpoint with boto3: `python boto3_sqs.py http://localhost:4566`.

boto3 verifies the digests of bodies and attributes itself. Queues are made for the run and deleted after it.
Takes some seconds of real time, because it waits for delays and visibility timeouts.
"""

import concurrent.futures
import json
import sys
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:4566"
sqs = boto3.client(
    "sqs",
    endpoint_url=endpoint,
    region_name="eu-central-1",
    aws_access_key_id="local",
    aws_secret_access_key="local",
    config=Config(retries={"max_attempts": 0}, max_pool_connections=16),
)
run = uuid.uuid4().hex[:8]
created = []


def queue(name, **attributes):
    name = f"boto3-{run}-{name}"
    attributes = {key: str(value) for key, value in attributes.items()}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    created.append(url)
    return url


def arn(url):
    names = ["QueueArn"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["QueueArn"]


def receive(url, most=10, **options):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **options).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def delete(url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response["Error"]
        return error
    raise AssertionError(f"expected {code}")


def attributes_and_digests():
    url = queue("attributes")
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="Grüße, €, 漢字",
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "order"},
            "price": {"DataType": "Number.eur", "StringValue": "1.50"},
            "icon": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x07"},
        },
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}},
    )
    [message] = receive(url, MessageAttributeNames=["All"], AttributeNames=["All"])
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["MessageAttributes"]["icon"]["BinaryValue"] == b"\x00\xff\x07"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
    delete(url, message)


def refusals_have_the_names_of_the_service():
    url = queue("refusals")
    gone = url + "-gone"
    error = refused("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=gone, MessageBody="x")
    assert isinstance(error, sqs.exceptions.QueueDoesNotExist)
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="garbage")
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x", DelaySeconds=901)
    refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x" * 1048577)
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, WaitTimeSeconds=21)
    refused("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody="\x01")
    refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes={"Colour": "red"})
    twins = [{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}]
    code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    refused(code, sqs.send_message_batch, QueueUrl=url, Entries=twins)
    many = [{"Id": str(n), "MessageBody": "x"} for n in range(11)]
    code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    refused(code, sqs.send_message_batch, QueueUrl=url, Entries=many)
    name = url.rsplit("/", 1)[1]
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=name, Attributes={"DelaySeconds": "5"})


def delays_and_timeouts():
    url = queue("timing", VisibilityTimeout=1)
    began = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=2)
    assert receive(url) == []
    [first] = receive(url, WaitTimeSeconds=10)
    assert 1.9 < time.monotonic() - began < 3.5, time.monotonic() - began
    began = time.monotonic()
    [second] = receive(url, WaitTimeSeconds=10, AttributeNames=["ApproximateReceiveCount"])
    assert 0.9 < time.monotonic() - began < 2.5, time.monotonic() - began
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    [third] = receive(url)
    delete(url, third)
    began = time.monotonic()
    assert receive(url, WaitTimeSeconds=1) == []
    assert 0.9 < time.monotonic() - began < 2.5, time.monotonic() - began


def a_waiting_receiver_wakes_at_once():
    url = queue("waking")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(receive, url, WaitTimeSeconds=20)
        time.sleep(0.3)
        began = time.monotonic()
        sqs.send_message(QueueUrl=url, MessageBody="now")
        assert bodies(waiting.result()) == ["now"]
        assert time.monotonic() - began < 1


def dead_letters_and_back():
    dead = queue("dead")
    policy = json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 2})
    url = queue("poisoned", VisibilityTimeout=0, RedrivePolicy=policy)
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert [len(receive(url)) for _ in range(3)] == [1, 1, 0]
    [message] = receive(dead, AttributeNames=["All"], VisibilityTimeout=0)
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn(url)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    sqs.start_message_move_task(SourceArn=arn(dead))
    assert bodies(receive(url, WaitTimeSeconds=5)) == ["poison"]
    deadline = time.monotonic() + 10
    while sqs.list_message_move_tasks(SourceArn=arn(dead))["Results"][0]["Status"] != "COMPLETED":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def fifo_groups_and_deduplication():
    url = queue("ordered.fifo", FifoQueue="true")
    send = lambda body, group, unique: sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=unique
    )
    first = send("a1", "a", "1")
    send("b1", "b", "2")
    send("a2", "a", "3")
    [one] = receive(url, 1)
    assert one["Body"] == "a1"
    [other] = receive(url)
    assert other["Body"] == "b1" and receive(url) == []
    delete(url, one)
    again = send("a1", "a", "1")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    [two] = receive(url)
    assert two["Body"] == "a2"
    missing = {"QueueUrl": url, "MessageBody": "x"}
    refused("MissingParameter", sqs.send_message, **missing, MessageDeduplicationId="9")
    refused("InvalidParameterValue", sqs.send_message, **missing, MessageGroupId="a")
    delayed = dict(MessageGroupId="a", MessageDeduplicationId="9", DelaySeconds=1)
    refused("InvalidParameterValue", sqs.send_message, **missing, **delayed)
    batch = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "ok", "MessageBody": "x", "MessageGroupId": "c", "MessageDeduplicationId": "10"},
            {"Id": "no", "MessageBody": "x", "MessageDeduplicationId": "11"},
        ],
    )
    assert [entry["Id"] for entry in batch["Successful"]] == ["ok"]
    assert [(entry["Id"], entry["Code"]) for entry in batch["Failed"]] == [("no", "MissingParameter")]


def eight_consumers_keep_four_groups_in_order():
    url = queue("busy.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    groups, each = 4, 50
    numbers = [(group, number) for number in range(each) for group in range(groups)]
    for start in range(0, len(numbers), 10):
        sqs.send_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(n), "MessageBody": json.dumps(pair), "MessageGroupId": str(pair[0])}
                for n, pair in enumerate(numbers[start : start + 10])
            ],
        )
    handled, busy = {group: [] for group in range(groups)}, set()

    def consume():
        while sum(map(len, handled.values())) < len(numbers):
            for message in receive(url, 1, WaitTimeSeconds=1):
                group, number = json.loads(message["Body"])
                assert group not in busy, "one group is handled twice at once"
                busy.add(group)
                handled[group].append(number)
                busy.remove(group)
                delete(url, message)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for consumer in [pool.submit(consume) for _ in range(8)]:
            consumer.result()
    assert all(numbers == list(range(each)) for numbers in handled.values()), handled


def counts_pages_and_purge():
    url = queue("counted", DelaySeconds=0)
    for n in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(n))
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    receive(url, 1)
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    prefix = "ApproximateNumberOfMessages"
    assert [counts[prefix + suffix] for suffix in ("", "NotVisible", "Delayed")] == ["2", "1", "1"]
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"boto3-{run}", PaginationConfig={"PageSize": 2})
    assert sorted(u for page in pages for u in page.get("QueueUrls", [])) == sorted(created)
    sqs.purge_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, QueueUrl=url)


try:
    for check in [
        attributes_and_digests,
        refusals_have_the_names_of_the_service,
        delays_and_timeouts,
        a_waiting_receiver_wakes_at_once,
        dead_letters_and_back,
        fifo_groups_and_deduplication,
        eight_consumers_keep_four_groups_in_order,
        counts_pages_and_purge,
    ]:
        began = time.monotonic()
        check()
        print(f"ok   {check.__name__} ({time.monotonic() - began:.2f} s)")
finally:
    for url in created:
        sqs.delete_queue(QueueUrl=url)
