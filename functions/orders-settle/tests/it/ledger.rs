//! What a settlement books, by hand.

use domain::{
    order::{OrderFields, Reason, Status},
    order_book::Command,
};
use edge::sqs::{BatchResponse, ItemFailure};
use rust_decimal::Decimal;
use testkit::{buy, event, sell};

use crate::world::{World, command};

#[tokio::test]
async fn a_trade_moves_both_wallets_orders_entries_and_fees() {
    let mut world = World::start().await;
    let matcher = world.matcher();
    let maker = world.place("ana", &sell("2", "100")).await.expect("placed");
    let taker = world.place("ben", &buy("1", "110")).await.expect("placed");
    assert_eq!(world.stack.holding("ben", "USD").await, ["99889.78", "110.22"]);
    world.matched(&matcher, &[maker, taker]).await;
    world.settled().await;
    // 100 at a maker fee of 0.10 and a taker fee of 0.20.
    assert_eq!(world.stack.holding("ana", "USD").await, ["100099.9", "0"]);
    assert_eq!(world.stack.holding("ana", "BTC").await, ["998", "1"]);
    assert_eq!(world.stack.holding("ben", "USD").await, ["99899.8", "0"]);
    assert_eq!(world.stack.holding("ben", "BTC").await, ["1001", "0"]);
    let (ana, ben) = (world.stack.wallet("ana").await, world.stack.wallet("ben").await);
    assert_eq!((ana.open_orders, ben.open_orders), (1, 0));
    let position = ben.position(&world.symbol());
    assert_eq!((position.quantity, position.cost), (1.into(), Decimal::new(10_020, 2)));
    let cursor = world.exchange.cursor(&world.symbol()).await.expect("a cursor");
    assert_eq!((cursor.version, cursor.fees.to_string()), (1, "0.3".into()));
    world.check().await;
}

#[tokio::test]
async fn what_ends_unfilled_gives_its_lock_back() {
    let mut world = World::start().await;
    let matcher = world.matcher();
    let resting = world.place("ana", &buy("1", "100")).await.expect("placed");
    let ioc = OrderFields { time_in_force: Some("ioc"), ..buy("1", "90") };
    let ioc = world.place("ben", &ioc).await.expect("placed");
    let post = OrderFields { post_only: Some(true), ..sell("1", "100") };
    let post = world.place("cora", &post).await.expect("placed");
    world.matched(&matcher, &[resting, ioc, post, command(&world.symbol(), Command::Halt)]).await;
    let late = world.place("dan", &sell("1", "100")).await.expect("placed");
    world.matched(&matcher, &[late, world.cancel(0)]).await;
    world.settled().await;
    for (nth, status, reason) in [
        (0, Status::Cancelled, Reason::Requested),
        (1, Status::Expired, Reason::NoLiquidity),
        (2, Status::Rejected, Reason::WouldTake),
        (3, Status::Rejected, Reason::InstrumentHalted),
    ] {
        let (name, who, _) = &world.orders[nth];
        let order = world.market.order(name, who).await.expect("an order");
        assert_eq!((order.status, order.reason), (status, Some(reason)), "{nth}");
        assert_eq!(world.stack.wallet(who).await.open_orders, 0);
    }
    world.check().await;
}

#[tokio::test]
async fn a_long_journal_is_settled_to_its_end_by_one_nudge() {
    let mut world = World::start().await;
    let matcher = world.matcher();
    for round in 0..120 {
        world.clock.advance_seconds(20);
        let fields = if round % 2 == 0 { buy("0.1", "100") } else { sell("0.1", "100") };
        let message = world.place(["ana", "ben", "cora"][round % 3], &fields).await.expect("placed");
        world.matched(&matcher, &[message]).await;
    }
    assert_eq!(world.settler().settle(&world.symbol()).await, Ok(120));
    assert_eq!(world.settler().settle(&world.symbol()).await, Ok(0));
    world.check().await;
}

#[tokio::test]
async fn the_event_of_the_repository_names_two_books_and_nudges_both() {
    let mut world = World::start().await;
    let handled = async |world: &World| world.settler().handle(event("orders-settle.json")).await.expect("an answer");
    assert_eq!(handled(&world).await, BatchResponse::default(), "empty journals are settled");
    let message = world.place("ana", &buy("1", "100")).await.expect("placed");
    world.matched(&world.matcher(), &[message]).await;
    assert_eq!(handled(&world).await, BatchResponse::default());
    world.check().await;
}

#[tokio::test]
async fn a_message_of_the_queue_nudges_too() {
    let mut world = World::start().await;
    let message = world.place("ana", &buy("1", "100")).await.expect("placed");
    world.matched(&world.matcher(), &[message]).await;
    let nudged = world.settler().handle(event("orders-settle.queue.json")).await.expect("an answer");
    assert_eq!(nudged, BatchResponse::default());
    world.check().await;
}

#[tokio::test]
async fn a_book_that_cannot_be_settled_is_read_again_from_its_first_record() {
    let mut world = World::start().await;
    let message = world.place("ana", &buy("1", "100")).await.expect("placed");
    world.matched(&world.matcher(), &[message]).await;
    let line = testkit::Line::to(&world.stack).await;
    line.cut(1, testkit::Cut::Before);
    let answer = world.settler_at(&line).handle(event("orders-settle.json")).await.expect("an answer");
    let failure = ItemFailure { item_identifier: "000000000000000000001".into() };
    assert_eq!(answer.batch_item_failures, [failure]);
    line.mend();
    line.cut(1, testkit::Cut::Before);
    let answer = world.settler_at(&line).handle(event("orders-settle.queue.json")).await.expect("an answer");
    let failure = ItemFailure { item_identifier: "2e1424d4-f796-459a-8184-000000000001".into() };
    assert_eq!(answer.batch_item_failures, [failure]);
}
