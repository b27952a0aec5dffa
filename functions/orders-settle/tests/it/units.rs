//! What an order costs in write units, all of its way: lock and row, journal, wallet, entries, candles, its answer.

use aws::{exchange::Placed, meter::Usage};
use domain::{exchange::Message, wallet::MAX_OPEN_ORDERS};
use edge::clock::Clock;
use orders_match::Matcher;
use orders_settle::Settler;
use testkit::{buy, sell};

use crate::world::World;

/// How orders come.
#[derive(Clone, Copy)]
struct Load {
    /// Orders between two settlements.
    round: usize,
    /// Of these so many rest, and so many are taken in the next round; the others take.
    resting: usize,
    makers: usize,
    /// Orders of a batch.
    batch: usize,
    traders: usize,
}

/// What each order costs.
struct Units {
    all: f64,
    trades: f64,
}

const ROUNDS: usize = 8;

async fn units(load: Load) -> Units {
    let world = World::start().await;
    for who in 0..load.traders {
        for asset in ["USD", "BTC"] {
            world.stack.grant(&format!("c{who}"), asset, "100000", world.clock.now()).await;
        }
    }
    let matcher = Matcher::new(world.exchange.clone(), world.clock.clone(), 500);
    let settler = Settler::new(world.exchange.clone(), world.ledger.clone());
    let sum = |usage: Usage| usage.table_write_units + usage.index_write_units;
    let used = || (sum(world.exchange.usage()), sum(world.ledger.usage()));
    let (before, mut orders) = (used(), 0);
    for round in 0..ROUNDS {
        let mut messages = Vec::new();
        for nth in 0..load.round {
            let fields = match nth {
                nth if nth < load.resting => buy("1", "90"),
                nth if nth < load.resting + load.makers => sell("1", "100"),
                _ if round == 0 => continue,
                _ => buy("1", "100"),
            };
            let (name, who) = (format!("{round}-{nth}"), format!("c{}", (nth + round * 7) % load.traders));
            world.clock.advance_seconds(1);
            let decided = world.market.decide(&name, &who, &fields, world.clock.now()).await;
            let (order, lock) = decided.expect("funds");
            let placed = world.exchange.place(&world.ledger, &order, &lock, MAX_OPEN_ORDERS).await;
            assert_eq!(placed.expect("an answer"), Placed::Done);
            messages.push(Message::place(&order, &world.market.instrument).expect("a message"));
        }
        // Takers before the makers of their own round: they meet those of the round before.
        let makers_last = (load.resting + load.makers).min(messages.len());
        messages.rotate_left(makers_last);
        orders += messages.len();
        for batch in messages.chunks(load.batch) {
            world.matched(&matcher, batch).await;
        }
        settler.settle(&world.symbol()).await.expect("settled");
    }
    let (after, orders) = (used(), orders as f64);
    let (exchange, ledger) = ((after.0 - before.0) / orders, (after.1 - before.1) / orders);
    let trades = world.journal().await.iter().map(|entry| entry.trades().count()).sum::<usize>() as f64 / orders;
    let all = exchange + ledger;
    println!(
        "batches of {}, {} to settle, {} traders, {trades:.2} trades an order: {all:.2} write units an order, \
         of which placing 5.00, wallets {:.2}, all else {exchange:.2}",
        load.batch,
        load.round,
        load.traders,
        ledger - 5.0,
    );
    Units { all, trades }
}

/// Full batches, settled four at a time, among ten traders: what a book sees under load.
const BUSY: Load = Load { round: 40, resting: 20, makers: 10, batch: 10, traders: 10 };

#[tokio::test]
async fn an_order_costs_seven_write_units_when_half_of_them_trade() {
    let busy = units(BUSY).await;
    assert!(busy.trades > 0.2 && busy.all <= 7.0, "{}", busy.all);
}

#[tokio::test]
async fn an_order_costs_more_when_half_of_them_take() {
    let busy = units(Load { resting: 0, makers: 20, ..BUSY }).await;
    assert!(busy.trades > 0.4 && busy.all <= 7.7, "{}", busy.all);
}

#[tokio::test]
async fn nothing_to_net_costs_half_a_unit_more() {
    let calm = units(Load { round: 20, resting: 10, makers: 5, batch: 5, traders: 20 }).await;
    assert!(calm.trades > 0.2 && calm.all <= 7.6, "{}", calm.all);
}
