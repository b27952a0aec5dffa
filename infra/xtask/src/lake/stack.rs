//! `cargo xtask lake-stack`: the catalogue as `infra/stacks/lake.yaml`. A tidy test holds the file to it.

use std::fmt::Write as _;

use ::lake::{
    Table,
    schema::{Column, PARTITION, TABLES},
};
use serde_json::json;

const HEAD: &str = r#"# Generated from shared/lake by `cargo xtask lake-stack > infra/stacks/lake.yaml`; a test holds it to that.
AWSTemplateFormatVersion: "2010-09-09"
Description: The catalogue of the lake. A table of all versions and a view of the present rows for each, and the workgroups that queries run in.

Parameters:
  Florin: {Type: String, Description: Name of the root stack.}
  LakeBucket: {Type: String, Description: Where the files lie.}
  LakeDatabase: {Type: String, Default: florin, Description: Name of the database.}

Resources:
  Database:
    Type: AWS::Glue::Database
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseInput: {Name: !Ref LakeDatabase, Description: !Sub "The lake of ${Florin}"}
"#;

/// The stack.
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    for table in TABLES {
        versions(&mut text, table);
        view(&mut text, table);
    }
    for (id, name, what) in
        [("Reports", "reports", "The bank's own reports"), ("Queries", "queries", "Questions of staff")]
    {
        work_group(&mut text, id, name, what);
    }
    text
}

/// All versions, as the files have them. Which days there are is computed and not looked up: no crawler, no partition
/// to be added each midnight.
fn versions(text: &mut String, table: &Table) {
    let (id, name, folder) = (pascal(table.name), table.versions(), table.name);
    let columns = columns(table.file_columns().map(|column| (column, column.kind.catalogue_type())));
    let _ = write!(
        text,
        r#"
  {id}Versions:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: {name}
        TableType: EXTERNAL_TABLE
        Parameters:
          EXTERNAL: "TRUE"
          classification: parquet
          projection.enabled: "true"
          projection.{PARTITION}.type: date
          projection.{PARTITION}.format: yyyy-MM-dd
          projection.{PARTITION}.range: 2020-01-01,NOW
        PartitionKeys: [{{Name: {PARTITION}, Type: string}}]
        StorageDescriptor:
          Location: !Sub "s3://${{LakeBucket}}/tables/{folder}/"
          InputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat
          SerdeInfo: {{SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe}}
          Columns:
{columns}"#
    );
}

/// The present rows, as Athena keeps a view.
fn view(text: &mut String, table: &Table) {
    let (id, name) = (pascal(table.name), table.name);
    let columns = columns(table.view_columns().map(|column| (column, column.kind.catalogue_type())));
    let typed = |column: Column| json!([column.name, column.kind.view_type()]);
    let typed = table.view_columns().map(typed).map(|pair| format!(r#"{{"name":{},"type":{}}}"#, pair[0], pair[1]));
    let (sql, typed) = (json!(table.view()), typed.collect::<Vec<_>>().join(","));
    let view = format!(
        r#"{{"originalSql":{sql},"catalog":"awsdatacatalog","schema":"${{LakeDatabase}}","columns":[{typed}]}}"#
    );
    let _ = write!(
        text,
        r#"
  {id}:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: {name}
        TableType: VIRTUAL_VIEW
        Parameters: {{presto_view: "true", comment: Presto View}}
        ViewOriginalText: !Join
          - ""
          - - "/* Presto View: "
            - Fn::Base64: !Sub '{view}'
            - " */"
        ViewExpandedText: "/* Presto View */"
        StorageDescriptor:
          SerdeInfo: {{}}
          Columns:
{columns}"#
    );
}

fn columns(columns: impl Iterator<Item = (Column, &'static str)>) -> String {
    columns.map(|(column, kind)| format!("            - {{Name: {}, Type: \"{kind}\"}}\n", column.name)).collect()
}

/// What a query costs is bounded by what it may read: 10 GB, five cents.
fn work_group(text: &mut String, id: &str, name: &str, what: &str) {
    let _ = write!(
        text,
        r#"
  {id}WorkGroup:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: !Sub "${{Florin}}-{name}"
      Description: {what}
      RecursiveDeleteOption: true
      WorkGroupConfiguration:
        EnforceWorkGroupConfiguration: true
        BytesScannedCutoffPerQuery: 10000000000 # $0.05
        PublishCloudWatchMetricsEnabled: false # billed as custom metrics
        EngineVersion: {{SelectedEngineVersion: Athena engine version 3}}
        ResultConfiguration: {{OutputLocation: !Sub "s3://${{LakeBucket}}/results/{name}/"}}
"#
    );
}

fn pascal(name: &str) -> String {
    let upper = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(upper).collect()
}
