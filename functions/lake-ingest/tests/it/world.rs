//! A bank and a shop with some history, its streams, and a lake.

use std::collections::BTreeMap;

use aws::{customers::Customers, lake::Scan};
use domain::{
    Timestamp,
    customer::{
        Customer, CustomerStatus, Document, DocumentKind, DocumentNumber, EmailAddress, PersonName, Registration,
    },
};
use edge::clock::Clock;
use lake::{Record, Table, Value, file, keys::File, schema::TABLES};
use lake_ingest::Ingest;
use serde_json::json;
use testkit::{ManualClock, Objects, Stack, buy_from, command, customer, delivered, hold, money, refused, transfer_id};

/// What a view shows: rows by table and key, each with its version.
pub type View = BTreeMap<(&'static str, Vec<Option<Value>>), (i64, Vec<Option<Value>>)>;

pub struct World {
    pub stack: Stack,
    pub clock: ManualClock,
}

impl World {
    /// Every kind of row, each changed in every way that the bank knows.
    pub async fn with_history() -> Self {
        let world = Self { stack: Stack::start().await, clock: ManualClock::default() };
        let (stack, now) = (&world.stack, || {
            world.clock.tick();
            world.clock.now()
        });
        for who in ["ana", "ben", "cora"] {
            world.sign_up(who, now()).await;
        }
        let ana = stack.account("ana", "USD", "500.00", now()).await;
        let ben = stack.account("ben", "USD", "0.00", now()).await;
        let usd = |text| money(text, "USD");
        for (name, from, to, amount) in
            [("t1", &ana, &ben, "40.00"), ("t2", &ana, &ben, "9999.00"), ("t3", &ben, &ana, "0.01")]
        {
            let wish = command(name, Some(&from.id), Some(&to.id), usd(amount));
            stack.transfer(&wish, now()).await.expect("an answer");
        }
        for name in ["h1", "h2", "h3"] {
            let wish = hold(name, &ana.id, Some(&ben.id), usd("5.00"), 3600);
            stack.transfer(&wish, now()).await.expect("an answer");
            let (ledger, at) = (stack.ledger(), now());
            let held = ledger.transfer(&transfer_id(name)).await.expect("a look").expect("a hold");
            let resolution = match name {
                "h1" => held.capture(Some(usd("3.00")), at).expect("pending"),
                "h2" => held.void(at).expect("pending").expect("something to do"),
                _ => held.capture(None, at).expect("pending"),
            };
            ledger.resolve(&held, &resolution, None).await.expect("an answer");
        }
        stack.transfer(&hold("h4", &ana.id, Some(&ben.id), usd("7.00"), 3600), now()).await.expect("an answer");
        for (who, asset, quantity) in [("ana", "USD", "100"), ("ana", "BTC", "0.12345678"), ("ben", "USD", "7.5")] {
            stack.grant(who, asset, quantity, now()).await;
        }
        let product = stack.product("claro-5", "10.00").await;
        for (name, outcome) in [("v1", Some(delivered("CODE-1"))), ("v2", Some(refused())), ("v3", None)] {
            let purchase = stack.bought(&buy_from(name, "ana", &ana.id, &product), now()).await;
            if let Some(outcome) = outcome {
                stack.settle(&purchase.id, &outcome, now()).await;
            }
        }
        world.change_customers().await;
        world
    }

    async fn sign_up(&self, who: &str, now: Timestamp) {
        let registration = Registration {
            given_name: PersonName::parse(who).expect("a name"),
            family_name: PersonName::parse("Quispe").expect("a name"),
            email: EmailAddress::parse(&format!("{who}@example.com")).expect("an address"),
            phone: None,
            document: None,
        };
        let person = Customer::register(customer(who), registration, now);
        self.customers().create(&person).await.expect("a customer");
    }

    async fn change_customers(&self) {
        let customers = self.customers();
        let of = async |who: &str| customers.customer(&customer(who)).await.expect("a look").expect("a customer");
        let ana = of("ana").await;
        let number = DocumentNumber::parse("12345678").expect("a number");
        let document = Document::new(DocumentKind::Dni, number, None, None).expect("a document");
        let after = ana.with_document(document.clone()).expect("room");
        customers.add_document(&ana, &after, &document).await.expect("written");
        let ben = of("ben").await;
        customers.replace(&ben, &ben.with_status(CustomerStatus::Blocked)).await.expect("written");
        customers.delete(&of("cora").await).await.expect("deleted");
    }

    fn customers(&self) -> Customers {
        Customers::new(self.stack.environment().dynamodb(), self.stack.table("CustomersTable"))
    }

    pub fn ingest(&self, objects: &Objects) -> Ingest<ManualClock> {
        Ingest::new(objects.bucket(), self.clock.clone())
    }

    /// All records of the three streams that reach the function: of the rest only that they do no harm.
    pub fn streams(&self) -> Vec<Vec<serde_json::Value>> {
        ["LedgerTable", "CustomersTable", "VouchersTable"].map(|table| self.stack.stream(table)).into()
    }

    /// What the lake must show: the rows as they are, and the account types that no row tells of.
    pub async fn rows(&self) -> View {
        let mut records = lake::records::first_account_types();
        for table in ["LedgerTable", "CustomersTable", "VouchersTable"] {
            let client = self.stack.environment().dynamodb();
            let mut scan = Scan::new(client, self.stack.table(table), 0, 1);
            while let Some(some) = scan.next(self.clock.now()).await.expect("a page") {
                records.extend(some);
            }
        }
        view(records)
    }
}

/// An event of these records.
pub fn event(records: &[serde_json::Value]) -> serde_json::Value {
    json!({"Records": records})
}

/// All records of all files of a lake; each file lies where its records belong.
pub fn records(objects: &Objects) -> Vec<Record> {
    let mut records = Vec::new();
    for (key, content) in objects.all() {
        let Some(place) = File::parse(&key) else { continue };
        let table = Table::named(place.table).expect("a table");
        let some = file::decode(table, content).expect("a file of the table");
        assert!(some.iter().all(|record| record.day() == place.day), "{key}");
        records.extend(some);
    }
    records
}

/// What the views make of records.
pub fn view(records: Vec<Record>) -> View {
    let mut newest: BTreeMap<(&'static str, Vec<Option<Value>>), Record> = BTreeMap::new();
    for record in records {
        let key = (record.table.name, record.key().into_iter().map(|value| value.cloned()).collect());
        let known = newest.entry(key).or_insert_with(|| record.clone());
        if known.version < record.version {
            *known = record;
        } else if known.version == record.version {
            assert_eq!((&known.values, known.deleted), (&record.values, record.deleted), "one version, two contents");
        }
    }
    newest.retain(|_, record| !record.deleted);
    newest.into_iter().map(|(key, record)| (key, (record.version, record.values))).collect()
}

/// The tables that a lake has files of, each with its note of how new it is.
pub fn check_notes(objects: &Objects) {
    let all = objects.all();
    for table in TABLES {
        let has_files = all.keys().any(|key| key.starts_with(&lake::keys::table(table)));
        assert_eq!(all.contains_key(&lake::keys::fresh(table)), has_files, "{}", table.name);
    }
}
