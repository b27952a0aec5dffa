//! One purchase with its own faults, and what must hold of it in the end.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{app::Person, shop::hold_of};

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

/// Status and body of a final answer, if there was one.
pub type Told = Option<(u16, Value)>;

/// A cell with what identifies it, and what its client was told.
pub struct Purchase {
    pub cell: Cell,
    pub name: String,
    pub phone: String,
    pub key: String,
    pub id: String,
    pub buyer: usize,
    pub answer: Told,
    /// How long its last request took.
    pub took: Duration,
}

/// The rule for the runner by which this happens.
pub fn rule(point: &Point, phone: &str, id: &str) -> Value {
    let Point { function, service, write, when } = point;
    // What is published names the phone and nothing else of ours.
    let contains = if *service == "sns" { phone } else { id };
    json!({"function": function, "service": service, "write": write, "when": when, "contains": contains})
}

/// What the world knows of a purchase.
pub struct Facts<'a> {
    pub buyer: &'a Person,
    pub order: Option<&'a Value>,
    pub sms: &'a [String],
    pub sms_may_be_missing: bool,
}

impl Purchase {
    /// Buys; an answer that is final, or none, and how long it took.
    pub async fn order(&self, person: &Person, account: &Value) -> (Told, Duration) {
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
    pub async fn verify(&self, facts: &Facts<'_>) -> Result<&'static str, String> {
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
