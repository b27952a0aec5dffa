//! The audit of the exchange: zero per asset, no alarm while it trades, and no blind eye.

use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use domain::{audit::Audit, instrument::Asset, wallet::Direction};
use testkit::{Stack, buy, customer, sell};

use super::{decide, dollar, wish};
use crate::now;

async fn audit(stack: &Stack) -> Audit {
    stack.ledger().audit_with(Some(&stack.exchange())).await.expect("the audit runs")
}

fn asset(code: &str) -> Asset {
    Asset::parse(code).expect("an asset")
}

/// Alice brings 500 dollars from the bank, Bob is granted two bitcoins and sells her one.
async fn traded(stack: &Stack) -> testkit::Market {
    let account = stack.account("alice", "USD", "800", now()).await;
    let into = decide(stack, &wish("in", "alice", &account, Direction::In, "500")).await;
    stack.exchange().post(&stack.ledger(), &into).await.expect("posted");
    stack.grant("bob", "BTC", "2", now()).await;
    let mut market = stack.market("BTC-USD").await;
    market.trade("s", "bob", &sell("1", "100"), now()).await;
    market.trade("b", "alice", &buy("1", "100"), now()).await;
    market
}

#[tokio::test]
async fn what_came_from_the_bank_and_from_grants_is_in_wallets_and_fees() {
    let stack = Stack::start().await;
    traded(&stack).await;
    let audit = audit(&stack).await;
    assert!(audit.is_clean() && audit.assets.values().all(|books| !books.moving), "{audit:#?}");
    let dollars = audit.assets[&asset("USD")];
    let figures =
        [dollars.wallets, dollars.from_bank, dollars.fees, dollars.granted].map(|sum| sum.normalize().to_string());
    assert_eq!(figures, ["499.7", "500", "0.3", "0"]);
    assert_eq!(audit.assets[&asset("BTC")].granted.to_string(), "2");
    assert_eq!(audit.currencies[&dollar()].wallets, testkit::money("500", "USD"));
    // The bank alone adds up as well.
    let bank = stack.ledger().audit().await.unwrap();
    assert!(bank.is_clean() && bank.assets.is_empty() && bank.currencies == audit.currencies, "{bank:#?}");
}

#[tokio::test]
async fn a_journal_that_is_not_settled_is_motion_and_no_finding() {
    let stack = Stack::start().await;
    let mut market = traded(&stack).await;
    stack.grant("alice", "ETH", "1", now()).await;
    market.place("s2", "bob", &sell("1", "100"), now()).await.unwrap();
    market.apply(&[market.command("s2", "bob").await], now()).await.unwrap();
    let moving = audit(&stack).await;
    assert!(
        moving.is_clean() && moving.assets[&asset("USD")].moving && !moving.assets[&asset("ETH")].moving,
        "{moving:#?}"
    );
    market.settle().await.unwrap();
    assert!(!audit(&stack).await.assets[&asset("USD")].moving);
}

#[tokio::test]
async fn an_asset_out_of_nowhere_is_found() {
    let stack = Stack::start().await;
    traded(&stack).await;
    let client = stack.environment().dynamodb();
    let forged = client.update_item().table_name(stack.table("LedgerTable"));
    let forged = forged.key("pk", S(customer("bob").to_string())).key("sk", S("wallet".into()));
    let forged = forged.update_expression("ADD #f :p").expression_attribute_names("#f", "f#BTC");
    forged.expression_attribute_values(":p", N("0.00000001".into())).send().await.expect("forged");
    let audit = audit(&stack).await;
    assert!(!audit.is_clean(), "{audit:#?}");
    assert_eq!(audit.assets[&asset("BTC")].difference().unwrap().to_string(), "0.00000001");
    assert!(!audit.assets[&asset("BTC")].moving && audit.assets[&asset("USD")].is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn money_that_goes_in_and_out_meanwhile_is_no_finding() {
    let stack = std::sync::Arc::new(Stack::start().await);
    let account = stack.account("alice", "USD", "100", now()).await;
    let worker = stack.clone();
    let goes_on = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let flag = goes_on.clone();
    let work = tokio::spawn(async move {
        for index in 0.. {
            if !flag.load(std::sync::atomic::Ordering::Relaxed) {
                break;
            }
            let direction = if index % 2 == 0 { Direction::In } else { Direction::Out };
            let transfer = decide(&worker, &wish(&format!("m{index}"), "alice", &account, direction, "1")).await;
            worker.exchange().post(&worker.ledger(), &transfer).await.expect("posted");
        }
    });
    for _ in 0..10 {
        let audit = audit(&stack).await;
        assert!(audit.is_clean(), "{audit:#?}");
    }
    goes_on.store(false, std::sync::atomic::Ordering::Relaxed);
    work.await.expect("no panic");
    let audit = audit(&stack).await;
    assert!(audit.is_clean() && !audit.assets[&asset("USD")].moving, "{audit:#?}");
}
