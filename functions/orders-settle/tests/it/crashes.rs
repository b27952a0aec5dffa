//! A settler that dies at any write, and settlers that meet.

use std::pin::pin;

use aws::ledger::wallets::WalletSettled;
use domain::exchange::{Message, Stretch};
use futures::future::{Either, join, join_all, select};
use testkit::{Cut, Line, buy, sell};

use crate::world::World;

/// Three customers, some versions: trades, a cancellation, orders that stay.
async fn little_journal(world: &mut World) -> Vec<Vec<Message>> {
    let mut batches = Vec::new();
    let mut placed = Vec::new();
    for (who, fields) in [
        ("ana", sell("1", "101")),
        ("ben", buy("0.4", "101")),
        ("cora", buy("0.3", "102")),
        ("ana", buy("2", "99")),
        ("ben", sell("0.5", "99")),
        ("cora", sell("1", "105")),
    ] {
        placed.push(world.place(who, &fields).await.expect("placed"));
    }
    batches.extend(placed.chunks(2).map(<[Message]>::to_vec));
    batches.push(vec![world.cancel(5)]);
    batches
}

#[tokio::test]
async fn a_settler_may_die_before_or_after_any_write() {
    let mut died = 0;
    for nth in 1.. {
        let mut cut_off = false;
        for cut in [Cut::Before, Cut::After] {
            let mut world = World::start().await;
            let matcher = world.matcher();
            let mut batches = little_journal(&mut world).await.into_iter();
            let line = Line::to(&world.stack).await;
            // Half of the journal, cut off; the other half comes before the next settler does.
            for batch in batches.by_ref().take(2) {
                world.matched(&matcher, &batch).await;
            }
            line.cut(nth, cut);
            let outcome = world.settler_at(&line).settle(&world.symbol()).await;
            cut_off = line.mend();
            assert_eq!(outcome.is_err(), cut_off, "write {nth}, {cut:?}");
            for batch in batches {
                world.matched(&matcher, &batch).await;
            }
            world.settled().await;
            world.check().await;
        }
        if !cut_off {
            break;
        }
        died += 1;
    }
    assert!(died >= 9, "three wallets, the entries, two candles, three orders, the cursor: {died}");
}

/// What a settler leaves behind that saw two versions only and died behind the wallets.
async fn settle_two_into_wallets(world: &World) {
    let entries = world.exchange.tail(&world.symbol(), 1, 2).await.expect("a tail");
    let stretch = Stretch::new(0, entries).expect("two versions");
    for (owner, change) in stretch.wallets() {
        let wallet = world.ledger.wallet(&owner.customer_id()).await.expect("a look");
        if wallet.applied(&world.symbol()) == 0 {
            let settled = world.ledger.settle_wallet(&wallet, &world.market.instrument, 2, &change).await;
            assert!(matches!(settled, Ok(WalletSettled::Done(_))));
        }
    }
}

/// Somebody else settles a part while a settler sleeps before its nth write; `false` if it has fewer.
async fn sleeps_before(nth: u64, other_dies: bool) -> bool {
    let mut world = World::start().await;
    let matcher = world.matcher();
    for batch in little_journal(&mut world).await {
        world.matched(&matcher, &batch).await;
    }
    let (line, symbol) = (Line::to(&world.stack).await, world.symbol());
    let (held, settler) = (line.hold(nth), world.settler_at(&line));
    let other = async {
        held.reached().await;
        if other_dies {
            settle_two_into_wallets(&world).await;
        } else {
            world.market.settle_stretch(2).await.expect("settled");
        }
        held.release();
    };
    let settling = pin!(settler.settle(&symbol));
    let slept = match select(settling, pin!(other)).await {
        Either::Left((settled, _)) => settled.map(|_| false),
        Either::Right(((), settling)) => settling.await.map(|_| true),
    };
    world.settled().await;
    world.check().await;
    slept.expect("settled")
}

#[tokio::test]
async fn a_settler_may_sleep_before_any_write_while_another_settles_a_part() {
    let mut nth = 1;
    while sleeps_before(nth, false).await {
        nth += 1;
    }
    assert!(nth > 9, "three wallets, the entries, two candles, orders, the cursor: {nth}");
}

#[tokio::test]
async fn a_settler_may_sleep_while_another_dies_with_a_part_in_the_wallets() {
    for nth in 1..=4 {
        assert!(sleeps_before(nth, true).await);
    }
}

#[tokio::test]
async fn settlers_that_meet_do_everything_once() {
    let mut world = World::start().await;
    let matcher = world.matcher();
    for round in 0..12 {
        let mut messages = Vec::new();
        for (who, fields) in [("ana", sell("1", "100")), ("ben", buy("1", "100")), ("cora", buy("0.5", "100"))] {
            messages.extend(world.place(who, &fields).await);
        }
        world.matched(&matcher, &messages).await;
        if round % 3 == 0 {
            // One that begins now, while the journal grows, and others behind it.
            let (one, symbol) = (world.settler(), world.symbol());
            let more = world.place("dan", &buy("1", "100")).await.expect("placed");
            let (settled, ()) = join(one.settle(&symbol), world.matched(&matcher, &[more])).await;
            settled.expect("settled");
        }
        let (settlers, symbol) = ([world.settler(), world.settler(), world.settler()], world.symbol());
        for settled in join_all(settlers.iter().map(|settler| settler.settle(&symbol))).await {
            settled.expect("settled");
        }
    }
    world.check().await;
}
