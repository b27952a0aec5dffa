//! Settlement: once, however often it is done, by however many, cut off wherever.

use std::sync::Arc;

use aws::exchange::{Advanced, Cursor, OrderSettled, What};
use domain::{
    order::{Reason, Status},
    order_book::Interval,
    wallet::Position,
};
use rust_decimal::Decimal;
use testkit::{Market, Stack, buy, customer, sell};

use super::symbol;
use crate::now;

fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

/// Alice sells 1 at 100, Bob buys 0.4 of it, Alice cancels the rest; each in a version of its own, nothing settled.
async fn three_versions(stack: &Stack) -> Market {
    let mut market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "1", now()).await;
    stack.grant("bob", "USD", "1000", now()).await;
    market.place("s", "alice", &sell("1", "100"), now()).await.unwrap();
    market.place("b", "bob", &buy("0.4", "101"), now()).await.unwrap();
    let commands = [market.command("s", "alice").await, market.command("b", "bob").await, market.cancel("s", "alice")];
    for command in commands {
        market.apply(&[command], now()).await.unwrap();
    }
    assert_eq!(market.book.version(), 3);
    market
}

async fn assert_settled(stack: &Stack, market: &Market) {
    // 40.00 and fees of 0.04 (maker, out of the proceeds) and 0.08 (taker, on top).
    assert_eq!(stack.holding("alice", "BTC").await, ["0.6", "0"]);
    assert_eq!(stack.holding("alice", "USD").await, ["39.96", "0"]);
    assert_eq!(stack.holding("bob", "BTC").await, ["0.4", "0"]);
    assert_eq!(stack.holding("bob", "USD").await, ["959.92", "0"]);
    for who in ["alice", "bob"] {
        assert_eq!(stack.wallet(who).await.open_orders, 0, "{who}");
    }
    let sold = market.order("s", "alice").await.unwrap();
    assert_eq!((sold.status, sold.reason, sold.seq), (Status::Cancelled, Some(Reason::Requested), 3));
    assert_eq!((sold.filled, sold.notional, sold.fees), (number("0.4"), number("40"), number("0.04")));
    let bought = market.order("b", "bob").await.unwrap();
    assert_eq!((bought.status, bought.reason, bought.seq), (Status::Filled, None, 2));
    assert_eq!((bought.filled, bought.fees), (number("0.4"), number("0.08")));
    assert_eq!(bought.average_price(&market.instrument), Some(number("100")));
    let exchange = stack.exchange();
    assert_eq!(exchange.cursor(&symbol()).await.unwrap(), Cursor { version: 3, fees: number("0.12") });
    for who in ["alice", "bob"] {
        let page = exchange.entries(&customer(who), None, 10, |_| true).await.unwrap();
        let fills = page.entries.iter().filter(|entry| matches!(entry.what, What::Fill { .. }));
        assert_eq!(fills.count(), 1, "{who}");
    }
    for interval in [Interval::OneMinute, Interval::OneDay] {
        let candles = exchange.candles(&symbol(), interval, now().plus_seconds(-86_400), now(), 10).await.unwrap();
        assert_eq!((candles.len(), candles[0].volume, candles[0].count), (1, 4_000, 1));
    }
    let position = stack.wallet("bob").await.position(&symbol());
    let expected = Position { quantity: number("0.4"), cost: number("40.08"), realised: number("0") };
    assert_eq!(position, expected);
}

#[tokio::test]
async fn a_settlement_leaves_rows_that_say_what_the_journal_says() {
    let stack = Stack::start().await;
    let market = three_versions(&stack).await;
    assert!(market.settle().await.unwrap());
    assert_settled(&stack, &market).await;
    assert!(!market.settle().await.unwrap(), "nothing is left");
}

#[tokio::test]
async fn versions_settled_one_by_one_come_to_the_same() {
    let stack = Stack::start().await;
    let market = three_versions(&stack).await;
    while market.settle_stretch(1).await.unwrap() {}
    assert_settled(&stack, &market).await;
}

#[tokio::test]
async fn a_settlement_that_was_cut_off_before_its_cursor_is_done_again_without_harm() {
    let stack = Stack::start().await;
    let market = three_versions(&stack).await;
    let client = stack.environment().dynamodb();
    // The cursor is lost each time, as if nobody had got that far; the second time after two versions only.
    for limit in [2, 3, 1, 50] {
        market.settle_stretch(limit).await.unwrap();
        let delete = client.delete_item().table_name(stack.table("ExchangeTable"));
        let delete = delete.key("pk", aws_sdk_dynamodb::types::AttributeValue::S("cursors".into()));
        let delete = delete.key("sk", aws_sdk_dynamodb::types::AttributeValue::S("BTC-USD".into()));
        delete.send().await.unwrap();
    }
    market.settle().await.unwrap();
    assert_settled(&stack, &market).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn settlers_that_race_over_a_long_journal_settle_each_version_once() {
    let stack = Arc::new(Stack::start().await);
    let mut market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "100", now()).await;
    stack.grant("bob", "USD", "100000", now()).await;
    for round in 0..60 {
        let (s, b) = (format!("s{round}"), format!("b{round}"));
        market.place(&s, "alice", &sell("1", "100"), now()).await.unwrap();
        market.place(&b, "bob", &buy("0.5", "100"), now()).await.unwrap();
        for command in [market.command(&s, "alice").await, market.command(&b, "bob").await] {
            market.apply(&[command], now()).await.unwrap();
        }
    }
    let mut settlers = Vec::new();
    for limit in [1, 3, 7, 50] {
        let market = stack.market("BTC-USD").await;
        settlers.push(tokio::spawn(async move { while market.settle_stretch(limit).await.expect("settled") {} }));
    }
    for settler in settlers {
        settler.await.expect("no panic");
    }
    // 60 buys of 0.5 are filled out of the first thirty sells; thirty of 1 rest.
    assert_eq!(stack.holding("alice", "BTC").await, ["40", "30"]);
    assert_eq!(stack.holding("bob", "BTC").await, ["30", "0"]);
    // 50.00 each; makers pay 0.05, takers 0.10.
    assert_eq!(stack.holding("alice", "USD").await, ["2997", "0"]);
    assert_eq!(stack.holding("bob", "USD").await, ["96994", "0"]);
    assert_eq!(stack.wallet("alice").await.open_orders, 30);
    let cursor = stack.exchange().cursor(&symbol()).await.unwrap();
    assert_eq!(cursor, Cursor { version: 120, fees: number("9") });
    let candles = stack.exchange().candles(&symbol(), Interval::OneHour, now().plus_seconds(-3_600), now(), 5).await;
    assert_eq!(candles.unwrap()[0].count, 60);
    assert_eq!(stack.wallet("bob").await.position(&symbol()).cost, number("3006"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_placed_while_their_wallet_is_settled_lose_nothing() {
    let stack = Arc::new(Stack::start().await);
    let mut market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "100", now()).await;
    stack.grant("bob", "USD", "100000", now()).await;
    for round in 0..30 {
        let (s, b) = (format!("s{round}"), format!("b{round}"));
        market.place(&s, "alice", &sell("1", "100"), now()).await.unwrap();
        market.place(&b, "bob", &buy("1", "100"), now()).await.unwrap();
        for command in [market.command(&s, "alice").await, market.command(&b, "bob").await] {
            market.apply(&[command], now()).await.unwrap();
        }
    }
    let (settler, placer) = (stack.market("BTC-USD").await, stack.market("BTC-USD").await);
    let settling = tokio::spawn(async move { while settler.settle_stretch(1).await.expect("settled") {} });
    for round in 0..30 {
        let placed = placer.place(&format!("n{round}"), "alice", &sell("1", "200"), now()).await.unwrap();
        assert_eq!(placed, aws::exchange::Placed::Done);
    }
    settling.await.expect("no panic");
    assert_eq!(stack.holding("alice", "BTC").await, ["40", "30"]);
    assert_eq!(stack.wallet("alice").await.open_orders, 30);
    assert_eq!(stack.wallet("bob").await.open_orders, 0);
}

#[tokio::test]
async fn a_cursor_moves_only_from_where_it_was_seen() {
    let stack = Stack::start().await;
    let exchange = stack.exchange();
    assert_eq!(exchange.cursor(&symbol()).await.unwrap(), Cursor::default());
    assert_eq!(exchange.advance(&symbol(), 0, 5, number("0.10")).await.unwrap(), Advanced::Done);
    let stands = Cursor { version: 5, fees: number("0.1") };
    for before in [0, 4, 6] {
        assert_eq!(exchange.advance(&symbol(), before, 9, number("1")).await.unwrap(), Advanced::Moved(stands));
    }
    assert_eq!(exchange.advance(&symbol(), 5, 9, number("0")).await.unwrap(), Advanced::Done);
    assert_eq!(exchange.cursors().await.unwrap(), [(symbol(), Cursor { version: 9, ..stands })]);
}

#[tokio::test]
async fn an_order_that_was_never_placed_here_is_missing_and_made_by_nobody() {
    let stack = Stack::start().await;
    let update = aws::exchange::OrderUpdate {
        status: Status::Open,
        reason: None,
        filled: number("1"),
        notional: number("1"),
        fees: number("0"),
        at: now(),
        version: 3,
    };
    let order = testkit::order_id("nobody's");
    let settled = stack.exchange().settle_order(&customer("alice"), &order, 0, &update).await.unwrap();
    assert_eq!(settled, OrderSettled::Missing);
    assert_eq!(stack.exchange().order(&customer("alice"), &order).await.unwrap(), None);
}
