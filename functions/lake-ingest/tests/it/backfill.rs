//! A lake that is filled in later, by itself, beside the streams, and twice.

use aws::lake::Scan;
use edge::clock::Clock;
use testkit::{Cut, Objects};

use crate::world::{World, event, records, view};

async fn fill(world: &World, objects: &Objects, segments: i32) -> Result<usize, String> {
    let mut count = 0;
    for table in ["LedgerTable", "CustomersTable", "VouchersTable"] {
        for segment in 0..segments {
            let client = world.stack.environment().dynamodb();
            let scan = Scan::new(client, world.stack.table(table), segment, segments);
            let written = scan.write(&objects.bucket(), world.clock.now()).await;
            count += written.map_err(|error| error.to_string())?;
        }
    }
    Ok(count)
}

/// What the rows tell; the account types that no row tells of come with the stream.
fn without_first_types(view: crate::world::View) -> crate::world::View {
    view.into_iter().filter(|((table, _), _)| *table != "account_types").collect()
}

#[tokio::test]
async fn every_row_is_found_and_twice_is_the_same() {
    let world = World::with_history().await;
    let rows = without_first_types(world.rows().await);
    let objects = Objects::start().await;
    let count = fill(&world, &objects, 3).await.expect("filled");
    assert_eq!((view(records(&objects)), count), (rows.clone(), rows.len()));
    let files = |objects: &Objects| {
        let all = objects.all();
        all.into_iter().filter(|(key, _)| key.starts_with("tables/")).collect::<Vec<_>>()
    };
    let before = files(&objects);
    fill(&world, &objects, 3).await.expect("filled");
    assert_eq!(files(&objects), before, "the same rows make the same files");
}

#[tokio::test]
async fn beside_the_streams_and_cut_off_it_changes_no_number() {
    let world = World::with_history().await;
    let rows = world.rows().await;
    let objects = Objects::start().await;
    let ingest = world.ingest(&objects);
    let streams = world.streams();
    // Half of what happened, the rows as they are now, and then the past comes in late.
    for stream in &streams {
        ingest.handle(event(&stream[..stream.len() / 2])).await.expect("ingested");
    }
    objects.cut(2, Cut::After);
    fill(&world, &objects, 2).await.expect_err("it died");
    assert!(objects.mend());
    world.clock.advance_seconds(86_400);
    fill(&world, &objects, 2).await.expect("filled");
    for stream in &streams {
        ingest.handle(event(stream)).await.expect("ingested");
    }
    assert_eq!(view(records(&objects)), rows);
}
