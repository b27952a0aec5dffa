"""Checks a running Athena and Glue endpoint with boto3: `python boto3_athena.py http://localhost:4566`.

Takes the first workgroup there is, and skips everything where the template has none or the engine is not built yet.
"""

import sys
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:4566"
settings = {
    "endpoint_url": endpoint,
    "region_name": "eu-west-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
    "config": Config(retries={"max_attempts": 0}),
}
athena, glue, s3 = (boto3.client(name, **settings) for name in ["athena", "glue", "s3"])

try:
    groups = [group["Name"] for group in athena.list_work_groups()["WorkGroups"]]
    databases = [database["Name"] for database in glue.get_databases()["DatabaseList"]]
except ClientError as error:
    if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
        raise
    print(f"skip {error.response['Error']['Message']}")
    sys.exit()
group, database = groups[0], databases[0]


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response["Error"]
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} expected")


def start(sql, **arguments):
    context = {"Database": database}
    started = athena.start_query_execution(QueryString=sql, QueryExecutionContext=context, WorkGroup=group, **arguments)
    return started["QueryExecutionId"]


def ended(query):
    for _ in range(600):
        execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        if execution["Status"]["State"] not in ["QUEUED", "RUNNING"]:
            return execution
        time.sleep(0.1)
    raise AssertionError("the query does not end")


def rows(query):
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query, PaginationConfig={"PageSize": 2})
    found = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
    return [[cell.get("VarCharValue") for cell in row] for row in found]


def a_query_and_its_result():
    sql = "SELECT * FROM (VALUES ('a', 1.50, DATE '2026-11-30'), (NULL, 2.25, NULL)) AS t (x, y, z) WHERE y > ? ORDER BY y"
    query = start(sql, ExecutionParameters=["1.0"])
    execution = ended(query)
    assert execution["Status"]["State"] == "SUCCEEDED", execution
    assert rows(query) == [["x", "y", "z"], ["a", "1.50", "2026-11-30"], [None, "2.25", None]], rows(query)
    bucket, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert body == b'"x","y","z"\n"a","1.50","2026-11-30"\n,"2.25",\n', body
    info = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(column["Type"], column["Scale"]) for column in info] == [("varchar", 0), ("decimal", 2), ("date", 0)], info


def failures_and_refusals():
    status = ended(start("SELECT * FROM nothing"))["Status"]
    expected = f"TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{database}.nothing' does not exist"
    assert (status["State"], status["StateChangeReason"]) == ("FAILED", expected), status
    assert ended(start("DROP TABLE nothing"))["Status"]["State"] == "FAILED"
    assert "mismatched input" in refused("InvalidRequestException", start, sql="SELEC 1")
    refused("InvalidRequestException", athena.get_query_execution, QueryExecutionId="nobody")


def a_token_begins_a_query_once():
    token = uuid.uuid4().hex
    first = start("SELECT 1", ClientRequestToken=token)
    assert start("SELECT 1", ClientRequestToken=token) == first
    refused("InvalidRequestException", start, sql="SELECT 2", ClientRequestToken=token)


def the_catalogue():
    assert group == athena.get_work_group(WorkGroup=group)["WorkGroup"]["Name"]
    for table in glue.get_tables(DatabaseName=database)["TableList"]:
        query = start(f"SELECT count(*) AS n FROM {table['Name']}")
        execution = ended(query)
        assert execution["Status"]["State"] == "SUCCEEDED", execution
    refused("EntityNotFoundException", glue.get_table, DatabaseName=database, Name="nothing")


for check in [a_query_and_its_result, failures_and_refusals, a_token_begins_a_query_once, the_catalogue]:
    began = time.monotonic()
    check()
    print(f"ok   {check.__name__} ({time.monotonic() - began:.2f} s)")
