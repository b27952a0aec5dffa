//! Random histories: whatever is placed, cancelled, moved, settled late or twice, nothing of any asset is lost or made,
//! and what is locked is what open orders have locked.

use std::collections::BTreeMap;

use domain::{instrument::Asset, order::OrderFields, wallet::Direction};
use rust_decimal::Decimal;
use testkit::{Market, Stack, customer};

use super::{decide, wish};
use crate::{model::Dice, now};

const TRADERS: [&str; 3] = ["alice", "bob", "carol"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_lose_and_make_nothing() {
    for seed in 1..=3 {
        history(seed, 120).await;
    }
}

async fn history(seed: u64, steps: usize) {
    let stack = Stack::start().await;
    let mut dice = Dice::new(seed);
    let mut accounts = Vec::new();
    for trader in TRADERS {
        accounts.push(stack.account(trader, "USD", "1000", now()).await);
        stack.grant(trader, "BTC", "10", now()).await;
        stack.grant(trader, "USD", "500.01", now()).await;
    }
    let mut markets = [stack.market("BTC-USD").await, stack.market("ETH-USD").await];
    stack.grant("carol", "ETH", "7.5", now()).await;
    let (mut at, mut names) = (now(), Vec::<(String, usize, usize)>::new());
    for step in 0..steps {
        at = at.plus_millis(1 + dice.roll(30_000) as i64);
        let (who, which) = (dice.roll(3) as usize, dice.roll(2) as usize);
        let market = &mut markets[which];
        match dice.roll(10) {
            0 => {
                let direction = if dice.roll(2) == 0 { Direction::In } else { Direction::Out };
                let amount = (1 + dice.roll(300)).to_string();
                let wish = wish(&format!("{seed} {step}"), TRADERS[who], &accounts[who], direction, &amount);
                let transfer = decide(&stack, &wish).await;
                stack.exchange().post(&stack.ledger(), &transfer).await.expect("posted");
            }
            1 if !names.is_empty() => {
                let (name, who, which) = names[dice.roll(names.len() as u64) as usize].clone();
                let cancel = markets[which].cancel(&name, TRADERS[who]);
                markets[which].apply(&[cancel], at).await.expect("applied");
            }
            2 => {
                market.settle_stretch(1 + dice.roll(4) as usize).await.expect("settled");
            }
            _ => {
                let (quantity, price) = (format!("0.{:04}", 1 + dice.roll(9_999)), format!("{}.5", 90 + dice.roll(20)));
                let fields = OrderFields {
                    side: if dice.roll(2) == 0 { "buy" } else { "sell" },
                    order_type: if dice.roll(6) == 0 { "market" } else { "limit" },
                    quantity: Some(&quantity),
                    price: Some(&price),
                    ..OrderFields::default()
                };
                let fields = if fields.order_type == "market" { OrderFields { price: None, ..fields } } else { fields };
                let name = format!("{seed} {step}");
                market.place(&name, TRADERS[who], &fields, at).await.expect("an answer");
                if market.order(&name, TRADERS[who]).await.is_some() {
                    let command = market.command(&name, TRADERS[who]).await;
                    // Now and then a message comes twice.
                    market.apply(&vec![command; 1 + dice.roll(8) as usize / 7], at).await.expect("applied");
                    names.push((name, who, which));
                }
            }
        }
        if step % 40 == 39 {
            for market in &markets {
                market.settle().await.expect("settled");
            }
            check(&stack, &markets, &names, &format!("seed {seed} step {step}")).await;
        }
    }
    let trades: u64 = markets.iter().map(|market| market.book.book().trades()).sum();
    assert!(trades > 10, "seed {seed} has traded {trades} times");
}

async fn check(stack: &Stack, markets: &[Market; 2], names: &[(String, usize, usize)], when: &str) {
    let audit = stack.ledger().audit_with(Some(&stack.exchange())).await.expect("the audit runs");
    assert!(audit.is_clean() && audit.assets.values().all(|books| !books.moving), "{when}: {audit:#?}");
    let (mut locked, mut open) = (BTreeMap::<(usize, Asset), Decimal>::new(), [0; 3]);
    for market in markets {
        let snapshot = market.book.book().snapshot();
        for (orders, buys) in [(&snapshot.bids, true), (&snapshot.asks, false)] {
            for order in orders {
                let who =
                    TRADERS.iter().position(|name| customer(name) == order.owner.customer_id()).expect("a trader");
                let (asset, amount) = if buys {
                    (market.instrument.quote(), market.instrument.quote_amount(order.locked.into()))
                } else {
                    (market.instrument.base(), market.instrument.quantity(order.locked.into()))
                };
                *locked.entry((who, asset.clone())).or_default() += amount;
                open[who] += 1;
            }
        }
    }
    for (who, name) in TRADERS.iter().enumerate() {
        let wallet = stack.wallet(name).await;
        assert_eq!(wallet.open_orders, open[who], "{when}: {name}");
        for (asset, holding) in &wallet.holdings {
            let expected = locked.get(&(who, asset.clone())).copied().unwrap_or_default();
            assert_eq!(holding.locked, expected, "{when}: {name} {asset}");
            assert!(!holding.free.is_sign_negative(), "{when}: {name} {asset} {holding:?}");
        }
    }
    for (name, who, which) in names {
        let order = markets[*which].order(name, TRADERS[*who]).await.expect("an order");
        let key = domain::order::OrderKey::of(&order.id).expect("a key");
        assert_eq!(order.status.is_final(), !markets[*which].book.book().holds(key), "{when}: {order:?}");
    }
}
