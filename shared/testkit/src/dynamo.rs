//! The in-process DynamoDB of one test.

use std::path::{Path, PathBuf};

use aws::{client::Environment, exchange::Exchange, ledger::Ledger, phones::Phones};
use dynoxide::Database;
use local_template::Options;
use tokio::net::TcpListener;

/// An isolated database with the template's tables, served on a free port for as long as the test runs.
#[derive(Clone)]
pub struct Stack {
    /// The database itself, to look behind the wire.
    pub database: Database,
    endpoint: String,
    tables: Vec<(String, String)>,
}

impl Stack {
    /// Starts one; a fresh one in memory takes a few milliseconds.
    pub async fn start() -> Self {
        let database = Database::memory().expect("a database in memory");
        let template = root().join("template.yaml");
        let stack =
            local_template::load(&template, &Options::local("http://localhost:4566")).expect("template.yaml reads");
        let mut tables = Vec::new();
        for table in stack.tables() {
            let request = serde_json::from_value(table.create_table.clone()).expect("a CreateTable request");
            database.create_table(request).expect("the table is created");
            tables.push((table.logical_id.clone(), table.name.clone()));
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let served = database.clone();
        // A thread of its own: the engine blocks, and a test's runtime may have one thread only.
        let listener = listener.into_std().expect("a listener");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                dynoxide::server::serve_on(listener, served).await;
            });
        });
        Self { database, endpoint, tables }
    }

    /// Where the database listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What clients are built from.
    pub fn environment(&self) -> Environment {
        Environment::at(&self.endpoint, "eu-west-1").expect("a client")
    }

    /// The physical name of a table of the template, by its logical id.
    pub fn table(&self, logical_id: &str) -> String {
        let found = self.tables.iter().find(|(id, _)| id == logical_id);
        found.unwrap_or_else(|| panic!("template.yaml has no table {logical_id}")).1.clone()
    }

    /// The phones on this database.
    pub fn phones(&self) -> Phones {
        Phones::new(self.environment().dynamodb(), self.table("PhonesTable"))
    }

    /// The exchange on this database.
    pub fn exchange(&self) -> Exchange {
        Exchange::new(self.environment().dynamodb(), self.table("ExchangeTable"))
    }

    /// The ledger on this database.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.environment().dynamodb(), self.table("LedgerTable"))
    }
}

/// The repository's root, from wherever a test runs.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
