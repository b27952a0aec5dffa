//! The resting orders: dense slots in first-in-first-out chains, one chain for each price, the best price at hand.

use std::collections::BTreeMap;

use crate::order::{OrderKey, Owner, Side};

/// No slot.
pub(super) const NIL: u32 = u32::MAX;
/// Most orders that rest at the same time.
pub(super) const MAX_RESTING: usize = 1 << 28;

/// A resting order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub id: OrderKey,
    pub owner: Owner,
    pub price: u64,
    /// Lots, more than none.
    pub remaining: u64,
    /// What is left of the lock: a buyer's minor units of the quote asset, a seller's lots.
    pub locked: u64,
    /// Milliseconds since 1970, `i64::MAX` for never.
    pub expires_at: i64,
    pub side: Side,
    level: u32,
    previous: u32,
    next: u32,
}

/// What a resting order is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub id: OrderKey,
    pub owner: Owner,
    pub side: Side,
    pub price: u64,
    pub remaining: u64,
    pub locked: u64,
    pub expires_at: i64,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    price: u64,
    /// Lots of all orders here.
    total: u128,
    head: u32,
    tail: u32,
}

/// One side's prices. Bids are kept under the complement of their price, so that the best comes first on both sides.
#[derive(Clone, Debug)]
struct Prices {
    levels: BTreeMap<u64, u32>,
    /// The best level, `NIL` on an empty side.
    best: u32,
}

/// Both sides of a book.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    slots: Vec<Resting>,
    /// First free slot; free slots are chained through `next`.
    free: u32,
    open: usize,
    levels: Vec<Level>,
    free_levels: Vec<u32>,
    sides: [Prices; 2],
}

#[inline]
fn rank(side: Side, price: u64) -> u64 {
    match side {
        Side::Buy => !price,
        Side::Sell => price,
    }
}

impl Ladder {
    pub(super) fn new() -> Self {
        let prices = || Prices { levels: BTreeMap::new(), best: NIL };
        let sides = [prices(), prices()];
        Self { slots: Vec::new(), free: NIL, open: 0, levels: Vec::new(), free_levels: Vec::new(), sides }
    }

    /// How many orders rest.
    pub(super) fn len(&self) -> usize {
        self.open
    }

    #[inline]
    pub(super) fn order(&self, slot: u32) -> &Resting {
        &self.slots[slot as usize]
    }

    /// The first order of the best price.
    #[inline]
    pub(super) fn first(&self, side: Side) -> Option<u32> {
        let best = self.sides[side as usize].best;
        (best != NIL).then(|| self.levels[best as usize].head)
    }

    #[inline]
    pub(super) fn best_price(&self, side: Side) -> Option<u64> {
        let best = self.sides[side as usize].best;
        (best != NIL).then(|| self.levels[best as usize].price)
    }

    /// The order whose turn it is after this one: the next at its price, or the first at the next price.
    #[inline]
    pub(super) fn after(&self, slot: u32) -> Option<u32> {
        let order = self.order(slot);
        if order.next != NIL {
            return Some(order.next);
        }
        let worse = rank(order.side, order.price).checked_add(1)?;
        let (_, level) = self.sides[order.side as usize].levels.range(worse..).next()?;
        Some(self.levels[*level as usize].head)
    }

    /// All orders of a side in the order they would trade.
    pub(super) fn queue(&self, side: Side) -> impl Iterator<Item = &Resting> {
        self.sides[side as usize].levels.values().flat_map(move |level| {
            let mut slot = self.levels[*level as usize].head;
            std::iter::from_fn(move || {
                let order = self.slots.get(slot as usize)?;
                slot = order.next;
                Some(order)
            })
        })
    }

    /// Price and total lots of the best `count` levels.
    pub(super) fn depth(&self, side: Side, count: usize) -> impl Iterator<Item = (u64, u128)> {
        self.sides[side as usize].levels.values().take(count).map(|level| {
            let level = &self.levels[*level as usize];
            (level.price, level.total)
        })
    }

    /// Puts an order last in the queue of its price; its slot. The caller keeps below [`MAX_RESTING`].
    pub(super) fn add(&mut self, rest: Rest) -> u32 {
        let Rest { id, owner, side, price, remaining, locked, expires_at } = rest;
        let level = self.level(side, price);
        let tail = self.levels[level as usize].tail;
        let order = Resting { id, owner, price, remaining, locked, expires_at, side, level, previous: tail, next: NIL };
        let slot = self.free;
        let slot = if slot == NIL {
            self.slots.push(order);
            (self.slots.len() - 1) as u32
        } else {
            self.free = self.slots[slot as usize].next;
            self.slots[slot as usize] = order;
            slot
        };
        let chain = &mut self.levels[level as usize];
        chain.total += u128::from(remaining);
        chain.tail = slot;
        if tail == NIL {
            chain.head = slot;
        } else {
            self.slots[tail as usize].next = slot;
        }
        self.open += 1;
        slot
    }

    /// The level of a price, a new one if there is none.
    fn level(&mut self, side: Side, price: u64) -> u32 {
        let prices = &mut self.sides[side as usize];
        if prices.best != NIL && self.levels[prices.best as usize].price == price {
            return prices.best;
        }
        let fresh = Level { price, total: 0, head: NIL, tail: NIL };
        let (levels, free) = (&mut self.levels, &mut self.free_levels);
        let level = *prices.levels.entry(rank(side, price)).or_insert_with(|| match free.pop() {
            Some(level) => {
                levels[level as usize] = fresh;
                level
            }
            None => {
                levels.push(fresh);
                (levels.len() - 1) as u32
            }
        });
        if prices.best == NIL || rank(side, price) < rank(side, levels[prices.best as usize].price) {
            prices.best = level;
        }
        level
    }

    /// Takes lots (fewer than remain) and what it gives for them from an order that keeps its place.
    #[inline]
    pub(super) fn reduce(&mut self, slot: u32, lots: u64, given: u64) {
        let order = &mut self.slots[slot as usize];
        order.remaining -= lots;
        order.locked -= given;
        self.levels[order.level as usize].total -= u128::from(lots);
    }

    /// Takes an order out; what it was.
    pub(super) fn remove(&mut self, slot: u32) -> Resting {
        let order = self.slots[slot as usize];
        let level = &mut self.levels[order.level as usize];
        level.total -= u128::from(order.remaining);
        match order.previous {
            NIL => level.head = order.next,
            previous => self.slots[previous as usize].next = order.next,
        }
        match order.next {
            NIL => level.tail = order.previous,
            next => self.slots[next as usize].previous = order.previous,
        }
        if level.head == NIL {
            let prices = &mut self.sides[order.side as usize];
            prices.levels.remove(&rank(order.side, order.price));
            self.free_levels.push(order.level);
            if prices.best == order.level {
                prices.best = prices.levels.first_key_value().map_or(NIL, |(_, level)| *level);
            }
        }
        self.slots[slot as usize].next = self.free;
        self.free = slot;
        self.open -= 1;
        order
    }
}
