//! The slow, obvious book that the fast one must agree with: lists, searched from end to end, and exact fractions.
//! It shares the vocabulary with the real one and no line of its matching.

use domain::{
    order::{Kind, Limit, OrderKey, Owner, PlaceOrder, Reason, SelfTrade, Side, Size, Status, TimeInForce},
    order_book::{
        Command, EXPIRIES_PER_COMMAND, Event, FILLS_BEFORE_STOPS_WAIT, FILLS_PER_TAKER, Party, REMEMBERED,
        RestingOrder, TRIGGERS_PER_COMMAND, Trade,
    },
};

/// What an instrument costs: one lot at one tick is `factor / divisor` minor units.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    pub factor: u128,
    pub divisor: u128,
    pub maker_bps: u128,
    pub taker_bps: u128,
}

fn half_even(numerator: u128, denominator: u128) -> u128 {
    let floor = numerator / denominator;
    match (2 * (numerator % denominator)).cmp(&denominator) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + floor % 2,
    }
}

impl Price {
    fn notional(&self, ticks: u64, lots: u64) -> u128 {
        half_even(u128::from(ticks) * u128::from(lots) * self.factor, self.divisor)
    }

    pub fn required(&self, side: Side, limit: &Limit) -> u128 {
        let notional = self.notional(limit.price, limit.quantity);
        let bps = if limit.post_only { self.maker_bps } else { self.maker_bps.max(self.taker_bps) };
        match side {
            Side::Buy => notional + half_even(notional * bps, 10_000),
            Side::Sell => u128::from(limit.quantity),
        }
    }

    /// Lots whose exact price with the taker's fee is within a budget.
    fn affordable(&self, ticks: u64, budget: u64) -> u128 {
        let lot = u128::from(ticks) * self.factor * (10_000 + self.taker_bps);
        u128::from(budget) * self.divisor * 10_000 / lot
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Open {
    pub order: PlaceOrder,
    pub price: u64,
    pub remaining: u64,
    pub locked: u64,
}

#[derive(Clone, Debug)]
pub struct Model {
    price: Price,
    /// In the order they came to rest.
    pub resting: Vec<Open>,
    /// In the order they came.
    pub sleeping: Vec<PlaceOrder>,
    pub due: Vec<PlaceOrder>,
    pub ended: Vec<OrderKey>,
    pub trades: u64,
    pub last: Option<u64>,
    pub halted: bool,
    /// Prices traded at since stops were last looked at.
    seen: Vec<u64>,
    fills: u32,
    triggers: u32,
}

#[derive(Clone, Copy)]
struct Taking {
    order: PlaceOrder,
    limit: Option<u64>,
    wanted: Option<u64>,
    locked: u64,
    how: TimeInForce,
}

impl Model {
    pub fn new(price: Price) -> Self {
        Self {
            price,
            resting: vec![],
            sleeping: vec![],
            due: vec![],
            ended: vec![],
            trades: 0,
            last: None,
            halted: false,
            seen: vec![],
            fills: 0,
            triggers: 0,
        }
    }

    /// Resting orders of a side, the first to trade first.
    pub fn side(&self, side: Side) -> Vec<RestingOrder> {
        let mut orders: Vec<_> = self.resting.iter().filter(|open| open.order.side == side).collect();
        match side {
            Side::Buy => orders.sort_by_key(|open| std::cmp::Reverse(open.price)),
            Side::Sell => orders.sort_by_key(|open| open.price),
        }
        let resting = |open: &&Open| RestingOrder {
            id: open.order.id,
            owner: open.order.owner,
            price: open.price,
            remaining: open.remaining,
            locked: open.locked,
            expires_at: open.order.expires_at,
        };
        orders.iter().map(resting).collect()
    }

    pub fn apply(&mut self, command: &Command) -> Vec<Event> {
        let mut events = vec![];
        (self.fills, self.triggers) = (0, 0);
        self.stops(&mut events);
        match *command {
            Command::Place(order) => self.place(order, None, &mut events),
            Command::Replace { order, with } => self.place(with, Some(order), &mut events),
            Command::Cancel { order, owner } => self.cancel(order, owner, Reason::Requested, &mut events),
            Command::Expire { now } => self.expire(now, &mut events),
            Command::Halt => self.halted = true,
            Command::Resume => self.halted = false,
        }
        self.stops(&mut events);
        events
    }

    fn open(&self, id: OrderKey, owner: Owner) -> bool {
        let asleep = self.sleeping.iter().chain(&self.due).any(|order| (order.id, order.owner) == (id, owner));
        asleep || self.resting.iter().any(|open| (open.order.id, open.order.owner) == (id, owner))
    }

    fn known(&self, id: OrderKey) -> bool {
        self.ended.contains(&id)
            || self.sleeping.iter().chain(&self.due).any(|order| order.id == id)
            || self.resting.iter().any(|open| open.order.id == id)
    }

    fn place(&mut self, order: PlaceOrder, instead: Option<OrderKey>, events: &mut Vec<Event>) {
        if self.known(order.id) {
            return events.push(Event::Declined { order: order.id, reason: Reason::Duplicate });
        }
        if let Some(reason) = self.objection(&order, instead) {
            return self.close(&order, Status::Rejected, Some(reason), order.reserved, events);
        }
        if let Some(old) = instead {
            self.cancel(old, order.owner, Reason::Replaced, events);
        }
        match order.kind {
            Kind::StopLimit { stop, .. } => {
                events.push(Event::Dormant { order: order.id, owner: order.owner });
                let reached = match order.side {
                    Side::Buy => self.last.is_some_and(|last| last >= stop),
                    Side::Sell => self.last.is_some_and(|last| last <= stop),
                };
                if reached { self.due.push(order) } else { self.sleeping.push(order) }
            }
            Kind::Limit(limit) => self.enter(order, limit, events),
            Kind::Market { size, all_or_nothing } => {
                let wanted = match size {
                    Size::Lots(lots) => Some(lots),
                    Size::Budget => None,
                };
                let how = if all_or_nothing { TimeInForce::Fok } else { TimeInForce::Ioc };
                self.take(Taking { order, limit: None, wanted, locked: order.reserved, how }, events);
            }
        }
    }

    fn objection(&self, order: &PlaceOrder, instead: Option<OrderKey>) -> Option<Reason> {
        let limit = match order.kind {
            Kind::Market { size: Size::Budget, .. } => None,
            Kind::Market { size: Size::Lots(price), .. } => {
                let sells = order.side == Side::Sell && order.reserved < price;
                return match (instead.is_some_and(|old| !self.open(old, order.owner)), self.halted) {
                    (true, _) => Some(Reason::NotOpen),
                    (_, true) => Some(Reason::InstrumentHalted),
                    _ => sells.then_some(Reason::UnderReserved),
                };
            }
            Kind::Limit(limit) | Kind::StopLimit { limit, .. } => Some(limit),
        };
        if instead.is_some_and(|old| !self.open(old, order.owner)) {
            return Some(Reason::NotOpen);
        }
        if self.halted {
            return Some(Reason::InstrumentHalted);
        }
        let limit = limit?;
        if u128::from(order.reserved) < self.price.required(order.side, &limit) {
            return Some(Reason::UnderReserved);
        }
        let takes = self.resting.iter().any(|open| {
            Some(open.order.id) != instead
                && open.order.side != order.side
                && meets(order.side, limit.price, open.price)
        });
        (matches!(order.kind, Kind::Limit(_)) && limit.post_only && takes).then_some(Reason::WouldTake)
    }

    fn enter(&mut self, order: PlaceOrder, limit: Limit, events: &mut Vec<Event>) {
        let how = limit.time_in_force;
        let (wanted, locked) = (Some(limit.quantity), order.reserved);
        self.take(Taking { order, limit: Some(limit.price), wanted, locked, how }, events);
    }

    fn take(&mut self, taking: Taking, events: &mut Vec<Event>) {
        if taking.how == TimeInForce::Fok {
            // The obvious way to know: try it on a copy.
            let mut copy = self.clone();
            let mut tried = vec![];
            copy.take(Taking { how: TimeInForce::Ioc, ..taking }, &mut tried);
            let filled = matches!(tried.last(), Some(Event::Closed { order, status: Status::Filled, .. }) if *order == taking.order.id);
            if !filled {
                let reason = Some(Reason::NotFillable);
                return self.close(&taking.order, Status::Expired, reason, taking.locked, events);
            }
        }
        let mut taking = taking;
        let mut met = 0;
        let mut paid = None;
        let (status, reason) = loop {
            if taking.wanted == Some(0) {
                break (Status::Filled, None);
            }
            let Some(at) = self.first_for(&taking) else {
                let spent = taking.wanted.is_none()
                    && paid.is_some_and(|price| self.price.affordable(price, taking.locked) == 0);
                break if spent { (Status::Filled, None) } else { (Status::Expired, Some(Reason::NoLiquidity)) };
            };
            if met == FILLS_PER_TAKER {
                break (Status::Expired, Some(Reason::TooManyFills));
            }
            met += 1;
            let maker = self.resting[at];
            if maker.order.owner == taking.order.owner {
                if taking.order.self_trade != SelfTrade::ExpireTaker {
                    self.resting.remove(at);
                    self.fills += 1;
                    self.close(&maker.order, Status::Expired, Some(Reason::SelfTrade), maker.locked, events);
                }
                if taking.order.self_trade != SelfTrade::ExpireMaker {
                    break (Status::Expired, Some(Reason::SelfTrade));
                }
                continue;
            }
            let wanted = taking.wanted.map_or(maker.remaining, |lots| lots.min(maker.remaining));
            let mut lots = wanted;
            if taking.order.side == Side::Buy && taking.limit.is_none() {
                lots = u64::try_from(self.price.affordable(maker.price, taking.locked).min(lots.into())).unwrap();
            }
            if lots > 0 {
                self.trade(&mut taking, at, lots, events);
                paid = Some(maker.price);
            }
            if lots < wanted {
                break match (taking.wanted, paid) {
                    (None, Some(_)) => (Status::Filled, None),
                    _ => (Status::Expired, Some(Reason::ReservationSpent)),
                };
            }
        };
        let rests = reason == Some(Reason::NoLiquidity) && taking.how == TimeInForce::Gtc;
        match (rests, taking.limit, taking.wanted) {
            (true, Some(price), Some(remaining)) => {
                let Taking { order, locked, .. } = taking;
                self.resting.push(Open { order, price, remaining, locked });
                events.push(Event::Opened { order: order.id, owner: order.owner, remaining });
            }
            _ => self.close(&taking.order, status, reason, taking.locked, events),
        }
    }

    /// Best price first; of equal prices who came to rest first.
    fn first_for(&self, taking: &Taking) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, open) in self.resting.iter().enumerate() {
            let own = open.order.owner == taking.order.owner && taking.order.self_trade == SelfTrade::Skip;
            if open.order.side == taking.order.side || own {
                continue;
            }
            if taking.limit.is_some_and(|limit| !meets(taking.order.side, limit, open.price)) {
                continue;
            }
            let better = best.is_none_or(|best| match taking.order.side {
                Side::Buy => open.price < self.resting[best].price,
                Side::Sell => open.price > self.resting[best].price,
            });
            if better {
                best = Some(at);
            }
        }
        best
    }

    fn trade(&mut self, taking: &mut Taking, at: usize, lots: u64, events: &mut Vec<Event>) {
        let maker = self.resting[at];
        let buys = taking.order.side == Side::Buy;
        let mut notional = self.price.notional(maker.price, lots);
        let (buyer_locked, buyer_bps, seller_bps) = if buys {
            (u128::from(taking.locked), self.price.taker_bps, self.price.maker_bps)
        } else {
            (u128::from(maker.locked), self.price.maker_bps, self.price.taker_bps)
        };
        notional = notional.min(buyer_locked);
        let buyer_fee = half_even(notional * buyer_bps, 10_000).min(buyer_locked - notional);
        let seller_fee = half_even(notional * seller_bps, 10_000);
        let paid = u64::try_from(notional + buyer_fee).unwrap();
        let (buyer_fee, seller_fee) = (u64::try_from(buyer_fee).unwrap(), u64::try_from(seller_fee).unwrap());
        let left = maker.remaining - lots;
        taking.wanted = taking.wanted.map(|wanted| wanted - lots);
        taking.locked -= if buys { paid } else { lots };
        let given = if buys { lots } else { paid };
        self.resting[at].remaining -= lots;
        self.resting[at].locked -= given;
        self.trades += 1;
        self.last = Some(maker.price);
        self.seen.push(maker.price);
        self.fills += 1;
        let party = |order: &PlaceOrder, remaining, buys| Party {
            order: order.id,
            owner: order.owner,
            fee: if buys { buyer_fee } else { seller_fee },
            remaining,
        };
        events.push(Event::Traded(Trade {
            number: self.trades,
            taker_side: taking.order.side,
            price: maker.price,
            quantity: lots,
            notional: u64::try_from(notional).unwrap(),
            maker: party(&maker.order, left, !buys),
            taker: party(&taking.order, taking.wanted.unwrap_or(0), buys),
        }));
        if left == 0 {
            let filled = self.resting.remove(at);
            self.close(&filled.order, Status::Filled, None, filled.locked, events);
        }
    }

    fn stops(&mut self, events: &mut Vec<Event>) {
        loop {
            let seen = std::mem::take(&mut self.seen);
            for side in [Side::Buy, Side::Sell] {
                let mut woken: Vec<PlaceOrder> = vec![];
                self.sleeping.retain(|order| {
                    let stop = stop_of(order);
                    let reached = order.side == side
                        && seen.iter().any(|price| if side == Side::Buy { *price >= stop } else { *price <= stop });
                    if reached {
                        woken.push(*order);
                    }
                    !reached
                });
                match side {
                    Side::Buy => woken.sort_by_key(stop_of),
                    Side::Sell => woken.sort_by_key(|order| std::cmp::Reverse(stop_of(order))),
                }
                self.due.extend(woken);
            }
            let bound = self.triggers >= TRIGGERS_PER_COMMAND || self.fills >= FILLS_BEFORE_STOPS_WAIT;
            if self.halted || bound || self.due.is_empty() {
                return;
            }
            let order = self.due.remove(0);
            self.triggers += 1;
            events.push(Event::Triggered { order: order.id, owner: order.owner });
            let Kind::StopLimit { limit, .. } = order.kind else { panic!("no stop") };
            let opposite = |open: &Open| open.order.side != order.side && meets(order.side, limit.price, open.price);
            if limit.post_only && self.resting.iter().any(opposite) {
                self.close(&order, Status::Rejected, Some(Reason::WouldTake), order.reserved, events);
            } else {
                self.enter(order, limit, events);
            }
        }
    }

    fn cancel(&mut self, id: OrderKey, owner: Owner, reason: Reason, events: &mut Vec<Event>) {
        if self.open(id, owner) {
            self.end(id, Status::Cancelled, reason, events);
        } else {
            events.push(Event::Declined { order: id, reason: Reason::NotOpen });
        }
    }

    fn end(&mut self, id: OrderKey, status: Status, reason: Reason, events: &mut Vec<Event>) {
        let resting = self.resting.iter().find(|open| open.order.id == id).map(|open| (open.order, open.locked));
        let asleep = self.sleeping.iter().chain(&self.due).find(|order| order.id == id).map(|o| (*o, o.reserved));
        let (order, released) = resting.or(asleep).expect("an open order");
        self.resting.retain(|open| open.order.id != id);
        self.sleeping.retain(|order| order.id != id);
        self.due.retain(|order| order.id != id);
        self.close(&order, status, Some(reason), released, events);
    }

    fn expire(&mut self, now: i64, events: &mut Vec<Event>) {
        let asleep = self.sleeping.iter().chain(&self.due).copied();
        let all = self.resting.iter().map(|open| open.order).chain(asleep);
        let over = all.filter_map(|order| Some((order.expires_at?, order.id))).filter(|(moment, _)| *moment <= now);
        let mut over: Vec<_> = over.collect();
        over.sort();
        for (_, id) in over.into_iter().take(EXPIRIES_PER_COMMAND) {
            self.end(id, Status::Expired, Reason::TimeOver, events);
        }
    }

    fn close(
        &mut self,
        order: &PlaceOrder,
        status: Status,
        reason: Option<Reason>,
        released: u64,
        events: &mut Vec<Event>,
    ) {
        self.ended.push(order.id);
        if self.ended.len() > REMEMBERED {
            self.ended.remove(0);
        }
        let PlaceOrder { id, owner, side, .. } = *order;
        events.push(Event::Closed { order: id, owner, side, status, reason, released });
    }
}

fn meets(side: Side, price: u64, maker: u64) -> bool {
    match side {
        Side::Buy => maker <= price,
        Side::Sell => maker >= price,
    }
}

fn stop_of(order: &PlaceOrder) -> u64 {
    match order.kind {
        Kind::StopLimit { stop, .. } => stop,
        _ => panic!("no stop"),
    }
}
