//! The supplier's orders, in SQLite. An order is decided when it is taken, and carried out once its time has come, whether
//! or not anybody waits for it or the process has been killed in between.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS supplier_orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    reference TEXT NOT NULL UNIQUE,
    product TEXT NOT NULL,
    phone TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('not_found', 'processing', 'delivered', 'refused')),
    outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'refused')),
    ready_at INTEGER NOT NULL,
    code TEXT NOT NULL UNIQUE,
    executions INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX IF NOT EXISTS supplier_orders_under_way ON supplier_orders (ready_at) WHERE status = 'processing';
CREATE TABLE IF NOT EXISTS supplier_settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
";

/// What is asked for: the body of `POST /orders`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    pub reference: String,
    pub product: String,
    pub phone: String,
    pub amount: String,
    pub currency: String,
}

/// What will come of a new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing, ever: it is as if it had not come.
    Forgotten,
    /// A voucher, at this moment (milliseconds since 1970).
    Delivered(i64),
    /// A refusal, at this moment.
    Refused(i64),
}

/// An order as `/_local/supplier/orders` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SupplierOrder {
    /// The client's reference.
    pub reference: String,
    /// Counts the orders from 1.
    pub number: i64,
    /// Whose voucher it is.
    pub phone: String,
    /// The supplier's name of the product.
    pub product: String,
    /// The price.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// `processing`, `delivered`, `refused`, or `not_found` for one that was only ever left hanging.
    pub status: String,
    /// How often a voucher was made for it.
    pub executions: i64,
    /// How often it was asked for.
    pub requests: i64,
    /// The voucher, once delivered.
    pub code: Option<String>,
}

/// What became of a request for an order.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is new, or was forgotten before.
    New,
    /// It had come before.
    Known(SupplierOrder),
    /// Its reference stands for another order.
    Conflict,
}

/// How many orders there are, by where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All that were asked for.
    pub received: i64,
    /// Vouchers made.
    pub executed: i64,
    /// Left hanging.
    pub not_found: i64,
    /// Under way.
    pub processing: i64,
    /// Delivered.
    pub delivered: i64,
    /// Refused.
    pub refused: i64,
}

pub(super) struct Store {
    connection: Connection,
}

impl Store {
    pub(super) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// A number kept under a name.
    pub(super) fn setting(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        let mut select = self.connection.prepare_cached("SELECT value FROM supplier_settings WHERE name = ?")?;
        select.query_row([name], |row| row.get(0)).optional()
    }

    pub(super) fn set(&self, name: &str, value: i64) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO supplier_settings (name, value) VALUES (?, ?)";
        self.connection.execute(sql, params![name, value]).map(drop)
    }

    /// Takes an order, once per reference.
    pub(super) fn take(&mut self, wish: &Wish, fate: Fate, now: i64) -> rusqlite::Result<Taken> {
        let known = self.find(&wish.reference, now)?;
        if let Some(known) = &known {
            if !known.is(wish) {
                return Ok(Taken::Conflict);
            }
            let sql = "UPDATE supplier_orders SET requests = requests + 1 WHERE reference = ?";
            self.connection.prepare_cached(sql)?.execute([&wish.reference])?;
        }
        match known {
            None => self.insert(wish)?,
            Some(known) if known.status != "not_found" => return Ok(Taken::Known(known)),
            Some(_) => {}
        }
        let (outcome, ready_at) = match fate {
            Fate::Forgotten => return Ok(Taken::New),
            Fate::Delivered(at) => ("delivered", at),
            Fate::Refused(at) => ("refused", at),
        };
        let sql = "UPDATE supplier_orders SET status = 'processing', outcome = ?, ready_at = ? WHERE reference = ?";
        self.connection.prepare_cached(sql)?.execute(params![outcome, ready_at, wish.reference])?;
        Ok(Taken::New)
    }

    /// Carries out what is due by `now`, and answers where this order then stands.
    pub(super) fn find(&self, reference: &str, now: i64) -> rusqlite::Result<Option<SupplierOrder>> {
        self.carry_out(now)?;
        self.connection
            .prepare_cached(&format!("{SELECT} WHERE reference = ?"))?
            .query_row([reference], read)
            .optional()
    }

    /// Every order, newest first.
    pub(super) fn list(&self, now: i64) -> rusqlite::Result<Vec<SupplierOrder>> {
        self.carry_out(now)?;
        self.connection.prepare_cached(&format!("{SELECT} ORDER BY number DESC"))?.query_map([], read)?.collect()
    }

    pub(super) fn counts(&self, now: i64) -> rusqlite::Result<Counts> {
        self.carry_out(now)?;
        let mut counts = Counts::default();
        let sql = "SELECT status, COUNT(*), SUM(executions) FROM supplier_orders GROUP BY status";
        let mut select = self.connection.prepare_cached(sql)?;
        let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?)))?;
        for row in rows {
            let (status, orders, executions) = row?;
            counts.received += orders;
            counts.executed += executions;
            match status.as_str() {
                "not_found" => counts.not_found = orders,
                "processing" => counts.processing = orders,
                "delivered" => counts.delivered = orders,
                _ => counts.refused = orders,
            }
        }
        Ok(counts)
    }

    fn carry_out(&self, now: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE supplier_orders SET status = outcome, executions = executions + (outcome = 'delivered')
                   WHERE status = 'processing' AND ready_at <= ?";
        self.connection.prepare_cached(sql)?.execute([now]).map(drop)
    }

    /// An order that nothing has come of yet, with the code it would get.
    fn insert(&self, wish: &Wish) -> rusqlite::Result<()> {
        let sql = "INSERT INTO supplier_orders
                   (reference, product, phone, amount, currency, status, outcome, ready_at, code)
                   VALUES (?, ?, ?, ?, ?, 'not_found', 'refused', 0, ?) ON CONFLICT (code) DO NOTHING";
        let mut insert = self.connection.prepare_cached(sql)?;
        let Wish { reference, product, phone, amount, currency } = wish;
        // Nearly always the first: there are 900 thousand million codes.
        while insert.execute(params![reference, product, phone, amount, currency, code()])? == 0 {}
        Ok(())
    }
}

impl SupplierOrder {
    fn is(&self, wish: &Wish) -> bool {
        (&self.product, &self.phone, &self.amount, &self.currency)
            == (&wish.product, &wish.phone, &wish.amount, &wish.currency)
    }
}

/// Twelve digits that stand on a voucher; the first is none of [`made_up_code`]'s.
fn code() -> String {
    format!("{:012}", fastrand::u64(..900_000_000_000))
}

/// Twelve digits that stand on no voucher ever made.
pub(super) fn made_up_code() -> String {
    format!("{:012}", fastrand::u64(900_000_000_000..1_000_000_000_000))
}

const SELECT: &str = "SELECT reference, number, phone, product, amount, currency, status, executions, requests,
    CASE status WHEN 'delivered' THEN code END FROM supplier_orders";

fn read(row: &Row<'_>) -> rusqlite::Result<SupplierOrder> {
    Ok(SupplierOrder {
        reference: row.get(0)?,
        number: row.get(1)?,
        phone: row.get(2)?,
        product: row.get(3)?,
        amount: row.get(4)?,
        currency: row.get(5)?,
        status: row.get(6)?,
        executions: row.get(7)?,
        requests: row.get(8)?,
        code: row.get(9)?,
    })
}
