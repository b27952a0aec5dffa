//! A taker against the resting orders, best price first, first come first.

use super::{
    Book, Event, FILLS_PER_TAKER, Limit, OrderKey, Owner, Party, Place, PlaceOrder, Reason, Resting, Run, Side, Size,
    Status, Trade, crosses,
};
use crate::order::{SelfTrade, Terms, TimeInForce};

/// An order that meets the book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker {
    id: OrderKey,
    owner: Owner,
    side: Side,
    /// Worst price: the highest or zero for market orders.
    price: u64,
    /// Lots; without bound for a market buy by amount.
    remaining: u64,
    /// Buyers: minor units of the quote asset left of the lock. Sellers: lots locked.
    locked: u64,
    by_amount: bool,
    /// A market buy takes what its lock pays for; a limit buy has locked enough for all of it.
    on_budget: bool,
    self_trade: SelfTrade,
    time_in_force: TimeInForce,
    expires_at: Option<i64>,
}

/// Why a taker stops taking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    /// It has all it wanted.
    Filled,
    /// Nobody on the other side meets its price.
    Unmet,
    /// The rest must not go on.
    Cut(Reason),
}

impl Taker {
    pub(super) fn limit(order: &PlaceOrder, limit: &Limit) -> Self {
        Self {
            id: order.id,
            owner: order.owner,
            side: order.side,
            price: limit.price,
            remaining: limit.quantity,
            locked: order.reserved,
            by_amount: false,
            on_budget: false,
            self_trade: order.self_trade,
            time_in_force: limit.time_in_force,
            expires_at: order.expires_at,
        }
    }

    pub(super) fn market(order: &PlaceOrder, size: Size, all_or_nothing: bool) -> Self {
        let buys = order.side == Side::Buy;
        let (remaining, by_amount) = match size {
            Size::Lots(lots) => (lots, false),
            Size::Budget => (u64::MAX, true),
        };
        Self {
            id: order.id,
            owner: order.owner,
            side: order.side,
            price: if buys { u64::MAX } else { 0 },
            remaining,
            locked: order.reserved,
            by_amount,
            on_budget: buys,
            self_trade: order.self_trade,
            time_in_force: if all_or_nothing { TimeInForce::Fok } else { TimeInForce::Ioc },
            expires_at: None,
        }
    }

    /// Lots it takes from a maker with so many at this price, and whether its money ends there.
    #[inline]
    fn takes(&self, terms: &Terms, price: u64, offered: u64) -> (u64, bool) {
        let wanted = self.remaining.min(offered);
        if !self.on_budget || terms.affords(price, wanted, self.locked) {
            (wanted, false)
        } else {
            (terms.affordable(price, self.locked).min(wanted), true)
        }
    }

    /// What it and a maker with `maker_locked` pay each other for so many lots.
    #[inline]
    fn price_of(&self, terms: &Terms, price: u64, lots: u64, maker_locked: u64) -> Cost {
        let notional = terms.notional(price, lots);
        let (buyer_locked, buyer_bps, seller_bps) = match self.side {
            Side::Buy => (self.locked, terms.taker_fee_bps(), terms.maker_fee_bps()),
            Side::Sell => (maker_locked, terms.maker_fee_bps(), terms.taker_fee_bps()),
        };
        // A buyer never pays more than is locked for his order, however the fills were rounded.
        let notional = notional.min(buyer_locked);
        let buyer_fee = terms.fee(notional, buyer_bps).min(buyer_locked - notional);
        Cost { notional, buyer_fee, seller_fee: terms.fee(notional, seller_bps) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Cost {
    notional: u64,
    buyer_fee: u64,
    seller_fee: u64,
}

impl Book {
    /// Lets an order take, and rest or end.
    pub(super) fn enter(&mut self, mut taker: Taker, run: &mut Run, events: &mut Vec<Event>) {
        if taker.time_in_force == TimeInForce::Fok && !self.fills_completely(taker) {
            return self.leave(&taker, Status::Expired, Some(Reason::NotFillable), events);
        }
        let halt = self.sweep(&mut taker, run, events);
        match halt {
            Halt::Filled => self.leave(&taker, Status::Filled, None, events),
            Halt::Unmet if taker.time_in_force == TimeInForce::Gtc => self.rest(&taker, events),
            Halt::Unmet => self.leave(&taker, Status::Expired, Some(Reason::NoLiquidity), events),
            Halt::Cut(reason) => self.leave(&taker, Status::Expired, Some(reason), events),
        }
    }

    fn rest(&mut self, taker: &Taker, events: &mut Vec<Event>) {
        let Taker { id, owner, side, price, remaining, locked, expires_at, .. } = *taker;
        let limited = expires_at.is_some();
        self.put_in(Resting { id, owner, side, price, remaining, locked, limited }, expires_at);
        events.push(Event::Opened { order: id, owner, remaining });
    }

    fn leave(&mut self, taker: &Taker, status: Status, reason: Option<Reason>, events: &mut Vec<Event>) {
        self.close(taker.id, taker.owner, taker.side, status, reason, taker.locked, events);
    }

    fn sweep(&mut self, taker: &mut Taker, run: &mut Run, events: &mut Vec<Event>) -> Halt {
        let mut next = self.ladder.first(taker.side.opposite());
        let mut met = 0;
        let mut last = 0;
        while taker.remaining > 0 {
            let Some(slot) = next else { break };
            let maker = self.ladder.order(slot);
            if !crosses(taker.side, taker.price, maker.price) {
                break;
            }
            if maker.owner == taker.owner && taker.self_trade == SelfTrade::Skip {
                next = self.ladder.after(slot);
                continue;
            }
            if met == FILLS_PER_TAKER {
                return Halt::Cut(Reason::TooManyFills);
            }
            met += 1;
            if maker.owner == taker.owner {
                if taker.self_trade != SelfTrade::ExpireTaker {
                    next = self.ladder.after(slot);
                    self.end(Place::Resting(slot), Status::Expired, Reason::SelfTrade, events);
                    run.fills += 1;
                }
                if taker.self_trade != SelfTrade::ExpireMaker {
                    return Halt::Cut(Reason::SelfTrade);
                }
                continue;
            }
            let (lots, spent) = taker.takes(&self.terms, maker.price, maker.remaining);
            if lots > 0 {
                if lots == maker.remaining {
                    next = self.ladder.after(slot);
                }
                self.trade(taker, slot, lots, run, events);
                last = maker.price;
            }
            if spent {
                return spent_up(taker, last);
            }
        }
        // What is left of an amount buys nothing more at the price it has just paid.
        if taker.remaining == 0 || (taker.by_amount && last > 0 && !self.terms.affords(last, 1, taker.locked)) {
            Halt::Filled
        } else {
            Halt::Unmet
        }
    }

    fn trade(&mut self, taker: &mut Taker, slot: u32, lots: u64, run: &mut Run, events: &mut Vec<Event>) {
        let maker = self.ladder.order(slot);
        let cost = taker.price_of(&self.terms, maker.price, lots, maker.locked);
        let paid = cost.notional + cost.buyer_fee;
        let (maker_fee, maker_given, taker_fee, taker_given) = match taker.side {
            Side::Buy => (cost.seller_fee, lots, cost.buyer_fee, paid),
            Side::Sell => (cost.buyer_fee, paid, cost.seller_fee, lots),
        };
        taker.locked -= taker_given;
        if !taker.by_amount {
            taker.remaining -= lots;
        }
        self.trades += 1;
        self.last_price = Some(maker.price);
        run.fills += 1;
        (run.low, run.high) = (run.low.min(maker.price), run.high.max(maker.price));
        events.push(Event::Traded(Trade {
            number: self.trades,
            taker_side: taker.side,
            price: maker.price,
            quantity: lots,
            notional: cost.notional,
            maker: Party { order: maker.id, owner: maker.owner, fee: maker_fee, remaining: maker.remaining - lots },
            taker: Party {
                order: taker.id,
                owner: taker.owner,
                fee: taker_fee,
                remaining: if taker.by_amount { 0 } else { taker.remaining },
            },
        }));
        if lots < maker.remaining {
            return self.ladder.reduce(slot, lots, maker_given);
        }
        self.take_out(slot);
        let released = maker.locked - maker_given;
        self.close(maker.id, maker.owner, maker.side, Status::Filled, None, released, events);
    }

    /// Whether a fill-or-kill order would be filled now: the same walk without touching anything.
    fn fills_completely(&self, mut taker: Taker) -> bool {
        let mut next = self.ladder.first(taker.side.opposite());
        let mut met = 0;
        let mut last = 0;
        while taker.remaining > 0 {
            let Some(slot) = next else { break };
            let maker = self.ladder.order(slot);
            if !crosses(taker.side, taker.price, maker.price) {
                break;
            }
            next = self.ladder.after(slot);
            if maker.owner == taker.owner && taker.self_trade == SelfTrade::Skip {
                continue;
            }
            if met == FILLS_PER_TAKER {
                return false;
            }
            met += 1;
            if maker.owner == taker.owner {
                if taker.self_trade == SelfTrade::ExpireMaker {
                    continue;
                }
                return false;
            }
            let (lots, spent) = taker.takes(&self.terms, maker.price, maker.remaining);
            if lots > 0 {
                last = maker.price;
                if taker.side == Side::Buy {
                    let cost = taker.price_of(&self.terms, maker.price, lots, 0);
                    taker.locked -= cost.notional + cost.buyer_fee;
                }
            }
            if spent {
                return spent_up(&taker, last) == Halt::Filled;
            }
            if !taker.by_amount {
                taker.remaining -= lots;
            }
        }
        taker.remaining == 0 || (taker.by_amount && last > 0 && !self.terms.affords(last, 1, taker.locked))
    }
}

/// The money has ended before the orders did: that fills an order by amount, if it has bought anything at all.
fn spent_up(taker: &Taker, last: u64) -> Halt {
    if taker.by_amount && last > 0 { Halt::Filled } else { Halt::Cut(Reason::ReservationSpent) }
}
