//! A shop under fire: many purchases at once, and what must hold of all of them in the end.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Method;
use local::Config;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    app::{App, Person},
    purchases::{Cell, Facts, Point, Purchase, Told, rule},
    shop::{PRICE, PRODUCT, until},
};

/// What every account begins with, in dollars.
const OPENING: i64 = 10_000;
/// Clients at once.
const CLIENTS: usize = 8;

/// A shop under fire.
pub struct Siege {
    pub app: Arc<App>,
    seed: u64,
    buyers: Vec<(Person, Value)>,
    pub purchases: Vec<Purchase>,
    sweeper: JoinHandle<()>,
    begun: Instant,
}

/// Times short enough for a test: everything is in the proportion in which the template has it.
pub fn compressed(config: &mut Config, changes: &[(&str, &str)]) {
    let times = [
        ("SupplierDeadlineSeconds", "2"),
        ("VoucherOrderTimeout", "3"),
        ("VoucherOrderVisibility", "4"),
        ("WorkerVisibility", "4"),
        ("VoucherFirstAskSeconds", "1"),
        ("VoucherResendSeconds", "4"),
        ("VoucherGraceSeconds", "5"),
    ];
    for (name, value) in times.iter().chain(changes) {
        config.parameters.insert((*name).to_owned(), (*value).to_owned());
    }
    config.max_instances = 64;
}

impl Siege {
    /// A fresh shop with some buyers. The scheduler's minutes are half seconds.
    pub async fn begin(seed: u64, changes: &[(&str, &str)]) -> Self {
        let app = Arc::new(App::start(|config| compressed(config, changes)).await);
        let admin = app.employ("admin.siege", "admins").await;
        app.stock(&admin, PRODUCT, &format!("{PRICE}.00")).await;
        app.supplier(json!({"seed": seed})).await;
        let mut buyers = Vec::new();
        for name in ["ana.siege", "ben.siege", "cleo.siege", "dan.siege"] {
            let buyer = app.sign_up(name).await;
            let account = buyer.open("USD", &OPENING.to_string()).await;
            buyers.push((buyer, account));
        }
        let sweeper = tokio::spawn(sweep(app.clone()));
        Self { app, seed, buyers, purchases: Vec::new(), sweeper, begun: Instant::now() }
    }

    /// Prepares purchases: the supplier knows how to treat them, and the rules for their kills are set.
    pub async fn prepare(&mut self, cells: impl IntoIterator<Item = Cell>) -> std::ops::Range<usize> {
        let first = self.purchases.len();
        for cell in cells {
            let index = self.purchases.len();
            let buyer = index % self.buyers.len();
            let points: Vec<String> = cell.points.iter().map(Point::to_string).collect();
            let wait = cell.wait.map(|wait| format!(", waits {wait} s")).unwrap_or_default();
            let leaves = if cell.insists { "" } else { ", client leaves" };
            let early = if cell.report.is_some() { ", result first" } else { "" };
            let name = format!("#{index} {}{wait}{leaves}{early} [{}]", cell.mode, points.join("; "));
            let phone = format!("+5198{index:07}");
            let key = format!("key {index}");
            let id = self.buyers[buyer].0.voucher(&key).as_str().to_owned();
            if cell.mode != "down" {
                let treat = json!({"phone": phone, "mode": cell.mode, "seconds": cell.seconds});
                self.app.supplier(treat).await;
            }
            let rules: Vec<Value> = cell.points.iter().map(|point| rule(point, &phone, &id)).collect();
            if !rules.is_empty() {
                self.app.kill(&rules).await;
            }
            self.purchases.push(Purchase { cell, name, phone, key, id, buyer, answer: None, took: Duration::ZERO });
        }
        first..self.purchases.len()
    }

    /// All of these buy; returns when each client has its answer or has given up.
    pub async fn buy(&mut self, which: &[usize], clients: usize) {
        let answers: Vec<(usize, Told, Duration)> = stream::iter(which)
            .map(|index| {
                let purchase = &self.purchases[*index];
                let (person, account) = &self.buyers[purchase.buyer];
                async move {
                    let (answer, took) = purchase.order(person, account).await;
                    (*index, answer, took)
                }
            })
            .buffer_unordered(clients)
            .collect()
            .await;
        for (index, answer, took) in answers {
            (self.purchases[index].answer, self.purchases[index].took) = (answer, took);
        }
    }

    /// All of these buy while their orders go nowhere; results of some are reported meanwhile. Then the orders go out.
    pub async fn buy_behind_a_pause(&mut self, which: std::ops::Range<usize>) {
        let mut generator = fastrand::Rng::with_seed(self.seed);
        let (mut waiting, mut going): (Vec<usize>, Vec<usize>) =
            which.partition(|index| self.purchases[*index].cell.wait.is_some());
        generator.shuffle(&mut waiting);
        generator.shuffle(&mut going);
        self.app.pause("voucher-order", true).await;
        self.buy(&going, CLIENTS).await;
        for index in &going {
            let purchase = &self.purchases[*index];
            if let Some(report) = purchase.cell.report {
                let message = json!({"voucher_id": purchase.id, "outcome": report(&purchase.phone)});
                self.app.put_message("voucher-order-result", &message.to_string()).await;
            }
        }
        until("the results that came first are settled", async || {
            let (available, other) = self.app.depth("voucher-order-result").await;
            (available + other == 0).then_some(())
        })
        .await;
        let app = self.app.clone();
        let resumed = async {
            // Those who wait have bought by now, too, or will while the others' orders go out.
            tokio::time::sleep(Duration::from_millis(500)).await;
            app.pause("voucher-order", false).await;
        };
        let count = waiting.len().max(1);
        tokio::join!(resumed, self.buy(&waiting, count));
    }

    /// Waits until nothing is left to do: no purchase is due, now or later, and no message is on its way.
    pub async fn rest(&self) {
        let table = self.app.runner.stack().tables().iter().find(|table| table.logical_id == "VouchersTable");
        let table = table.expect("the table").name.clone();
        until("every purchase is at rest", async || {
            for queue in ["voucher-order", "voucher-order-result", "sms"] {
                if self.app.depth(queue).await != (0, 0) {
                    return None;
                }
            }
            let scan = json!({"TableName": table, "FilterExpression": "attribute_exists(due_key)", "Select": "COUNT",
                "ConsistentRead": true});
            let scanned = self.app.aws("DynamoDB_20120810.Scan", "application/x-amz-json-1.0", scan).await.expect(200);
            (scanned.body["Count"] == 0).then_some(())
        })
        .await;
    }

    /// How many purchases stand where.
    pub async fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut outcomes = BTreeMap::new();
        for purchase in &self.purchases {
            let shown = self.buyers[purchase.buyer].0.get(&format!("/vouchers/{}", purchase.id)).await;
            *outcomes.entry(shown.told()).or_default() += 1;
        }
        outcomes
    }

    /// Whether nothing is under way: each purchase is over and told, or is being asked about.
    pub async fn decided(&self) -> bool {
        for queue in ["voucher-order", "voucher-order-result", "sms"] {
            if self.app.depth(queue).await != (0, 0) {
                return false;
            }
        }
        !self.outcomes().await.contains_key("200 processing")
    }

    /// Everything that must hold of every purchase and of the books.
    pub async fn verify(&self) {
        self.verify_with(&[]).await;
    }

    /// The same when senders of SMS may have died: one that was not sent is among the dead letters, for people.
    pub async fn verify_with_dead_letters(&self) -> Vec<String> {
        let dead = self.app.messages("sms-dead-letters").await;
        self.verify_with(&dead).await;
        dead
    }

    async fn verify_with(&self, dead: &[String]) {
        let (orders, sms) = (self.app.supplier_orders().await, self.app.all_sms().await);
        let mut wrong = Vec::new();
        let mut paid = vec![0; self.buyers.len()];
        let mut held = vec![0; self.buyers.len()];
        for purchase in &self.purchases {
            let none = Vec::new();
            let facts = Facts {
                buyer: &self.buyers[purchase.buyer].0,
                order: orders.get(&purchase.id),
                sms: sms.get(&purchase.phone).unwrap_or(&none),
                sms_may_be_missing: dead.iter().any(|message| message.contains(&purchase.id)),
            };
            match purchase.verify(&facts).await {
                Ok("delivered") => paid[purchase.buyer] += PRICE,
                Ok("unknown") => held[purchase.buyer] += PRICE,
                Ok(_) => {}
                Err(why) => wrong.push(format!("{}: {why}\n    told {:?}", purchase.name, purchase.answer)),
            }
        }
        for ((person, account), (paid, held)) in self.buyers.iter().zip(paid.iter().zip(&held)) {
            let (posted, expected) = (OPENING - paid, OPENING - paid - held);
            let expected = format!("{posted}.00 {held}.00 {expected}.00");
            let balance = person.balance(account).await;
            if balance != expected {
                wrong.push(format!("{}: has {balance}, should have {expected}", person.email));
            }
        }
        let report = self.app.invoke("ledger-audit", json!({})).await;
        if report["clean"] != true {
            wrong.push(format!("audit: {report}"));
        }
        assert!(wrong.is_empty(), "seed {}: {} wrong:\n{}", self.seed, wrong.len(), wrong.join("\n"));
    }

    /// Those whose planned kill has not happened: their cells have shown nothing yet. A process that dies takes the other
    /// messages of its batch with it, and by the time they come again another function may have done its work.
    pub async fn spared(&self, which: std::ops::Range<usize>) -> Vec<usize> {
        let faults = self.app.page(Method::GET, "/_local/faults", &Value::Null).await;
        let waiting: Vec<&str> =
            faults["kills"].as_array().expect("rules").iter().filter_map(|rule| rule["contains"].as_str()).collect();
        let is_spared =
            |purchase: &Purchase| waiting.iter().any(|text| *text == purchase.id || *text == purchase.phone);
        which.filter(|index| is_spared(&self.purchases[*index])).collect()
    }

    /// Buys again, in other purchases, what was spared, until every cell has met its kill.
    pub async fn until_none_is_spared(&mut self, mut which: std::ops::Range<usize>) {
        for _ in 0..4 {
            let spared = self.spared(which).await;
            let cells: Vec<Cell> = spared.iter().map(|index| self.purchases[*index].cell.clone()).collect();
            if cells.is_empty() {
                return;
            }
            which = self.prepare(cells).await;
            self.buy(&which.clone().collect::<Vec<_>>(), CLIENTS).await;
            self.rest().await;
        }
        let spared: Vec<_> = self.spared(which).await.iter().map(|index| self.purchases[*index].name.clone()).collect();
        assert!(spared.is_empty(), "seed {}: never came about:\n{}", self.seed, spared.join("\n"));
    }

    /// A line about what was done so far.
    pub fn say(&self, what: &str) {
        let kills: usize = self.purchases.iter().map(|purchase| purchase.cell.points.len()).sum();
        let (count, seconds) = (self.purchases.len(), self.begun.elapsed().as_secs_f32());
        println!("seed {}: {seconds:4.1} s, {count} purchases, {kills} kills: {what}", self.seed);
    }

    /// Messages that have worn out.
    pub async fn dead_letters(&self) -> i64 {
        let mut dead = 0;
        for queue in ["voucher-order", "voucher-order-result", "sms"] {
            dead += self.app.depth(&format!("{queue}-dead-letters")).await.0;
        }
        dead
    }

    pub async fn end(self) {
        self.sweeper.abort();
        drop(self.sweeper.await);
        if let Ok(app) = Arc::try_unwrap(self.app) {
            app.runner.shutdown().await;
        }
    }
}

/// Runs vouchers-reconcile again and again, as the scheduler does, whatever becomes of a run.
async fn sweep(app: Arc<App>) {
    let functions = app.runner.stack().functions();
    let name = &functions.iter().find(|function| function.folder == "vouchers-reconcile").expect("a function").name;
    loop {
        drop(app.runner.lambda().invoke(name, Bytes::from_static(b"{}"), None).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
