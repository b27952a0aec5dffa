//! Statements: opening + entries = closing, on every page and at every moment.

use aws_sdk_dynamodb::types::AttributeValue::S;
use domain::{Money, account::Account};
use testkit::{Stack, command, hold, money};

use crate::now;

/// Deposits and withdrawals a second apart: +10, −1, +10, −1, …
async fn busy(stack: &Stack, name: &str, movements: usize) -> Account {
    let account = stack.account(name, "USD", "0", now()).await;
    for index in 0..movements {
        let at = now().plus_seconds(index as i64);
        let wish = if index % 2 == 0 {
            command(&format!("{name}{index}"), None, Some(&account.id), money("10", "USD"))
        } else {
            command(&format!("{name}{index}"), Some(&account.id), None, money("1", "USD"))
        };
        stack.transfer(&wish, at).await.expect("posted");
    }
    account
}

#[tokio::test]
async fn pages_of_entries_chain_their_running_balances_down_to_the_opening() {
    let stack = Stack::start().await;
    let ledger = stack.ledger();
    let account = busy(&stack, "alice", 25).await;
    let (mut after, mut entries) = (None::<String>, Vec::new());
    loop {
        let page = ledger.entries(&account.id, after.as_deref(), 7).await.unwrap().expect("an account");
        assert!(page.entries.len() == 7 || page.next.is_none());
        entries.extend(page.entries);
        after = page.next;
        // What happens while somebody turns pages does not shift the pages after it.
        let name = format!("between{}", entries.len());
        stack
            .transfer(&command(&name, None, Some(&account.id), money("3", "USD")), now().plus_seconds(100))
            .await
            .unwrap();
        if after.is_none() {
            break;
        }
    }
    assert_eq!(entries.len(), 25);
    assert_eq!(entries[0].balance_after, money("118", "USD"));
    for pair in entries.windows(2) {
        let signed = match pair[0].direction {
            aws::ledger::history::Direction::Credit => pair[0].amount,
            aws::ledger::history::Direction::Debit => pair[0].amount.negated(),
        };
        assert_eq!(pair[1].balance_after.checked_add(signed), Some(pair[0].balance_after));
        assert!(pair[0].at > pair[1].at);
    }
    assert_eq!(entries[24].balance_after, entries[24].amount, "the account was opened with nothing");
}

#[tokio::test]
async fn a_balance_in_the_past_counts_what_had_happened_by_then() {
    let stack = Stack::start().await;
    let ledger = stack.ledger();
    let account = busy(&stack, "alice", 10).await;
    let held = hold("h", &account.id, None, money("5", "USD"), 60);
    stack.transfer(&held, now().plus_seconds(20)).await.expect("held");
    let hold = ledger.transfer(&held.id).await.unwrap().expect("a hold");
    let capture = hold.capture(Some(money("2", "USD")), now().plus_seconds(30)).expect("pending");
    ledger.resolve(&hold, &capture, None).await.expect("captured");
    for (second, posted, reserved) in [
        (-1, "0", "0"),
        (0, "10", "0"),
        (1, "9", "0"),
        (2, "19", "0"),
        (19, "45", "0"),
        (20, "45", "5"),
        (29, "45", "5"),
        (30, "43", "0"),
        (99, "43", "0"),
    ] {
        let at = now().plus_seconds(second);
        let balance = ledger.balance_at(&account.id, at).await.unwrap().expect("an account").balance;
        let expected: Vec<Money> = [posted, reserved].map(|text| money(text, "USD")).into();
        assert_eq!([balance.posted, balance.held].to_vec(), expected, "second {second}");
        assert_eq!(balance.available, balance.posted.checked_sub(balance.held).unwrap());
    }
}

#[tokio::test]
async fn a_transfer_between_two_own_accounts_is_listed_once_and_pages_lose_nothing() {
    let stack = Stack::start().await;
    let ledger = stack.ledger();
    let (a, b) = (busy(&stack, "alice", 6).await, busy(&stack, "alice2", 5).await);
    stack
        .transfer(&command("between", Some(&a.id), Some(&b.id), money("2", "USD")), now().plus_seconds(3))
        .await
        .unwrap();
    stack.transfer(&command("refused", Some(&a.id), None, money("999", "USD")), now().plus_seconds(4)).await.unwrap();
    let accounts = [a.id.clone(), b.id.clone()];
    for limit in [1, 2, 3, 50] {
        let (mut after, mut ids) = (None::<String>, Vec::new());
        loop {
            let (page, next) =
                ledger.transfers_of(&accounts, &Default::default(), after.as_deref(), limit, |_| true).await.unwrap();
            ids.extend(page.into_iter().map(|transfer| transfer.id));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids.len(), 6 + 5 + 2, "limit {limit}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 6 + 5 + 2, "limit {limit}");
    }
}

#[tokio::test]
async fn a_page_waits_until_its_index_has_every_recent_posting_and_not_only_the_newest() {
    let stack = Stack::start().await;
    let ledger = stack.ledger();
    let account = busy(&stack, "alice", 5).await;
    let whole = ledger.entries(&account.id, None, 50).await.unwrap().expect("an account");
    // An index that has not yet got the last but one: to it, the row has no such key.
    let late = &whole.entries[1].transfer;
    let row = stack.environment().dynamodb().update_item().table_name(stack.table("LedgerTable"));
    let row = row.key("pk", S(late.id.to_string())).key("sk", S("transfer".into()));
    let key = S(format!("{}#posted", account.id));
    row.clone().update_expression("REMOVE debit_key").send().await.expect("taken out");
    let arrives = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let row = row.update_expression("SET debit_key = :key").expression_attribute_values(":key", key);
        row.send().await.expect("put back");
    };
    let (page, balance, ()) = tokio::join!(
        ledger.entries(&account.id, None, 50),
        ledger.balance_at(&account.id, now().plus_seconds(2)),
        arrives
    );
    let balances = |entries: &[aws::ledger::history::Entry]| {
        entries.iter().map(|entry| entry.balance_after.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(balances(&page.unwrap().expect("an account").entries), balances(&whole.entries));
    assert_eq!(balance.unwrap().expect("an account").balance.posted, money("19", "USD"));
}
