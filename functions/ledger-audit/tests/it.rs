//! The audit finds what is wrong, and nothing else.
#![allow(missing_docs)]

use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use edge::clock::Clock;
use testkit::{ManualClock, Stack, command, event, money};

#[tokio::test]
async fn a_bank_in_order_is_clean_and_a_forged_row_is_named() {
    assert!(event("ledger-audit.json")["at"].is_string());
    let (stack, clock) = (Stack::start().await, ManualClock::default());
    let alice = stack.account("alice", "USD", "100", clock.now()).await;
    let bob = stack.account("bob", "USD", "0", clock.now()).await;
    stack.account("carl", "EUR", "7", clock.now()).await;
    let payment = command("t", Some(&alice.id), Some(&bob.id), money("30", "USD"));
    stack.transfer(&payment, clock.now()).await.expect("posted");
    let ledger = stack.ledger();
    let report = ledger_audit::audit(&ledger, &clock, "florin").await.expect("an audit");
    assert_eq!(report["clean"], true, "{report}");
    assert_eq!(report["currencies"]["USD"]["accounts"], "100.00");
    assert_eq!(report["currencies"]["USD"]["system"]["cash_in"], "-100.00");
    assert_eq!(report["currencies"]["EUR"]["difference"], "0.00");

    // Somebody with access to the table gives bob a cent.
    stack
        .environment()
        .dynamodb()
        .update_item()
        .table_name(stack.table("LedgerTable"))
        .key("pk", S(bob.id.to_string()))
        .key("sk", S("account".into()))
        .update_expression("SET posted = posted + :cent, available = available + :cent")
        .expression_attribute_values(":cent", N("0.01".into()))
        .send()
        .await
        .expect("the row is forged");
    let report = ledger_audit::audit(&ledger, &clock, "florin").await.expect("an audit");
    assert_eq!(report["clean"], false);
    assert_eq!(report["currencies"]["USD"]["difference"], "0.01", "{report}");
    assert_eq!(report["currencies"]["EUR"]["difference"], "0.00");
    assert_eq!(report["unexplained"], serde_json::json!([bob.id]));
}
