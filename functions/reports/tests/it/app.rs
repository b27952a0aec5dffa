//! A lake on disk, the engine in this process, a table of customers, and the function in front of them.

use std::path::PathBuf;

use aws::{athena::Athena, client::Environment, customers::Customers, objects::Bucket};
use edge::{clock::Clock, http::Request};
use lake::{
    Record, file,
    keys::{self, File},
    schema::{Column, PARTITION, TABLES},
};
use lambda_http::http::HeaderMap;
use local_athena::{Catalogue, Column as Described, Database, Engine, Table, View, WorkGroup, serve};
use reports::{Lake, Stores, handle};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{ManualClock, Objects, Stack, document, request};
use tokio::net::TcpListener;

const DATABASE: &str = "florin";
const BUCKET: &str = "lake";

pub struct App {
    pub stack: Stack,
    pub stores: Stores,
    pub clock: ManualClock,
    pub engine: Engine,
    objects: Objects,
    folder: TempDir,
}

/// What a client sees.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub headers: HeaderMap,
}

fn described(columns: impl Iterator<Item = Column>, kind: impl Fn(&Column) -> &'static str) -> Vec<Described> {
    columns.map(|column| Described { name: column.name.to_owned(), kind: kind(&column).to_owned() }).collect()
}

/// What the stack's own catalogue says, from the tables it is made from.
fn catalogue() -> Catalogue {
    let mut tables = std::collections::BTreeMap::new();
    for table in TABLES {
        let versions = Table {
            columns: described(table.file_columns(), |column| column.kind.catalogue_type()),
            partition_keys: vec![Described { name: PARTITION.to_owned(), kind: "string".to_owned() }],
            location: format!("s3://{BUCKET}/tables/{}/", table.name),
            ..Table::default()
        };
        let view = View {
            sql: table.view(),
            database: DATABASE.to_owned(),
            columns: described(table.view_columns(), |column| column.kind.view_type()),
        };
        let columns = described(table.view_columns(), |column| column.kind.catalogue_type());
        tables.insert(table.versions(), versions);
        tables.insert(table.name.to_owned(), Table { columns, view: Some(view), ..Table::default() });
    }
    let group = |name: &str| {
        let output = Some(format!("s3://{BUCKET}/results/{name}/"));
        (name.to_owned(), WorkGroup { output, enforced: true, ..WorkGroup::default() })
    };
    Catalogue {
        account: "000000000000".to_owned(),
        region: "eu-west-1".to_owned(),
        databases: [(DATABASE.to_owned(), Database { description: None, tables })].into(),
        work_groups: [group("reports"), group("queries"), group("other")].into(),
    }
}

impl App {
    /// An empty lake.
    pub async fn start() -> Self {
        let stack = Stack::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::new(catalogue(), folder.path()).expect("an engine");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(serve(listener, engine.clone()));
        let objects = Objects::start().await;
        let stores = Stores {
            lake: Lake {
                athena: Self::athena_at(&endpoint),
                bucket: objects.bucket(),
                reports: "reports".to_owned(),
                queries: "queries".to_owned(),
            },
            customers: Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable")),
        };
        let clock = ManualClock::at(crate::world::NOW);
        Self { stack, stores, clock, engine, objects, folder }
    }

    pub fn athena_at(endpoint: &str) -> Athena {
        Athena::new(Environment::at(endpoint, "eu-west-1").expect("a client").athena(), DATABASE.to_owned())
    }

    pub fn bucket(&self) -> Bucket {
        self.objects.bucket()
    }

    /// Puts records into the lake as files of this name.
    pub async fn fill(&self, name: &str, records: &[Record]) {
        for table in TABLES {
            let mut days = std::collections::BTreeMap::<String, Vec<Record>>::new();
            for record in records.iter().filter(|record| record.table.name == table.name) {
                days.entry(record.day()).or_default().push(record.clone());
            }
            for (day, records) in days {
                let key = File::new(table, day, name).to_string();
                let path: PathBuf = self.folder.path().join(BUCKET).join(&key);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
                std::fs::write(path, file::encode(table, &records).expect("a file")).expect("the file is written");
                let note = format!("{key}\n{}\n", self.clock.now());
                self.bucket().put(&keys::fresh(table), note).await.expect("the note is written");
            }
        }
    }

    /// Takes the results of all queries away, as the bucket's lifecycle does.
    pub fn forget_results(&self) {
        std::fs::remove_dir_all(self.folder.path().join(BUCKET).join("results")).expect("results are removed");
    }

    /// How many queries the engine has been asked.
    pub fn executions(&self) -> usize {
        self.engine.counts().iter().map(|(_, count)| count).sum()
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.serve(request("GET", resource(path), path).caller("sam", "staff").build()).await
    }

    pub async fn csv(&self, path: &str) -> (String, HeaderMap) {
        let request = request("GET", resource(path), path).caller("sam", "staff").header("Accept", "text/csv").build();
        let answer = handle(&self.stores, &self.clock, request).await;
        let settings = edge::http::Settings { allowed_origin: "*".into() };
        let (parts, body) = edge::http::render(answer, &settings, path, "req-1").expect("a response").into_parts();
        let body: &[u8] = body.as_ref();
        (String::from_utf8(body.to_vec()).expect("text"), parts.headers)
    }

    /// A report as a whole, page by page.
    pub async fn report(&self, path: &str) -> (Vec<String>, Vec<Value>) {
        let (mut columns, mut rows, mut cursor) = (Vec::new(), Vec::new(), None);
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let next = cursor.map_or_else(String::new, |cursor: String| format!("&cursor={cursor}"));
            let reply = self.get(&format!("{path}{mark}limit=7{next}")).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            if columns.is_empty() {
                let names = reply.body["columns"].as_array().expect("columns");
                columns = names.iter().map(|column| column["name"].as_str().expect("a name").to_owned()).collect();
            }
            rows.extend(reply.body["rows"].as_array().expect("rows").iter().cloned());
            cursor = reply.body["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return (columns, rows);
            }
        }
    }

    pub async fn query(&self, sql: &str) -> Reply {
        let body = json!({"sql": sql});
        let request = request("POST", "/queries", "/queries").caller("sam", "staff").header("Prefer", "wait=25");
        self.serve(request.json(&body).build()).await
    }

    pub async fn serve(&self, request: Request) -> Reply {
        let (status, body, headers) = document(handle(&self.stores, &self.clock, request).await);
        Reply { status, body, headers }
    }
}

fn resource(path: &str) -> &'static str {
    let bare = path.split('?').next().unwrap_or_default();
    match bare.split('/').collect::<Vec<_>>()[..] {
        ["", "reports"] => "/reports",
        ["", "reports", _] => "/reports/{name}",
        _ => "/queries/{id}",
    }
}
