//! A population on a real DynamoDB engine: what was planned is what stands there, twice as well as once, also after
//! breaking off, and the bank's audit has nothing to say.
#![allow(missing_docs)]

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use aws::customers::{Claim, Customers};
use domain::{
    Timestamp,
    account::AccountStatus,
    customer::{Customer, CustomerStatus, EmailAddress, PersonName, Registration},
    id::CustomerId,
    transfer::State,
};
use seed::{
    Population, Size,
    write::{Counts, Found, Phase, Progress, Stores, WriteError, known_or_new, write},
};
use testkit::{Lossy, Stack};

const SIZE: Size = Size { customers: 250, accounts: 300, transfers: 400 };

fn end() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().expect("a moment")
}

fn population(seed: u64) -> Population {
    Population::new(seed, SIZE, end()).expect("a population")
}

fn stores_at(stack: &Stack, environment: &aws::client::Environment) -> Stores {
    let customers_table = stack.table("CustomersTable");
    let client = environment.dynamodb();
    Stores {
        ledger: aws::ledger::Ledger::new(client.clone(), stack.table("LedgerTable")),
        customers: Customers::new(client, customers_table.clone()),
        customers_table,
    }
}

/// Counts what is told.
#[derive(Default)]
struct Told {
    phases: Mutex<Vec<(Phase, Counts)>>,
    advanced: AtomicU64,
    expected: AtomicU64,
}

impl Progress for Told {
    fn begin(&self, _: Phase, total: u64) {
        self.expected.fetch_add(total, Ordering::SeqCst);
    }

    fn advance(&self, more: u64) {
        self.advanced.fetch_add(more, Ordering::SeqCst);
    }

    fn end(&self, phase: Phase, counts: Counts) {
        self.phases.lock().expect("no panic").push((phase, counts));
    }
}

async fn fill(stores: &Stores, population: &Population) -> Result<Vec<Counts>, WriteError> {
    let told = Told::default();
    write(stores, population, &told).await?;
    assert_eq!(told.advanced.load(Ordering::SeqCst), told.expected.load(Ordering::SeqCst), "all of it was told");
    let phases = told.phases.lock().expect("no panic").clone();
    let names: Vec<_> = phases.iter().map(|(phase, _)| phase.name()).collect();
    assert_eq!(names, ["customers", "accounts", "transfers", "states"]);
    Ok(phases.into_iter().map(|(_, counts)| counts).collect())
}

/// Every row of both tables, in order, as text.
async fn rows(stack: &Stack) -> Vec<String> {
    let client = stack.environment().dynamodb();
    let mut rows = Vec::new();
    for table in ["CustomersTable", "LedgerTable"] {
        let mut pages = client.scan().table_name(stack.table(table)).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let mut row: Vec<_> = item.expect("a row").into_iter().map(|pair| format!("{pair:?}")).collect();
            row.sort();
            rows.push(row.join(" "));
        }
    }
    rows.sort();
    rows
}

async fn assert_as_planned(stores: &Stores, population: &Population) {
    let audit = stores.ledger.audit().await.expect("the audit runs");
    assert!(audit.is_clean(), "{audit:#?}");
    for index in 0..population.neighbourhoods() {
        let part = population.neighbourhood(index);
        let people = part.people();
        let life = part.life(&part.openings(&people));
        for (planned, nth) in people.iter().zip(part.customers()) {
            let there = stores.customers.customer(&planned.id).await.expect("read").expect("there");
            let status = population.customer_status(nth);
            let expected = if status == CustomerStatus::Active { planned.clone() } else { planned.with_status(status) };
            assert_eq!(there, expected);
        }
        for standing in &life.standings {
            let mut expected = standing.account.clone();
            if let Some(changed) = standing.change {
                let ended =
                    if changed.status == AccountStatus::Closed { expected.overdraft } else { changed.overdraft };
                expected.status = changed.status;
                expected.balance.available = expected
                    .balance
                    .available
                    .checked_sub(ended)
                    .and_then(|sum| sum.checked_add(changed.overdraft))
                    .expect("in range");
                expected.overdraft = changed.overdraft;
                expected.version += 1;
            }
            let there = stores.ledger.account(&expected.id).await.expect("read").expect("there");
            assert_eq!(there, expected);
        }
        for planned in &life.transfers {
            let mut there = stores.ledger.transfer(&planned.id).await.expect("read").expect("there");
            if let State::Completed { reversed_by, .. } = &mut there.state {
                *reversed_by = None;
            }
            assert_eq!(there, *planned);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planned_stands_there_and_a_second_time_changes_nothing() {
    let stack = Stack::start().await;
    let stores = stores_at(&stack, &stack.environment());
    let population = population(1);
    let counts = fill(&stores, &population).await.expect("written");
    let written: Vec<_> = counts.iter().map(|counts| counts.written).collect();
    assert_eq!(written[..3], [SIZE.customers, SIZE.accounts, SIZE.transfers], "{counts:?}");
    assert!(written[3] > 0 && counts.iter().all(|counts| counts.present == 0 && counts.refused == 0), "{counts:?}");
    assert_as_planned(&stores, &population).await;

    let before = rows(&stack).await;
    let again = fill(&stores, &population).await.expect("written");
    let expected: Vec<_> = written.iter().map(|written| Counts { present: *written, ..Counts::default() }).collect();
    assert_eq!(again, expected);
    assert_eq!(rows(&stack).await, before);
}

#[tokio::test]
async fn a_later_day_finds_the_year_of_the_first_run() {
    let stack = Stack::start().await;
    let stores = stores_at(&stack, &stack.environment());
    let found = known_or_new(&stores, 1, SIZE, end()).await.expect("asked");
    assert!(matches!(&found, Found::New(new) if *new == population(1)), "{found:?}");
    let people = population(1).neighbourhood(0).people();
    stores.customers.create(&people[0]).await.expect("written");
    let found = known_or_new(&stores, 1, SIZE, end().plus_seconds(90 * 24 * 3600)).await.expect("asked");
    assert!(matches!(&found, Found::Known(known) if *known == population(1)), "{found:?}");
    let found = known_or_new(&stores, 2, SIZE, end()).await.expect("asked");
    assert!(matches!(found, Found::New(_)), "another seed is somebody else: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_is_gone_on_with() {
    let stack = Stack::start().await;
    let population = population(3);
    // Answers get lost for as long as it takes to give up.
    let way = Lossy::to(stack.endpoint()).await;
    let far = stores_at(&stack, &way.environment());
    way.lose_after(60, 10_000);
    let broken_off = fill(&far, &population).await;
    assert!(matches!(broken_off, Err(WriteError::Store(_))), "{broken_off:?}");
    let stores = stores_at(&stack, &stack.environment());
    let counts = fill(&stores, &population).await.expect("written");
    assert!(counts.iter().any(|counts| counts.present > 0), "something was there: {counts:?}");
    assert!(counts.iter().all(|counts| counts.refused == 0), "{counts:?}");
    assert_as_planned(&stores, &population).await;
}

#[tokio::test]
async fn a_phone_or_a_paper_that_somebody_has_is_left_out() {
    let stack = Stack::start().await;
    let stores = stores_at(&stack, &stack.environment());
    let size = Size { customers: 40, accounts: 0, transfers: 0 };
    let population = Population::new(1, size, end()).expect("a population");
    let people = population.neighbourhood(0).people();
    let robbed = people.iter().position(|one| one.phone.is_some()).expect("somebody with a phone");
    let registration = Registration {
        given_name: PersonName::parse("Ana").expect("a name"),
        family_name: PersonName::parse("Real").expect("a name"),
        email: EmailAddress::parse("ana@example.com").expect("an address"),
        phone: people[robbed].phone.clone(),
        document: people[robbed].documents.first().cloned(),
    };
    let ana = Customer::register(CustomerId::from_bytes([7; 16]), registration, end());
    stores.customers.create(&ana).await.expect("written");
    let counts = fill(&stores, &population).await.expect("written");
    assert_eq!((counts[0].written, counts[0].refused), (40, 0));
    let there = stores.customers.customer(&people[robbed].id).await.expect("read").expect("there");
    assert_eq!((there.phone, there.documents.len()), (None, people[robbed].documents.len() - 1));
    let phone = Claim::Phone(people[robbed].phone.clone().expect("a phone"));
    assert_eq!(stores.customers.holder(&phone).await.expect("read"), Some(ana.id.clone()));
    let again = fill(&stores, &population).await.expect("written");
    assert_eq!((again[0].written, again[0].present), (0, 40));
}
