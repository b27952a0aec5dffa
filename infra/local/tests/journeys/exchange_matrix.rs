//! A storm over the exchange: random orders of some traders in several books, while processes die, messages come twice
//! and late, nudges get lost, the table refuses and forgets to answer, a second matcher works on the same books, and the
//! whole runner is killed in the middle. Then it is calm, and every journal, replayed from zero, must tell exactly what
//! the traders were told and what the tables say.
//!
//! `FLORIN_SEED=n` begins with another seed, `FLORIN_LONG=1` runs two hundred.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    exchange::Message,
    id::{CustomerId, OrderId, derive},
    instrument::Symbol,
    order::{Order, Status},
    wallet::Wallet,
};
use futures::{StreamExt, stream};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::{
    app::{Answer, Person, alone},
    crash::Running,
    exchange_deeds::{Deed, What, dated, deeds},
    exchange_floor::{limit, with},
    exchange_replay::{Replay, Stores, check_wallets},
    exchange_world::{World, batch},
    shop::until,
    voucher_matrix::long,
};

/// Requests in one storm.
const DEEDS: usize = 150;
/// Clients at once.
const CLIENTS: usize = 8;
/// Seeds that share a runner, and seeds after which all is counted: what got lost is found again seconds later.
const SEEDS_PER_RUNNER: usize = 9;
const SEEDS_PER_CALM: usize = 3;
/// The functions that die.
const MORTALS: [&str; 4] = ["orders", "orders-match", "orders-settle", "orders-sweep"];

/// Index of a deed, and its answer if there was one.
type Answered = (usize, Option<(u16, Value)>);

struct Storm {
    running: Mutex<Running>,
    data: tempfile::TempDir,
    world: RwLock<World>,
    stores: Stores,
    customers: Vec<CustomerId>,
}

#[test]
fn whatever_breaks_every_order_taken_is_in_its_journal_once_and_all_rows_tell_what_the_journals_do() {
    alone(async {
        let first = std::env::var("FLORIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        let seeds: Vec<u64> = (first..first + if long() { 200 } else { 3 }).collect();
        for seeds in seeds.chunks(SEEDS_PER_RUNNER) {
            let storm = Storm::begin().await;
            for seeds in seeds.chunks(SEEDS_PER_CALM) {
                println!("seeds {seeds:?}");
                storm.pass(seeds).await;
            }
        }
    });
}

#[test]
fn a_book_is_settled_though_its_stream_loses_every_nudge() {
    alone(async {
        let data = tempfile::tempdir().expect("a folder");
        let (_running, world) = World::start(data.path(), &[]).await;
        let (trader, admin) = (&world.traders[1], &world.traders[2]);
        admin.lists("MUTE-USD").await;
        trader.fund("1000").await;
        world.faults(&json!({"seed": 1, "streams": {"drop": 1.0, "functions": ["orders-settle"]}})).await;
        let order = trader.trade("only", &limit("MUTE-USD", "buy", "1", "1.00")).await;
        assert_eq!(order["status"], "open");
        // Of this there is no new row but in the journal.
        assert_eq!(trader.cancel(&order).await.expect(200).body["status"], "cancelled");
        let counts = world.page(Method::GET, "/_local/faults", &Value::Null).await["counts"].clone();
        assert!(counts["stream_drops"].as_u64().is_some_and(|dropped| dropped >= 2), "{counts}");
        assert_eq!(trader.holds("USD").await, "1000+0");
    });
}

impl Storm {
    async fn begin() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let (running, world) = World::start(data.path(), &[]).await;
        let tables = world.call("DynamoDB_20120810.ListTables", json!({})).await.body;
        let tables: Vec<String> = serde_json::from_value(tables["TableNames"].clone()).expect("names");
        let stores = Stores::at(&world.aws_url, &tables);
        let customers = world.traders.iter().map(Person::customer).collect();
        for trader in &world.traders {
            trader.fund("1000000").await;
        }
        Self { running: Mutex::new(running), data, world: RwLock::new(world), stores, customers }
    }

    /// A storm for each seed, then calm, then the books are compared.
    async fn pass(&self, seeds: &[u64]) {
        let begun = Instant::now();
        let mut markets = Vec::new();
        for seed in seeds {
            markets.push(["A", "B", "C"].map(|book| format!("S{seed}{book}-USD")));
            self.list(&markets[markets.len() - 1]).await;
        }
        let before = self.wallets().await;
        let mut told = Vec::new();
        for (seed, symbols) in seeds.iter().zip(&markets) {
            told.push(self.rage(*seed, symbols).await);
        }
        let symbols = markets.concat();
        self.calm(&symbols).await;
        let replays = self.verify(&symbols, &before).await;
        let acknowledged: usize =
            told.iter().map(|(deeds, answers)| self.check_answers(deeds, answers, &replays)).sum();
        let orders: usize = replays.iter().map(|replay| replay.orders.len()).sum();
        let trades: u64 = replays.iter().map(Replay::trades).sum();
        let seconds = begun.elapsed().as_secs_f32();
        println!(
            "seeds {seeds:?}: {acknowledged} orders acknowledged, {orders} in the journals, {trades} trades, {seconds:.1} s"
        );
    }

    /// Everybody trades while everything breaks; what was done and what was answered.
    async fn rage(&self, seed: u64, symbols: &[String]) -> (Vec<Deed>, Vec<Answered>) {
        let deeds = deeds(&mut fastrand::Rng::with_seed(seed), seed, DEEDS, symbols.len());
        self.world.read().await.faults(&plan(seed)).await;
        let (done, known) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let clients = stream::iter(deeds.iter().enumerate()).map(|(index, deed)| {
            let (done, known, deeds) = (&done, &known, &deeds);
            async move {
                let answer = self.act(deeds, deed, symbols).await;
                if let Some(id) = answer.as_ref().and_then(ordered) {
                    known.lock().expect("known").push((deed.trader, id));
                }
                done.fetch_add(1, Ordering::Relaxed);
                (index, answer)
            }
        });
        let clients = clients.buffer_unordered(CLIENTS).collect::<Vec<_>>();
        let (restart, rival) = (self.restart(&done, seed), self.rival(&done, &known, seed));
        let (answers, (), rivals) = tokio::join!(clients, restart, rival);
        let world = self.world.read().await;
        let counts = world.page(Method::GET, "/_local/faults", &Value::Null).await["counts"].clone();
        println!("seed {seed}: {rivals} calls of another matcher; since the restart {counts}");
        (deeds, answers)
    }

    /// Markets of this seed's own, and something to sell for everybody.
    async fn list(&self, symbols: &[String]) {
        let world = self.world.read().await;
        let admin = world.traders.last().expect("an admin");
        for symbol in symbols {
            admin.lists(symbol).await;
            for trader in &world.traders {
                admin.grants(trader, symbol, "1000").await;
            }
        }
    }

    async fn wallets(&self) -> Vec<Wallet> {
        let wallets = self.customers.iter().map(|customer| self.stores.wallet(customer));
        futures::future::join_all(wallets).await
    }

    /// Sends a request until it is answered, or once.
    async fn act(&self, deeds: &[Deed], deed: &Deed, symbols: &[String]) -> Option<(u16, Value)> {
        let started = Instant::now();
        let deed = &dated(deed);
        let mortal = matches!(&deed.what, What::Place(wish) if wish["expires_at"].is_string());
        loop {
            let answer = {
                let world = self.world.read().await;
                self.send(&world.traders[deed.trader], deeds, deed, symbols).await
            };
            match answer {
                Ok(answer) if answer.status.as_u16() < 500 && answer.body["code"] != "request_in_progress" => {
                    let status = answer.status.as_u16();
                    // An order whose time was over before anybody took it makes no sense any more.
                    let fits = [200, 201, 202, 404, 409, 422].contains(&status) || status == 400 && mortal;
                    assert!(fits, "{deed:?}: {}", answer.text);
                    return Some((status, answer.body));
                }
                _ if !deed.insists => return None,
                answer => assert!(started.elapsed() < Duration::from_secs(60), "{deed:?}: {answer:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn send(&self, trader: &Person, deeds: &[Deed], deed: &Deed, symbols: &[String]) -> Result<Answer, String> {
        let prefer = deed.wait.map(|seconds| format!("wait={seconds}"));
        let mut headers = vec![("idempotency-key", deed.key.as_str())];
        headers.extend(prefer.as_deref().map(|prefer| ("prefer", prefer)));
        let path = |of: &usize| format!("/orders/{}", self.id_of(&deeds[*of]));
        match &deed.what {
            What::Place(wish) => {
                let wish = with(wish.clone(), json!({"symbol": symbols[deed.symbol]}));
                trader.send(Method::POST, "/orders", &headers, &wish).await
            }
            What::Cancel(of) => trader.send(Method::DELETE, &path(of), &headers[1..], &Value::Null).await,
            What::Replace(of, wish) => {
                trader.send(Method::POST, &format!("{}/replace", path(of)), &headers, wish).await
            }
        }
    }

    /// The order that a deed places.
    fn id_of(&self, deed: &Deed) -> OrderId {
        let customer = self.customers[deed.trader].as_str();
        OrderId::from_bytes(derive(&[customer, "POST", "/orders", &deed.key]))
    }

    /// Kills the runner with all its processes in the middle of it and starts it again.
    async fn restart(&self, done: &AtomicUsize, seed: u64) {
        while done.load(Ordering::Relaxed) < DEEDS / 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // While clients wait for their answers.
        self.running.lock().expect("a runner").kill();
        let mut world = self.world.write().await;
        let (running, begun) = World::start(self.data.path(), &["--no-build"]).await;
        assert_eq!(begun.aws_url, world.aws_url, "its ports are its own");
        begun.faults(&plan(seed + 1_000_000)).await;
        (*self.running.lock().expect("a runner"), *world) = (running, begun);
    }

    /// A matcher beside the queue's own: it is given orders that are just placed, and some of long ago. How often.
    async fn rival(&self, done: &AtomicUsize, known: &Mutex<Vec<(usize, OrderId)>>, seed: u64) -> usize {
        let mut random = fastrand::Rng::with_seed(!seed);
        let mut calls = 0;
        while done.load(Ordering::Relaxed) < DEEDS {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let some: Vec<_> = {
                let known = known.lock().expect("known");
                let newest = known.iter().rev().take(3);
                newest.chain(random.choice(known.iter())).cloned().collect()
            };
            let mut books = BTreeMap::<Symbol, Vec<Message>>::new();
            for (trader, id) in some {
                let Ok(Some(order)) = self.stores.exchange.order(&self.customers[trader], &id).await else { continue };
                let Ok(Some(stored)) = self.stores.exchange.instrument(&order.symbol).await else { continue };
                books.entry(order.symbol.clone()).or_default().extend(Message::place(&order, &stored.instrument));
            }
            for (symbol, messages) in books {
                calls += 1;
                let world = self.world.read().await;
                drop(world.invoke("orders-match", &batch(&symbol, &messages)).await);
            }
        }
        calls
    }

    /// No more faults; what was worn out is put back, and all settles, the books too whose last nudge got lost.
    async fn calm(&self, symbols: &[String]) {
        let world = self.world.read().await;
        world.faults(&json!({})).await;
        until("all is settled", async || {
            let worn = world.redrive("florin-order-dead-letters.fifo", "florin-order.fifo").await;
            if worn > 0 {
                println!("{worn} commands were worn out and are put back");
                return None;
            }
            let queues = world.page(Method::GET, "/_local/queues", &Value::Null).await;
            let waiting = |queue: &Value| {
                queue["name"] == "florin-order.fifo" && (queue["in_flight"] != 0 || queue["available"] != 0)
            };
            if queues.as_array().expect("queues").iter().any(waiting) {
                return None;
            }
            for symbol in symbols {
                let symbol = Symbol::parse(symbol).expect("a symbol");
                let (head, cursor) =
                    tokio::join!(self.stores.exchange.head(&symbol), self.stores.exchange.cursor(&symbol));
                if head.expect("a head") != cursor.expect("a cursor").version {
                    return None;
                }
                for customer in &self.customers {
                    let orders = self.stores.orders(customer, &symbol).await;
                    // What ends by time has ended too, so that nothing moves any more.
                    let moves = |order: &Order| {
                        order.status == Status::Pending || order.expires_at.is_some() && !order.status.is_final()
                    };
                    if orders.iter().any(moves) {
                        return None;
                    }
                }
            }
            Some(())
        })
        .await;
    }

    async fn verify(&self, symbols: &[String], before: &[Wallet]) -> Vec<Replay> {
        let mut replays = Vec::new();
        for symbol in symbols {
            replays.push(self.stores.replay(symbol).await);
        }
        let after = self.wallets().await;
        check_wallets(&replays, before, &after);
        let world = self.world.read().await;
        for (replay, symbol) in replays.iter().zip(symbols) {
            replay.check(&self.stores, &self.customers).await;
            let market = async |what: &str| {
                let path = format!("/markets/{symbol}/{what}");
                world.api.send(Method::GET, &path, &[], "").await.expect("an answer").expect(200).body
            };
            let (book, candles) = (market("book?depth=500").await, market("candles?interval=1h").await);
            replay.check_market(&book, &candles);
        }
        let report = world.invoke("ledger-audit", &json!({})).await.expect("a report");
        assert_eq!(report["clean"], true, "{report:#}");
        replays
    }

    /// Whoever was told of an order finds it in the journal of its book; how many were told.
    fn check_answers(&self, deeds: &[Deed], answers: &[Answered], replays: &[Replay]) -> usize {
        let mut told = BTreeSet::new();
        for (index, answer) in answers {
            let deed = &deeds[*index];
            let id = answer.as_ref().and_then(ordered);
            let Some(id) = id else { continue };
            let said = replays.iter().find_map(|replay| replay.outcome(&id));
            let Some((status, filled)) = said else { panic!("{deed:?} was told of {id}, which is in no journal") };
            let told_of = answer.as_ref().map(|(_, body)| body);
            if let Some(body) = told_of.filter(|body| body["status"].as_str().is_some_and(is_final)) {
                assert_eq!((&body["status"], &body["filled_quantity"]), (&json!(status), &json!(filled)), "{deed:?}");
            }
            if let What::Place(_) = deed.what {
                assert_eq!(id, self.id_of(deed), "{deed:?}");
            }
            told.insert(id.to_string());
        }
        told.len()
    }
}

fn is_final(status: &str) -> bool {
    Status::parse(status).is_some_and(Status::is_final)
}

/// The order that an answer tells of, if it was taken.
fn ordered((status, body): &(u16, Value)) -> Option<OrderId> {
    let taken = [200, 201, 202].contains(status);
    body["order_id"].as_str().filter(|_| taken).and_then(OrderId::parse)
}

/// What goes wrong: a little, more, or much.
fn plan(seed: u64) -> Value {
    let share = [0.01, 0.02, 0.05][usize::try_from(seed % 3).unwrap_or_default()];
    json!({
        "seed": seed,
        "sqs": {"duplicate": 0.2, "delay": 0.2, "redeliver": 0.2, "within_ms": 1_500},
        // The sweep relies on its stream, as on AWS it can.
        "streams": {"duplicate": 0.2, "drop": 0.1, "functions": ["orders-settle"]},
        "kill": {"before": share, "after": share, "functions": MORTALS},
        "dynamodb": {"transaction_conflict": 0.05, "throttle": share, "lost_answer": share},
    })
}
