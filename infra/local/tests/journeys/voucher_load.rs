//! Many purchases at once against a slow supplier, and messages that nobody can handle among good ones.
//!
//! The supplier takes its whole time with `FLORIN_LONG=1`; then answers must be quick as well, which asks for functions
//! that are: `FLORIN_PROFILE=bench-local`.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::{app::alone, purchases::Cell, shop::until, siege::Siege, voucher_matrix::long};

const PURCHASES: usize = 500;
/// Clients that buy one after the other, each as fast as it is answered.
const CLIENTS: usize = 8;
/// Orders with the supplier at once, as the template has it.
const CONCURRENCY: i64 = 25;

#[test]
fn five_hundred_purchases_at_once_all_settle_and_spare_the_supplier() {
    alone(async {
        // The supplier takes 3 to 10 s; the whole time in a long run, a tenth of it otherwise.
        let (scale, deadline) = if long() { (1.0, "20") } else { (0.1, "5") };
        let changes = [
            ("SupplierDeadlineSeconds", deadline),
            ("VoucherOrderTimeout", "30"),
            ("VoucherOrderVisibility", "60"),
            ("WorkerVisibility", "30"),
            ("VoucherResendSeconds", "600"),
            ("VoucherGraceSeconds", "600"),
        ];
        let mut siege = Siege::begin(1, &changes).await;
        siege.app.supplier(json!({"scale": scale})).await;
        // Functions that sell are at work already when the five hundred come.
        let warm: Vec<usize> = siege.prepare(vec![Cell::new("fast", [0.1, 0.2], &[]); 4 * CLIENTS]).await.collect();
        siege.buy(&warm, 2 * CLIENTS).await;
        siege.rest().await;
        let all = siege.prepare(vec![Cell::new("normal", [3.0, 10.0], &[]); PURCHASES]).await;
        let all: Vec<usize> = all.collect();
        // In a short run the orders pile up first: functions that are not optimised sell more slowly than they order.
        siege.app.pause("voucher-order", !long()).await;
        let begun = Instant::now();
        siege.buy(&all, CLIENTS).await;
        siege.app.pause("voucher-order", false).await;
        let mut times: Vec<Duration> = all.iter().map(|index| siege.purchases[*index].took).collect();
        let bought = begun.elapsed();
        siege.rest().await;
        let settled = begun.elapsed();
        siege.verify().await;
        assert_eq!(siege.dead_letters().await, 0);

        let sources = siege.app.page(Method::GET, "/_local/sources", &Value::Null).await;
        let orders = sources.as_array().expect("sources").iter().find(|source| source["function"] == "vouchers-order");
        let seen = orders.expect("the consumer")["max_concurrency_seen"].as_i64().expect("a number");
        let supplier = siege.app.page(Method::GET, "/_local/supplier", &Value::Null).await;
        let in_flight = supplier["max_in_flight"].as_i64().expect("a number");
        assert!(seen <= CONCURRENCY && in_flight <= CONCURRENCY, "{seen} workers, {in_flight} orders at once");
        assert_eq!(seen, CONCURRENCY, "nobody was held back");
        assert_eq!(supplier["requests"]["order"], PURCHASES + warm.len(), "each was ordered once: {supplier}");

        times.sort_unstable();
        let quantile = |share: usize| times[(times.len() - 1) * share / 100];
        println!(
            "{PURCHASES} purchases bought in {bought:.1?}, settled in {settled:.1?}; an answer took {:.1?} (half), {:.1?} \
             (95 of 100), {:.1?} (all); {in_flight} orders at once",
            quantile(50),
            quantile(95),
            quantile(100)
        );
        if long() {
            assert!(quantile(95) < Duration::from_millis(100), "{:?}", quantile(95));
        }
        siege.end().await;
    });
}

#[test]
fn poison_ends_in_the_dead_letters_after_five_receives_and_blocks_nobody() {
    alone(async {
        let times = [("VoucherOrderVisibility", "2"), ("WorkerVisibility", "2"), ("VoucherResendSeconds", "600")];
        let mut siege = Siege::begin(1, &times).await;
        let malformed = ["{not json", "[]", r#"{"voucher_id":7}"#, r#"{"voucher_id":"vch_1","more":true}"#];
        let orders = [&malformed[..], &[r#"{"voucher_id":"vch_00000000000000000000000000"}"#]].concat();
        let results = [
            "{not json",
            r#"{"voucher_id":"vch_00000000000000000000000000","outcome":{"status":"refused","reason":"x"}}"#,
            r#"{"voucher_id":"vch_00000000000000000000000000","outcome":{"status":"perhaps"}}"#,
        ];
        let sms = [
            "{not json",
            r#"{"message_id":"x","to":"51900000001","text":"no plus"}"#,
            r#"{"message_id":"X Y","to":"+51900000001","text":"no id"}"#,
            r#"{"message_id":"x","to":"+51900000001","text":""}"#,
        ];
        let poison = [("voucher-order", &orders[..]), ("voucher-order-result", &results), ("sms", &sms)];
        let all: Vec<usize> = siege.prepare(vec![Cell::new("fast", [0.02, 0.1], &[]); 20]).await.collect();
        for (queue, bodies) in poison {
            siege.app.pause(queue, true).await;
            for body in bodies {
                siege.app.put_message(queue, body).await;
            }
            siege.app.pause(queue, false).await;
        }
        let begun = Instant::now();
        siege.buy(&all, 8).await;
        until("the good ones are through", async || {
            let sms = siege.app.all_sms().await;
            siege.purchases.iter().all(|purchase| sms.contains_key(&purchase.phone)).then_some(())
        })
        .await;
        let through = begun.elapsed();
        let waiting = siege.app.queue("voucher-order-dead-letters").await["available"].clone();
        println!("20 purchases were through after {through:.1?}; dead letters by then: {waiting}");
        for (queue, bodies) in poison {
            let dead = format!("{queue}-dead-letters");
            let count = i64::try_from(bodies.len()).expect("a number");
            until(&dead, async || (siege.app.depth(&dead).await.0 == count).then_some(())).await;
            let mut found = siege.app.received(&dead).await;
            // Five receives by the worker; the sixth is this one.
            assert!(found.iter().all(|(_, receives)| *receives == 6), "{queue}: {found:?}");
            found.sort_unstable();
            let mut expected: Vec<&str> = bodies.to_vec();
            expected.sort_unstable();
            assert_eq!(found.iter().map(|(body, _)| body.as_str()).collect::<Vec<_>>(), expected, "{queue}");
        }
        siege.rest().await;
        siege.verify().await;
        siege.end().await;
    });
}
