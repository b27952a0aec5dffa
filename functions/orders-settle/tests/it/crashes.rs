//! A settler that dies at any write, and settlers that meet.

use domain::exchange::Message;
use futures::future::{join, join_all};
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
