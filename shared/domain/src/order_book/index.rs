//! Where an order is, by its key; and which orders have ended lately, so that a repeated command is known.
//!
//! Two tables of eight bytes an entry: the orders that are here (large, and each is looked up about twice in its life),
//! and the ones that have ended (small enough to stay in the processor's cache). An entry holds where the key is kept
//! and a part of its hash, not the key: the key stands in the order itself.

use hashbrown::HashTable;

use super::{ladder::Ladder, stops::Stops};
use crate::order::OrderKey;

/// How many ended orders a book remembers.
pub const REMEMBERED: usize = 8_192;
/// Marks the slot of a stop.
const STOP: u32 = 1 << 31;

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this slot of the ladder.
    Resting(u32),
    /// In this slot of the stops.
    Stopped(u32),
    /// It has ended.
    Ended,
}

/// Keys are digests or random: multiplying and folding spreads them well enough.
#[inline]
fn hash(key: OrderKey) -> u32 {
    let folded = key.0 as u64 ^ ((key.0 >> 64) as u64).rotate_left(32);
    let product = u128::from(folded) * 0x9e37_79b9_7f4a_7c15;
    let mixed = (product >> 64) as u64 ^ product as u64;
    (mixed >> 32) as u32 ^ mixed as u32
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    /// Where the key is.
    at: u32,
}

impl Entry {
    /// The tables take their index from the low bits and their tag from the highest.
    #[inline]
    fn spread(&self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Never iterated: its order is nobody's business.
#[derive(Clone, Debug)]
struct Table(HashTable<Entry>);

impl Table {
    /// Where the key with this hash is that `is` the one.
    #[inline]
    fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let wanted = Entry { hash, at: 0 };
        self.0.find(wanted.spread(), |entry| entry.hash == hash && is(entry.at)).map(|entry| entry.at)
    }

    #[inline]
    fn insert(&mut self, hash: u32, at: u32) {
        let entry = Entry { hash, at };
        self.0.insert_unique(entry.spread(), entry, Entry::spread);
    }

    #[inline]
    fn remove(&mut self, hash: u32, at: u32) {
        let wanted = Entry { hash, at };
        if let Ok(found) = self.0.find_entry(wanted.spread(), |entry| entry.hash == hash && entry.at == at) {
            found.remove();
        }
    }
}

/// Where orders are.
#[derive(Clone, Debug)]
pub(super) struct Index {
    here: Table,
    ended: Table,
    /// The keys that have ended, in a ring; `next` is the oldest once it is full.
    ring: Vec<OrderKey>,
    next: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        let table = |capacity| Table(HashTable::with_capacity(capacity));
        Self { here: table(0), ended: table(REMEMBERED + 1), ring: Vec::new(), next: 0 }
    }

    /// Where an order is; `None` for one that is not known.
    #[inline]
    pub(super) fn get(&self, key: OrderKey, ladder: &Ladder, stops: &Stops) -> Option<Place> {
        let hash = hash(key);
        if let Some(at) = self.here.find(hash, |at| holds(at, key, ladder, stops)) {
            return Some(if at & STOP == 0 { Place::Resting(at) } else { Place::Stopped(at & !STOP) });
        }
        self.ended.find(hash, |at| self.ring[at as usize] == key).map(|_| Place::Ended)
    }

    /// Notes where an order has been put.
    #[inline]
    pub(super) fn add(&mut self, key: OrderKey, place: Place) {
        let at = match place {
            Place::Resting(slot) => slot,
            Place::Stopped(slot) => slot | STOP,
            Place::Ended => return self.end(key),
        };
        self.here.insert(hash(key), at);
    }

    /// Forgets where an order was; to be called when it leaves its place.
    #[inline]
    pub(super) fn remove(&mut self, key: OrderKey, place: Place) {
        match place {
            Place::Resting(slot) => self.here.remove(hash(key), slot),
            Place::Stopped(slot) => self.here.remove(hash(key), slot | STOP),
            Place::Ended => {}
        }
    }

    /// Remembers an ended order, for as long as no [`REMEMBERED`] others have ended after it.
    #[inline]
    pub(super) fn end(&mut self, key: OrderKey) {
        let at = self.next as u32;
        self.next = (self.next + 1) % REMEMBERED;
        if self.ring.len() < REMEMBERED {
            self.ring.push(key);
        } else {
            let oldest = std::mem::replace(&mut self.ring[at as usize], key);
            self.ended.remove(hash(oldest), at);
        }
        self.ended.insert(hash(key), at);
    }

    /// The remembered orders, the oldest first.
    pub(super) fn ended(&self) -> impl Iterator<Item = OrderKey> {
        let (young, old) = self.ring.split_at(self.next.min(self.ring.len()));
        old.iter().chain(young).copied()
    }
}

#[inline]
fn holds(at: u32, key: OrderKey, ladder: &Ladder, stops: &Stops) -> bool {
    if at & STOP == 0 { ladder.key(at) == key } else { stops.order(at & !STOP).is_some_and(|order| order.id == key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_orders_are_remembered_and_forgotten_in_turn() {
        let (mut index, ladder, stops) = (Index::new(), Ladder::new(), Stops::default());
        let known = |index: &Index, key| index.get(OrderKey(key), &ladder, &stops).is_some();
        let count = 3 * REMEMBERED as u128 + 7;
        for key in 0..count {
            assert!(!known(&index, key));
            index.end(OrderKey(key));
            assert!(known(&index, key));
            assert_eq!(known(&index, key.saturating_sub(REMEMBERED as u128)), key < REMEMBERED as u128);
        }
        let kept: Vec<_> = index.ended().map(|key| key.0).collect();
        assert_eq!(kept, (count - REMEMBERED as u128..count).collect::<Vec<_>>());
    }
}
