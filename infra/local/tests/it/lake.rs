//! S3, Athena and Glue on the AWS port, over a template of their own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::Timestamp;
use lake::{Record, Table, Value as Cell};
use local::{Config, Runner};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::world::{Http, root};

const TEMPLATE: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  PartnerAccess: {Type: String}
Resources:
  LakeBucket: {Type: AWS::S3::Bucket}
  Lake:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: lake.yaml, Parameters: {LakeBucket: !Ref LakeBucket}}
"#;

const LAKE: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  LakeBucket: {Type: String}
Resources:
  Database:
    Type: AWS::Glue::Database
    Properties: {CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: florin}}
  GrantsVersions:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: grants_versions
        TableType: EXTERNAL_TABLE
        PartitionKeys: [{Name: dt, Type: string}]
        StorageDescriptor:
          Location: !Sub "s3://${LakeBucket}/tables/grants/"
          Columns: COLUMNS
          SerdeInfo: {SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe}
  Queries:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: queries
      WorkGroupConfiguration: {ResultConfiguration: {OutputLocation: !Sub "s3://${LakeBucket}/results/"}}
"#;

const BUCKET: &str = "florin-lakebucket";
const SIGNED_FOR_S3: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=local/20261130/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0",
);

/// A repository of the two templates, which finds the binaries of the real one.
fn repository(folder: &Path, with_binaries: bool) -> PathBuf {
    let grants = Table::named("grants").expect("a table");
    let columns =
        grants.file_columns().map(|column| json!({"Name": column.name, "Type": column.kind.catalogue_type()}));
    let columns = Value::Array(columns.collect()).to_string();
    let repository = folder.join("repository");
    std::fs::create_dir_all(&repository).expect("made");
    std::fs::write(repository.join("template.yaml"), TEMPLATE).expect("written");
    std::fs::write(repository.join("lake.yaml"), LAKE.replace("COLUMNS", &columns)).expect("written");
    if with_binaries {
        std::os::unix::fs::symlink(root().join("target"), repository.join("target")).expect("linked");
    }
    repository
}

async fn start(folder: &Path, with_binaries: bool) -> Runner {
    let mut config = Config::new(repository(folder, with_binaries));
    if with_binaries {
        local::build_engine(&root(), &config.profile).await.expect("the engine builds");
    } else {
        config.profile = "none".to_owned();
    }
    (config.port, config.aws_port, config.supplier_port) = (0, 0, 0);
    (config.build, config.demo, config.data) = (false, false, folder.join("data"));
    Runner::start(config).await.expect("the runner starts")
}

/// The page, once the engine has been started so often and runs.
async fn running(runner: &Runner, starts: u64) -> Value {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let page = Http::new(runner.url()).get("/_local/athena", None).await.expect_status(200);
        if page["state"] == "running" && page["starts"] == starts {
            return page;
        }
        assert!(Instant::now() < limit, "waited in vain: {page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The query as it ended.
async fn query(aws: &Http, sql: &str) -> Value {
    let asked = json!({"QueryString": sql, "QueryExecutionContext": {"Database": "florin"}, "WorkGroup": "queries"});
    let started = aws.call("AmazonAthena.StartQueryExecution", &asked).await.expect_status(200);
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let found = aws.call("AmazonAthena.GetQueryExecution", &started).await.expect_status(200);
        let execution = &found["QueryExecution"];
        if !["QUEUED", "RUNNING"].contains(&execution["Status"]["State"].as_str().expect("a state")) {
            return execution.clone();
        }
        assert!(Instant::now() < limit, "waited in vain: {execution}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn grant(number: u8) -> Record {
    let at = Timestamp::from_millis(1_796_065_455_000);
    let text = |text: String| Some(Cell::Text(text));
    Record {
        table: Table::named("grants").expect("a table"),
        values: vec![
            text(format!("grt_{number}")),
            text("cus_1".to_owned()),
            text("BTC".to_owned()),
            Some(Cell::Decimal(Decimal::new(i64::from(number), 8))),
            Some(Cell::Moment(at)),
        ],
        version: 1,
        deleted: false,
        changed_at: at,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_put_to_s3_is_found_by_athena_and_its_result_is_an_object() {
    let folder = tempfile::tempdir().expect("a folder");
    let runner = start(folder.path(), true).await;
    running(&runner, 1).await;
    let aws = Http::new(runner.aws_url());
    let grants = Table::named("grants").expect("a table");
    let file = lake::file::encode(grants, &[grant(1), grant(2)]).expect("a file");
    let key = format!("/{BUCKET}/tables/grants/dt%3D2026-11-30/a.parquet");
    aws.send("PUT", &key, &[SIGNED_FOR_S3], file).await.expect_success();
    let ended = query(
        &aws,
        "SELECT asset, sum(quantity) AS total, max(created_at) AS newest FROM grants_versions GROUP BY asset",
    )
    .await;
    assert_eq!(ended["Status"]["State"], "SUCCEEDED", "{ended}");
    let output = ended["ResultConfiguration"]["OutputLocation"].as_str().expect("an output");
    let path = output.strip_prefix("s3:/").expect("a location");
    let result = aws.send("GET", path, &[SIGNED_FOR_S3], "").await;
    assert_eq!(result.status, 200, "{result:?}");
    assert_eq!(
        String::from_utf8_lossy(&result.body),
        "\"asset\",\"total\",\"newest\"\n\"BTC\",\"0.00000003\",\"2026-11-30 19:04:15.000\"\n"
    );
    let listed = aws.send("GET", &format!("/{BUCKET}?list-type=2&prefix=tables/"), &[SIGNED_FOR_S3], "").await;
    assert!(
        String::from_utf8_lossy(&listed.body).contains("<Key>tables/grants/dt=2026-11-30/a.parquet</Key>"),
        "{listed:?}"
    );
    let table = aws.call("AWSGlue.GetTable", &json!({"DatabaseName": "florin", "Name": "grants_versions"})).await;
    assert_eq!(
        table.expect_status(200)["Table"]["StorageDescriptor"]["Location"],
        format!("s3://{BUCKET}/tables/grants/")
    );
    runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_is_started_again_and_knows_its_queries() {
    let folder = tempfile::tempdir().expect("a folder");
    let runner = start(folder.path(), true).await;
    let page = running(&runner, 1).await;
    let aws = Http::new(runner.aws_url());
    let ended = query(&aws, "SELECT 1 AS one").await;
    let process = page["process"].as_u64().expect("a process").to_string();
    assert!(std::process::Command::new("kill").args(["-9", &process]).status().expect("kill").success());
    let page = running(&runner, 2).await;
    assert_eq!(page["queries"]["succeeded"], 1, "{page}");
    let results =
        aws.call("AmazonAthena.GetQueryResults", &json!({"QueryExecutionId": ended["QueryExecutionId"]})).await;
    assert_eq!(results.expect_status(200)["ResultSet"]["Rows"][1]["Data"][0]["VarCharValue"], "1");
    let process = page["process"].as_u64().expect("a process");
    runner.shutdown().await;
    assert!(!Path::new(&format!("/proc/{process}")).exists(), "it ends with the runner");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_whoever_asks_is_told_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let runner = start(folder.path(), false).await;
    let aws = Http::new(runner.aws_url());
    let refused = aws.call("AmazonAthena.GetWorkGroup", &json!({"WorkGroup": "queries"})).await.expect_status(503);
    assert_eq!(refused["__type"], "ServiceUnavailableException");
    assert!(
        refused["message"]
            .as_str()
            .is_some_and(|message| message.contains("local-athena") || message.contains("building")),
        "{refused}"
    );
    aws.send("PUT", &format!("/{BUCKET}/k"), &[SIGNED_FOR_S3], "v").await.expect_success();
    let curl = aws.send("GET", &format!("/{BUCKET}/k"), &[], "").await;
    assert_eq!((curl.status, &curl.body[..]), (200, &b"v"[..]));
    runner.shutdown().await;
}
