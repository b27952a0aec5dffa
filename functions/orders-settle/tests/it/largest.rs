//! The most that one command can fill, from the orders to the audit.

use domain::{
    order::{OrderFields, Reason, Status},
    order_book::{FILLS_BEFORE_STOPS_WAIT, FILLS_PER_TAKER},
};
use rust_decimal::Decimal;
use testkit::{buy, sell};

use crate::world::World;

/// Orders handed to the matcher at a time.
const AT_ONCE: usize = 60;
/// Each bid: all of them together need nearly all the dollars that can be granted at once.
const PRICE: &str = "77777777.77";
const LOTS: i64 = 240_000_001;

#[tokio::test]
async fn the_largest_batch_is_matched_and_settled_to_the_last_cent() {
    let mut world = World::with(["99999999999", "999999999999999"]).await;
    let matcher = world.matcher();
    let makers = FILLS_BEFORE_STOPS_WAIT - 1 + FILLS_PER_TAKER;
    let (each, mut messages) = (Decimal::new(LOTS, 4).to_string(), Vec::new());
    // One more than can be met.
    for nth in 0..=makers {
        let who = ["ana", "ben", "cora"][nth as usize % 3];
        messages.push(world.place(who, &buy(&each, PRICE)).await.expect("placed"));
        if messages.len() == AT_ONCE {
            world.matched(&matcher, &std::mem::take(&mut messages)).await;
        }
    }
    // A stop that takes all a taker can, once the one behind it has filled all it may before stops have to wait.
    let stop = OrderFields { order_type: "stop_limit", stop_price: Some(PRICE), ..sell("999999999.9999", "0.01") };
    messages.push(world.place("dan", &stop).await.expect("placed"));
    world.matched(&matcher, &std::mem::take(&mut messages)).await;
    let all = (Decimal::from(FILLS_BEFORE_STOPS_WAIT - 1) * Decimal::new(LOTS, 4)).to_string();
    let market = OrderFields { side: "sell", order_type: "market", quantity: Some(&all), ..OrderFields::default() };
    let market = world.place("eva", &market).await.expect("placed");
    world.matched(&matcher, &[market]).await;
    let journal = world.journal().await;
    assert_eq!(journal.last().map(|entry| entry.trades().count()), Some(makers as usize));

    world.settled().await;
    let (name, who, _) = &world.orders[world.orders.len() - 2];
    let stop = world.market.order(name, who).await.expect("an order");
    assert_eq!((stop.status, stop.reason), (Status::Expired, Some(Reason::TooManyFills)));
    world.check().await;
    let audit = ledger_audit::audit(&world.ledger, &world.exchange, &world.clock, "florin").await.expect("an audit");
    assert_eq!(audit["clean"], true, "{audit}");
}
