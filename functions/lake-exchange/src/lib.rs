//! Writes what happens at the exchange into the lake: trades, orders, instruments, grants.
//!
//! ```text
//! schedule ─► each book, from the lake's own cursor up to the settlement's, a stretch of its journal at a time:
//!     trades of the journal, rows of the orders it touched, the instrument if it has changed ─► files ─► cursor
//!     grants behind their cursor ─► file ─► cursor
//! ```
//! Files come first and cursors last. A file's name follows from its content and a cursor moves from where it was seen
//! only, so a run may be cut off anywhere, and two may run at once. The journal is settled before it is read here, so an
//! order's row has at least what the stretch did to it; if it has more, it is a later version, which counts as well.

use std::collections::{BTreeMap, HashMap};

use aws::{
    exchange::{Exchange, GrantsCursor, LakeCursor, OrderRef, PlacedGrant, StoredInstrument, grants_place},
    objects::Bucket,
    store::StoreError,
};
use domain::{
    Timestamp,
    exchange::Stretch,
    order::{OrderKey, Owner},
};
use edge::clock::Clock;
use lake::{Record, keys::digest, records};
use lambda_runtime::Error;
use serde_json::{Value, json};

/// Versions of a journal in one stretch. Each may bring some hundred orders and trades.
const STRETCH: usize = 100;
/// Stretches of one book in one run; the next run goes on.
const STRETCHES: usize = 10;
/// Grants of one run.
const GRANTS: usize = 5_000;
/// The index of grants is behind by moments, and clocks of functions differ by seconds: grants this much older than the
/// newest are looked at again.
const OVERLAP_MS: i64 = 300_000;

/// Between these.
#[derive(Debug)]
pub struct Follower<C> {
    exchange: Exchange,
    bucket: Bucket,
    clock: C,
}

/// A book, and how far it is in the lake.
struct Behind<'a> {
    stored: &'a StoredInstrument,
    cursor: LakeCursor,
    settled: u64,
}

impl<C: Clock> Follower<C> {
    /// From this exchange into this bucket.
    pub fn new(exchange: Exchange, bucket: Bucket, clock: C) -> Self {
        Self { exchange, bucket, clock }
    }

    /// One run. A book that fails is logged and left to the next run, as is what did not fit into this one; the others
    /// go on.
    pub async fn run(&self) -> Result<Value, Error> {
        let (instruments, settled, cursors) =
            (self.exchange.instruments().await?, self.exchange.cursors().await?, self.exchange.lake_cursors().await?);
        let settled: HashMap<_, _> = settled.into_iter().collect();
        let cursors: HashMap<_, _> = cursors.into_iter().collect();
        let (mut versions, mut failed) = (0, 0);
        for stored in &instruments {
            let symbol = stored.instrument.symbol();
            let cursor = cursors.get(symbol).copied().unwrap_or_default();
            let settled = settled.get(symbol).map_or(0, |settled| settled.version);
            match self.follow(Behind { stored, cursor, settled }).await {
                Ok(some) => versions += some,
                Err(error) => {
                    tracing::error!(%symbol, %error, "not in the lake");
                    failed += 1;
                }
            }
        }
        let grants = self.grants().await?;
        if failed > 0 {
            return Err(format!("{failed} books are not in the lake").into());
        }
        if versions + grants > 0 {
            tracing::info!(versions, grants, "the lake follows the exchange");
        }
        Ok(json!({"versions": versions, "grants": grants}))
    }

    /// Brings a book up to date, or as far as one run goes; how many versions of its journal.
    async fn follow(&self, behind: Behind<'_>) -> Result<usize, StoreError> {
        let Behind { stored, mut cursor, settled } = behind;
        let symbol = stored.instrument.symbol();
        let begun = cursor.version;
        for _ in 0..STRETCHES {
            let left = usize::try_from(settled.saturating_sub(cursor.version)).unwrap_or(STRETCH);
            let is_news = cursor.instrument != stored.version;
            if left == 0 && !is_news {
                break;
            }
            let mut versions = if is_news { vec![self.instrument(stored)] } else { Vec::new() };
            let mut to = cursor.version;
            if left > 0 {
                let entries = self.exchange.tail(symbol, cursor.version + 1, left.min(STRETCH)).await?;
                let gap =
                    || StoreError::corrupt(format!("the journal of {symbol} has a gap behind {}", cursor.version));
                let stretch = Stretch::new(cursor.version, entries).ok_or_else(gap)?;
                to = stretch.last();
                versions.extend(self.stretch(stored, &stretch).await?);
            }
            let name = format!("{symbol}-{to:012}");
            self.bucket.put_records(&name, &versions, self.clock.now()).await?;
            let next = LakeCursor { version: to, instrument: stored.version };
            if !self.exchange.move_lake_cursor(symbol, cursor, next).await? {
                // Another run has it, or a lost answer of our own; whoever comes next begins where it says.
                break;
            }
            cursor = next;
        }
        Ok(usize::try_from(cursor.version - begun).unwrap_or(usize::MAX))
    }

    fn instrument(&self, stored: &StoredInstrument) -> Record {
        let at = if stored.version == 1 { stored.created_at } else { self.clock.now() };
        records::instrument(&stored.instrument, stored.version, at)
    }

    /// The trades of a stretch, and the orders it touched as they stand.
    async fn stretch(&self, stored: &StoredInstrument, stretch: &Stretch) -> Result<Vec<Record>, StoreError> {
        let trades = stretch.trades();
        let mut versions: Vec<_> =
            trades.iter().map(|(at, trade)| records::trade(&stored.instrument, trade, *at)).collect();
        let wanted: Vec<_> = stretch.orders().into_keys().map(order_ref).collect();
        let found = self.exchange.orders(&wanted).await?;
        if found.len() < wanted.len() {
            // Settlement has said so too: the book had an order that was never placed through the store.
            tracing::warn!(symbol = %stored.instrument.symbol(), missing = wanted.len() - found.len(), "orders without a row");
        }
        // In one order, so that the same stretch makes the same file.
        let by_id: BTreeMap<_, _> = found.iter().map(|order| (order.id.as_str(), order)).collect();
        versions.extend(by_id.into_values().map(records::order));
        Ok(versions)
    }

    /// Writes the grants that are new; how many.
    async fn grants(&self) -> Result<usize, StoreError> {
        let cursor = self.exchange.lake_grants_cursor().await?;
        let (found, more) = self.exchange.grants_behind(&cursor.place, GRANTS).await?;
        let Some(last) = found.last() else { return Ok(0) };
        let place = if more { last.place.clone() } else { behind_newest(&cursor.place, last.grant.at) };
        let left = found.iter().filter(|grant| grant.place > place);
        let next = GrantsCursor { seen: digest(left.map(|grant| grant.place.as_str())), place };
        let seen = digest(found.iter().map(|grant| grant.place.as_str()));
        if !more && seen == cursor.seen {
            return Ok(0);
        }
        let versions: Vec<_> = found.iter().map(|PlacedGrant { grant, .. }| records::grant(grant)).collect();
        self.bucket.put_records("grants", &versions, self.clock.now()).await?;
        self.exchange.move_lake_grants_cursor(&cursor, &next).await?;
        Ok(versions.len())
    }
}

/// Where to look from next time, when there was none newer than this.
fn behind_newest(before: &str, newest: Timestamp) -> String {
    grants_place(newest.plus_millis(-OVERLAP_MS)).max(before.to_owned())
}

fn order_ref((owner, order): (Owner, OrderKey)) -> OrderRef {
    OrderRef { customer: owner.customer_id(), id: order.order_id() }
}
