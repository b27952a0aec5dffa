//! Where an order is, by its key; and which orders have been here lately, so that a repeated command is known.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry as MapEntry},
    hash::{BuildHasherDefault, Hasher},
};

use crate::order::OrderKey;

/// How many ended orders a book remembers.
pub const REMEMBERED: usize = 8_192;

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this slot.
    Resting(u32),
    /// In this slot of the stops.
    Stopped(u32),
    /// It has ended.
    Ended,
}

/// Keys are digests or random: multiplying and folding spreads them well enough.
#[derive(Clone, Copy, Default)]
pub(super) struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64 ^ ((value >> 64) as u64).rotate_left(32));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Never iterated: its order is nobody's business.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    places: HashMap<OrderKey, Place, BuildHasherDefault<Fold>>,
    ended: VecDeque<OrderKey>,
}

impl Index {
    pub(super) fn get(&self, order: OrderKey) -> Option<Place> {
        self.places.get(&order).copied()
    }

    /// Takes in a new order; `false` if it is known.
    #[inline]
    pub(super) fn admit(&mut self, order: OrderKey) -> bool {
        match self.places.entry(order) {
            MapEntry::Occupied(_) => false,
            MapEntry::Vacant(vacant) => {
                vacant.insert(Place::Ended);
                true
            }
        }
    }

    pub(super) fn set(&mut self, order: OrderKey, place: Place) {
        self.places.insert(order, place);
    }

    /// Remembers an ended order, for as long as no [`REMEMBERED`] others have ended after it.
    #[inline]
    pub(super) fn end(&mut self, order: OrderKey) {
        self.places.insert(order, Place::Ended);
        self.ended.push_back(order);
        if self.ended.len() > REMEMBERED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.places.remove(&oldest);
        }
    }

    /// The remembered orders, the oldest first.
    pub(super) fn ended(&self) -> impl Iterator<Item = OrderKey> {
        self.ended.iter().copied()
    }
}
