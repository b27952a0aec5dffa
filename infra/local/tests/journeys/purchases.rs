//! Many purchases at once, each with its own faults, and what must hold of every one of them in the end.

use std::{
    collections::BTreeMap,
    fmt,
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
    shop::{PRICE, PRODUCT, hold_of, until},
};

/// What every account begins with, in dollars.
const OPENING: i64 = 10_000;
/// Clients at once.
const CLIENTS: usize = 8;

/// A function killed at one of its writes for a purchase.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub function: &'static str,
    pub service: &'static str,
    pub write: u64,
    pub when: &'static str,
}

/// Both sides of a write.
pub fn around(function: &'static str, service: &'static str, write: u64) -> [Point; 2] {
    ["before", "after"].map(|when| Point { function, service, write, when })
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, service, write, when } = self;
        write!(f, "{function} killed {when} its write {write} to {service}")
    }
}

/// A result that is sent before the order is.
pub type Report = fn(&str) -> Value;

/// One purchase: how the supplier treats it, what goes wrong, and how the client behaves.
#[derive(Clone, Debug)]
pub struct Cell {
    pub mode: &'static str,
    /// How long the supplier takes.
    pub seconds: [f64; 2],
    pub points: Vec<Point>,
    /// How long the client prefers to wait.
    pub wait: Option<u32>,
    /// Whether the client repeats a request that was not answered.
    pub insists: bool,
    /// What is reported before the order is submitted.
    pub report: Option<Report>,
    /// The outcomes that are right.
    pub outcomes: &'static [&'static str],
}

impl Cell {
    /// A client that does not wait and insists on an answer.
    pub fn new(mode: &'static str, seconds: [f64; 2], points: &[Point]) -> Self {
        let outcomes: &[&str] = match mode {
            "error" | "hang" => &["failed"],
            _ => &["delivered"],
        };
        Self { mode, seconds, points: points.to_vec(), wait: None, insists: true, report: None, outcomes }
    }

    pub fn waits(self, seconds: u32) -> Self {
        Self { wait: Some(seconds), ..self }
    }

    pub fn gives_up(self) -> Self {
        Self { insists: false, ..self }
    }

    pub fn ends(self, outcomes: &'static [&'static str]) -> Self {
        Self { outcomes, ..self }
    }
}

/// A cell with what identifies it, and what its client was told.
pub struct Purchase {
    pub cell: Cell,
    pub name: String,
    pub phone: String,
    pub key: String,
    pub id: String,
    buyer: usize,
    answer: Option<(u16, Value)>,
    /// How long its last request took.
    pub took: Duration,
}

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
        let answers: Vec<(usize, Option<(u16, Value)>, Duration)> = stream::iter(which)
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

    /// Everything that must hold of every purchase and of the books. `at_most_one_sms` are those whose SMS may be missing.
    pub async fn verify(&self, at_most_one_sms: impl Fn(&Purchase) -> bool) {
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
                sms_may_be_missing: at_most_one_sms(purchase),
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

fn rule(point: &Point, phone: &str, id: &str) -> Value {
    let Point { function, service, write, when } = point;
    // What is published names the phone and nothing else of ours.
    let contains = if *service == "sns" { phone } else { id };
    json!({"function": function, "service": service, "write": write, "when": when, "contains": contains})
}

/// What the world knows of a purchase.
struct Facts<'a> {
    buyer: &'a Person,
    order: Option<&'a Value>,
    sms: &'a [String],
    sms_may_be_missing: bool,
}

impl Purchase {
    /// Buys; an answer that is final, or none, and how long it took.
    async fn order(&self, person: &Person, account: &Value) -> (Option<(u16, Value)>, Duration) {
        loop {
            let begun = Instant::now();
            match person.try_buy(&self.key, account, &self.phone, self.cell.wait).await {
                Ok(answer) if matches!(answer.status.as_u16(), 201 | 202) => {
                    return (Some((answer.status.as_u16(), answer.body)), begun.elapsed());
                }
                Ok(answer) => {
                    let passing = answer.status.is_server_error() || answer.told() == "409 request_in_progress";
                    assert!(passing, "{}: {}", self.name, answer.text);
                }
                Err(_) => {}
            }
            if !self.cell.insists {
                return (None, begun.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// How it ended, or what is wrong.
    async fn verify(&self, facts: &Facts<'_>) -> Result<&'static str, String> {
        let shown = facts.buyer.get(&format!("/vouchers/{}", self.id)).await;
        let executions = facts.order.map_or(0, |order| order["executions"].as_i64().unwrap_or(-1));
        let sms = facts.sms;
        if shown.status.as_u16() == 404 && self.answer.is_none() {
            let nothing = facts.order.is_none() && sms.is_empty();
            return if nothing { Ok("none") } else { Err("not bought, but ordered or told".into()) };
        }
        let status = shown.body["status"].as_str().unwrap_or_default();
        let status = ["delivered", "failed", "unknown"].into_iter().find(|known| *known == status);
        let status = status.ok_or_else(|| format!("stands at {}", shown.text))?;
        if !self.cell.outcomes.contains(&status) {
            return Err(format!("ended as {status}"));
        }
        let (hold, executed, last) = match status {
            "delivered" => ("completed", i64::from(self.cell.report.is_none()), shown.text("code")),
            "failed" => ("voided", 0, "not charged".to_owned()),
            _ => ("pending", 0, String::new()),
        };
        if executions != executed {
            return Err(format!("{status}, and the supplier made {executions} vouchers"));
        }
        if status == "delivered" && executed == 1 && facts.order.is_some_and(|order| order["code"] != last.as_str()) {
            return Err("another code than the supplier's".into());
        }
        let transfer = facts.buyer.get(&format!("/transfers/{}", hold_of(&self.id))).await;
        if transfer.body["status"] != hold {
            return Err(format!("{status}, but its money is {}", transfer.told()));
        }
        let promised = match &self.answer {
            Some((201, body)) => {
                let told = body["status"] == status && (status != "delivered" || body["code"] == last.as_str());
                if !told {
                    return Err(format!("{status}, but the client was told {body}"));
                }
                0..=0
            }
            _ if status == "unknown" => 0..=0,
            Some(_) if facts.sms_may_be_missing => 0..=1,
            Some(_) => 1..=1,
            // Nobody knows what the client would have been told, but never both.
            None => 0..=1,
        };
        if !promised.contains(&sms.len()) {
            return Err(format!("{status} and {} SMS: {sms:?}", sms.len()));
        }
        match sms.first() {
            Some(text) if !text.contains(&last) => Err(format!("{status}, but the SMS says {text:?}")),
            _ => Ok(status),
        }
    }

    /// What the client was told.
    pub fn answered(&self) -> Option<u16> {
        self.answer.as_ref().map(|(status, _)| *status)
    }
}

/// How often each answer was given.
pub fn tally(purchases: &[Purchase]) -> BTreeMap<Option<u16>, usize> {
    let mut tally = BTreeMap::new();
    for purchase in purchases {
        *tally.entry(purchase.answered()).or_default() += 1;
    }
    tally
}
