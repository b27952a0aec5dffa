//! What a posting costs. DESIGN: six transactional and two index write units for a transfer between accounts.

use aws::ledger::{Ledger, transfers::Posted};
use domain::transfer::{Accounts, Command, decide};
use testkit::{Stack, command, hold, money};

use crate::now;

/// Reads, decides and posts on one ledger, and tells what that used: (requests, table units, index units).
async fn cost(ledger: &Ledger, command: &Command) -> (u64, f64, f64) {
    let before = ledger.usage();
    let sides: Vec<_> = [&command.from, &command.to].into_iter().flatten().collect();
    let known = ledger.known(&command.id, &sides).await.expect("rows are read");
    let accounts = Accounts { from: known.account(command.from.as_ref()), to: known.account(command.to.as_ref()) };
    let transfer = decide(&accounts, command, now()).expect("the transfer is allowed");
    let posted = ledger.post(&transfer).await;
    assert!(matches!(posted, Ok(Posted::Done(_))), "{posted:?}");
    let used = ledger.usage().since(before);
    (used.requests, used.table_write_units, used.index_write_units)
}

#[tokio::test]
async fn a_transfer_is_one_read_and_one_transaction_of_six_and_two_write_units() {
    let stack = Stack::start().await;
    let alice = stack.account("alice", "USD", "100.00", now()).await;
    let bob = stack.account("bob", "USD", "0", now()).await;
    let ledger = stack.ledger();
    let transfer = command("t1", Some(&alice.id), Some(&bob.id), money("40", "USD"));
    assert_eq!(cost(&ledger, &transfer).await, (2, 6.0, 2.0));
    let deposit = command("d1", None, Some(&bob.id), money("40", "USD"));
    assert_eq!(cost(&ledger, &deposit).await, (2, 4.0, 2.0));
    let reserved = hold("h1", &alice.id, Some(&bob.id), money("10", "USD"), 60);
    assert_eq!(cost(&ledger, &reserved).await, (2, 6.0, 3.0), "a hold stands in a third index until it is resolved");
}
