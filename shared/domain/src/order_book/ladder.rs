//! The resting orders: dense slots in first-in-first-out chains, one chain for each price, the best price at hand.

use std::collections::BTreeMap;

use crate::order::{OrderKey, Owner, Side};

/// No slot.
pub(super) const NIL: u32 = u32::MAX;
/// How many prices a side has at hand.
const SEEN: usize = 2_048;
/// Slots are made in such batches, so that fresh memory is touched once for many orders.
const BATCH: u32 = 4_096;
/// Most orders that rest at the same time.
pub(super) const MAX_RESTING: usize = 1 << 28;

/// A resting order: one line of the processor's cache. Price and side are its level's.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Slot {
    id: OrderKey,
    owner: Owner,
    remaining: u64,
    locked: u64,
    level: u32,
    /// Whether it stands in `deadlines`.
    limited: bool,
}

/// The neighbours of an order at its price. They are kept apart from the orders: who comes and goes touches strangers'
/// links, and eight bytes of each order stay in the processor's cache where sixty-four do not.
#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

/// A resting order as the others see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub id: OrderKey,
    pub owner: Owner,
    pub side: Side,
    /// Ticks.
    pub price: u64,
    /// Lots, more than none.
    pub remaining: u64,
    /// What is left of the lock: a buyer's minor units of the quote asset, a seller's lots.
    pub locked: u64,
    /// Whether it ends at some moment.
    pub limited: bool,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    price: u64,
    /// Lots of all orders here.
    total: u128,
    /// `NIL` in a level that is not in use.
    head: u32,
    tail: u32,
    side: Side,
}

/// One side's prices. Bids are kept under the complement of their price, so that the best comes first on both sides.
#[derive(Clone, Debug)]
struct Prices {
    levels: BTreeMap<u64, u32>,
    /// The best level, `NIL` on an empty side.
    best: u32,
    /// Where the level of a price was last seen, by the price's low bits: a guess to be checked.
    seen: Vec<u32>,
}

/// Both sides of a book.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    slots: Vec<Slot>,
    /// As long as `slots`.
    links: Vec<Link>,
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
        let prices = || Prices { levels: BTreeMap::new(), best: NIL, seen: vec![0; SEEN] };
        let sides = [prices(), prices()];
        Self {
            slots: Vec::new(),
            links: Vec::new(),
            free: NIL,
            open: 0,
            levels: Vec::new(),
            free_levels: Vec::new(),
            sides,
        }
    }

    /// How many orders rest.
    pub(super) fn len(&self) -> usize {
        self.open
    }

    #[inline]
    pub(super) fn order(&self, slot: u32) -> Resting {
        let Slot { id, owner, remaining, locked, level, limited, .. } = self.slots[slot as usize];
        let Level { price, side, .. } = self.levels[level as usize];
        Resting { id, owner, side, price, remaining, locked, limited }
    }

    /// Which order is in this slot.
    #[inline]
    pub(super) fn key(&self, slot: u32) -> OrderKey {
        self.slots[slot as usize].id
    }

    /// Whose order is in this slot.
    #[inline]
    pub(super) fn owner(&self, slot: u32) -> Owner {
        self.slots[slot as usize].owner
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
        let Link { next, .. } = self.links[slot as usize];
        if next != NIL {
            return Some(next);
        }
        let Level { side, price, .. } = self.levels[self.slots[slot as usize].level as usize];
        let worse = rank(side, price).checked_add(1)?;
        let (_, level) = self.sides[side as usize].levels.range(worse..).next()?;
        Some(self.levels[*level as usize].head)
    }

    /// All orders of a side in the order they would trade.
    pub(super) fn queue(&self, side: Side) -> impl Iterator<Item = Resting> {
        self.sides[side as usize].levels.values().flat_map(move |level| {
            let mut slot = self.levels[*level as usize].head;
            std::iter::from_fn(move || {
                let (order, next) = (slot, self.links.get(slot as usize)?.next);
                slot = next;
                Some(self.order(order))
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
    pub(super) fn add(&mut self, order: Resting) -> u32 {
        let Resting { id, owner, side, price, remaining, locked, limited } = order;
        let level = self.level(side, price);
        let tail = self.levels[level as usize].tail;
        let order = Slot { id, owner, remaining, locked, level, limited };
        if self.free == NIL {
            self.grow();
        }
        let slot = self.free;
        self.free = self.links[slot as usize].next;
        self.slots[slot as usize] = order;
        self.links[slot as usize] = Link { previous: tail, next: NIL };
        let chain = &mut self.levels[level as usize];
        chain.total += u128::from(remaining);
        chain.tail = slot;
        if tail == NIL {
            chain.head = slot;
        } else {
            self.links[tail as usize].next = slot;
        }
        self.open += 1;
        slot
    }

    /// Makes a batch of free slots.
    #[cold]
    fn grow(&mut self) {
        let first = self.slots.len() as u32;
        let nobody = Slot { id: OrderKey(0), owner: Owner(0), remaining: 0, locked: 0, level: 0, limited: false };
        self.slots.extend((0..BATCH).map(|_| nobody));
        self.links.extend((first + 1..=first + BATCH).map(|next| {
            let next = if next == first + BATCH { NIL } else { next };
            Link { previous: NIL, next }
        }));
        self.free = first;
    }

    /// The level of a price, a new one if there is none.
    #[inline]
    fn level(&mut self, side: Side, price: u64) -> u32 {
        let guess = self.sides[side as usize].seen[price as usize % SEEN];
        match self.levels.get(guess as usize) {
            Some(level) if level.price == price && level.side == side && level.head != NIL => guess,
            _ => self.find_level(side, price),
        }
    }

    fn find_level(&mut self, side: Side, price: u64) -> u32 {
        let prices = &mut self.sides[side as usize];
        let (levels, free) = (&mut self.levels, &mut self.free_levels);
        let level = *prices.levels.entry(rank(side, price)).or_insert_with(|| {
            let fresh = Level { price, total: 0, head: NIL, tail: NIL, side };
            match free.pop() {
                Some(level) => {
                    levels[level as usize] = fresh;
                    level
                }
                None => {
                    levels.push(fresh);
                    (levels.len() - 1) as u32
                }
            }
        });
        prices.seen[price as usize % SEEN] = level;
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
        let gone = self.order(slot);
        let Slot { level: at, remaining, .. } = self.slots[slot as usize];
        let Link { previous, next } = self.links[slot as usize];
        let level = &mut self.levels[at as usize];
        level.total -= u128::from(remaining);
        match previous {
            NIL => level.head = next,
            previous => self.links[previous as usize].next = next,
        }
        match next {
            NIL => level.tail = previous,
            next => self.links[next as usize].previous = previous,
        }
        if level.head == NIL {
            let prices = &mut self.sides[gone.side as usize];
            prices.levels.remove(&rank(gone.side, gone.price));
            self.free_levels.push(at);
            if prices.best == at {
                prices.best = prices.levels.first_key_value().map_or(NIL, |(_, level)| *level);
            }
        }
        self.links[slot as usize].next = self.free;
        self.free = slot;
        self.open -= 1;
        gone
    }
}
