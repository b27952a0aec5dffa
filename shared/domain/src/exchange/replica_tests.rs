//! A replica against a book that is told everything by hand.

use super::*;
use crate::{
    order::{Kind, Limit, OrderKey, Owner, PlaceOrder, SelfTrade, Side, Terms, TimeInForce},
    order_book::{Book, REMEMBERED},
};

fn terms() -> Terms {
    Terms::new(1, 0, 10, 20).expect("terms")
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn order(id: u128, side: Side, price: u64, quantity: u64, expires_at: Option<i64>) -> PlaceOrder {
    let limit = Limit { price, quantity, time_in_force: TimeInForce::Gtc, post_only: false };
    let reserved = match side {
        Side::Buy => terms().buyer_reservation(price, quantity, false),
        Side::Sell => quantity,
    };
    PlaceOrder {
        id: OrderKey(id),
        owner: Owner(id % 7),
        side,
        kind: Kind::Limit(limit),
        self_trade: SelfTrade::ExpireTaker,
        reserved,
        expires_at,
    }
}

fn buy(id: u128, price: u64) -> Command {
    Command::Place(order(id, Side::Buy, price, 1, None))
}

fn propose(replica: &mut Replica, commands: &[Command], now: i64) -> Option<JournalEntry> {
    replica.propose(commands, at(now), BATCH_EVENTS).0
}

/// A long history with everything in it, one batch a version.
fn history(replica: &mut Replica, batches: u64) -> Vec<JournalEntry> {
    let mut random = 7_u64;
    let mut next = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let (mut journal, mut id) = (Vec::new(), 0_u128);
    for batch in 0..batches {
        let mut commands = Vec::new();
        for _ in 0..1 + next(10) {
            id += 1;
            let side = if next(2) == 0 { Side::Buy } else { Side::Sell };
            let ends = (next(5) == 0).then(|| batch as i64 * 10 + next(200) as i64);
            commands.push(match next(6) {
                0 => Command::Cancel { order: OrderKey(u128::from(next(id as u64))), owner: Owner(next(7).into()) },
                1 => buy(u128::from(next(id as u64)), 100),
                _ => Command::Place(order(id, side, 95 + next(10), 1 + next(5), ends)),
            });
        }
        if let Some(entry) = propose(replica, &commands, batch as i64 * 10) {
            replica.keep(&entry);
            journal.push(entry);
        }
    }
    journal
}

#[test]
fn who_follows_the_journal_has_the_same_book() {
    let mut leader = Replica::new(terms());
    let journal = history(&mut leader, 400);
    assert_eq!(leader.version(), journal.len() as u64);
    let mut follower = Replica::new(terms());
    let mut book = Book::new(terms());
    for entry in &journal {
        follower.follow(entry).expect("the next version");
        let mut events = Vec::new();
        entry.batch.commands.iter().for_each(|command| book.apply(command, &mut events));
        assert_eq!(events, entry.batch.events);
    }
    assert_eq!(follower.book().snapshot(), leader.book().snapshot());
    assert_eq!(book.snapshot(), leader.book().snapshot());
    assert!(!leader.book().is_empty());
}

#[test]
fn what_is_withdrawn_has_never_been() {
    let mut replica = Replica::new(terms());
    for round in 0..200_u128 {
        let before = replica.book().snapshot();
        let commands = [Command::Place(order(10_000 + round, Side::Sell, 90, 3, None)), Command::Halt];
        propose(&mut replica, &commands, 10).expect("a proposal");
        assert_ne!(replica.book().snapshot(), before);
        replica.withdraw();
        assert_eq!(replica.book().snapshot(), before);
        let entry = propose(&mut replica, &[buy(1 + round, 100)], 10).expect("a proposal");
        replica.keep(&entry);
    }
    assert_eq!(replica.version(), 200);
    assert_eq!(replica.book().len(), 200);
}

#[test]
fn what_changes_nothing_is_left_out() {
    let mut replica = Replica::new(terms());
    let entry = propose(&mut replica, &[buy(1, 100), buy(1, 100), buy(2, 100)], 5).expect("a proposal");
    assert_eq!(entry.batch.commands, [buy(1, 100), buy(2, 100)]);
    assert!(entry.places(OrderKey(2)) && !entry.places(OrderKey(3)));
    replica.keep(&entry);
    let nothing = [
        buy(1, 100),
        Command::Resume,
        Command::Cancel { order: OrderKey(9), owner: Owner(2) },
        Command::Cancel { order: OrderKey(1), owner: Owner(2) },
        Command::Expire { now: i64::MAX },
    ];
    assert_eq!(replica.propose(&nothing, at(5), BATCH_EVENTS), (None, nothing.len()));
    let entry = propose(&mut replica, &[Command::Halt, Command::Halt], 5).expect("a proposal");
    assert_eq!(entry.batch.commands, [Command::Halt]);
}

#[test]
fn what_stands_no_longer_ends_before_anything_trades_with_it() {
    let mut replica = Replica::new(terms());
    let resting = Command::Place(order(1, Side::Buy, 100, 1, Some(50)));
    let entry = propose(&mut replica, &[resting], 10).expect("a proposal");
    replica.keep(&entry);
    assert!(!replica.is_due(at(49)) && replica.is_due(at(50)));
    let sell = Command::Place(order(2, Side::Sell, 100, 1, None));
    let entry = propose(&mut replica, &[sell], 50).expect("a proposal");
    assert_eq!(entry.batch.commands, [Command::Expire { now: 50 }, sell]);
    assert_eq!(entry.trades().count(), 0);
}

#[test]
fn a_moment_never_lies_before_the_one_before() {
    let mut replica = Replica::new(terms());
    for (now, moment) in [(100, 100), (90, 100), (110, 110)] {
        let entry = propose(&mut replica, &[buy(now as u128, 5)], now).expect("a proposal");
        assert_eq!(entry.at, at(moment));
        replica.keep(&entry);
    }
}

#[test]
fn a_large_batch_ends_early_and_the_rest_is_for_the_next() {
    let mut replica = Replica::new(terms());
    let commands: Vec<_> = (1..=100).map(|id| buy(id, 100)).collect();
    let (entry, taken) = replica.propose(&commands, at(1), BATCH_EVENTS);
    assert_eq!(taken, BATCH_EVENTS);
    replica.keep(&entry.expect("a proposal"));
    let (entry, taken) = replica.propose(&commands[taken..], at(1), 1);
    assert_eq!((taken, entry.expect("a proposal").batch.commands.len()), (1, 1));
}

#[test]
fn a_journal_that_says_something_else_is_not_followed() {
    let mut leader = Replica::new(terms());
    let journal = history(&mut leader, 20);
    let mut replica = Replica::new(terms());
    assert_eq!(replica.follow(&journal[1]), Err(Diverged { expected: 1, found: 2 }));
    let mut wrong = journal[0].clone();
    wrong.batch.events.pop();
    let before = replica.book().snapshot();
    assert_eq!(replica.follow(&wrong), Err(Diverged { expected: 1, found: 1 }));
    assert_eq!(replica.book().snapshot(), before);
    replica.follow(&journal[0]).expect("the first version");
}

#[test]
fn a_book_knows_what_it_may_have_forgotten() {
    let mut replica = Replica::new(terms());
    let ended = REMEMBERED as u128;
    // Each of these is rejected at once, since the book is halted.
    let halt = propose(&mut replica, &[Command::Halt], 1).expect("a proposal");
    replica.keep(&halt);
    let end = |replica: &mut Replica, id: u128| {
        let entry = propose(replica, &[buy(id, 100)], 1_000 + id as i64 * 1_000).expect("a proposal");
        replica.keep(&entry);
    };
    (0..ended).for_each(|id| end(&mut replica, id));
    assert!(replica.would_remember(None) && replica.would_remember(Some(0)));
    let snapshot = replica.book().snapshot();
    end(&mut replica, ended); // forgets order 0, which ended at 1,000
    assert!(!replica.book().knows(OrderKey(0)) && replica.book().knows(OrderKey(1)));
    assert!(!replica.would_remember(None) && !replica.would_remember(Some(1_000)));
    assert!(!replica.would_remember(Some(6_000)) && replica.would_remember(Some(6_001)));
    // Of a snapshot nobody knows when its orders ended.
    let restored = Replica::restore(1 + REMEMBERED as u64, &snapshot, at(77_000_000)).expect("a book");
    assert!(!restored.would_remember(Some(77_000_000)) && restored.would_remember(Some(77_005_001)));
}
