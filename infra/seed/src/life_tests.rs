//! A year of movements: what must hold of it at every moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{account::Balance, id::AccountId, transfer::Refusal};

use super::*;
use crate::{Population, Size, calendar::day_of};

const SIZE: Size = Size { customers: 1_500, accounts: 1_500, transfers: 3_000 };

fn population(seed: u64, end: &str) -> Population {
    Population::new(seed, SIZE, end.parse().expect("a moment")).expect("a population")
}

fn lives(population: &Population) -> Vec<(Vec<Opening>, Life)> {
    let parts = (0..population.neighbourhoods()).map(|index| {
        let part = population.neighbourhood(index);
        let openings = part.openings(&part.people());
        let life = part.life(&openings);
        (openings, life)
    });
    parts.collect()
}

/// One thing that happens to an account: when, what is posted, what is held.
type Event = (Timestamp, Decimal, Decimal);

/// What a transfer does to its accounts and when, read from the transfer alone.
fn events(transfer: &Transfer) -> Vec<(AccountId, Event)> {
    let (money, none) = (transfer.money.amount(), Decimal::ZERO);
    let mut events = Vec::new();
    let mut add =
        |id: Option<&AccountId>, at, posted, held| events.extend(id.map(|id| (id.clone(), (at, posted, held))));
    let (debit, credit) = (transfer.debit.account(), transfer.credit.account());
    if transfer.expires_at().is_some() {
        add(debit, transfer.created_at, none, money);
    }
    match transfer.state {
        State::Voided { at, .. } | State::Expired { at, .. } => add(debit, at, none, -money),
        State::Captured { posted_at, .. } => add(debit, posted_at, none, -money),
        _ => {}
    }
    if let Some((amount, at)) = transfer.posted() {
        add(debit, at, -amount.amount(), none);
        add(credit, at, amount.amount(), none);
    }
    events
}

#[test]
fn the_same_seed_lives_the_same_year_and_another_another() {
    let end = "2026-11-21T00:00:00Z";
    assert_eq!(lives(&population(1, end)), lives(&population(1, end)));
    assert_ne!(lives(&population(1, end)), lives(&population(2, end)));
}

#[test]
fn no_account_is_ever_below_its_limit_and_all_stand_where_their_entries_lead() {
    for seed in 1..=3 {
        for (openings, life) in lives(&population(seed, "2026-11-21T00:00:00Z")) {
            let mut happened: HashMap<AccountId, Vec<Event>> = HashMap::new();
            for (id, event) in life.transfers.iter().flat_map(events) {
                happened.entry(id).or_default().push(event);
            }
            for (opening, standing) in openings.iter().zip(&life.standings) {
                let account = &standing.account;
                let mut events = happened.remove(&account.id).unwrap_or_default();
                // What happens in one moment is seen as one.
                events.sort_by_key(|(at, _, _)| *at);
                let (mut posted, mut held) = (Decimal::ZERO, Decimal::ZERO);
                for (nth, (at, moved, reserved)) in events.iter().enumerate() {
                    assert!(*at >= opening.account.opened_at, "{} before it was opened", account.id);
                    (posted, held) = (posted + moved, held + reserved);
                    let last_of_its_moment = events.get(nth + 1).is_none_or(|(next, _, _)| next > at);
                    if last_of_its_moment {
                        let available = posted - held + account.overdraft.amount();
                        assert!(available >= Decimal::ZERO && held >= Decimal::ZERO, "{} at {at}", account.id);
                    }
                }
                let money = |amount| Money::new(amount, account.currency).expect("money");
                let available = money(posted - held + account.overdraft.amount());
                let expected = Balance { posted: money(posted), held: money(held), available };
                assert_eq!(account.balance, expected, "{}", account.id);
            }
            assert!(happened.is_empty(), "money on accounts that are not there: {happened:?}");
        }
    }
}

#[test]
fn nothing_moves_on_an_account_that_was_given_up_and_closed_ones_are_empty() {
    let (mut left, mut closed, mut frozen) = (0, 0, 0);
    for (_, life) in lives(&population(1, "2026-11-21T00:00:00Z")) {
        for Standing { account, change } in &life.standings {
            let mut last_words = life.transfers.iter().filter(|transfer| {
                transfer.posted().is_some() && events(transfer).iter().any(|(id, _)| *id == account.id)
            });
            let said_goodbye = |transfer: &Transfer| transfer.description.as_deref() == Some("Cierre de cuenta");
            match change.map(|change| change.status) {
                Some(AccountStatus::Closed) => {
                    assert!(account.balance.posted.is_zero() && account.balance.held.is_zero());
                    closed += 1;
                    if let Some(last) = last_words.next_back() {
                        assert!(said_goodbye(last), "{last:?}");
                        left += 1;
                    }
                }
                Some(AccountStatus::Frozen) => frozen += 1,
                _ => {}
            }
        }
    }
    assert!(left >= 3 && closed > left && frozen >= 3, "{left} left, {closed} closed, {frozen} frozen");
}

#[test]
fn every_kind_and_every_end_occurs() {
    let population = population(1, "2026-11-21T00:00:00Z");
    let all: Vec<_> = lives(&population).into_iter().flat_map(|(_, life)| life.transfers).collect();
    assert_eq!(all.len() as u64, SIZE.transfers);
    let ids: BTreeSet<_> = all.iter().map(|transfer| transfer.id.clone()).collect();
    assert_eq!(ids.len(), all.len());
    let mut seen = BTreeMap::new();
    for transfer in &all {
        assert!(
            transfer.created_at < population.end() && transfer.posted().is_none_or(|(_, at)| at < population.end())
        );
        let state = match &transfer.state {
            State::Completed { .. } => "completed",
            State::Pending { .. } => "pending",
            State::Captured { amount, .. } if *amount == transfer.money => "captured",
            State::Captured { .. } => "captured in part",
            State::Voided { .. } => "voided",
            State::Expired { .. } => "expired",
            State::Rejected { reason: Refusal::InsufficientFunds } => "rejected",
        };
        *seen.entry(state).or_insert(0) += 1;
        *seen.entry(transfer.kind.as_str()).or_insert(0) += 1;
    }
    let expected = [
        "captured",
        "captured in part",
        "completed",
        "deposit",
        "expired",
        "payment",
        "pending",
        "rejected",
        "reversal",
        "transfer",
        "voided",
        "withdrawal",
    ];
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), expected, "{seen:?}");
    assert!(all.iter().any(|transfer| transfer.metadata.as_deref().is_some_and(|text| text.contains("recibo"))));
}

#[test]
fn money_moves_on_leap_days_where_there_is_one() {
    for (end, day) in [("2024-12-31T00:00:00Z", "2024-02-29"), ("2028-07-01T00:00:00Z", "2028-02-29")] {
        let moved = lives(&population(1, end)).into_iter().flat_map(|(_, life)| life.transfers);
        let days: BTreeSet<_> = moved
            .filter_map(|transfer| transfer.posted().map(|(_, at)| crate::calendar::written(day_of(at))))
            .collect();
        assert!(days.contains(day), "{day}");
    }
}

#[test]
fn what_is_taken_back_was_there_before_and_is_taken_back_once() {
    let mut taken_back = BTreeSet::new();
    for (_, life) in lives(&population(1, "2026-11-21T00:00:00Z")) {
        for (nth, reversal) in life.transfers.iter().enumerate() {
            let Some(original) = &reversal.reverses else { continue };
            let before = life.transfers[..nth].iter().find(|transfer| transfer.id == *original);
            assert!(before.is_some_and(|before| before.posted().is_some()), "{reversal:?}");
            assert!(reversal.posted().is_none() || taken_back.insert(original.clone()), "{original} twice");
        }
    }
    assert!(!taken_back.is_empty());
}
