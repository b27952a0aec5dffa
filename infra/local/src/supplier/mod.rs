//! The simulated supplier of vouchers: an HTTP service with a port and a memory of its own, which behaves as it is told.
//!
//! ```text
//! POST /orders              {"reference","product","phone","amount","currency"} → delivered · refused · processing
//! GET  /orders/{reference}  → delivered · refused · processing · not_found, at once
//! ```
//!
//! It keeps its own rules in every mode: one order per reference, a voucher made at most once, and what was decided
//! happens although nobody waits and although the process is killed. It knows nothing of the stack.

mod answers;
mod listener;
mod plan;
mod store;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use local_sqs::{Clock, SystemClock};
use serde::Serialize;
use serde_json::{Value, json};

pub use plan::{Behaviour, Change, Mode, Plan};
pub use store::{Counts, SupplierOrder};

use listener::Gate;
use store::Store;

/// Under which name the port is remembered.
const PORT: &str = "port";

/// A simulated supplier. Clones are the same one.
#[derive(Clone)]
pub struct VoucherSupplier {
    shop: Arc<Shop>,
    gate: Arc<Gate>,
}

/// What answers requests.
struct Shop {
    token: String,
    plan: Mutex<(Plan, fastrand::Rng)>,
    store: Mutex<Store>,
    traffic: Traffic,
}

/// Requests since the start.
#[derive(Default)]
struct Traffic {
    orders: AtomicUsize,
    statuses: AtomicUsize,
    refused: AtomicUsize,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
}

/// What the supplier's page shows.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// Where it listens.
    pub url: String,
    /// What its clients show it, for trying it by hand.
    pub token: String,
    /// How it behaves.
    #[serde(flatten)]
    pub plan: Plan,
    /// Its orders, of all time.
    pub orders: Counts,
    /// Requests by kind, since the start: `order`, `status`, and `invalid` for those without a token or sense.
    pub requests: Value,
    /// Order requests that wait for their answer.
    pub in_flight: usize,
    /// The most at once of them, since the start.
    pub max_in_flight: usize,
}

impl VoucherSupplier {
    /// Opens the supplier kept in `file`, or a new one, and listens: on `port`, or for 0 on the port it had before if that
    /// is free. Who orders must show `token`, unless that is empty.
    pub fn open(file: &Path, port: u16, token: &str) -> Result<Self> {
        let store = Store::open(file).context("opening the supplier's orders")?;
        let before = store.setting(PORT)?.and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
        let (plan, generator) = (Plan::default(), fastrand::Rng::with_seed(0));
        let shop = Arc::new(Shop {
            token: token.to_owned(),
            plan: Mutex::new((plan, generator)),
            store: Mutex::new(store),
            traffic: Traffic::default(),
        });
        let gate = match port {
            0 => Gate::open(before, shop.clone()).or_else(|_| Gate::open(0, shop.clone())).context("a free port")?,
            port => Gate::open(port, shop.clone())
                .with_context(|| format!("port {port} cannot be used; choose another with --supplier-port"))?,
        };
        shop.store().set(PORT, i64::from(gate.address().port()))?;
        Ok(Self { shop, gate: Arc::new(gate) })
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.gate.address())
    }

    /// What its clients show it.
    pub fn token(&self) -> &str {
        &self.shop.token
    }

    /// Behaves differently from now on; orders under way stay as they are. When it returns, connections are refused or
    /// taken as the change says.
    pub async fn change(&self, change: Change) -> Result<(), String> {
        let opens = {
            let (plan, generator) = &mut *lock(&self.shop.plan);
            let seed = change.seed;
            plan.change(change)?;
            if let Some(seed) = seed {
                *generator = fastrand::Rng::with_seed(seed);
            }
            plan.general.mode != Mode::Down
        };
        self.gate.set(opens, &self.shop).await.map_err(|error| format!("its port is taken: {error}"))
    }

    /// What its page shows.
    pub fn overview(&self) -> rusqlite::Result<Overview> {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let traffic = &self.shop.traffic;
        Ok(Overview {
            url: self.url(),
            token: self.shop.token.clone(),
            plan: lock(&self.shop.plan).0.clone(),
            orders: self.shop.store().counts(SystemClock.now())?,
            requests: json!({
                "order": count(&traffic.orders),
                "status": count(&traffic.statuses),
                "invalid": count(&traffic.refused),
            }),
            in_flight: count(&traffic.in_flight),
            max_in_flight: count(&traffic.max_in_flight),
        })
    }

    /// Its orders, newest first.
    pub fn orders(&self) -> rusqlite::Result<Vec<SupplierOrder>> {
        self.shop.store().list(SystemClock.now())
    }

    /// Stops listening and breaks off what is open.
    pub async fn shutdown(&self) {
        self.gate.shut().await;
    }
}

impl Shop {
    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
