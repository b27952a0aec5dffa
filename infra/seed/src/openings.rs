//! The accounts: whose, of which type, in which currency, since when, and how far into overdraft.

use domain::{
    Currency, Money, Timestamp,
    account::{Account, AccountStatus, Change, OpenAccount},
    customer::Customer,
    number::AccountNumber,
};
use rust_decimal::Decimal;
use time::Date;

use crate::{
    calendar::{DAY, day_of, is_leap_day, month_end, start_of},
    population::{Neighbourhood, Population},
    random::Random,
};

/// Currencies with how many of a hundred accounts are kept in them.
const CURRENCIES: &[(&str, u64)] = &[("PEN", 60), ("USD", 25), ("EUR", 9), ("VND", 4), ("JPY", 2)];
/// Types, likewise.
const TYPES: &[(&str, u64)] = &[("checking", 35), ("salary", 25), ("savings", 30), ("premium", 10)];
/// One in so many accounts is opened on a day that reports have trouble with.
const ON_A_NOTABLE_DAY: u64 = 16;

/// An account to be opened, and the overdraft it is given right after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The account as it is opened.
    pub account: Account,
    /// The account with its overdraft, and the change that gives it, if it has one.
    pub overdraft: Option<Change>,
}

impl Opening {
    /// The account after both.
    pub fn done(&self) -> Account {
        let mut account = self.account.clone();
        if let Some(Change { overdraft: Some(limit), .. }) = self.overdraft {
            account.overdraft = limit;
            account.balance.available = limit;
            account.version += 1;
        }
        account
    }
}

impl Neighbourhood<'_> {
    /// Its accounts. Nobody has one before he came, and nobody more than the bank allows.
    pub fn openings(&self, people: &[Customer]) -> Vec<Opening> {
        let population = self.population;
        let mut has = vec![0; people.len()];
        // Most have one account, some have several, a fifth has none if there are not more accounts than people.
        let first_ones = (people.len() * 4).div_ceil(5);
        let openings = self.accounts().enumerate().filter_map(|(nth, index)| {
            let random = &mut population.random("account", index);
            let mut owner = if nth < first_ones { nth } else { random.below(people.len() as u64) as usize };
            while has.get(owner).is_some_and(|has| *has >= domain::account::MAX_OPEN_ACCOUNTS) {
                owner = (owner + 1) % people.len();
            }
            *has.get_mut(owner)? += 1;
            opening(population, index, people.get(owner)?, random)
        });
        openings.collect()
    }
}

fn opening(population: &Population, index: u64, owner: &Customer, random: &mut Random) -> Option<Opening> {
    let currency = Currency::parse(random.weighed("PEN", CURRENCIES))?;
    let kind = random.weighed("checking", TYPES);
    let command =
        OpenAccount { id: population.account_id(index), owner: owner.id.clone(), kind: kind.to_owned(), currency };
    let at = opened_at(index, owner.created_at, population.end(), random);
    let account = command.decide(AccountNumber::from_bytes(population.bytes("number", index)), at);
    let generous = match kind {
        "premium" => 40,
        "checking" => 10,
        _ => 0,
    };
    let limit = random.percent(generous).then(|| amount(currency, 50_000 * (1 + random.below(10)))).flatten();
    let overdraft = limit.map(|limit| Change { status: Some(AccountStatus::Active), overdraft: Some(limit) });
    Some(Opening { account, overdraft })
}

/// Within the day for most, some time later for others, and now and then on a day that a month, a year or February ends.
fn opened_at(index: u64, came: Timestamp, end: Timestamp, random: &mut Random) -> Timestamp {
    let last = end.millis() - 1;
    let mut at = came.millis() + random.between(60_000, DAY / 2);
    if random.percent(30) {
        at = random.between(came.millis(), last.max(came.millis() + 1));
    }
    if index % ON_A_NOTABLE_DAY == ON_A_NOTABLE_DAY / 2 {
        let from = day_of(Timestamp::from_millis(at));
        let notable = match random.below(3) {
            0 => leap_day_from(from),
            1 => Date::from_calendar_date(from.year(), time::Month::December, 31).ok(),
            _ => Some(month_end(from)),
        };
        if let Some(day) = notable.filter(|day| *day > from) {
            // The first moment of the day, its last, or any between.
            let start = start_of(day).millis();
            at = start + *random.pick(&[0, DAY - 1, DAY / 3, DAY / 2]).unwrap_or(&0);
        }
    }
    Timestamp::from_millis(at.min(last).max(came.millis()))
}

/// The next leap day within four years.
fn leap_day_from(from: Date) -> Option<Date> {
    (from.year()..=from.year() + 4)
        .filter_map(|year| Date::from_calendar_date(year, time::Month::February, 29).ok())
        .find(|day| *day > from && is_leap_day(*day))
}

/// So much in hundredths of a sol, in a currency at about its rate, without a fraction where the currency has none.
pub(crate) fn amount(currency: Currency, hundredths: u64) -> Option<Money> {
    let (times, by) = rate(currency);
    let minor = i64::try_from(hundredths.checked_mul(times)? / by).ok()?;
    Money::new(Decimal::new(minor.max(1), currency.decimals()), currency)
}

/// What a hundredth of a sol is in the currency's minor units.
pub(crate) fn rate(currency: Currency) -> (u64, u64) {
    match currency.code() {
        "USD" => (27, 100),
        "EUR" => (25, 100),
        "VND" => (70, 1),
        "JPY" => (2, 5),
        _ => (1, 1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap, HashSet};

    use super::*;
    use crate::{Size, calendar::written};

    fn population(end: &str, size: Size) -> Population {
        Population::new(7, size, end.parse().expect("a moment")).expect("a population")
    }

    fn openings(population: &Population) -> Vec<(Customer, Opening)> {
        let mut all = Vec::new();
        for index in 0..population.neighbourhoods() {
            let part = population.neighbourhood(index);
            let people = part.people();
            for opening in part.openings(&people) {
                let owner = people.iter().find(|one| one.id == opening.account.owner).expect("an owner nearby");
                all.push((owner.clone(), opening));
            }
        }
        all
    }

    #[test]
    fn accounts_are_numbered_once_and_opened_by_whoever_is_there() {
        let population = population("2026-11-21T00:00:00Z", Size { customers: 2_000, accounts: 3_000, transfers: 0 });
        let all = openings(&population);
        assert_eq!(all.len(), 3_000);
        let (mut numbers, mut ids, mut each) = (HashSet::new(), HashSet::new(), HashMap::new());
        let (mut currencies, mut kinds) = (BTreeSet::new(), BTreeSet::new());
        for (owner, Opening { account, overdraft }) in &all {
            assert!(numbers.insert(account.number.as_str().to_owned()) && ids.insert(account.id.clone()));
            assert!(account.opened_at >= owner.created_at && account.opened_at < population.end());
            *each.entry(owner.id.clone()).or_insert(0) += 1;
            currencies.insert(account.currency.code());
            kinds.insert(account.kind.clone());
            assert!(overdraft.is_none() || ["checking", "premium"].contains(&account.kind.as_str()));
        }
        assert!(each.values().all(|accounts| *accounts <= domain::account::MAX_OPEN_ACCOUNTS));
        assert!(each.values().any(|accounts| *accounts > 1) && each.len() < 2_000);
        assert_eq!((currencies.len(), kinds.len()), (5, 4));
        assert!(all.iter().any(|(_, opening)| opening.overdraft.is_some()));
    }

    #[test]
    fn as_many_accounts_as_the_bank_allows_find_an_owner() {
        let population = population("2026-11-21T00:00:00Z", Size { customers: 151, accounts: 1_510, transfers: 0 });
        assert_eq!(openings(&population).len(), 1_510);
    }

    #[test]
    fn leap_days_year_ends_and_month_ends_occur() {
        for (end, leap) in [("2026-11-21T00:00:00Z", "2024-02-29"), ("2028-06-01T00:00:00Z", "2028-02-29")] {
            let population = population(end, Size { customers: 2_000, accounts: 2_000, transfers: 0 });
            let days: BTreeSet<_> =
                openings(&population).iter().map(|(_, opening)| written(day_of(opening.account.opened_at))).collect();
            for day in [leap, "2025-12-31", "2026-01-31", "2026-09-30"] {
                assert!(days.contains(day), "{day} before {end}");
            }
        }
    }

    #[test]
    fn amounts_have_no_more_decimals_than_their_currency() {
        for (code, expected) in [("PEN", "12.34"), ("USD", "3.33"), ("VND", "86380"), ("JPY", "493")] {
            let currency = Currency::parse(code).expect("a currency");
            assert_eq!(amount(currency, 1_234).map(|money| money.to_string()).as_deref(), Some(expected));
        }
    }
}
