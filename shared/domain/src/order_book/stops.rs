//! Sleeping stops: by the price that wakes them, nearest first, then first come; and those that are awake and wait
//! for their turn.

use std::collections::{BTreeMap, BTreeSet};

use crate::order::{PlaceOrder, Side};

#[derive(Clone, Copy, Debug)]
struct Stop {
    order: PlaceOrder,
    price: u64,
    /// Arrival, or the place among those that are due.
    sequence: u64,
    due: bool,
}

/// The stops of a book.
#[derive(Clone, Debug, Default)]
pub(super) struct Stops {
    slots: Vec<Option<Stop>>,
    free: Vec<u32>,
    /// Per side: how near, arrival, slot.
    sleeping: [BTreeSet<(u64, u64, u32)>; 2],
    due: BTreeMap<u64, u32>,
    next_sequence: u64,
}

/// Buys wake on a rise, so the lowest is the nearest; sells on a fall.
fn nearness(side: Side, price: u64) -> u64 {
    match side {
        Side::Buy => price,
        Side::Sell => !price,
    }
}

impl Stops {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether stops are awake that have not had their turn.
    pub(super) fn any_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Lays a stop to sleep, or puts it last among those that are due; its slot.
    pub(super) fn add(&mut self, order: PlaceOrder, price: u64, due: bool) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let stop = Stop { order, price, sequence, due };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.slots[slot as usize] = Some(stop);
        if due {
            self.due.insert(sequence, slot);
        } else {
            self.sleeping[order.side as usize].insert((nearness(order.side, price), sequence, slot));
        }
        slot
    }

    /// Takes a stop out, asleep or due.
    pub(super) fn remove(&mut self, slot: u32) -> Option<PlaceOrder> {
        let stop = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        if stop.due {
            self.due.remove(&stop.sequence);
        } else {
            let side = stop.order.side;
            self.sleeping[side as usize].remove(&(nearness(side, stop.price), stop.sequence, slot));
        }
        Some(stop.order)
    }

    pub(super) fn order(&self, slot: u32) -> Option<&PlaceOrder> {
        self.slots.get(slot as usize)?.as_ref().map(|stop| &stop.order)
    }

    /// Wakes what trades between these prices have reached: buys first, on each side the nearest first, then first come.
    #[inline]
    pub(super) fn wake(&mut self, low: u64, high: u64) {
        for (side, reached) in [(Side::Buy, nearness(Side::Buy, high)), (Side::Sell, nearness(Side::Sell, low))] {
            while let Some(&(near, sequence, slot)) = self.sleeping[side as usize].first()
                && near <= reached
            {
                self.sleeping[side as usize].remove(&(near, sequence, slot));
                if let Some(stop) = &mut self.slots[slot as usize] {
                    (stop.due, stop.sequence) = (true, self.next_sequence);
                    self.due.insert(self.next_sequence, slot);
                    self.next_sequence += 1;
                }
            }
        }
    }

    /// The slot of the one whose turn it is.
    pub(super) fn first_due(&self) -> Option<u32> {
        self.due.first_key_value().map(|(_, slot)| *slot)
    }

    /// The sleeping ones of a side, nearest first.
    pub(super) fn sleeping(&self, side: Side) -> impl Iterator<Item = &PlaceOrder> {
        self.sleeping[side as usize].iter().filter_map(|(_, _, slot)| self.order(*slot))
    }

    /// Those that are due, in their turn.
    pub(super) fn due(&self) -> impl Iterator<Item = &PlaceOrder> {
        self.due.values().filter_map(|slot| self.order(*slot))
    }
}
