//! A lake in a temporary folder, an engine over it, and a client of the SDK.

use std::path::PathBuf;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_athena::Client;
use aws_sdk_athena::config::{BehaviorVersion, Region};
use aws_sdk_athena::error::ProvideErrorMetadata;
use aws_sdk_athena::types::{QueryExecution, QueryExecutionContext, QueryExecutionState};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use local_athena::{Catalogue, Database, Engine, Limits, WorkGroup, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// `2026-11-30 19:04:15` UTC, in milliseconds.
pub const MOMENT: i64 = 1_796_065_455_000;
const DAY: i64 = 86_400_000;

pub struct World {
    pub athena: Client,
    pub address: String,
    pub objects: PathBuf,
    pub engine: Engine,
    _folder: Arc<TempDir>,
}

/// One row of `transfers`.
#[derive(Clone, Default)]
pub struct Transfer {
    pub id: &'static str,
    pub currency: Option<&'static str>,
    /// In units of 10^-8.
    pub amount: i128,
    pub version: i64,
    pub deleted: bool,
    pub days_ago: i64,
}

pub fn transfer(id: &'static str, currency: &'static str, amount: i128, version: i64) -> Transfer {
    Transfer { id, currency: Some(currency), amount, version, deleted: false, days_ago: 0 }
}

pub const UNIT: i128 = 100_000_000;

impl World {
    pub async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        Self::over(folder, limits).await
    }

    /// As after a restart: the same files, a new engine.
    pub async fn again(&self) -> Self {
        Self::over(self._folder.clone(), Limits::default()).await
    }

    async fn over(folder: Arc<TempDir>, limits: Limits) -> Self {
        let objects = folder.path().join("s3");
        let engine = Engine::with_limits(catalogue(), &objects, limits).expect("an engine");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        tokio::spawn(serve(listener, engine.clone()));
        let config = aws_sdk_athena::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(format!("http://{address}"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self { athena: Client::from_conf(config), address, objects, engine, _folder: folder }
    }

    /// Writes an object of `transfers`.
    pub fn write(&self, day: &str, name: &str, rows: &[Transfer]) -> PathBuf {
        let folder = self.objects.join(format!("lake/tables/transfers/dt={day}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let amounts = Decimal128Array::from_iter_values(rows.iter().map(|row| row.amount));
        let moment = |row: &Transfer| MOMENT - row.days_ago * DAY;
        let columns: [(&str, ArrayRef); 7] = [
            ("transfer_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.id)))),
            ("currency", Arc::new(rows.iter().map(|row| row.currency).collect::<StringArray>())),
            ("amount", Arc::new(amounts.with_precision_and_scale(38, 8).expect("decimals"))),
            ("created_at", Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(moment)))),
            ("version", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.version)))),
            ("deleted", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.deleted))))),
            ("changed_at", Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(moment)))),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let path = folder.join(name);
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        path
    }

    /// Begins a query; a refusal is its code and message.
    pub async fn start(&self, sql: &str, parameters: &[&str]) -> Result<String, String> {
        let mut start = self.athena.start_query_execution().query_string(sql).work_group("florin-queries");
        start = start.query_execution_context(QueryExecutionContext::builder().database("florin").build());
        for parameter in parameters {
            start = start.execution_parameters(*parameter);
        }
        match start.send().await {
            Ok(started) => Ok(started.query_execution_id.expect("an id")),
            Err(error) => Err(format!("{}: {}", error.code().unwrap_or_default(), error.message().unwrap_or_default())),
        }
    }

    /// The query as it ended.
    pub async fn ended(&self, id: &str) -> QueryExecution {
        for _ in 0..6_000 {
            let found = self.athena.get_query_execution().query_execution_id(id).send().await.expect("known");
            let execution = found.query_execution.expect("an execution");
            let state = execution.status().and_then(|status| status.state().cloned()).expect("a state");
            if !matches!(state, QueryExecutionState::Queued | QueryExecutionState::Running) {
                return execution;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("query {id} does not end");
    }

    /// How a query ended: its state, and the reason if there is one.
    pub async fn outcome(&self, sql: &str) -> (QueryExecutionState, String) {
        let id = self.start(sql, &[]).await.expect("started");
        let execution = self.ended(&id).await;
        let status = execution.status().expect("a status");
        (status.state().cloned().expect("a state"), status.state_change_reason().unwrap_or_default().to_owned())
    }

    /// The reason of a query that fails.
    pub async fn failure(&self, sql: &str) -> String {
        let (state, reason) = self.outcome(sql).await;
        assert_eq!(state, QueryExecutionState::Failed, "{sql}");
        reason
    }

    /// All rows of a query, the headings first, as text: cells between bars, null as a dash.
    pub async fn rows_with(&self, sql: &str, parameters: &[&str]) -> Vec<String> {
        let id = self.start(sql, parameters).await.expect("started");
        let execution = self.ended(&id).await;
        let status = execution.status().expect("a status");
        assert_eq!(status.state(), Some(&QueryExecutionState::Succeeded), "{sql}: {:?}", status.state_change_reason());
        let results = self.athena.get_query_results().query_execution_id(&id).send().await.expect("results");
        let rows = results.result_set.and_then(|set| set.rows).unwrap_or_default();
        let cells = |row: aws_sdk_athena::types::Row| {
            let cells = row.data.unwrap_or_default().into_iter();
            cells.map(|datum| datum.var_char_value.unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>().join(" | ")
        };
        rows.into_iter().map(cells).collect()
    }

    pub async fn rows(&self, sql: &str) -> Vec<String> {
        self.rows_with(sql, &[]).await
    }

    /// Holds a query to its rows, the headings first.
    pub async fn check(&self, sql: &str, expected: &[&str]) {
        assert_eq!(self.rows(sql).await, expected, "{sql}");
    }
}

pub fn columns() -> Value {
    json!([
        {"Name": "transfer_id", "Type": "string"}, {"Name": "currency", "Type": "string"},
        {"Name": "amount", "Type": "decimal(38,8)"}, {"Name": "created_at", "Type": "timestamp"},
        {"Name": "version", "Type": "bigint"}, {"Name": "deleted", "Type": "boolean"},
        {"Name": "changed_at", "Type": "timestamp"},
    ])
}

pub fn table_input() -> Value {
    json!({
        "Name": "transfers_versions", "TableType": "EXTERNAL_TABLE",
        "Parameters": {"projection.enabled": "true", "projection.dt.type": "date"},
        "PartitionKeys": [{"Name": "dt", "Type": "string"}],
        "StorageDescriptor": {
            "Location": "s3://lake/tables/transfers/", "Columns": columns(),
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
    })
}

pub fn view_input(name: &str, sql: &str, columns: &[(&str, &str)]) -> Value {
    let columns: Vec<_> = columns.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    let view = json!({"originalSql": sql, "catalog": "awsdatacatalog", "schema": "florin", "columns": columns});
    json!({
        "Name": name, "TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true"},
        "ViewOriginalText": format!("/* Presto View: {} */", STANDARD.encode(view.to_string())),
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {"Columns": []},
    })
}

pub fn catalogue() -> Catalogue {
    let mut catalogue =
        Catalogue { account: "000000000000".to_owned(), region: "eu-west-1".to_owned(), ..Catalogue::default() };
    catalogue.databases.insert("florin".to_owned(), Database::default());
    let newest = "SELECT transfer_id, currency, amount, created_at, changed_at FROM (SELECT transfer_id, currency, amount, created_at, \
                  changed_at, deleted, row_number() OVER (PARTITION BY transfer_id ORDER BY version DESC) AS nth FROM \
                  transfers_versions) AS ranked WHERE nth = 1 AND NOT deleted";
    let view = [
        ("transfer_id", "varchar"),
        ("currency", "varchar"),
        ("amount", "decimal(38,8)"),
        ("created_at", "timestamp(3)"),
        ("changed_at", "timestamp(3)"),
    ];
    let circle = view_input("circle", "SELECT a FROM circle", &[("a", "bigint")]);
    let stale = view_input("stale", "SELECT 1 AS a", &[("b", "bigint")]);
    let whole = view_input(
        "per_currency",
        "SELECT currency, sum(amount) AS total FROM florin.transfers GROUP BY 1",
        &[("currency", "varchar"), ("total", "decimal(38,8)")],
    );
    for input in [table_input(), view_input("transfers", newest, &view), circle, stale, whole] {
        catalogue.add_table("florin", &input).expect("a table");
    }
    let group = |output: &str, cutoff| WorkGroup {
        output: Some(output.to_owned()),
        enforced: true,
        bytes_scanned_cutoff: cutoff,
        description: None,
    };
    catalogue
        .work_groups
        .insert("florin-queries".to_owned(), group("s3://lake/results/queries/", Some(10_000_000_000)));
    catalogue.work_groups.insert("narrow".to_owned(), group("s3://lake/results/narrow/", Some(100)));
    catalogue
}
