//! The order book of one instrument: price-time priority over whole ticks and lots.
//!
//! A [`Book`] is a pure state machine. The same [`Command`]s in the same order give the same [`Event`]s and the same
//! book, on every machine: no clock, no randomness, no iteration over hashed maps. It keeps, for every order it holds,
//! what is left of that order's lock, and tells the release exactly once, when the order ends:
//! `locked = spent + released`.
//!
//! **Within one command**, in this order: stops that are still due from before have their turn; the command itself;
//! stops that its trades have woken (buys before sells, on each side the one nearest to the old price first, then first
//! come), each of which may trade and wake more, which queue up behind. What the bounds below leave over stays due and
//! has its turn first in the next command.
//!
//! It never panics and never overflows, whatever the commands say: what no validation lets through is rejected.

mod candle;
mod event;
mod index;
mod ladder;
mod matching;
mod settlement;
mod snapshot;
mod stops;
mod ticker;

#[cfg(test)]
mod table_tests;

use std::collections::{BTreeMap, BTreeSet};

use index::{Index, Place};
use ladder::{Ladder, MAX_RESTING, Resting};
use matching::Taker;
use stops::Stops;

pub use candle::{Candle, Interval};
pub use event::{Command, Event, Party, Trade, trade_id};
pub use index::REMEMBERED;
pub use settlement::{OrderChange, Settlement, WalletChange};
pub use snapshot::{RestingOrder, Snapshot, SnapshotError};
pub use ticker::Ticker;

use crate::order::{Kind, Limit, MAX_RESERVATION, OrderKey, Owner, PlaceOrder, Reason, Side, Size, Status, Terms};

/// Most orders on the other side that one taker fills or expires; its rest expires then.
pub const FILLS_PER_TAKER: u32 = 1_000;
/// Most stops that have their turn within one command; none after [`FILLS_BEFORE_STOPS_WAIT`] fills in it.
pub const TRIGGERS_PER_COMMAND: u32 = 100;
/// After so many fills in one command the stops that are due wait for the next one. So a command that meets no due stops
/// has fewer fills than this and [`FILLS_PER_TAKER`] together: what it does fits into one row of a journal.
pub const FILLS_BEFORE_STOPS_WAIT: u32 = 500;
/// Most orders that one [`Command::Expire`] ends.
pub const EXPIRIES_PER_COMMAND: usize = 1_000;

/// The order book of one instrument.
#[derive(Clone, Debug)]
pub struct Book {
    terms: Terms,
    index: Index,
    ladder: Ladder,
    stops: Stops,
    /// What stands until a moment: moment, order; and the moment of each.
    deadlines: BTreeSet<(i64, OrderKey)>,
    moments: BTreeMap<OrderKey, i64>,
    trades: u64,
    last_price: Option<u64>,
    halted: bool,
}

/// What one command has used up and what its trades have reached.
#[derive(Clone, Copy, Debug)]
struct Run {
    fills: u32,
    triggers: u32,
    low: u64,
    high: u64,
}

impl Book {
    /// An empty book.
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            index: Index::new(),
            ladder: Ladder::new(),
            stops: Stops::default(),
            deadlines: BTreeSet::new(),
            moments: BTreeMap::new(),
            trades: 0,
            last_price: None,
            halted: false,
        }
    }

    /// What trading costs here.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Number of the last trade; the next one has this number plus one.
    pub fn trades(&self) -> u64 {
        self.trades
    }

    /// Ticks of the last trade.
    pub fn last_price(&self) -> Option<u64> {
        self.last_price
    }

    /// Whether orders are rejected.
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// How many orders are open or sleep.
    pub fn len(&self) -> usize {
        self.ladder.len() + self.stops.len()
    }

    /// Whether no order is open or sleeps.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Best price of a side, in ticks.
    pub fn best_price(&self, side: Side) -> Option<u64> {
        self.ladder.best_price(side)
    }

    /// The best `levels` prices of a side: ticks and the lots of all orders there, best first.
    pub fn depth(&self, side: Side, levels: usize) -> impl Iterator<Item = (u64, u128)> {
        self.ladder.depth(side, levels)
    }

    /// Whether an order with this key is or was here lately, so that placing it would be declined as a duplicate.
    pub fn knows(&self, order: OrderKey) -> bool {
        self.place_of(order).is_some()
    }

    /// Whether an order is open or sleeps here.
    pub fn holds(&self, order: OrderKey) -> bool {
        matches!(self.place_of(order), Some(Place::Resting(_) | Place::Stopped(_)))
    }

    /// The earliest moment (milliseconds since 1970) at which a [`Command::Expire`] has something to do.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(moment, _)| *moment)
    }

    /// Whether stops are awake that the bounds have kept from their turn: any command, such as [`Command::Expire`],
    /// lets them go on.
    pub fn has_due_stops(&self) -> bool {
        self.stops.any_due()
    }

    /// Applies a command and appends what it does. Events that were there are left alone.
    pub fn apply(&mut self, command: &Command, events: &mut Vec<Event>) {
        let mut run = Run { fills: 0, triggers: 0, low: u64::MAX, high: 0 };
        if self.stops.any_due() {
            self.cascade(&mut run, events);
        }
        match command {
            Command::Place(order) => self.place(order, &mut run, events),
            Command::Cancel { order, owner } => self.cancel(*order, *owner, Reason::Requested, events),
            Command::Replace { order, with } => self.replace(*order, with, &mut run, events),
            Command::Expire { now } => self.expire(*now, events),
            Command::Halt => self.halted = true,
            Command::Resume => self.halted = false,
        }
        if run.high > 0 || self.stops.any_due() {
            self.cascade(&mut run, events);
        }
    }

    fn place(&mut self, order: &PlaceOrder, run: &mut Run, events: &mut Vec<Event>) {
        if self.knows(order.id) {
            events.push(Event::Declined { order: order.id, reason: Reason::Duplicate });
        } else if let Some(reason) = self.objection(order, None) {
            self.reject(order, reason, events);
        } else {
            self.accept(order, run, events);
        }
    }

    fn replace(&mut self, old: OrderKey, order: &PlaceOrder, run: &mut Run, events: &mut Vec<Event>) {
        let place = self.find(old, order.owner);
        if self.knows(order.id) {
            events.push(Event::Declined { order: order.id, reason: Reason::Duplicate });
        } else if place.is_none() {
            self.reject(order, Reason::NotOpen, events);
        } else if let Some(reason) = self.objection(order, place) {
            self.reject(order, reason, events);
        } else {
            self.cancel(old, order.owner, Reason::Replaced, events);
            self.accept(order, run, events);
        }
    }

    /// Why a new order cannot be taken, with the order in place `without` thought away.
    fn objection(&self, order: &PlaceOrder, without: Option<Place>) -> Option<Reason> {
        if self.halted {
            return Some(Reason::InstrumentHalted);
        }
        let fits = match order.kind {
            Kind::Market { size: Size::Budget, .. } => order.side == Side::Buy,
            Kind::Market { size: Size::Lots(lots), .. } => lots > 0,
            Kind::Limit(limit) => self.terms.admits(limit.price, limit.quantity),
            Kind::StopLimit { stop, limit } => stop > 0 && self.terms.admits(limit.price, limit.quantity),
        };
        // A buyer's lock is money; a seller's is counted in lots, which have no such bound.
        if !fits || (order.side == Side::Buy && order.reserved > MAX_RESERVATION) {
            return Some(Reason::Invalid);
        }
        if self.terms.required(order).is_some_and(|required| order.reserved < required) {
            return Some(Reason::UnderReserved);
        }
        if self.ladder.len() + self.stops.len() >= MAX_RESTING {
            return Some(Reason::BookFull);
        }
        match order.kind {
            Kind::Limit(limit) if limit.post_only && self.would_take(order.side, limit.price, without) => {
                Some(Reason::WouldTake)
            }
            _ => None,
        }
    }

    /// Whether an order at this price would meet one of the other side.
    fn would_take(&self, side: Side, price: u64, without: Option<Place>) -> bool {
        let first = self.ladder.first(side.opposite());
        let first = match (first, without) {
            (Some(slot), Some(Place::Resting(gone))) if slot == gone => self.ladder.after(slot),
            (first, _) => first,
        };
        first.is_some_and(|slot| crosses(side, price, self.ladder.order(slot).price))
    }

    fn accept(&mut self, order: &PlaceOrder, run: &mut Run, events: &mut Vec<Event>) {
        match order.kind {
            Kind::StopLimit { stop, .. } => {
                let reached = self.last_price.is_some_and(|last| match order.side {
                    Side::Buy => last >= stop,
                    Side::Sell => last <= stop,
                });
                let slot = self.stops.add(*order, stop, reached);
                self.index.add(order.id, Place::Stopped(slot));
                self.stands_until(order.expires_at, order.id);
                events.push(Event::Dormant { order: order.id, owner: order.owner });
            }
            Kind::Limit(limit) => self.enter(Taker::limit(order, &limit), run, events),
            Kind::Market { size, all_or_nothing } => {
                self.enter(Taker::market(order, size, all_or_nothing), run, events);
            }
        }
    }

    /// Lets the stops that trades have reached have their turn, and those that these wake in turn.
    fn cascade(&mut self, run: &mut Run, events: &mut Vec<Event>) {
        loop {
            if run.high > 0 {
                self.stops.wake(run.low, run.high);
                (run.low, run.high) = (u64::MAX, 0);
            }
            if self.halted || run.triggers >= TRIGGERS_PER_COMMAND || run.fills >= FILLS_BEFORE_STOPS_WAIT {
                return;
            }
            let Some(slot) = self.stops.first_due() else { return };
            let Some(order) = self.stops.remove(slot) else { return };
            self.index.remove(order.id, Place::Stopped(slot));
            let Kind::StopLimit { limit, .. } = order.kind else { return };
            run.triggers += 1;
            self.stood_until(order.expires_at.is_some(), order.id);
            events.push(Event::Triggered { order: order.id, owner: order.owner });
            if limit.post_only && self.would_take(order.side, limit.price, None) {
                self.reject(&order, Reason::WouldTake, events);
            } else {
                self.enter(Taker::limit(&order, &limit), run, events);
            }
        }
    }

    /// Where an order of this owner is, if it is open or sleeps.
    fn find(&self, order: OrderKey, owner: Owner) -> Option<Place> {
        let place = self.place_of(order)?;
        let found = match place {
            Place::Resting(slot) => Some(self.ladder.owner(slot)),
            Place::Stopped(slot) => self.stops.order(slot).map(|stop| stop.owner),
            Place::Ended => None,
        };
        (found == Some(owner)).then_some(place)
    }

    fn cancel(&mut self, order: OrderKey, owner: Owner, reason: Reason, events: &mut Vec<Event>) {
        match self.find(order, owner) {
            Some(place) => self.end(place, Status::Cancelled, reason, events),
            None => events.push(Event::Declined { order, reason: Reason::NotOpen }),
        }
    }

    fn expire(&mut self, now: i64, events: &mut Vec<Event>) {
        for _ in 0..EXPIRIES_PER_COMMAND {
            let Some((moment, order)) = self.deadlines.first().copied() else { return };
            if moment > now {
                return;
            }
            self.stood_until(true, order);
            if let Some(place) = self.place_of(order) {
                self.end(place, Status::Expired, Reason::TimeOver, events);
            }
        }
    }

    /// Ends an order that is open or sleeps.
    fn end(&mut self, place: Place, status: Status, reason: Reason, events: &mut Vec<Event>) {
        let reason = Some(reason);
        match place {
            Place::Resting(slot) => {
                let gone = self.take_out(slot);
                self.close(gone.id, gone.owner, gone.side, status, reason, gone.locked, events);
            }
            Place::Stopped(slot) => {
                if let Some(gone) = self.stops.remove(slot) {
                    self.index.remove(gone.id, place);
                    self.stood_until(gone.expires_at.is_some(), gone.id);
                    self.close(gone.id, gone.owner, gone.side, status, reason, gone.reserved, events);
                }
            }
            Place::Ended => {}
        }
    }

    fn reject(&mut self, order: &PlaceOrder, reason: Reason, events: &mut Vec<Event>) {
        let status = Status::Rejected;
        self.close(order.id, order.owner, order.side, status, Some(reason), order.reserved, events);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one event")]
    fn close(
        &mut self,
        order: OrderKey,
        owner: Owner,
        side: Side,
        status: Status,
        reason: Option<Reason>,
        released: u64,
        events: &mut Vec<Event>,
    ) {
        self.index.end(order);
        events.push(Event::Closed { order, owner, side, status, reason, released });
    }

    #[inline]
    fn place_of(&self, order: OrderKey) -> Option<Place> {
        self.index.get(order, &self.ladder, &self.stops)
    }

    /// Puts an order to rest, last at its price.
    #[inline]
    fn put_in(&mut self, order: Resting, expires_at: Option<i64>) {
        let slot = self.ladder.add(order);
        self.index.add(order.id, Place::Resting(slot));
        self.stands_until(expires_at, order.id);
    }

    /// Takes a resting order out.
    #[inline]
    fn take_out(&mut self, slot: u32) -> Resting {
        let gone = self.ladder.remove(slot);
        self.index.remove(gone.id, Place::Resting(slot));
        self.stood_until(gone.limited, gone.id);
        gone
    }

    #[inline]
    fn stands_until(&mut self, moment: Option<i64>, order: OrderKey) {
        if let Some(moment) = moment {
            self.deadlines.insert((moment, order));
            self.moments.insert(order, moment);
        }
    }

    #[inline]
    fn stood_until(&mut self, limited: bool, order: OrderKey) {
        if limited && let Some(moment) = self.moments.remove(&order) {
            self.deadlines.remove(&(moment, order));
        }
    }
}

/// Whether an order of this side and price meets a maker at that price.
#[inline]
fn crosses(side: Side, price: u64, maker: u64) -> bool {
    match side {
        Side::Buy => maker <= price,
        Side::Sell => maker >= price,
    }
}
