//! A book as a value: everything its future depends on, in an order of its own, and nothing else (no slots, no
//! hashes). Two books are the same when their snapshots are.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Book, Place, ladder::Resting};
use crate::order::{Kind, OrderKey, Owner, PlaceOrder, Side, Size, Terms};

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestingOrder {
    /// The order.
    #[serde(rename = "i")]
    pub id: OrderKey,
    /// Whose it is.
    #[serde(rename = "o")]
    pub owner: Owner,
    /// Ticks.
    #[serde(rename = "p")]
    pub price: u64,
    /// Lots.
    #[serde(rename = "l")]
    pub remaining: u64,
    /// What is left of its lock: minor units of the quote asset (bid) or lots (ask).
    #[serde(rename = "k")]
    pub locked: u64,
    /// When it ends, in milliseconds since 1970.
    #[serde(rename = "e")]
    pub expires_at: Option<i64>,
}

/// A whole book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What trading costs.
    pub terms: Terms,
    /// Number of the last trade.
    pub trades: u64,
    /// Ticks of the last trade.
    pub last_price: Option<u64>,
    /// Whether orders are rejected.
    pub halted: bool,
    /// Resting buys in the order they would trade.
    pub bids: Vec<RestingOrder>,
    /// Resting sells in the order they would trade.
    pub asks: Vec<RestingOrder>,
    /// Sleeping stops: buys, then sells, the nearest first.
    pub stops: Vec<PlaceOrder>,
    /// Stops that are awake and wait for their turn.
    pub due: Vec<PlaceOrder>,
    /// Orders that have ended, the oldest first, as many as are remembered.
    pub ended: Vec<OrderKey>,
}

/// A snapshot that no book has made: this order stands in it twice, crosses another one, or is none of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotError(pub OrderKey);

impl Book {
    /// The book as a value.
    pub fn snapshot(&self) -> Snapshot {
        let side = |side| self.ladder.queue(side).map(|order| self.as_resting(&order)).collect();
        let stops = self.stops.sleeping(Side::Buy).chain(self.stops.sleeping(Side::Sell));
        Snapshot {
            terms: self.terms,
            trades: self.trades,
            last_price: self.last_price,
            halted: self.halted,
            bids: side(Side::Buy),
            asks: side(Side::Sell),
            stops: stops.copied().collect(),
            due: self.stops.due().copied().collect(),
            ended: self.index.ended().collect(),
        }
    }

    /// The book of a snapshot: it goes on exactly as the one it was taken from.
    pub fn restore(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let mut book = Self::new(snapshot.terms);
        (book.trades, book.last_price, book.halted) = (snapshot.trades, snapshot.last_price, snapshot.halted);
        for order in &snapshot.ended {
            book.fresh(*order)?;
            book.index.end(*order);
        }
        for (side, orders) in [(Side::Buy, &snapshot.bids), (Side::Sell, &snapshot.asks)] {
            for order in orders {
                let RestingOrder { id, owner, price, remaining, locked, .. } = *order;
                book.fresh(id)?;
                if !book.terms.admits(price, remaining) || book.would_take(side, price, None) {
                    return Err(SnapshotError(id));
                }
                let limited = order.expires_at.is_some();
                book.put_in(Resting { id, owner, side, price, remaining, locked, limited }, order.expires_at);
            }
        }
        for (orders, due) in [(&snapshot.due, true), (&snapshot.stops, false)] {
            for order in orders {
                book.fresh(order.id)?;
                let Kind::StopLimit { stop, .. } = order.kind else { return Err(SnapshotError(order.id)) };
                let slot = book.stops.add(*order, stop, due);
                book.index.add(order.id, Place::Stopped(slot));
                book.stands_until(order.expires_at, order.id);
            }
        }
        Ok(book)
    }

    fn fresh(&self, order: OrderKey) -> Result<(), SnapshotError> {
        if self.knows(order) { Err(SnapshotError(order)) } else { Ok(()) }
    }

    fn as_resting(&self, order: &Resting) -> RestingOrder {
        let Resting { id, owner, price, remaining, locked, .. } = *order;
        let expires_at = self.moments.get(&id).copied();
        RestingOrder { id, owner, price, remaining, locked, expires_at }
    }
}

impl Snapshot {
    /// SHA-256 of everything in it: equal for equal books, whatever they are stored as.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sink(Sha256::new());
        hash.number(self.terms.notional(1, 1_000_000_007));
        hash.number(u64::from(self.terms.maker_fee_bps()) << 16 | u64::from(self.terms.taker_fee_bps()));
        hash.number(self.trades);
        hash.option(self.last_price);
        hash.number(u64::from(self.halted));
        for side in [&self.bids, &self.asks] {
            hash.number(side.len() as u64);
            side.iter().for_each(|order| hash.resting(order));
        }
        for stops in [&self.stops, &self.due] {
            hash.number(stops.len() as u64);
            stops.iter().for_each(|order| hash.stop(order));
        }
        hash.number(self.ended.len() as u64);
        self.ended.iter().for_each(|order| hash.key(order.0));
        hash.0.finalize().into()
    }
}

/// Every value at a width of its own, so that no two snapshots give the same bytes.
struct Sink(Sha256);

impl Sink {
    fn number(&mut self, value: u64) {
        self.0.update(value.to_be_bytes());
    }

    fn key(&mut self, value: u128) {
        self.0.update(value.to_be_bytes());
    }

    fn option(&mut self, value: Option<u64>) {
        self.number(u64::from(value.is_some()));
        self.number(value.unwrap_or_default());
    }

    fn resting(&mut self, order: &RestingOrder) {
        self.key(order.id.0);
        self.key(order.owner.0);
        [order.price, order.remaining, order.locked].into_iter().for_each(|value| self.number(value));
        self.option(order.expires_at.map(|moment| moment as u64));
    }

    fn stop(&mut self, order: &PlaceOrder) {
        self.key(order.id.0);
        self.key(order.owner.0);
        let (tag, values) = match order.kind {
            Kind::StopLimit { stop, limit } => {
                let flags = u64::from(limit.post_only) << 8 | limit.time_in_force as u64;
                (0, [stop, limit.price, limit.quantity, flags])
            }
            Kind::Limit(limit) => {
                (1, [limit.price, limit.quantity, u64::from(limit.post_only), limit.time_in_force as u64])
            }
            Kind::Market { size: Size::Lots(lots), all_or_nothing } => (2, [lots, u64::from(all_or_nothing), 0, 0]),
            Kind::Market { size: Size::Budget, all_or_nothing } => (3, [u64::from(all_or_nothing), 0, 0, 0]),
        };
        self.number(tag);
        values.into_iter().for_each(|value| self.number(value));
        self.number((order.side as u64) << 8 | order.self_trade as u64);
        self.number(order.reserved);
        self.option(order.expires_at.map(|moment| moment as u64));
    }
}
