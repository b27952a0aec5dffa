//! DynamoDB: dynoxide on a SQLite file, on a loopback port and threads of its own, with the template's tables.
//!
//! Its one connection stands behind a lock and its handlers block on it, so it must not share a runtime with the gateway.

use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dynoxide::Database;
use local_template::Table;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::serve::stopped;

/// How often items past their time to live are removed. AWS takes up to days; nothing of ours may rely on either.
const SWEEP: Duration = Duration::from_secs(20);

/// The engine numbers stream records by the highest number so far and has no index on it: every write would read the whole
/// stream, and a bank with 10,000 transfers would be a hundred times slower than a new one. It never forgets a record either.
const KEEP_STREAMS_SHORT: &str = "
    CREATE INDEX IF NOT EXISTS _stream_records_by_number ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    DELETE FROM _stream_records WHERE created_at < unixepoch() - 86400; -- AWS keeps them for 24 hours
";

/// The engine and its server.
pub struct DynamoDb {
    database: Database,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens the file, makes what the template has and the file has not, and serves it on a free loopback port.
    pub fn start(file: &Path, tables: &[Table]) -> Result<Self> {
        let path = file.to_str().context("the data directory's name must be UTF-8")?;
        let database = Database::new(path).with_context(|| format!("opening {path}"))?;
        // Write-ahead log with synchronous=NORMAL: a commit survives the end of the process at any moment. The pragma's
        // default would also survive the end of the machine, for an fsync per commit; this is a laptop's bank.
        database.disable_bulk_loading().context("setting SQLite's pragmas")?;
        let streams = rusqlite::Connection::open(path).and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.execute_batch(KEEP_STREAMS_SHORT)
        });
        streams.context("the index on stream records; is dynoxide still the pinned version?")?;
        for table in tables {
            ensure(&database, table).with_context(|| format!("table {} ({})", table.logical_id, table.name))?;
        }
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("a port for DynamoDB")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, mut stop_seen) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("dynamodb")
            .enable_all()
            .build()
            .context("a runtime for DynamoDB")?;
        let served = database.clone();
        let thread = std::thread::Builder::new().name("dynamodb".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::spawn(sweep(served.clone(), stop_seen.clone()));
                // Not `serve_with_shutdown`: nobody who still holds a connection may hold up the stop.
                tokio::select! {
                    () = dynoxide::server::serve_on(listener, served) => {}
                    () = stopped(&mut stop_seen) => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(2));
        })?;
        Ok(Self { database, address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The engine itself, for the event sources.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Ends the server after what it is doing.
    pub fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn sweep(database: Database, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stopped(&mut stop) => return,
        }
        let database = database.clone();
        // A sweep that fails is followed by the next one.
        drop(tokio::task::spawn_blocking(move || database.sweep_ttl()).await);
    }
}

/// Makes the table, or brings an older one up to the template where DynamoDB could: indexes, stream, time to live.
fn ensure(database: &Database, table: &Table) -> Result<()> {
    let wanted = &table.create_table;
    if database.list_tables(request(json!({}))?)?.table_names.contains(&table.name) {
        let described = serde_json::to_value(database.describe_table(request(json!({"TableName": table.name}))?)?)?;
        upgrade(database, table, &described["Table"])?;
    } else {
        database.create_table(request(wanted.clone())?)?;
    }
    let described = database.describe_time_to_live(request(json!({"TableName": table.name}))?)?;
    let described = serde_json::to_value(described)?;
    let now = described["TimeToLiveDescription"]["AttributeName"].as_str();
    if now != table.ttl_attribute.as_deref() {
        for (attribute, enabled) in [(now, false), (table.ttl_attribute.as_deref(), true)] {
            let Some(attribute) = attribute else { continue };
            let specification = json!({"AttributeName": attribute, "Enabled": enabled});
            database.update_time_to_live(request(
                json!({"TableName": table.name, "TimeToLiveSpecification": specification}),
            )?)?;
        }
    }
    Ok(())
}

fn upgrade(database: &Database, table: &Table, present: &Value) -> Result<()> {
    let wanted = &table.create_table;
    if shape(&wanted["KeySchema"]) != shape(&present["KeySchema"]) {
        bail!("its key has changed, which no table survives; start once with --fresh to begin anew");
    }
    let indexes = |of: &Value| -> Vec<Value> { of["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default() };
    let (wanted_indexes, present_indexes) = (indexes(wanted), indexes(present));
    let same = |a: &Value, b: &Value| {
        shape(&a["KeySchema"]) == shape(&b["KeySchema"])
            && a["Projection"]["ProjectionType"] == b["Projection"]["ProjectionType"]
            && shape(&a["Projection"]["NonKeyAttributes"]) == shape(&b["Projection"]["NonKeyAttributes"])
    };
    let attributes = &wanted["AttributeDefinitions"];
    let update = |change: Value| -> Result<()> {
        let body = json!({
            "TableName": table.name, "AttributeDefinitions": attributes, "GlobalSecondaryIndexUpdates": [change]
        });
        database.update_table(request(body)?)?;
        Ok(())
    };
    // One change per call, as DynamoDB wants it; what is changed is dropped and filled again.
    for index in &present_indexes {
        let name = &index["IndexName"];
        if !wanted_indexes.iter().any(|wanted| wanted["IndexName"] == *name && same(wanted, index)) {
            update(json!({"Delete": {"IndexName": name}}))?;
        }
    }
    for index in &wanted_indexes {
        let name = &index["IndexName"];
        if !present_indexes.iter().any(|present| present["IndexName"] == *name && same(present, index)) {
            update(json!({"Create": index}))?;
        }
    }
    let streams = present["StreamSpecification"]["StreamEnabled"] == true;
    let stream = &wanted["StreamSpecification"];
    if stream.is_object() && !streams {
        database.update_table(request(json!({"TableName": table.name, "StreamSpecification": stream}))?)?;
    }
    Ok(())
}

/// A list without regard to its order.
fn shape(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list.as_array().into_iter().flatten().map(Value::to_string).collect();
    texts.sort();
    texts
}

/// Requests of the engine are those of the wire.
fn request<T: serde::de::DeserializeOwned>(body: Value) -> Result<T> {
    serde_json::from_value(body).context("a request to DynamoDB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(indexes: &[(&str, &str)], ttl: Option<&str>) -> Table {
        let index = |(name, projection): &(&str, &str)| {
            json!({
                "IndexName": name, "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": projection}
            })
        };
        let mut attributes = vec![json!({"AttributeName": "pk", "AttributeType": "S"})];
        attributes.extend(indexes.iter().map(|(name, _)| json!({"AttributeName": name, "AttributeType": "S"})));
        let mut create = json!({
            "TableName": "things", "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        });
        if !indexes.is_empty() {
            create["GlobalSecondaryIndexes"] = indexes.iter().map(index).collect();
        }
        Table {
            logical_id: "T".into(),
            name: "things".into(),
            arn: "arn:aws:dynamodb:eu-west-1:000000000000:table/things".into(),
            create_table: create,
            ttl_attribute: ttl.map(str::to_owned),
            stream_arn: None,
        }
    }

    fn indexes(database: &Database) -> Vec<(String, String)> {
        let described = database.describe_table(request(json!({"TableName": "things"})).expect("a request"));
        let described = serde_json::to_value(described.expect("a table")).expect("JSON");
        let list = described["Table"]["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut seen: Vec<_> = list
            .iter()
            .map(|index| (text(&index["IndexName"]), text(&index["Projection"]["ProjectionType"])))
            .collect();
        seen.sort();
        seen
    }

    #[test]
    fn an_older_table_gets_the_indexes_and_the_time_to_live_of_the_template() {
        let database = Database::memory().expect("a database");
        ensure(&database, &table(&[("by_a", "ALL"), ("by_b", "ALL")], None)).expect("made");
        let item = json!({"TableName": "things", "Item": {"pk": {"S": "1"}, "by_a": {"S": "x"}, "by_c": {"S": "y"}}});
        database.put_item(request(item).expect("a request")).expect("put");
        ensure(&database, &table(&[("by_a", "KEYS_ONLY"), ("by_c", "ALL")], Some("ttl"))).expect("brought up to date");
        ensure(&database, &table(&[("by_a", "KEYS_ONLY"), ("by_c", "ALL")], Some("ttl"))).expect("nothing to do");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(indexes(&database), [pair("by_a", "KEYS_ONLY"), pair("by_c", "ALL")]);
        let query = json!({
            "TableName": "things", "IndexName": "by_c", "KeyConditionExpression": "by_c = :c",
            "ExpressionAttributeValues": {":c": {"S": "y"}}
        });
        let found = database.query(request(query).expect("a request")).expect("queried");
        assert_eq!(found.count, 1, "the index is filled with what was there");
    }

    #[test]
    fn a_write_does_not_read_the_stream_that_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tables.db");
        let mut engine = DynamoDb::start(&file, &[]).expect("started");
        engine.stop();
        let connection = rusqlite::Connection::open(&file).expect("opened");
        // The engine's own questions, word for word.
        for question in [
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 'x'",
            "SELECT event_name FROM _stream_records WHERE table_name = 'x' AND shard_id = 'y' \
             AND CAST(sequence_number AS INTEGER) > 3 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 4",
        ] {
            let plan: Vec<String> = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {question}"))
                .and_then(|mut plan| plan.query_map([], |row| row.get(3))?.collect())
                .expect("a plan");
            let plan = plan.join("; ");
            assert!(plan.starts_with("SEARCH _stream_records USING") && plan.contains("_by_number"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    #[test]
    fn a_changed_key_is_an_error_that_names_the_way_out() {
        let database = Database::memory().expect("a database");
        ensure(&database, &table(&[], None)).expect("made");
        let mut other = table(&[], None);
        other.create_table["KeySchema"][0]["AttributeName"] = json!("id");
        let error = ensure(&database, &other).expect_err("refused").to_string();
        assert!(error.contains("--fresh"), "{error}");
    }
}
