//! The most that one batch can do, with the largest figures there are, fits into one row of the journal.

use aws::exchange::{MAX_BATCH_BYTES, batch_size};
use domain::{
    exchange::{BATCH_EVENTS, Message, Replica},
    order::{
        Kind, Limit, MAX_FEE_BPS, MAX_NOTIONAL, OrderKey, Owner, PlaceOrder, SelfTrade, Side, Size, Terms, TimeInForce,
    },
    order_book::{
        Command, EXPIRIES_PER_COMMAND, FILLS_BEFORE_STOPS_WAIT, FILLS_PER_TAKER, RestingOrder, Snapshot,
        TRIGGERS_PER_COMMAND,
    },
};
use edge::clock::Clock;

use crate::app::App;

/// The version of the book that is stored; what is found there is the next one.
const STORED: u64 = 999_999_999_990;
/// Ticks that need all the bytes a number can.
const PRICE: u64 = 1 << 63;
/// Fills of the most that a command can do.
const FILLS: u64 = FILLS_BEFORE_STOPS_WAIT as u64 - 1 + FILLS_PER_TAKER as u64;

fn terms() -> Terms {
    Terms::new(1, 16, MAX_FEE_BPS, MAX_FEE_BPS).expect("terms")
}

/// Lots that are worth as much as an order may be.
fn lots() -> u64 {
    u64::try_from(u128::from(MAX_NOTIONAL) * 10_u128.pow(16) / u128::from(PRICE)).expect("lots")
}

fn key(nth: u64) -> u128 {
    u128::MAX - u128::from(nth)
}

/// A book that somebody will sell into: bids as large as can be, one for each fill and each of somebody else.
fn book() -> Snapshot {
    let locked = terms().buyer_reservation(PRICE, lots(), false);
    let bids = (0..FILLS).map(|nth| RestingOrder {
        id: OrderKey(key(nth)),
        owner: Owner(key(nth)),
        price: PRICE,
        remaining: lots(),
        locked,
        expires_at: None,
    });
    Snapshot {
        terms: terms(),
        trades: u64::MAX - 2 * FILLS,
        last_price: Some(u64::MAX),
        halted: false,
        bids: bids.collect(),
        asks: vec![],
        stops: vec![],
        due: vec![],
        ended: vec![],
    }
}

fn sell(nth: u64, kind: Kind, reserved: u64) -> PlaceOrder {
    let (id, owner) = (OrderKey(key(1_000_000 + nth)), Owner(key(1_000_000 + nth)));
    PlaceOrder { id, owner, side: Side::Sell, kind, self_trade: SelfTrade::ExpireTaker, reserved, expires_at: None }
}

/// A stop that takes whatever there is, once somebody has traded.
fn stop(nth: u64) -> PlaceOrder {
    let limit = Limit { price: 1, quantity: u64::MAX, time_in_force: TimeInForce::Gtc, post_only: false };
    sell(nth, Kind::StopLimit { stop: PRICE, limit }, u64::MAX)
}

/// Hands the commands over and answers how many bytes they took, all in one version.
async fn bytes_of(snapshot: &Snapshot, commands: &[Command]) -> (usize, usize) {
    let app = App::start().await;
    app.exchange.save_snapshot(app.symbol(), STORED, snapshot).await.expect("it is kept");
    let placed_at = Some(app.clock.now().millis());
    let symbol = app.symbol().clone();
    let message = |command: &Command| Message { symbol: symbol.clone(), command: *command, placed_at };
    app.done(&app.matcher(), &commands.iter().map(message).collect::<Vec<_>>()).await;
    let tail = app.exchange.tail(app.symbol(), STORED + 1, 10).await.expect("the journal");
    assert_eq!(tail[0].batch.commands.len(), commands.len().max(1), "all in one version");
    // Whoever follows comes to the same book.
    let mut replica = Replica::restore(STORED, snapshot, app.clock.now()).expect("a book");
    tail.iter().for_each(|entry| replica.follow(entry).expect("the journal replays"));
    let bytes = batch_size(&tail[0].batch).expect("a size");
    println!("{} events, {bytes} bytes of {MAX_BATCH_BYTES}", tail[0].batch.events.len());
    (tail[0].trades().count(), bytes)
}

#[tokio::test]
async fn a_full_batch_and_a_command_that_fills_all_it_may_are_one_row() {
    let mut snapshot = book();
    snapshot.stops = vec![stop(0)];
    // As many events as leave room for one more command, and then that: all but one fill until stops would have to wait,
    // and a stop that takes the most a taker can.
    let mut commands: Vec<_> = (1..BATCH_EVENTS as u64)
        .map(|nth| {
            let limit = Limit { price: PRICE + 1, quantity: lots(), time_in_force: TimeInForce::Gtc, post_only: true };
            Command::Place(sell(nth, Kind::Limit(limit), lots()))
        })
        .collect();
    let all = (u64::from(FILLS_BEFORE_STOPS_WAIT) - 1) * lots();
    let market = Kind::Market { size: Size::Lots(all), all_or_nothing: false };
    commands.push(Command::Place(sell(BATCH_EVENTS as u64, market, all)));
    let (trades, bytes) = bytes_of(&snapshot, &commands).await;
    assert_eq!(trades as u64, FILLS);
    assert!(bytes <= MAX_BATCH_BYTES, "{bytes}");
}

#[tokio::test]
async fn stops_that_wait_and_all_that_can_expire_at_once_are_one_row() {
    let mut snapshot = book();
    // All stops of a command but the last take some bids each, and it the most it can.
    let stops = u64::from(TRIGGERS_PER_COMMAND) - 1;
    let limit = Limit { price: PRICE, quantity: lots(), time_in_force: TimeInForce::Gtc, post_only: false };
    let each = u64::from(FILLS_BEFORE_STOPS_WAIT - 1) / stops;
    let part = lots() / each;
    let small =
        |nth| sell(nth, Kind::StopLimit { stop: PRICE, limit: Limit { quantity: each * part, ..limit } }, each * part);
    snapshot.due = (0..stops).map(small).chain([stop(stops)]).collect();
    for bid in snapshot.bids.iter_mut().take((each * stops) as usize) {
        (bid.remaining, bid.locked) = (part, terms().buyer_reservation(PRICE, part, false));
    }
    for nth in 0..EXPIRIES_PER_COMMAND as u64 {
        let ask = sell(200 + nth, Kind::Limit(limit), lots());
        snapshot.asks.push(RestingOrder {
            id: ask.id,
            owner: ask.owner,
            price: PRICE + 1,
            remaining: lots(),
            locked: lots(),
            expires_at: Some(1),
        });
    }
    let (trades, bytes) = bytes_of(&snapshot, &[]).await;
    assert_eq!(trades as u64, each * stops + u64::from(FILLS_PER_TAKER));
    assert!(bytes <= MAX_BATCH_BYTES, "{bytes}");
}
