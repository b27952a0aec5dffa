//! The book against the slow, obvious one, command by command, and what must hold after each of them.
//!
//! `cargo test` plays some hundred thousand commands; with `FLORIN_LONG=1` in the environment it plays millions.

mod model;

use std::collections::BTreeMap;

use domain::{
    order::{Kind, Limit, OrderKey, Owner, PlaceOrder, SelfTrade, Side, Size, Terms, TimeInForce},
    order_book::{Book, Command, Event, RestingOrder, Settlement, WalletChange},
};
use model::{Model, Price};
use proptest::prelude::*;

/// Takes a command's choices from random bits.
struct Bits(u64);

impl Bits {
    fn below(&mut self, bound: u64) -> u64 {
        let choice = self.0 % bound;
        self.0 /= bound;
        choice
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

fn order(number: u64, bits: &mut Bits, price: &Price, now: i64) -> PlaceOrder {
    let side = bits.one_of(&[Side::Buy, Side::Sell]);
    let owner = Owner(u128::from(bits.below(4)));
    let quantity = 1 + bits.below(20);
    let ticks = 95 + bits.below(11);
    let modes = [SelfTrade::ExpireTaker, SelfTrade::ExpireMaker, SelfTrade::ExpireBoth, SelfTrade::Skip];
    let mut self_trade = bits.one_of(&modes);
    let times = [TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok];
    let time_in_force = bits.one_of(&times);
    let post_only = time_in_force == TimeInForce::Gtc && bits.below(5) == 0;
    let limit = Limit { price: ticks, quantity, time_in_force, post_only };
    let kind = match bits.below(10) {
        0 => Kind::Market { size: Size::Lots(quantity), all_or_nothing: bits.below(3) == 0 },
        1 if side == Side::Buy => Kind::Market { size: Size::Budget, all_or_nothing: bits.below(3) == 0 },
        2 | 3 => Kind::StopLimit { stop: 95 + bits.below(11), limit },
        _ => Kind::Limit(limit),
    };
    let rests = !matches!(kind, Kind::Market { .. }) && time_in_force == TimeInForce::Gtc;
    if rests && self_trade == SelfTrade::Skip {
        self_trade = SelfTrade::ExpireTaker;
    }
    let required = match kind {
        Kind::Market { .. } if side == Side::Sell => u128::from(quantity),
        Kind::Market { .. } => price.required(side, &limit) * u128::from(1 + bits.below(5)) / 3,
        Kind::Limit(limit) | Kind::StopLimit { limit, .. } => price.required(side, &limit),
    };
    let reserved = match bits.below(30) {
        0 => required.saturating_sub(1),
        1 => required + 3,
        _ => required,
    };
    let reserved = u64::try_from(reserved).unwrap();
    let expires_at = (rests && bits.below(6) == 0).then(|| now + 1 + bits.below(50) as i64);
    PlaceOrder { id: OrderKey(number.into()), owner, side, kind, self_trade, reserved, expires_at }
}

fn command(number: u64, bits: u64, price: &Price) -> Command {
    let mut bits = Bits(bits);
    let now = number as i64;
    let recent = |bits: &mut Bits| OrderKey(u128::from(number.saturating_sub(1 + bits.below(40))));
    match bits.below(64) {
        0..=13 => Command::Cancel { order: recent(&mut bits), owner: Owner(u128::from(bits.below(4))) },
        14..=17 => {
            let old = recent(&mut bits);
            Command::Replace { order: old, with: order(number, &mut bits, price, now) }
        }
        18..=19 => Command::Expire { now },
        20 if bits.below(8) == 0 => Command::Halt,
        21..=22 => Command::Resume,
        23 => {
            let repeated = recent(&mut bits);
            Command::Place(order(u64::try_from(repeated.0).unwrap(), &mut bits, price, now))
        }
        _ => Command::Place(order(number, &mut bits, price, now)),
    }
}

/// What every order has locked, spent and been given back, told by commands and events alone.
#[derive(Default)]
struct Locks(BTreeMap<OrderKey, (Side, u64, u64)>);

impl Locks {
    fn placed(&mut self, command: &Command) {
        if let Command::Place(order) | Command::Replace { with: order, .. } = command {
            self.0.entry(order.id).or_insert((order.side, order.reserved, 0));
        }
    }

    fn happened(&mut self, event: &Event) {
        match event {
            Event::Traded(trade) => {
                let (buyer, seller) = trade.buyer_and_seller();
                for (order, given) in [(buyer.order, trade.notional + buyer.fee), (seller.order, trade.quantity)] {
                    let lock = self.0.get_mut(&order).expect("a lock");
                    lock.1 = lock.1.checked_sub(given).expect("no more than was locked");
                    lock.2 += 1;
                }
            }
            Event::Closed { order, released, side, .. } => {
                let lock = self.0.get_mut(order).expect("a lock");
                assert_eq!((lock.0, lock.1), (*side, *released), "what is left is released: {order:?}");
                lock.1 = 0;
            }
            _ => {}
        }
    }

    /// Open orders hold exactly what is left of their locks, and that is what they still need, but for the roundings
    /// of their fills.
    fn hold(&self, terms: &Terms, side: Side, orders: &[RestingOrder]) {
        for order in orders {
            let (_, locked, fills) = self.0[&order.id];
            assert_eq!(locked, order.locked);
            let needed = match side {
                Side::Buy => terms.buyer_reservation(order.price, order.remaining, true),
                Side::Sell => order.remaining,
            };
            assert!(locked + 2 * fills >= needed, "{order:?}: {locked} locked, {needed} needed");
        }
    }
}

fn play(price: Price, choices: &[u64]) {
    let exponent = price.divisor.ilog10();
    let (factor, maker, taker) = (price.factor as u64, price.maker_bps as u16, price.taker_bps as u16);
    let terms = Terms::new(factor, exponent, maker, taker).expect("terms");
    let (mut book, mut model) = (Book::new(terms), Model::new(price));
    let (mut locks, mut wallets) = (Locks::default(), WalletChange::default());
    let mut fees = 0i128;
    for (number, bits) in choices.iter().enumerate() {
        let command = command(number as u64, *bits, &price);
        locks.placed(&command);
        let mut events = Vec::new();
        book.apply(&command, &mut events);
        assert_eq!(events, model.apply(&command), "{command:?}");

        let snapshot = book.snapshot();
        assert_eq!(snapshot.bids, model.side(Side::Buy), "bids after {command:?}");
        assert_eq!(snapshot.asks, model.side(Side::Sell), "asks after {command:?}");
        assert_eq!(snapshot.due, model.due);
        assert_eq!((snapshot.trades, snapshot.last_price), (model.trades, model.last));
        assert_eq!(book.len(), model.resting.len() + model.sleeping.len() + model.due.len());
        let best = |orders: &[RestingOrder]| orders.first().map(|order| order.price);
        assert_eq!(
            (book.best_price(Side::Buy), book.best_price(Side::Sell)),
            (best(&snapshot.bids), best(&snapshot.asks))
        );
        if let (Some(bid), Some(ask)) = (book.best_price(Side::Buy), book.best_price(Side::Sell)) {
            assert!(bid < ask, "crossed after {command:?}");
        }
        for (side, orders) in [(Side::Buy, &snapshot.bids), (Side::Sell, &snapshot.asks)] {
            let total: u128 = orders.iter().map(|order| u128::from(order.remaining)).sum();
            assert_eq!(book.depth(side, usize::MAX).map(|(_, lots)| lots).sum::<u128>(), total);
        }

        events.iter().for_each(|event| locks.happened(event));
        locks.hold(&terms, Side::Buy, &snapshot.bids);
        locks.hold(&terms, Side::Sell, &snapshot.asks);
        let settlement = Settlement::of(&events);
        for change in settlement.wallets.values() {
            wallets.base_free += change.base_free;
            wallets.base_locked += change.base_locked;
            wallets.quote_free += change.quote_free;
            wallets.quote_locked += change.quote_locked;
        }
        fees += settlement.fees as i128;
        assert_eq!(wallets.base_free + wallets.base_locked, 0, "lots are conserved");
        assert_eq!(wallets.quote_free + wallets.quote_locked + fees, 0, "money is conserved");

        if number % 64 == 63 {
            let restored = Book::restore(&snapshot).expect("a snapshot of a book");
            assert_eq!(restored.snapshot(), snapshot);
            assert_eq!(restored.snapshot().digest(), snapshot.digest());
            book = restored;
        }
    }
    assert_eq!(book.snapshot().ended, model.ended);
}

fn cases() -> u32 {
    if std::env::var_os("FLORIN_LONG").is_some() { 20_000 } else { 600 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_book_does_what_the_slow_obvious_one_does(
        choices in prop::collection::vec(any::<u64>(), 1..600),
        factor in 1u128..=9, exponent in 0u32..=4, maker_bps in 0u128..=300, taker_bps in 0u128..=300,
    ) {
        play(Price { factor, divisor: 10u128.pow(exponent), maker_bps, taker_bps }, &choices);
    }
}
