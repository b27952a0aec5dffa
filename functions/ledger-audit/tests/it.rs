//! The audit finds what is wrong, and nothing else.
#![allow(missing_docs)]

use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use edge::clock::Clock;
use testkit::{ManualClock, Stack, buy, command, event, money, sell};

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
    let report = ledger_audit::audit(&ledger, &stack.exchange(), &clock, "florin").await.expect("an audit");
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
    let report = ledger_audit::audit(&ledger, &stack.exchange(), &clock, "florin").await.expect("an audit");
    assert_eq!(report["clean"], false);
    assert_eq!(report["currencies"]["USD"]["difference"], "0.01", "{report}");
    assert_eq!(report["currencies"]["EUR"]["difference"], "0.00");
    assert_eq!(report["unexplained"], serde_json::json!([bob.id]));
}

#[tokio::test]
async fn wallets_are_held_against_what_came_into_them() {
    let (stack, clock) = (Stack::start().await, ManualClock::default());
    let mut market = stack.market("BTC-USD").await;
    stack.grant("alice", "BTC", "2", clock.now()).await;
    stack.grant("bob", "USD", "500", clock.now()).await;
    market.trade("s", "alice", &sell("1", "100"), clock.now()).await;
    market.trade("b", "bob", &buy("1", "100"), clock.now()).await;
    let (ledger, exchange) = (stack.ledger(), stack.exchange());
    let report = ledger_audit::audit(&ledger, &exchange, &clock, "florin").await.expect("an audit");
    assert_eq!(report["clean"], true, "{report}");
    let dollars = serde_json::json!({
        "difference": "0", "wallets": "499.7", "from_bank": "0", "fees": "0.3", "granted": "500", "moving": false,
    });
    assert_eq!(report["assets"]["USD"], dollars);
    assert_eq!((&report["assets"]["BTC"]["difference"], &report["wallets"]), (&"0".into(), &2.into()));

    // An order in the journal that is not settled yet: what it moves is in motion, and nothing is told about it.
    market.place("s2", "alice", &sell("1", "100"), clock.now()).await.expect("placed");
    market.apply(&[market.command("s2", "alice").await], clock.now()).await.expect("applied");
    let report = ledger_audit::audit(&ledger, &exchange, &clock, "florin").await.expect("an audit");
    assert_eq!((&report["clean"], &report["assets"]["USD"]["moving"]), (&true.into(), &true.into()), "{report}");
    assert!(report["assets"]["USD"]["difference"].is_null());
}
