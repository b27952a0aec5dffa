//! What an order costs. Four transactional and one index write unit to place; one each for its journal, wallet, entry,
//! row and cursor.

use aws::meter::Usage;
use domain::wallet::Direction;
use testkit::{Stack, buy, sell};

use super::{decide, wish};
use crate::now;

fn units(usage: Usage) -> (f64, f64) {
    (usage.table_write_units, usage.index_write_units)
}

#[tokio::test]
async fn placing_is_four_transactional_and_one_index_write_unit() {
    let stack = Stack::start().await;
    let market = stack.market("BTC-USD").await;
    let (ledger, exchange) = (stack.ledger(), stack.exchange());
    for _ in 0..2 {
        stack.grant("alice", "BTC", "5", now()).await;
    }
    let (order, lock) = market.decide("o", "alice", &sell("1", "100"), now()).await.unwrap();
    exchange.place(&ledger, &order, &lock, 10).await.unwrap();
    assert_eq!((ledger.usage().requests, units(ledger.usage())), (1, (4.0, 1.0)));
    let named = domain::order::OrderFields { client_order_id: Some("mine"), ..sell("1", "100") };
    let (order, lock) = market.decide("p", "alice", &named, now()).await.unwrap();
    let before = ledger.usage();
    exchange.place(&ledger, &order, &lock, 10).await.unwrap();
    assert_eq!(units(ledger.usage().since(before)), (6.0, 1.0), "a name of the client's is a row of its own");
}

#[tokio::test]
async fn a_trade_is_settled_by_one_write_unit_for_each_row() {
    let stack = Stack::start().await;
    let mut market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "5", now()).await;
    stack.grant("bob", "USD", "5000", now()).await;
    market.place("s", "alice", &sell("1", "100"), now()).await.unwrap();
    market.place("b", "bob", &buy("1", "100"), now()).await.unwrap();
    let commands = [market.command("s", "alice").await, market.command("b", "bob").await];
    let before = (market.ledger_usage(), market.exchange_usage());
    market.apply(&commands, now()).await.unwrap();
    let journal = market.exchange_usage().since(before.1);
    assert_eq!(units(journal), (1.0, 0.0), "a batch is one put");
    let before = (market.ledger_usage(), market.exchange_usage());
    market.settle_stretch(50).await.unwrap();
    assert_eq!(units(market.ledger_usage().since(before.0)), (2.0, 0.0), "two wallets");
    // Two entries, two candles, two orders, the cursor.
    assert_eq!(units(market.exchange_usage().since(before.1)), (7.0, 0.0));
}

#[tokio::test]
async fn a_transfer_into_a_wallet_is_eight_transactional_and_one_index_write_unit() {
    let stack = Stack::start().await;
    let account = stack.account("alice", "USD", "100", now()).await;
    let into = decide(&stack, &wish("in", "alice", &account, Direction::In, "5")).await;
    let ledger = stack.ledger();
    stack.exchange().post(&ledger, &into).await.unwrap();
    assert_eq!(units(ledger.usage()), (8.0, 1.0));
}
