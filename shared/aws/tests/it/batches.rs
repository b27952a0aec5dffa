//! Many in one transaction: as if each had come alone, whatever is refused, repeated or not heard.

use aws::{
    customers::{Customers, Refusal},
    ledger::{
        Ledger,
        accounts::Opened,
        transfers::{PostError, Posted, Resolved},
    },
};
use domain::{
    Timestamp,
    account::{Account, AccountStatus, Changed, OpenAccount},
    customer::{Customer, CustomerStatus, EmailAddress, PersonName, Registration},
    id::{AccountId, CustomerId, derive},
    number::AccountNumber,
    transfer::{Accounts, Command, Kind, Rejection, State, Transfer, decide, decide_reversal},
};
use testkit::{Lossy, Stack, command, hold, money};

use crate::{assert_clean, now};

/// Accounts of so many customers, each with 100.00 on it.
async fn accounts(stack: &Stack, many: usize) -> Vec<Account> {
    let mut accounts = Vec::new();
    for nth in 0..many {
        accounts.push(stack.account(&format!("customer {nth}"), "USD", "100.00", now()).await);
    }
    accounts
}

fn decided(command: &Command, from: Option<&Account>, to: Option<&Account>) -> Transfer {
    decide(&Accounts { from: from.cloned(), to: to.cloned() }, command, now()).expect("the transfer is allowed")
}

fn deposit(name: &str, to: &Account, amount: &str) -> Transfer {
    decided(&command(name, None, Some(&to.id), money(amount, "USD")), None, Some(to))
}

fn sent(name: &str, from: &Account, to: &Account, amount: &str) -> Transfer {
    decided(&command(name, Some(&from.id), Some(&to.id), money(amount, "USD")), Some(from), Some(to))
}

fn all_done(outcomes: &[Posted]) -> bool {
    outcomes.iter().all(|posted| matches!(posted, Posted::Done(_)))
}

async fn balance(ledger: &Ledger, account: &Account) -> String {
    ledger.account(&account.id).await.expect("read").expect("there").balance.posted.to_string()
}

#[tokio::test]
async fn postings_that_share_no_account_share_a_transaction() {
    let stack = Stack::start().await;
    let (accounts, ledger) = (accounts(&stack, 40).await, stack.ledger());
    let transfers: Vec<_> = accounts
        .chunks(2)
        .enumerate()
        .map(|(nth, pair)| sent(&format!("t{nth}"), &pair[0], &pair[1], "40.00"))
        .collect();
    let before = ledger.usage();
    let outcomes = ledger.post_many(&transfers).await.expect("posted");
    assert!(outcomes.len() == 20 && all_done(&outcomes), "{outcomes:?}");
    assert_eq!(ledger.usage().since(before).requests, 1);
    assert_eq!(balance(&ledger, &accounts[0]).await, "60.00");
    assert_eq!(balance(&ledger, &accounts[39]).await, "140.00");

    // Another forty have more items than a transaction takes.
    let transfers: Vec<_> =
        accounts.iter().map(|account| deposit(&format!("d {}", account.id), account, "1")).collect();
    let transfers = [transfers, vec![deposit("again", &accounts[0], "2")]].concat();
    let before = ledger.usage();
    assert!(all_done(&ledger.post_many(&transfers).await.expect("posted")));
    assert_eq!(ledger.usage().since(before).requests, 2, "the same account twice is a transaction more");
    assert_eq!(balance(&ledger, &accounts[0]).await, "63.00");
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_transaction_takes_a_hundred_items_and_no_more() {
    let stack = Stack::start().await;
    let (accounts, ledger) = (accounts(&stack, 51).await, stack.ledger());
    let transfers: Vec<_> =
        accounts.iter().map(|account| deposit(&format!("d {}", account.id), account, "1")).collect();
    let before = ledger.usage();
    assert!(all_done(&ledger.post_many(&transfers).await.expect("posted")));
    assert_eq!(ledger.usage().since(before).requests, 2);
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn one_that_is_refused_keeps_none_of_the_others_back() {
    let stack = Stack::start().await;
    let (accounts, ledger) = (accounts(&stack, 6).await, stack.ledger());
    let [a, b, c, d, e, f] = &accounts[..] else { panic!("six accounts") };
    // Decided while there was money and nobody was frozen.
    let transfers = [sent("t1", a, b, "10"), sent("t2", c, d, "70"), sent("t3", e, f, "10")];
    ledger.post(&decided(&command("w", Some(&c.id), None, money("50", "USD")), Some(c), None)).await.expect("posted");
    let frozen = Changed { status: AccountStatus::Frozen, overdraft: e.overdraft };
    ledger.change_account(e, &frozen, None).await.expect("frozen");

    let outcomes = ledger.post_many(&transfers).await.expect("answered");
    assert!(matches!(&outcomes[0], Posted::Done(t) if matches!(t.state, State::Completed { .. })), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Posted::Done(t) if matches!(t.state, State::Rejected { .. })), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Posted::Refused(Rejection::AccountFrozen)), "{outcomes:?}");
    let mut balances = Vec::new();
    for account in &accounts {
        balances.push(balance(&ledger, account).await);
    }
    assert_eq!(balances, ["90.00", "110.00", "50.00", "100.00", "100.00", "100.00"]);
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_repetition_applies_nothing_twice() {
    let stack = Stack::start().await;
    let (accounts, ledger) = (accounts(&stack, 6).await, stack.ledger());
    let [a, b, c, d, e, f] = &accounts[..] else { panic!("six accounts") };
    let too_much = decided(&command("much", Some(&e.id), None, money("500", "USD")), Some(e), None);
    let transfers = [sent("t1", a, b, "10"), sent("t2", c, d, "10"), too_much, deposit("d", f, "1")];
    // The second alone first: of the whole batch it was there before.
    ledger.post(&transfers[1]).await.expect("posted");
    let outcomes = ledger.post_many(&transfers).await.expect("posted");
    let before = |posted: &Posted| matches!(posted, Posted::Before(_));
    assert_eq!(outcomes.iter().map(before).collect::<Vec<_>>(), [false, true, false, false], "{outcomes:?}");

    let requests = ledger.usage().requests;
    for (repeated, first) in ledger.post_many(&transfers).await.expect("answered").iter().zip(&transfers) {
        assert!(matches!(repeated, Posted::Before(before) if before == first), "{repeated:?}");
    }
    assert_eq!(ledger.usage().requests, requests, "nothing was written");
    assert_eq!(balance(&ledger, a).await, "90.00");
    assert_eq!(balance(&ledger, c).await, "90.00");
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_lost_answer_is_found_out_by_asking_again() {
    let stack = Stack::start().await;
    let accounts = accounts(&stack, 4).await;
    let way = Lossy::to(stack.endpoint()).await;
    let ledger = Ledger::new(way.environment().dynamodb(), stack.table("LedgerTable"));
    let transfers = [sent("t1", &accounts[0], &accounts[1], "10"), sent("t2", &accounts[2], &accounts[3], "10")];
    // The SDK repeats once or twice by itself, under the same client token.
    way.lose(1);
    assert!(all_done(&ledger.post_many(&transfers).await.expect("posted")));
    let more = [sent("t3", &accounts[0], &accounts[1], "10"), sent("t4", &accounts[2], &accounts[3], "10")];
    way.lose(20);
    let lost = ledger.post_many(&more).await;
    assert!(matches!(lost, Err(PostError::Store(_))), "{lost:?}");
    way.lose(0);
    let outcomes = ledger.post_many(&more).await.expect("answered");
    assert!(outcomes.iter().all(|posted| matches!(posted, Posted::Before(_))), "{outcomes:?}");
    assert_eq!(balance(&ledger, &accounts[0]).await, "80.00");
    assert_clean(&stack.ledger()).await;
}

#[tokio::test]
async fn a_reversal_among_others_marks_its_original_once() {
    let stack = Stack::start().await;
    let (accounts, ledger) = (accounts(&stack, 4).await, stack.ledger());
    let [a, b, c, d] = &accounts[..] else { panic!("four accounts") };
    let original = sent("t1", a, b, "10");
    let reversal = |name: &str| {
        let accounts = Accounts { from: Some(b.clone()), to: Some(a.clone()) };
        decide_reversal(&original, &accounts, testkit::transfer_id(name), "test".into(), None, now()).expect("allowed")
    };
    let transfers = [original.clone(), sent("t2", c, d, "5"), reversal("r1"), reversal("r2")];
    let outcomes = ledger.post_many(&transfers).await.expect("posted");
    assert!(all_done(&outcomes[..3]), "{outcomes:?}");
    assert!(matches!(outcomes[3], Posted::Refused(Rejection::AlreadyReversed)), "{outcomes:?}");
    let marked = ledger.transfer(&original.id).await.expect("read").expect("there");
    assert_eq!(marked.reversed_by(), Some(&testkit::transfer_id("r1")));
    assert_eq!(balance(&ledger, a).await, "100.00");
    assert_clean(&ledger).await;
}

/// A hold of 40.00 that came to this end.
fn ended(name: &str, from: &Account, end: &str) -> Transfer {
    let hold = Command { kind: Kind::Payment, ..hold(name, &from.id, None, money("40", "USD"), 3600) };
    let hold = decided(&hold, Some(from), None);
    let later = now().plus_seconds(60);
    let resolution = match end {
        "captured" => hold.capture(None, later).ok(),
        "captured in part" => hold.capture(Some(money("15", "USD")), later).ok(),
        "voided" => hold.void(later).ok().flatten(),
        _ => hold.expire(now().plus_seconds(3601)),
    };
    hold.resolved(&resolution.expect("an end"))
}

#[tokio::test]
async fn a_hold_that_comes_with_its_end_stands_as_one_that_came_to_it() {
    let stack = Stack::start().await;
    let (accounts, ledger) = (accounts(&stack, 8).await, stack.ledger());
    let ends = ["captured", "captured in part", "voided", "expired"];
    for (end, pair) in ends.iter().zip(accounts.chunks(2)) {
        let written = ended(&format!("{end} at once"), &pair[0], end);
        let outcomes = ledger.post_many(std::slice::from_ref(&written)).await.expect("posted");
        assert!(all_done(&outcomes), "{end}: {outcomes:?}");

        let lived = ended(&format!("{end} by and by"), &pair[1], end);
        let pending = lived.as_decided();
        ledger.post(&pending).await.expect("reserved");
        let later = now().plus_seconds(60);
        let resolution = match &lived.state {
            State::Captured { amount, .. } => pending.capture(Some(*amount), later).expect("captured"),
            State::Voided { .. } => pending.void(later).expect("voided").expect("voided"),
            _ => pending.expire(now().plus_seconds(3601)).expect("expired"),
        };
        let resolved = ledger.resolve(&pending, &resolution, None).await;
        assert!(matches!(resolved, Ok(Resolved::Done(_))), "{resolved:?}");

        let row = |id| item(&stack, id, "transfer");
        let account = |id: &AccountId| item(&stack, id.to_string(), "account");
        let (mut first, mut second) = (row(written.id.to_string()).await, row(lived.id.to_string()).await);
        for (row, id, of) in [(&mut first, &written.id, &pair[0]), (&mut second, &lived.id, &pair[1])] {
            // What differs by name only.
            let text = row.replace(id.as_str(), "ID").replace(of.id.as_str(), "ACCOUNT");
            *row = text.replace(of.number.as_str(), "NUMBER");
        }
        let shard = |row: &str| row.split("system:payments:USD#").nth(1).map(|rest| rest[..2].to_owned());
        let first = first.replace(&format!("USD#{}", shard(&first).unwrap_or_default()), "USD#SHARD");
        let second = second.replace(&format!("USD#{}", shard(&second).unwrap_or_default()), "USD#SHARD");
        assert_eq!(first, second, "{end}");
        let figures = |row: &str| -> Vec<String> {
            let figures =
                row.lines().filter(|line| ["posted:", "held:", "available:"].iter().any(|f| line.starts_with(f)));
            figures.map(str::to_owned).collect()
        };
        assert_eq!(figures(&account(&pair[0].id).await), figures(&account(&pair[1].id).await), "{end}");
    }
    // Reserving must have been possible, whatever was captured of it or not.
    let poor = stack.account("poor", "USD", "39.99", now()).await;
    let rich = Account { balance: accounts[0].balance, ..poor.clone() };
    for end in ends {
        let outcomes = ledger.post_many(&[ended(&format!("poor {end}"), &rich, end)]).await.expect("answered");
        assert!(matches!(&outcomes[0], Posted::Done(t) if matches!(t.state, State::Rejected { .. })), "{outcomes:?}");
    }
    assert_clean(&ledger).await;
}

/// A row as lines of text, in the order of its attributes.
async fn item(stack: &Stack, pk: String, sk: &str) -> String {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let client = stack.environment().dynamodb();
    let request = client.get_item().table_name(stack.table("LedgerTable")).key("pk", S(pk)).key("sk", S(sk.into()));
    let item = request.send().await.expect("read").item.expect("there");
    let mut lines: Vec<_> = item.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    lines.sort();
    lines.join("\n")
}

fn customer(name: &str, email: &str) -> Customer {
    let registration = Registration {
        given_name: PersonName::parse(name).expect("a name"),
        family_name: PersonName::parse("Quispe").expect("a name"),
        email: EmailAddress::parse(email).expect("an address"),
        phone: None,
        document: None,
    };
    Customer::register(CustomerId::from_bytes(derive(&[name])), registration, Timestamp::from_millis(1))
}

#[tokio::test]
async fn customers_come_in_crowds_and_only_whoever_is_refused_stays_away() {
    let stack = Stack::start().await;
    let table = Customers::new(stack.environment().dynamodb(), stack.table("CustomersTable"));
    let mut crowd: Vec<_> = (0..70).map(|nth| customer(&format!("c{nth}"), &format!("c{nth}@example.com"))).collect();
    crowd.push(customer("thief", "c3@example.com"));
    let outcomes = table.create_many(&crowd).await.expect("written");
    assert!(outcomes[..70].iter().all(Result::is_ok), "{outcomes:?}");
    assert!(matches!(outcomes[70], Err(Refusal::Taken(_))), "{outcomes:?}");
    assert_eq!(table.customer(&crowd[69].id).await.expect("read"), Some(crowd[69].clone()));
    assert_eq!(table.customer(&crowd[70].id).await.expect("read"), None);
    let again = table.create_many(&crowd[..70]).await.expect("answered");
    assert!(again.iter().all(|outcome| *outcome == Err(Refusal::Exists)), "{again:?}");
    assert!(table.create_many(&[]).await.expect("answered").is_empty());
}

#[tokio::test]
async fn accounts_are_opened_in_crowds_for_active_owners_only() {
    let stack = Stack::start().await;
    let customers_table = stack.table("CustomersTable");
    let table = Customers::new(stack.environment().dynamodb(), customers_table.clone());
    let (ana, ben) = (customer("ana", "ana@example.com"), customer("ben", "ben@example.com"));
    table.create_many(&[ana.clone(), ben.clone()]).await.expect("written");
    table.replace(&ben, &ben.with_status(CustomerStatus::Blocked)).await.expect("blocked");
    let account = |nth: u32, owner: &CustomerId| {
        let seed = derive(&["crowd", &nth.to_string()]);
        let (id, owner, currency) = (AccountId::from_bytes(seed), owner.clone(), money("0", "USD").currency());
        OpenAccount { id, owner, kind: "checking".into(), currency }.decide(AccountNumber::from_bytes(seed), now())
    };
    let ledger = stack.ledger();
    let mut crowd: Vec<_> = (0..60).map(|nth| account(nth, &ana.id)).collect();
    let outcomes = ledger.open_accounts(&crowd, &customers_table).await.expect("opened");
    assert_eq!(outcomes, vec![Opened::Done; 60]);
    crowd.extend([account(60, &ben.id), account(61, &CustomerId::from_bytes([9; 16])), account(62, &ana.id)]);
    crowd[62].number = crowd[5].number.clone();
    crowd.push(account(63, &ana.id));
    let outcomes = ledger.open_accounts(&crowd[50..], &customers_table).await.expect("answered");
    assert!(outcomes[..10].iter().zip(&crowd[50..]).all(|(one, account)| *one == Opened::Before(account.clone())));
    assert_eq!(outcomes[10..], [Opened::OwnerNotActive, Opened::OwnerUnknown, Opened::NumberTaken, Opened::Done]);
    assert_clean(&ledger).await;
}
