//! The exchange in the lake: all of it, once, however often, cut off anywhere, two at once.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use aws::exchange::Exchange;
use domain::instrument::{InstrumentStatus, Symbol};
use edge::clock::Clock;
use lake::{Record, Table, Value, file, keys::File, records};
use lake_exchange::Follower;
use serde_json::json;
use testkit::{Cut, Line, ManualClock, Market, Objects, Stack, buy, sell};

const TRADERS: [&str; 3] = ["ana", "ben", "cora"];

/// Rows by table and key, with version and columns.
type View = BTreeMap<(&'static str, Vec<Option<Value>>), (i64, Vec<Option<Value>>)>;

struct World {
    stack: Stack,
    clock: ManualClock,
    markets: Vec<Market>,
    orders: usize,
}

impl World {
    async fn start() -> Self {
        let (stack, clock) = (Stack::start().await, ManualClock::default());
        for who in TRADERS {
            for asset in ["USD", "BTC", "ETH"] {
                clock.tick();
                stack.grant(who, asset, "1000", clock.now()).await;
            }
        }
        let markets = vec![stack.market("BTC-USD").await, stack.market("ETH-USD").await];
        Self { stack, clock, markets, orders: 0 }
    }

    /// Orders that rest, match and match in part, settled or not.
    async fn trade(&mut self, rounds: usize, settled: bool) {
        for round in 0..rounds {
            let market = &mut self.markets[round % 2];
            let wishes = [("ana", sell("0.5", "100.10")), ("ben", buy("0.7", "100.10")), ("cora", buy("0.1", "90.00"))];
            for (who, fields) in wishes {
                self.clock.advance_seconds(20_000);
                let name = format!("o{}", self.orders);
                self.orders += 1;
                market.place(&name, who, &fields, self.clock.now()).await.expect("placed");
                let command = market.command(&name, who).await;
                market.apply(&[command], self.clock.now()).await.expect("applied");
            }
            if settled {
                market.settle().await.expect("settled");
            }
        }
    }

    fn follower(&self, objects: &Objects) -> Follower<ManualClock> {
        Follower::new(self.stack.exchange(), objects.bucket(), self.clock.clone())
    }

    fn follower_at(&self, line: &Line, objects: &Objects) -> Follower<ManualClock> {
        let exchange = Exchange::new(line.environment().dynamodb(), self.stack.table("ExchangeTable"));
        Follower::new(exchange, objects.bucket(), self.clock.clone())
    }

    /// What the lake must show when everything is settled, from the journals and rows alone.
    async fn expected(&self) -> View {
        let exchange = self.stack.exchange();
        let mut expected = Vec::new();
        for stored in exchange.instruments().await.expect("instruments") {
            expected.push(records::instrument(&stored.instrument, stored.version, self.clock.now()));
            let journal = exchange.tail(stored.instrument.symbol(), 1, usize::MAX).await.expect("a journal");
            for entry in &journal {
                expected.extend(entry.trades().map(|trade| records::trade(&stored.instrument, trade, entry.at)));
            }
        }
        for number in 0..self.orders {
            for (who, market) in TRADERS.iter().flat_map(|who| self.markets.iter().map(move |market| (who, market))) {
                expected.extend(market.order(&format!("o{number}"), who).await.as_ref().map(records::order));
            }
        }
        for item in exchange.grants_behind("", 1_000).await.expect("grants").0 {
            expected.push(records::grant(&item.grant));
        }
        view(expected)
    }

    async fn forget_cursors(&self) {
        let client = self.stack.environment().dynamodb();
        for cursor in ["BTC-USD", "ETH-USD", "grants"] {
            let delete = client.delete_item().table_name(self.stack.table("ExchangeTable"));
            let key = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
            delete.key("pk", key("lake")).key("sk", key(cursor)).send().await.expect("deleted");
        }
    }
}

fn view(records: Vec<Record>) -> View {
    let mut newest: BTreeMap<(&'static str, Vec<Option<Value>>), Record> = BTreeMap::new();
    for record in records {
        let key = (record.table.name, record.key().into_iter().map(|value| value.cloned()).collect());
        let known = newest.entry(key).or_insert_with(|| record.clone());
        if known.version < record.version {
            *known = record;
        } else if known.version == record.version {
            assert_eq!(known.values, record.values, "one version, two contents");
        }
    }
    newest.into_iter().map(|(key, record)| (key, (record.version, record.values))).collect()
}

fn shown(objects: &Objects) -> View {
    let mut records = Vec::new();
    for (key, content) in objects.all() {
        let Some(place) = File::parse(&key) else { continue };
        let some = file::decode(Table::named(place.table).expect("a table"), content).expect("a file");
        assert!(some.iter().all(|record| record.day() == place.day), "{key}");
        assert!(objects.all().contains_key(&format!("fresh/{}", place.table)), "{key}");
        records.extend(some);
    }
    view(records)
}

#[tokio::test]
async fn everything_that_is_settled_is_in_the_lake_and_an_idle_run_writes_nothing() {
    let mut world = World::start().await;
    world.trade(6, true).await;
    let objects = Objects::start().await;
    world.follower(&objects).run().await.expect("a run");
    let expected = world.expected().await;
    assert_eq!(shown(&objects), expected);
    for table in ["trades", "orders", "instruments", "grants"] {
        assert!(expected.keys().any(|(name, _)| *name == table), "{table}");
    }
    let writes = objects.writes();
    let answer = world.follower(&objects).run().await.expect("a run");
    assert_eq!((answer, objects.writes()), (json!({"versions": 0, "grants": 0}), writes));
}

#[tokio::test]
async fn the_lake_never_goes_past_the_settlement() {
    let mut world = World::start().await;
    world.trade(2, true).await;
    let before = world.expected().await;
    world.trade(2, false).await;
    let objects = Objects::start().await;
    world.follower(&objects).run().await.expect("a run");
    assert_eq!(shown(&objects), before.into_iter().collect());
    for market in &world.markets {
        market.settle().await.expect("settled");
    }
    world.follower(&objects).run().await.expect("a run");
    assert_eq!(shown(&objects), world.expected().await);
}

#[tokio::test]
async fn a_run_that_dies_at_any_write_is_made_up_for() {
    let mut world = World::start().await;
    world.trade(3, true).await;
    let expected = world.expected().await;
    let whole = Objects::start().await;
    world.follower(&whole).run().await.expect("a run");
    assert_eq!(shown(&whole), expected);
    for cut in [Cut::Before, Cut::After] {
        for nth in 1..=whole.writes() {
            world.forget_cursors().await;
            let objects = Objects::start().await;
            objects.cut(nth, cut);
            world.follower(&objects).run().await.expect_err("it died");
            assert!(objects.mend());
            world.follower(&objects).run().await.expect("a run");
            assert_eq!(shown(&objects), expected, "{cut:?} object {nth}");
        }
        // Three cursors are written.
        for nth in 1..=3 {
            world.forget_cursors().await;
            let (objects, line) = (Objects::start().await, Line::to(&world.stack).await);
            line.cut(nth, cut);
            world.follower_at(&line, &objects).run().await.expect_err("it died");
            assert!(line.mend());
            world.follower_at(&line, &objects).run().await.expect("a run");
            assert_eq!(shown(&objects), expected, "{cut:?} cursor {nth}");
        }
    }
}

#[tokio::test]
async fn two_at_once_do_no_harm_and_forgotten_cursors_fill_the_lake_anew() {
    let mut world = World::start().await;
    let objects = Objects::start().await;
    for _ in 0..5 {
        world.trade(2, true).await;
        let (one, other) = (world.follower(&objects), world.follower(&objects));
        let (one, other) = tokio::join!(one.run(), other.run());
        one.expect("a run");
        other.expect("a run");
        assert_eq!(shown(&objects), world.expected().await);
    }
    world.forget_cursors().await;
    world.follower(&objects).run().await.expect("a run");
    assert_eq!(shown(&objects), world.expected().await, "on top of what was there");
    world.forget_cursors().await;
    let anew = Objects::start().await;
    world.follower(&anew).run().await.expect("a run");
    assert_eq!(shown(&anew), world.expected().await);
}

#[tokio::test]
async fn an_instrument_and_a_grant_come_in_when_they_change_without_any_trade() {
    let world = World::start().await;
    let objects = Objects::start().await;
    world.follower(&objects).run().await.expect("a run");
    let symbol = Symbol::parse("BTC-USD").expect("a symbol");
    let halted = InstrumentStatus::Halted;
    world.stack.exchange().set_instrument_status(&symbol, halted, None).await.expect("halted");
    // By the clock of a function that is behind: still seen.
    world.stack.grant("ana", "BTC", "5", world.clock.now().plus_millis(-60_000)).await;
    world.follower(&objects).run().await.expect("a run");
    assert_eq!(shown(&objects), world.expected().await);
    let versions = shown(&objects).into_iter().filter(|((table, _), _)| *table == "instruments");
    assert_eq!(versions.map(|(_, (version, _))| version).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn many_grants_come_page_by_page() {
    let world = World::start().await;
    let exchange = world.stack.exchange();
    let (mut place, mut found) = (String::new(), Vec::new());
    loop {
        let (some, more) = exchange.grants_behind(&place, 2).await.expect("grants");
        let Some(last) = some.last() else { break };
        place.clone_from(&last.place);
        found.extend(some);
        if !more {
            break;
        }
    }
    assert_eq!(found, exchange.grants_behind("", 100).await.expect("grants").0);
    assert_eq!(found.len(), 9);
}
