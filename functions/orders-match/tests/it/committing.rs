//! One put a batch, by one matcher at a time, on the newest book.

use domain::{
    exchange::Replica,
    order::{OrderKey, Side, Status},
    order_book::{Command, Event},
};
use edge::clock::Clock;
use futures::future::join;
use orders_match::{Matcher, read};
use testkit::{Cut, Line, event, order_id};

use crate::app::{App, SNAPSHOT_EVERY};

#[tokio::test]
async fn a_batch_is_one_put_and_refusals_are_events_of_it() {
    let app = App::start().await;
    let matcher = app.matcher();
    let mut under = app.order("under", "ana", Side::Buy, 10_000);
    under.reserved = 1;
    let batch = [app.buy("a", 10_000), app.message(Command::Place(under)), app.sell("b", 10_000), app.cancel("none")];
    app.done(&matcher, &batch).await;
    let journal = app.journal().await;
    assert_eq!(journal.len(), 1);
    assert_eq!((journal[0].version, journal[0].at), (1, app.clock.now()));
    let entry = &journal[0].batch;
    assert_eq!(entry.commands, [batch[0].command, batch[1].command, batch[2].command]);
    let closed = |name: &str| {
        let key = OrderKey::of(&order_id(name)).expect("a key");
        entry.events.iter().find_map(|event| match event {
            Event::Closed { order, status, .. } if *order == key => Some(*status),
            _ => None,
        })
    };
    assert_eq!(closed("under"), Some(Status::Rejected));
    assert_eq!((closed("a"), closed("b")), (Some(Status::Filled), Some(Status::Filled)));
}

#[tokio::test]
async fn what_changes_nothing_is_not_written() {
    let app = App::start().await;
    let matcher = app.matcher();
    app.done(&matcher, &[app.cancel("none"), app.message(Command::Resume)]).await;
    assert_eq!(app.head().await, 0);
    app.done(&matcher, &[app.buy("a", 10_000)]).await;
    app.done(&matcher, &[app.buy("a", 10_000), app.cancel("none"), app.message(Command::Resume)]).await;
    assert_eq!(app.head().await, 1);
}

#[tokio::test]
async fn a_cold_matcher_goes_on_exactly_where_a_warm_one_stood() {
    let app = App::start().await;
    let warm = app.matcher();
    for batch in 0..40_u64 {
        let name = |index: u64| format!("{batch}-{index}");
        let mut messages = vec![
            app.buy(&name(0), 9_900 + batch * 7 % 50),
            app.sell(&name(1), 9_910 + batch * 11 % 60),
            app.buy(&name(2), 9_880 + batch * 3 % 40),
        ];
        if batch > 3 {
            messages.push(app.cancel(&format!("{}-2", batch - 3)));
        }
        // Every third batch comes to one that knows nothing, in which case the warm one is behind.
        if batch % 3 == 0 {
            app.done(&app.matcher(), &messages).await;
        } else {
            app.done(&warm, &messages).await;
        }
    }
    assert_eq!(app.head().await, 40);
    let (version, snapshot) = app.exchange.load_snapshot(app.symbol()).await.expect("a look").expect("a snapshot");
    assert_eq!(version, 40 - 40 % SNAPSHOT_EVERY);
    let mut restored = Replica::restore(version, &snapshot, app.clock.now()).expect("a book");
    for entry in app.exchange.tail(app.symbol(), version + 1, 100).await.expect("a tail") {
        restored.follow(&entry).expect("the tail replays");
    }
    assert!(!restored.book().is_empty());
    assert_eq!(restored.book().snapshot(), app.replayed().await);
}

#[tokio::test]
async fn of_two_matchers_with_the_same_messages_one_commits_them() {
    let app = App::start().await;
    let (one, two) = (app.matcher(), app.matcher());
    for round in 0..20 {
        let messages: Vec<_> = (0..5).map(|index| app.buy(&format!("{round}-{index}"), 9_000 + index)).collect();
        join(app.done(&one, &messages), app.done(&two, &messages)).await;
    }
    for round in 0..20 {
        assert_eq!(app.placed(&format!("{round}-3")).await, 1);
    }
    assert_eq!(app.replayed().await.bids.len(), 100);
}

#[tokio::test]
async fn two_matchers_with_different_messages_lose_none_of_them() {
    let app = App::start().await;
    let (one, two) = (app.matcher(), app.matcher());
    for round in 0..20 {
        let first = [app.buy(&format!("a{round}"), 9_000 + round)];
        let second = [app.sell(&format!("b{round}"), 9_005 + round), app.buy(&format!("c{round}"), 8_000)];
        join(app.done(&one, &first), app.done(&two, &second)).await;
    }
    for round in 0..20 {
        for name in ["a", "b", "c"] {
            assert_eq!(app.placed(&format!("{name}{round}")).await, 1);
        }
    }
    app.replayed().await;
}

#[tokio::test]
async fn a_matcher_that_is_behind_does_not_take_an_open_order_for_none() {
    let app = App::start().await;
    let (old, new) = (app.matcher(), app.matcher());
    app.done(&old, &[app.buy("a", 9_000)]).await;
    app.done(&new, &[app.buy("b", 9_000), app.message(Command::Halt)]).await;
    app.done(&old, &[app.cancel("b")]).await;
    assert_eq!(app.replayed().await.bids.len(), 1);
    app.done(&new, &[app.message(Command::Resume)]).await;
    app.done(&old, &[app.message(Command::Halt)]).await;
    assert!(app.replayed().await.halted);
    // The one that halts is behind: its book is still halted.
    app.done(&new, &[app.message(Command::Resume)]).await;
    app.done(&old, &[app.message(Command::Halt)]).await;
    assert!(app.replayed().await.halted);
}

#[tokio::test]
async fn what_is_over_ends_before_the_next_order_meets_it() {
    let app = App::start().await;
    let matcher = app.matcher();
    let ends = app.clock.now().millis() + 60_000;
    let mut order = app.order("a", "ana", Side::Buy, 10_000);
    order.expires_at = Some(ends);
    app.done(&matcher, &[app.message(Command::Place(order))]).await;
    // An expiry by message is nothing but a wish to look at the clock.
    let wake = app.message(Command::Expire { now: i64::MAX });
    app.done(&matcher, std::slice::from_ref(&wake)).await;
    assert_eq!(app.head().await, 1);
    app.clock.advance_seconds(60);
    app.done(&matcher, &[app.sell("b", 10_000)]).await;
    let last = app.journal().await.remove(1);
    assert_eq!(last.batch.commands[0], Command::Expire { now: ends });
    assert_eq!(last.trades().count(), 0);
    app.done(&matcher, &[wake]).await;
    assert_eq!(app.head().await, 2);
}

#[tokio::test]
async fn many_messages_are_several_batches() {
    let app = App::start().await;
    let messages: Vec<_> = (0..200).map(|index| app.buy(&format!("{index}"), 9_000)).collect();
    app.done(&app.matcher(), &messages).await;
    assert_eq!(app.head().await, 4);
    assert_eq!(app.replayed().await.bids.len(), 200);
}

#[tokio::test]
async fn a_matcher_that_dies_at_any_write_leaves_nothing_half_done() {
    let app = App::start().await;
    let line = Line::to(&app.stack).await;
    let mut died = 0;
    for round in 0..60_u64 {
        let exchange = aws::exchange::Exchange::new(line.environment().dynamodb(), app.stack.table("ExchangeTable"));
        let matcher = Matcher::new(exchange, app.clock.clone(), 2);
        let messages = [app.buy(&format!("a{round}"), 9_000 + round), app.sell(&format!("b{round}"), 9_050)];
        // The journal's put, a snapshot's chunk, its pointer, the chunks before.
        line.cut(1 + round / 2 % 5, if round % 2 == 0 { Cut::Before } else { Cut::After });
        let outcome = app.deliver(&matcher, &messages).await;
        if line.mend() {
            died += 1;
        }
        // A queue deletes only what is done; after a lost snapshot that is all.
        if outcome.is_err() {
            app.done(&app.matcher(), &messages).await;
        }
        let (a, b) = (app.placed(&format!("a{round}")).await, app.placed(&format!("b{round}")).await);
        assert_eq!((a, b), (1, 1), "round {round}");
    }
    assert!(died > 20, "{died}");
    let replayed = app.replayed().await;
    let (version, snapshot) = app.exchange.load_snapshot(app.symbol()).await.expect("a look").expect("a snapshot");
    let mut restored = Replica::restore(version, &snapshot, app.clock.now()).expect("a book");
    for entry in app.exchange.tail(app.symbol(), version + 1, 1_000).await.expect("a tail") {
        restored.follow(&entry).expect("the tail replays");
    }
    assert_eq!(restored.book().snapshot(), replayed);
}

#[tokio::test]
async fn the_events_of_the_repository_are_handled() {
    let app = App::start().await;
    app.stack.market("AAPL-USD").await;
    let matcher = app.matcher();
    for (file, head) in [("orders-match.json", 1), ("orders-match.mixed.json", 2), ("orders-match.halt.json", 3)] {
        let event = serde_json::from_value(event(file)).expect("an event");
        let response = edge::sqs::fifo_batch(event, read, |group, messages| matcher.handle(group, messages)).await;
        assert_eq!(response, edge::sqs::BatchResponse::default(), "{file}");
        assert_eq!(app.head().await, head, "{file}");
    }
    assert!(app.replayed().await.halted);
}
