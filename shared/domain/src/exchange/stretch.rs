//! What a stretch of a journal comes to: one net change for each wallet, each order and the fees, and what is left of it
//! for a row that has a part of it already.

use std::collections::BTreeMap;

use super::JournalEntry;
use crate::{
    Timestamp,
    order::{OrderKey, Owner},
    order_book::{OrderChange, Settlement, Trade},
    wallet::{Change, Fill},
};

/// Versions of a journal in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    entries: Vec<JournalEntry>,
    after: u64,
}

/// What versions of a stretch do to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderMove {
    /// The net.
    pub change: OrderChange,
    /// The last version that does something to it.
    pub version: u64,
    /// When that was.
    pub at: Timestamp,
}

impl Stretch {
    /// The versions behind `after`, without a gap. `None` if there are none or one is missing.
    pub fn new(after: u64, entries: Vec<JournalEntry>) -> Option<Self> {
        let follow = entries.iter().zip(after + 1..).all(|(entry, version)| entry.version == version);
        (follow && !entries.is_empty()).then_some(Self { entries, after })
    }

    /// The version before the first.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// The last version.
    pub fn last(&self) -> u64 {
        self.after + self.entries.len() as u64
    }

    /// What all of it does to each wallet.
    pub fn wallets(&self) -> BTreeMap<Owner, Change> {
        Change::of(self.entries.iter().flat_map(|entry| &entry.batch.events))
    }

    /// What the versions behind `after` do to one wallet; `None` if that is nothing.
    pub fn wallet_after(&self, owner: Owner, after: u64) -> Option<Change> {
        Change::of(self.behind(after).flat_map(|entry| &entry.batch.events)).remove(&owner)
    }

    /// What all of it does to each order.
    pub fn orders(&self) -> BTreeMap<(Owner, OrderKey), OrderMove> {
        moves(self.entries.iter())
    }

    /// What the versions behind `after` do to one order; `None` if that is nothing.
    pub fn order_after(&self, owner: Owner, order: OrderKey, after: u64) -> Option<OrderMove> {
        moves(self.behind(after)).remove(&(owner, order))
    }

    /// The fills of each customer and version, with the version's moment.
    pub fn fills(&self) -> BTreeMap<(Owner, u64), (Timestamp, Vec<Fill>)> {
        let mut fills: BTreeMap<_, (Timestamp, Vec<Fill>)> = BTreeMap::new();
        for (entry, trade) in self.each_trade() {
            for (party, fill) in Fill::both(trade) {
                fills.entry((party.owner, entry.version)).or_insert((entry.at, Vec::new())).1.push(fill);
            }
        }
        fills
    }

    /// The trades with their moments, in order.
    pub fn trades(&self) -> Vec<(Timestamp, Trade)> {
        self.each_trade().map(|(entry, trade)| (entry.at, *trade)).collect()
    }

    /// Fees of the house, in minor units of the quote asset.
    pub fn fees(&self) -> u128 {
        self.each_trade().map(|(_, trade)| u128::from(trade.maker.fee) + u128::from(trade.taker.fee)).sum()
    }

    fn behind(&self, after: u64) -> impl Iterator<Item = &JournalEntry> + Clone {
        self.entries.iter().filter(move |entry| entry.version > after)
    }

    fn each_trade(&self) -> impl Iterator<Item = (&JournalEntry, &Trade)> {
        self.entries.iter().flat_map(|entry| entry.trades().map(move |trade| (entry, trade)))
    }
}

fn moves<'a>(entries: impl Iterator<Item = &'a JournalEntry>) -> BTreeMap<(Owner, OrderKey), OrderMove> {
    let mut moves: BTreeMap<_, OrderMove> = BTreeMap::new();
    for entry in entries {
        for (key, change) in Settlement::of(&entry.batch.events).orders {
            let (version, at) = (entry.version, entry.at);
            let net = moves.entry(key).or_insert(OrderMove {
                change: OrderChange { filled: 0, notional: 0, fees: 0, released: 0, ..change },
                version,
                at,
            });
            (net.version, net.at) = (version, at);
            (net.change.status, net.change.reason) = (change.status, change.reason.or(net.change.reason));
            net.change.filled += change.filled;
            net.change.notional += change.notional;
            net.change.fees += change.fees;
            net.change.released += change.released;
        }
    }
    moves
}
