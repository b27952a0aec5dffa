//! The catalogue: from a template, over the wire, and in a file.

use std::collections::BTreeMap;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local_athena::Catalogue;
use local_template::{Options, load};
use serde_json::{Value, json};

use crate::world::{World, catalogue, transfer};

async fn glue(world: &World, operation: &str, body: Value) -> Value {
    let request = http::Request::post(format!("http://{}/", world.address))
        .header("x-amz-target", format!("AWSGlue.{operation}"))
        .header("content-type", "application/x-amz-json-1.1")
        .body(Full::new(Bytes::from(body.to_string())))
        .expect("a request");
    let response = Client::builder(TokioExecutor::new()).build_http().request(request).await.expect("an answer");
    serde_json::from_slice(&response.into_body().collect().await.expect("a body").to_bytes()).expect("JSON")
}

#[tokio::test]
async fn glue_tells_databases_tables_and_partitions() {
    let world = World::new().await;
    world.write("2026-11-30", "a.parquet", &[transfer("t1", "EUR", 1, 1)]);
    world.write("2026-11-29", "a.parquet", &[transfer("t2", "EUR", 1, 1)]);
    assert_eq!(glue(&world, "GetDatabase", json!({"Name": "Florin"})).await["Database"]["Name"], "florin");
    assert_eq!(glue(&world, "GetDatabases", json!({})).await["DatabaseList"].as_array().map(Vec::len), Some(1));
    let table = glue(&world, "GetTable", json!({"DatabaseName": "florin", "Name": "transfers_versions"})).await;
    assert_eq!(table["Table"]["StorageDescriptor"]["Location"], "s3://lake/tables/transfers/");
    assert_eq!(table["Table"]["PartitionKeys"], json!([{"Name": "dt", "Type": "string"}]));
    assert_eq!(
        glue(&world, "GetTables", json!({"DatabaseName": "florin"})).await["TableList"].as_array().map(Vec::len),
        Some(5)
    );
    let partitions =
        glue(&world, "GetPartitions", json!({"DatabaseName": "florin", "TableName": "transfers_versions"})).await;
    assert_eq!(partitions["Partitions"][0]["Values"], json!(["2026-11-29"]));
    assert_eq!(
        partitions["Partitions"][1]["StorageDescriptor"]["Location"],
        "s3://lake/tables/transfers/dt=2026-11-30/"
    );
    let missing = glue(&world, "GetTable", json!({"DatabaseName": "florin", "Name": "nothing"})).await;
    assert_eq!(
        (&missing["__type"], &missing["message"]),
        (&json!("EntityNotFoundException"), &json!("Table nothing not found."))
    );
    assert_eq!(glue(&world, "DeleteTable", json!({})).await["__type"], "UnknownOperationException");
}

#[test]
fn a_catalogue_goes_through_json_unchanged() {
    let text = serde_json::to_string(&catalogue()).expect("JSON");
    assert_eq!(serde_json::from_str::<Catalogue>(&text).expect("a catalogue"), catalogue());
}

#[test]
fn a_templates_catalogue_is_that_of_its_stacks() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("template.yaml"),
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  LakeDatabase: {Type: String, Default: florin}
Resources:
  LakeBucket: {Type: AWS::S3::Bucket}
  Lake:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: lake.yaml
      Parameters: {LakeDatabase: !Ref LakeDatabase, LakeBucket: !Ref LakeBucket}
"#,
    )
    .expect("written");
    std::fs::write(folder.path().join("lake.yaml"), r#"
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  LakeDatabase: {Type: String}
  LakeBucket: {Type: String}
Resources:
  Database:
    Type: AWS::Glue::Database
    Properties: {CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: !Ref LakeDatabase}}
  GrantsVersions:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: grants_versions
        TableType: EXTERNAL_TABLE
        Parameters: {EXTERNAL: "TRUE", projection.enabled: "true"}
        PartitionKeys: [{Name: dt, Type: string}]
        StorageDescriptor:
          Location: !Sub "s3://${LakeBucket}/tables/grants/"
          Columns: [{Name: grant_id, Type: string}, {Name: quantity, Type: "decimal(38,8)"}]
          SerdeInfo: {SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe}
  Grants:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: grants
        TableType: VIRTUAL_VIEW
        Parameters: {presto_view: "true"}
        StorageDescriptor: {Columns: [{Name: grant_id, Type: string}]}
        ViewExpandedText: "/* Presto View */"
        ViewOriginalText: !Join
          - ""
          - - "/* Presto View: "
            - Fn::Base64: !Sub '{"originalSql": "SELECT grant_id FROM grants_versions", "catalog": "awsdatacatalog", "schema": "${LakeDatabase}", "columns": [{"name": "grant_id", "type": "varchar"}]}'
            - " */"
  Reports:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: !Sub "${AWS::StackName}-reports"
      WorkGroupConfiguration:
        EnforceWorkGroupConfiguration: true
        BytesScannedCutoffPerQuery: 10000000000
        ResultConfiguration: {OutputLocation: !Sub "s3://${LakeBucket}/results/reports/"}
"#).expect("written");
    let options = Options { parameters: BTreeMap::new(), ..Options::local("http://localhost:4566") };
    let stack = load(&folder.path().join("template.yaml"), &options).expect("a stack");
    let catalogue = Catalogue::of(&stack);
    let tables = &catalogue.databases["florin"].tables;
    let bucket = &stack.buckets()[0].name;
    assert_eq!(tables["grants_versions"].location, format!("s3://{bucket}/tables/grants/"));
    assert_eq!(tables["grants_versions"].columns.len(), 2);
    let view = tables["grants"].view.as_ref().expect("a view");
    assert_eq!((view.sql.as_str(), view.database.as_str()), ("SELECT grant_id FROM grants_versions", "florin"));
    let outputs: BTreeMap<_, _> =
        catalogue.work_groups.iter().map(|(name, group)| (name.as_str(), group.output.clone())).collect();
    assert_eq!(outputs, BTreeMap::from([("florin-Lake-reports", Some(format!("s3://{bucket}/results/reports/")))]));
}
