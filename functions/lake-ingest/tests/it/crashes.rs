//! Repeated, cut, killed: the numbers stay.

use testkit::{Cut, Objects};

use crate::world::{World, check_notes, event, records, view};

#[tokio::test]
async fn a_batch_may_come_twice_and_cut_in_any_other_way() {
    let world = World::with_history().await;
    let rows = world.rows().await;
    for seed in 0..8 {
        fastrand::seed(seed);
        let objects = Objects::start().await;
        for _ in 0..2 {
            for stream in world.streams() {
                let mut left = &stream[..];
                while !left.is_empty() {
                    let (batch, rest) = left.split_at(fastrand::usize(1..=left.len()));
                    // An environment of its own, as after a crash; the same again; and sometimes the records before.
                    for _ in 0..2 {
                        world.ingest(&objects).handle(event(batch)).await.expect("ingested");
                    }
                    left = rest;
                }
            }
        }
        assert_eq!(view(records(&objects)), rows, "seed {seed}");
        check_notes(&objects);
    }
}

#[tokio::test]
async fn a_batch_that_dies_at_any_write_and_comes_again_counts_once() {
    let world = World::with_history().await;
    let rows = world.rows().await;
    let batch = world.streams().concat();
    let whole = Objects::start().await;
    world.ingest(&whole).handle(event(&batch)).await.expect("ingested");
    let files = |objects: &Objects| {
        let all = objects.all();
        all.into_iter().filter(|(key, _)| key.starts_with("tables/")).collect::<Vec<_>>()
    };
    for cut in [Cut::Before, Cut::After] {
        for nth in 1..=whole.writes() {
            let objects = Objects::start().await;
            objects.cut(nth, cut);
            world.ingest(&objects).handle(event(&batch)).await.expect_err("it died");
            assert!(objects.mend());
            let half = view(records(&objects));
            assert!(half.iter().all(|(key, row)| rows.get(key) == Some(row)), "{cut:?} write {nth} shows what is not");
            world.ingest(&objects).handle(event(&batch)).await.expect("ingested");
            assert_eq!(files(&objects), files(&whole), "{cut:?} write {nth}");
            check_notes(&objects);
        }
    }
    assert_eq!(view(records(&whole)), rows);
}

#[tokio::test]
async fn each_note_of_a_newer_table_is_another_one() {
    let world = World::with_history().await;
    let objects = Objects::start().await;
    let [ledger, ..] = &world.streams()[..] else { panic!("three streams") };
    let ingest = world.ingest(&objects);
    let (first, second) = ledger.split_at(ledger.len() / 2);
    let mut notes = Vec::new();
    // The first batch comes again behind the second: a result from in between must not count as new once more.
    for batch in [first, second, first] {
        world.clock.tick();
        ingest.handle(event(batch)).await.expect("ingested");
        notes.push(objects.all()["fresh/transfers"].clone());
    }
    assert!(notes[0] != notes[1] && notes[1] != notes[2] && notes[0] != notes[2], "{notes:?}");
}
