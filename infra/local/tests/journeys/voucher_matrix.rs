//! Every way in which the supplier behaves against every place at which a function may die, and every message twice: in
//! the end a purchase is delivered and paid once, or refused and given back once, and its buyer was told once.
//!
//! `FLORIN_SEED=n` begins with another seed, `FLORIN_LONG=1` runs several.

use serde_json::{Value, json};

use crate::{
    app::alone,
    purchases::{Cell, Point, around, tally},
    shop::until,
    siege::Siege,
};

/// The supplier's ways, and how long it takes in each; the deadline is 2 s. That it is down is another journey.
const MODES: [(&str, [f64; 2]); 7] = [
    ("fast", [0.02, 0.1]),
    ("slow", [1.4, 1.4]),
    ("normal", [0.1, 3.0]),
    ("error", [0.02, 0.1]),
    ("hang", [0.0, 0.0]),
    ("lost", [0.1, 0.5]),
    ("twice", [0.02, 0.1]),
];

fn seeds() -> std::ops::Range<u64> {
    let first = std::env::var("FLORIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let count = if long() { 5 } else { 1 };
    first..first + count
}

/// Whether there is time.
pub fn long() -> bool {
    std::env::var("FLORIN_LONG").is_ok_and(|long| long == "1")
}

/// One function killed once, at each of its writes on the way of every purchase.
fn kills_on_the_way() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (mode, seconds) in MODES {
        let unknown_first = matches!(mode, "hang" | "lost");
        // An outcome that is unknown at first is one write more.
        let last = if unknown_first { 3 } else { 2 };
        let mut points = Vec::new();
        for service in ["dynamodb", "sqs"] {
            points.extend(around("vouchers", service, 1));
            points.extend(around("vouchers-order", service, 1));
        }
        points.extend((1..=last).flat_map(|write| around("vouchers-settle", "dynamodb", write)));
        points.extend(around("vouchers-settle", "sqs", 1));
        if unknown_first {
            points.extend(around("vouchers-reconcile", "dynamodb", 1));
            points.extend(around("vouchers-reconcile", "sqs", 1));
        }
        cells.push(Cell::new(mode, seconds, &[]));
        cells.extend(points.iter().map(|point| Cell::new(mode, seconds, &[*point])));
    }
    cells
}

/// An order that was never sent, and the sweep that finds it killed in turn.
fn kills_of_the_sweep() -> Vec<Cell> {
    let [unsent, _] = around("vouchers", "sqs", 1);
    let [_, bought] = around("vouchers", "dynamodb", 1);
    let points = ["dynamodb", "sqs"].into_iter().flat_map(|service| around("vouchers-reconcile", service, 1));
    let mut cells: Vec<Cell> =
        points.map(|point| Cell::new("fast", [0.02, 0.1], &[unsent, point]).gives_up()).collect();
    cells.push(Cell::new("fast", [0.02, 0.1], &[unsent]).gives_up());
    cells.push(Cell::new("fast", [0.02, 0.1], &[bought]).gives_up());
    let [nothing, _] = around("vouchers", "dynamodb", 1);
    cells.push(Cell::new("fast", [0.02, 0.1], &[nothing]).gives_up());
    cells
}

/// Two functions killed one after the other.
fn kills_twice(generator: &mut fastrand::Rng) -> Vec<Cell> {
    let order: Vec<Point> = [around("vouchers-order", "dynamodb", 1), around("vouchers-order", "sqs", 1)].concat();
    let settle: Vec<Point> = [around("vouchers-settle", "dynamodb", 1), around("vouchers-settle", "sqs", 1)].concat();
    let pick = |generator: &mut fastrand::Rng, points: &[Point]| points[generator.usize(..points.len())];
    let pairs =
        MODES.map(|(mode, seconds)| Cell::new(mode, seconds, &[pick(generator, &order), pick(generator, &settle)]));
    pairs.into()
}

/// A result that is there before the order is submitted. Known outcomes stand, the order is never placed.
fn results_first() -> Vec<Cell> {
    let delivered: fn(&str) -> Value =
        |phone| json!({"status": "delivered", "code": format!("EARLY-{}", &phone[1..]), "supplier_order": null});
    let refused: fn(&str) -> Value = |_| json!({"status": "refused", "reason": "no stock"});
    let unknown: fn(&str) -> Value = |_| json!({"status": "unknown", "cause": "timeout"});
    let [before, after] = around("vouchers-settle", "dynamodb", 1);
    let with = |report, points: &[Point], outcomes| Cell {
        report: Some(report),
        ..Cell::new("fast", [0.02, 0.1], points).ends(outcomes)
    };
    vec![
        with(delivered, &[], &["delivered"]),
        with(delivered, &[before], &["delivered"]),
        with(delivered, &[after], &["delivered"]),
        with(refused, &[], &["failed"]),
        with(refused, &[after], &["failed"]),
        // Nothing is learned from it: the order goes out as if it had not come.
        Cell { report: Some(unknown), ..Cell::new("error", [0.02, 0.1], &[]) },
    ]
}

/// Clients that wait: the outcome comes about when the wait ends; the waiting function dies; somebody else dies.
fn waits(generator: &mut fastrand::Rng) -> Vec<Cell> {
    let mut cells = Vec::new();
    for _ in 0..12 {
        let seconds = 0.6 + 0.5 * generator.f64();
        let mode = if generator.u8(..4) == 0 { "error" } else { "fast" };
        cells.push(Cell::new(mode, [seconds, seconds], &[]).waits(1));
    }
    let mut dying = around("vouchers", "sqs", 1).to_vec();
    dying.extend(around("vouchers", "dynamodb", 2));
    dying.push(around("vouchers", "dynamodb", 1)[1]);
    for point in dying {
        cells.push(Cell::new("fast", [0.02, 0.1], &[point]).waits(2));
        cells.push(Cell::new("fast", [0.02, 0.1], &[point]).waits(2).gives_up());
    }
    // Nobody answers, so the sweep tells; and is killed while it does.
    let [unanswered, _] = around("vouchers", "dynamodb", 2);
    for write in [1, 2] {
        for point in around("vouchers-reconcile", "dynamodb", write) {
            cells.push(Cell::new("fast", [0.02, 0.1], &[unanswered, point]).waits(1).gives_up());
        }
    }
    for point in around("vouchers-reconcile", "sqs", 1) {
        cells.push(Cell::new("fast", [0.02, 0.1], &[unanswered, point]).waits(1).gives_up());
    }
    for (mode, seconds) in MODES {
        for service in ["dynamodb", "sqs"] {
            let point = around("vouchers-order", service, 1)[generator.usize(..2)];
            cells.push(Cell::new(mode, seconds, &[point]).waits(1 + generator.u32(..8)));
        }
        let point = around("vouchers-settle", "dynamodb", 1)[generator.usize(..2)];
        cells.push(Cell::new(mode, seconds, &[point]).waits(1 + generator.u32(..8)));
    }
    cells
}

#[test]
fn whoever_dies_wherever_each_purchase_has_one_outcome_and_its_buyer_hears_of_it_once() {
    alone(async {
        for seed in seeds() {
            let mut generator = fastrand::Rng::with_seed(seed);
            let mut siege = Siege::begin(seed, &[]).await;
            let cells = [kills_on_the_way(), kills_of_the_sweep(), kills_twice(&mut generator), results_first()];
            let going = siege.prepare(cells.concat()).await;
            siege.buy_behind_a_pause(going.clone()).await;
            siege.rest().await;
            siege.verify().await;
            siege.until_none_is_spared(going).await;
            siege.say("killed on the way");
            let waiting = siege.prepare(waits(&mut generator)).await;
            siege.buy(&waiting.clone().collect::<Vec<_>>(), 32).await;
            siege.rest().await;
            siege.verify().await;
            siege.until_none_is_spared(waiting).await;
            siege.say(&format!("killed while somebody waits; answers {:?}", tally(&siege.purchases)));
            siege.verify().await;
            if long() {
                random_deaths(&mut siege, &mut generator, seed).await;
            }
            siege.end().await;
        }
    });
}

#[test]
fn every_message_twice_and_late_changes_nothing() {
    alone(async {
        for seed in seeds() {
            let mut siege = Siege::begin(seed, &[]).await;
            // Every message of every queue twice, and two in five of them late.
            let twice = json!({"seed": seed, "sqs": {"duplicate": 1.0, "delay": 0.4, "within_ms": 1_500}});
            siege.app.page(http::Method::PUT, "/_local/faults", &twice).await;
            let cells = MODES.iter().flat_map(|(mode, seconds)| {
                let cell = Cell::new(mode, *seconds, &[]);
                [cell.clone(), cell.clone().waits(1), cell.waits(6)]
            });
            let doubled: Vec<usize> = siege.prepare(cells.collect::<Vec<_>>()).await.collect();
            siege.buy(&doubled, 16).await;
            siege.rest().await;
            siege.verify().await;
            assert_eq!(siege.dead_letters().await, 0, "seed {seed}: nothing wears out that only comes twice");
            siege.say("every message twice");
            siege.end().await;
        }
    });
}

/// Processes that die anywhere, messages twice and late, conflicts, throttles and lost answers, all at once.
async fn random_deaths(siege: &mut Siege, generator: &mut fastrand::Rng, seed: u64) {
    let functions = ["vouchers", "vouchers-order", "vouchers-settle", "vouchers-reconcile"];
    let plan = json!({
        "seed": seed,
        "sqs": {"duplicate": 0.3, "delay": 0.3},
        "kill": {"before": 0.02, "after": 0.02, "functions": functions},
        "dynamodb": {"transaction_conflict": 0.1, "throttle": 0.02, "lost_answer": 0.02},
    });
    siege.app.page(http::Method::PUT, "/_local/faults", &plan).await;
    let cells: Vec<Cell> = (0..150)
        .map(|_| {
            let (mode, seconds) = MODES[generator.usize(..MODES.len())];
            let cell = Cell::new(mode, seconds, &[]);
            if generator.bool() { cell.waits(1 + generator.u32(..6)) } else { cell }
        })
        .collect();
    let chosen: Vec<usize> = siege.prepare(cells).await.collect();
    siege.buy(&chosen, 16).await;
    siege.app.page(http::Method::PUT, "/_local/faults", &json!({"seed": seed})).await;
    siege.rest().await;
    // A claim that is written, answered by nobody and refused when it is tried again is a sender that died.
    let dead = siege.verify_with_dead_letters().await.len();
    siege.say(&format!("killed at random; {dead} SMS are dead letters"));
}

#[test]
fn an_sms_whose_sender_dies_is_sent_at_most_once_and_never_lost_silently() {
    alone(async {
        for seed in seeds() {
            let mut siege = Siege::begin(seed, &[("WorkerVisibility", "1")]).await;
            let [claim, publish, mark] = [("dynamodb", 1), ("sns", 1), ("dynamodb", 2)]
                .map(|(service, write)| around("sms-send", service, write));
            // One after the other: a batch dies with all its messages, and each is to die its own death.
            let cells = [claim[0], mark[1], claim[1], publish[0], publish[1], mark[0]];
            let cells: Vec<Cell> = cells.iter().map(|point| Cell::new("fast", [0.02, 0.1], &[*point])).collect();
            for index in siege.prepare(cells).await {
                siege.buy(&[index], 1).await;
                until("the sender died", async || siege.spared(index..index + 1).await.is_empty().then_some(())).await;
                if index < 2 {
                    siege.rest().await;
                }
            }
            siege.rest().await;
            // Between claim and mark nobody but the sender knows; outside of it everybody does.
            let in_doubt = |index: usize| index >= 2;
            let dead = siege.verify_with_dead_letters().await;
            assert_eq!(siege.spared(0..6).await, [0; 0], "seed {seed}");
            let sms = siege.app.all_sms().await;
            for (index, purchase) in siege.purchases.iter().enumerate() {
                let is_dead = dead.iter().any(|message| message.contains(&purchase.id));
                assert_eq!(is_dead, in_doubt(index), "seed {seed}: {}: dead letter", purchase.name);
                let sent = sms.contains_key(&purchase.phone);
                assert_eq!(sent, ![2, 3].contains(&index), "seed {seed}: {}: sent", purchase.name);
            }
            siege.end().await;
        }
    });
}

#[test]
fn while_the_supplier_is_down_nothing_is_paid_and_what_is_in_doubt_waits_until_it_is_back() {
    alone(async {
        for seed in seeds() {
            let mut siege = Siege::begin(seed, &[]).await;
            siege.app.supplier(json!({"mode": "down"})).await;
            let in_doubt: &[&str] = &["failed", "unknown"];
            let mut cells = vec![Cell::new("down", [0.0, 0.0], &[]).ends(in_doubt); 3];
            for write in 1..=3 {
                // Submitted, put back, submitted again.
                let points = around("vouchers-order", "dynamodb", write);
                cells.extend(points.map(|point| Cell::new("down", [0.0, 0.0], &[point]).ends(in_doubt)));
            }
            for write in 1..=3 {
                // Sent again, sent again, reported.
                let points = around("vouchers-order", "sqs", write);
                cells.extend(points.map(|point| Cell::new("down", [0.0, 0.0], &[point]).ends(in_doubt)));
            }
            let points = [around("vouchers-settle", "dynamodb", 1), around("vouchers-settle", "sqs", 1)].concat();
            cells.extend(points.iter().map(|point| Cell::new("down", [0.0, 0.0], &[*point]).ends(in_doubt)));
            let all: Vec<usize> = siege.prepare(cells).await.collect();
            siege.buy(&all, 8).await;
            until("every purchase is refused or in doubt", async || siege.decided().await.then_some(())).await;
            siege.verify().await;
            siege.say(&format!("while the supplier was down {:?}", siege.outcomes().await));
            siege.app.supplier(json!({"mode": "fast"})).await;
            siege.rest().await;
            for purchase in &mut siege.purchases {
                purchase.cell.outcomes = &["failed"];
            }
            siege.verify().await;
            siege.say("and when it was back");
            siege.end().await;
        }
    });
}
