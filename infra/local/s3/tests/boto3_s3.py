"""Checks a running S3 endpoint with boto3: `python boto3_s3.py http://localhost:4566`.

boto3 sends and verifies checksums by itself. Buckets are made for the run and deleted after it.
"""

import concurrent.futures
import io
import sys
import time
import urllib.request
import uuid

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:4566"
settings = {
    "endpoint_url": endpoint,
    "region_name": "eu-west-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}
s3 = boto3.client("s3", config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}), **settings)
bucket = f"boto3-{uuid.uuid4().hex[:8]}"


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response["Error"]
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error
    raise AssertionError(f"{code} expected")


def keys(**arguments):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **arguments)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def objects_and_metadata():
    put = s3.put_object(Bucket=bucket, Key="a b/ü+&.txt", Body=b"hello", ContentType="text/plain", Metadata={"x": "1"})
    assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"', put
    got = s3.get_object(Bucket=bucket, Key="a b/ü+&.txt")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"hello", "text/plain", {"x": "1"})
    part = s3.get_object(Bucket=bucket, Key="a b/ü+&.txt", Range="bytes=1-3")
    assert (part["Body"].read(), part["ContentRange"]) == (b"ell", "bytes 1-3/5")
    assert s3.head_object(Bucket=bucket, Key="a b/ü+&.txt")["ContentLength"] == 5
    s3.delete_object(Bucket=bucket, Key="a b/ü+&.txt")
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="a b/ü+&.txt")
    refused("404", s3.head_object, Bucket=bucket, Key="a b/ü+&.txt")
    refused("NoSuchBucket", s3.get_object, Bucket=bucket + "-none", Key="k")


def conditions():
    etag = s3.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="once", Body=b"3", IfMatch=etag)
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="once", Body=b"4", IfMatch=etag)

    def first(number):
        try:
            s3.put_object(Bucket=bucket, Key="race", Body=str(number).encode(), IfNoneMatch="*")
            return 1
        except ClientError:
            return 0

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(first, range(16))) == 1


def checksums():
    for algorithm in ["CRC32", "SHA256"]:
        s3.put_object(Bucket=bucket, Key="sum", Body=b"123456789", ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
        assert got["Body"].read() == b"123456789" and got[f"Checksum{algorithm}"], got
    refused("BadDigest", s3.put_object, Bucket=bucket, Key="sum", Body=b"x", ChecksumCRC32="y/Q5Jg==")
    refused("InvalidDigest", s3.put_object, Bucket=bucket, Key="sum", Body=b"x", ContentMD5="x")
    s3.put_object(Bucket=bucket, Key="stream", Body=io.BytesIO(b"y" * 100_000))
    assert s3.head_object(Bucket=bucket, Key="stream")["ContentLength"] == 100_000


def listings():
    for key in ["l/a", "l/b/1", "l/b/2", "l/c", "l/ä &"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    for size in [1, 2, 1000]:
        found = keys(Prefix="l/", PaginationConfig={"PageSize": size})
        assert found == ["l/a", "l/b/1", "l/b/2", "l/c", "l/ä &"], found
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="l/", Delimiter="/")
    assert [common["Prefix"] for common in listed["CommonPrefixes"]] == ["l/b/"]
    resource = boto3.resource("s3", config=Config(s3={"addressing_style": "path"}), **settings)
    assert len(list(resource.Bucket(bucket).objects.filter(Prefix="l/"))) == 5  # the older listing
    assert bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"


def uploads_in_parts():
    body = bytes(range(256)) * 4096 * 12  # 12 MB
    s3.upload_fileobj(io.BytesIO(body), bucket, "big", Config=TransferConfig(multipart_threshold=5 * 1024 * 1024))
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-2"')
    target = io.BytesIO()
    s3.download_fileobj(bucket, "big", target)
    assert target.getvalue() == body
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "big"})
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == len(body)


def presigned():
    s3.put_object(Bucket=bucket, Key="shared", Body=b"open")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "shared"})
    assert urllib.request.urlopen(url).read() == b"open"


try:
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for check in [objects_and_metadata, conditions, checksums, listings, uploads_in_parts, presigned]:
        began = time.monotonic()
        check()
        print(f"ok   {check.__name__} ({time.monotonic() - began:.2f} s)")
finally:
    for key in keys():
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}], "Quiet": True})
    s3.delete_bucket(Bucket=bucket)
