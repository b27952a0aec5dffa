//! The audit under live traffic: no false alarm, and no blind eye.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use domain::account::Account;
use testkit::{Stack, command, money};
use tokio::task::JoinHandle;

use crate::{assert_clean, now};

/// Rows of no account and no transfer, so large that a scan takes many reads and much happens between them.
async fn bulk(stack: &Stack) {
    let client = stack.environment().dynamodb();
    for index in 0..45 {
        let put = client.put_item().table_name(stack.table("LedgerTable"));
        let put = put.item("pk", S(format!("bulk{index}"))).item("sk", S("bulk".into()));
        put.item("bulk", S("x".repeat(350_000))).send().await.expect("written");
    }
}

/// Work that goes on until the flag falls.
struct Traffic {
    goes_on: Arc<AtomicBool>,
    work: JoinHandle<()>,
}

impl Traffic {
    async fn end(self) {
        self.goes_on.store(false, Ordering::Relaxed);
        self.work.await.expect("no panic");
    }
}

fn openings(stack: &Arc<Stack>) -> Traffic {
    let (stack, goes_on) = (stack.clone(), Arc::new(AtomicBool::new(true)));
    let flag = goes_on.clone();
    let work = tokio::spawn(async move {
        for index in 0.. {
            if !flag.load(Ordering::Relaxed) {
                break;
            }
            stack.account(&format!("new{index}"), "USD", "5", now()).await;
        }
    });
    Traffic { goes_on, work }
}

fn deposits(stack: &Arc<Stack>, account: &Account, name: &'static str) -> Traffic {
    let (stack, id, goes_on) = (stack.clone(), account.id.clone(), Arc::new(AtomicBool::new(true)));
    let flag = goes_on.clone();
    let work = tokio::spawn(async move {
        for index in 0.. {
            if !flag.load(Ordering::Relaxed) {
                break;
            }
            let deposit = command(&format!("{name}{index}"), None, Some(&id), money("1", "USD"));
            stack.transfer(&deposit, now().plus_seconds(index)).await.expect("posted");
        }
    });
    Traffic { goes_on, work }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accounts_opened_during_the_audit_raise_no_alarm() {
    let stack = Arc::new(Stack::start().await);
    bulk(&stack).await;
    let traffic = openings(&stack);
    for _ in 0..2 {
        assert_clean(&stack.ledger()).await;
    }
    traffic.end().await;
    assert_clean(&stack.ledger()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_account_that_never_stands_still_is_no_finding() {
    let stack = Arc::new(Stack::start().await);
    bulk(&stack).await;
    let shop = stack.account("shop", "USD", "0", now()).await;
    let traffic = deposits(&stack, &shop, "sale");
    let audit = stack.ledger().audit().await.expect("the audit runs");
    traffic.end().await;
    assert!(audit.is_clean(), "{audit:#?}");
    let audit = stack.ledger().audit().await.expect("the audit runs");
    assert!(audit.is_clean() && audit.moving.is_empty(), "{audit:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn money_that_no_entry_explains_is_found_while_others_move_theirs() {
    let stack = Arc::new(Stack::start().await);
    bulk(&stack).await;
    let (alice, shop) =
        (stack.account("alice", "USD", "10", now()).await, stack.account("shop", "USD", "0", now()).await);
    let client = stack.environment().dynamodb();
    let forged = client.update_item().table_name(stack.table("LedgerTable"));
    let forged = forged.key("pk", S(alice.id.to_string())).key("sk", S("account".into()));
    let forged =
        forged.update_expression("SET posted = :p, available = :p").expression_attribute_values(":p", N("11.5".into()));
    forged.send().await.expect("forged");
    let traffic = deposits(&stack, &shop, "sale");
    let audit = stack.ledger().audit().await.expect("the audit runs");
    traffic.end().await;
    assert_eq!(audit.findings.iter().map(|finding| &finding.account).collect::<Vec<_>>(), [&alice.id]);
    assert_eq!(audit.difference(money("0", "USD").currency()), Some(money("1.50", "USD")));
}
