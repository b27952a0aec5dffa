//! Lists: newest first, page by page, filtered, and nothing lost at a seam.

use aws::exchange::{What, is_entries_place, is_orders_place};
use domain::{
    Timestamp,
    instrument::{InstrumentStatus, Symbol},
    order::Status,
    order_book::{Interval, Trade},
};
use testkit::{Stack, buy, customer, order_id, sell};

use super::symbol;
use crate::now;

#[tokio::test]
async fn orders_are_listed_newest_first_and_filters_lose_nothing() {
    let stack = Stack::start().await;
    let mut market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "100", now()).await;
    for index in 0..23 {
        let at = now().plus_seconds(index);
        let name = format!("o{index}");
        market.place(&name, "alice", &sell("1", "100"), at).await.unwrap();
        if index % 3 == 0 {
            market.apply(&[market.command(&name, "alice").await, market.cancel(&name, "alice")], at).await.unwrap();
        }
    }
    market.settle().await.unwrap();
    let exchange = stack.exchange();
    for limit in [1, 4, 50] {
        for wanted in [None, Some(Status::Cancelled), Some(Status::Pending), Some(Status::Filled)] {
            let (mut after, mut names) = (None::<String>, Vec::new());
            loop {
                let keep = |order: &domain::order::Order| wanted.is_none_or(|status| order.status == status);
                let page = exchange.orders_of(&customer("alice"), after.as_deref(), limit, keep).await.unwrap();
                assert!(page.orders.len() <= limit);
                names.extend(page.orders.into_iter().map(|order| order.id));
                after = page.next;
                match &after {
                    Some(place) => assert!(is_orders_place(place), "{place}"),
                    None => break,
                }
            }
            let expected = (0..23i64).rev().filter(|index| match wanted {
                Some(Status::Cancelled) => index % 3 == 0,
                Some(Status::Pending) => index % 3 != 0,
                Some(_) => false,
                None => true,
            });
            let expected: Vec<_> = expected.map(|index| order_id(&format!("o{index}"))).collect();
            assert_eq!(names, expected, "limit {limit}, {wanted:?}");
        }
    }
    assert!(exchange.orders_of(&customer("bob"), None, 5, |_| true).await.unwrap().orders.is_empty());
}

#[tokio::test]
async fn entries_are_listed_one_by_one_across_the_rows_that_hold_them() {
    let stack = Stack::start().await;
    let mut market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "100", now()).await;
    stack.grant("bob", "USD", "100000", now().plus_seconds(1)).await;
    // Rows with five fills each: one buy takes five sells.
    for round in 0..4i64 {
        let at = now().plus_seconds(10 + round);
        let mut commands = Vec::new();
        for index in 0..5 {
            let name = format!("s{round}.{index}");
            market.place(&name, "alice", &sell("1", "100"), at).await.unwrap();
            commands.push(market.command(&name, "alice").await);
        }
        market.place(&format!("b{round}"), "bob", &buy("5", "100"), at).await.unwrap();
        commands.push(market.command(&format!("b{round}"), "bob").await);
        market.apply(&commands, at).await.unwrap();
    }
    market.settle().await.unwrap();
    let exchange = stack.exchange();
    for (limit, who) in [(1, "alice"), (2, "bob"), (3, "alice"), (7, "bob"), (50, "alice")] {
        let (mut after, mut trades, mut others) = (None::<String>, Vec::new(), 0);
        loop {
            let page = exchange.entries(&customer(who), after.as_deref(), limit, |_| true).await.unwrap();
            assert!(page.entries.len() == limit || page.next.is_none());
            for entry in page.entries {
                match entry.what {
                    What::Fill { fill, .. } => trades.push(fill.trade),
                    _ => others += 1,
                }
            }
            after = page.next;
            match &after {
                Some(place) => assert!(is_entries_place(place), "{place}"),
                None => break,
            }
        }
        assert_eq!(trades, (1..=20).rev().collect::<Vec<_>>(), "limit {limit}");
        assert_eq!(others, 1, "the grant is the oldest");
    }
    let only = |entry: &aws::exchange::Entry| matches!(&entry.what, What::Fill { fill, .. } if fill.trade % 7 == 0);
    let page = exchange.entries(&customer("alice"), None, 1, only).await.unwrap();
    let rest = exchange.entries(&customer("alice"), page.next.as_deref(), 9, only).await.unwrap();
    assert_eq!((page.entries.len(), rest.entries.len(), rest.next), (1, 1, None));
    assert!(exchange.entries(&customer("alice"), Some("nonsense"), 1, |_| true).await.is_err());
}

#[tokio::test]
async fn instruments_are_added_once_and_halted_by_version() {
    use aws::exchange::{InstrumentAdded, InstrumentChanged};
    let stack = Stack::start().await;
    let exchange = stack.exchange();
    let instrument = stack.market("BTC-USD").await.instrument;
    stack.market("ACME-USD").await;
    let stored = exchange.instrument(&symbol()).await.unwrap().expect("an instrument");
    assert_eq!((&stored.instrument, stored.version), (&instrument, 1));
    assert_eq!(exchange.add_instrument(&instrument, now()).await.unwrap(), InstrumentAdded::Before(stored.clone()));
    let symbols: Vec<_> =
        exchange.instruments().await.unwrap().into_iter().map(|s| s.instrument.symbol().to_string()).collect();
    assert_eq!(symbols, ["ACME-USD", "BTC-USD"]);
    let set = |status, version| {
        let exchange = &exchange;
        async move { exchange.set_instrument_status(&symbol(), status, version).await.unwrap() }
    };
    let halted = set(InstrumentStatus::Halted, Some(1)).await;
    let InstrumentChanged::Done(now_halted) = &halted else { panic!("{halted:?}") };
    assert_eq!((now_halted.instrument.status, now_halted.version), (InstrumentStatus::Halted, 2));
    assert_eq!(set(InstrumentStatus::Halted, None).await, halted, "it stands so already");
    assert_eq!(set(InstrumentStatus::Trading, Some(1)).await, InstrumentChanged::Moved(now_halted.clone()));
    assert!(matches!(set(InstrumentStatus::Trading, Some(2)).await, InstrumentChanged::Done(_)));
    let unknown = Symbol::parse("ETH-USD").unwrap();
    let changed = exchange.set_instrument_status(&unknown, InstrumentStatus::Halted, None).await.unwrap();
    assert_eq!(changed, InstrumentChanged::Unknown);
}

#[tokio::test]
async fn candles_are_folded_from_minutes_and_hours_and_a_trade_is_never_in_one_twice() {
    let stack = Stack::start().await;
    let exchange = stack.exchange();
    let trade = |number: u64, price: u64| {
        let side = |owner| domain::order_book::Party {
            order: domain::order::OrderKey(owner),
            owner: domain::order::Owner(owner),
            fee: 0,
            remaining: 0,
        };
        Trade {
            number,
            taker_side: domain::order::Side::Buy,
            price,
            quantity: 2,
            notional: price * 2,
            maker: side(1),
            taker: side(2),
        }
    };
    let opens: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let mut known = None;
    for minute in 0..12u64 {
        let at = opens.plus_seconds(minute as i64 * 60 + 30);
        let trades = [(at, trade(minute * 2 + 1, 100 + minute)), (at, trade(minute * 2 + 2, 90))];
        for interval in [Interval::OneMinute, Interval::OneHour] {
            // Twice, in parts, and with a wrong belief about the row.
            exchange.fold_candle(&symbol(), interval, None, &trades[..1]).await.unwrap();
            exchange.fold_candle(&symbol(), interval, None, &trades).await.unwrap();
            let again = exchange.fold_candle(&symbol(), interval, known, &trades).await.unwrap();
            if interval == Interval::OneMinute && minute % 2 == 0 {
                known = again;
            }
        }
    }
    let read = |interval, from: Timestamp, limit| {
        let exchange = &exchange;
        async move { exchange.candles(&symbol(), interval, from, opens.plus_seconds(86_400), limit).await.unwrap() }
    };
    let minutes = read(Interval::OneMinute, opens, 100).await;
    assert_eq!(minutes.len(), 12);
    assert!(
        minutes.iter().enumerate().all(|(minute, c)| c.count == 2 && c.open == 100 + minute as u64 && c.close == 90)
    );
    let fives = read(Interval::FiveMinutes, opens, 100).await;
    assert_eq!(
        fives.iter().map(|c| (c.count, c.open, c.high)).collect::<Vec<_>>(),
        [(10, 100, 104), (10, 105, 109), (4, 110, 111)]
    );
    assert_eq!(read(Interval::FiveMinutes, opens, 2).await, fives[1..], "the newest ones, whole");
    assert_eq!(read(Interval::FiveMinutes, opens.plus_seconds(60), 9).await, fives[1..], "none without its beginning");
    let day = read(Interval::OneDay, opens.plus_seconds(-36_000), 5).await;
    assert_eq!((day.len(), day[0].count, day[0].volume, day[0].low), (1, 24, 48, 90));
    assert_eq!(day[0].open_time.to_string(), "2026-11-21T00:00:00.000Z");
}
