//! What is wished for in a neighbourhood's year, and when: first deposits, salaries, and everything that comes between.
//!
//! A wish says nothing of amounts and is never refused: what it comes to is decided when its time has come, on the
//! account as it stands then. There are exactly as many as the neighbourhood has transfers.

use domain::Timestamp;
use time::Date;

use crate::{
    calendar::{DAY, month_ends, start_of},
    openings::Opening,
    population::Neighbourhood,
    random::Random,
};

const MINUTE: i64 = 60_000;

/// What is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The first money on an account.
    FirstDeposit,
    /// On the last day of a month.
    Salary(Date),
    /// Money comes in.
    Deposit,
    /// Money goes out.
    Withdrawal,
    /// To somebody nearby.
    Send,
    /// For a service.
    Pay,
    /// Reserved first, resolved later, or not yet.
    Reserve,
    /// More than there is.
    TooMuch,
    /// Something earlier is taken back.
    TakeBack,
    /// All of it, and the account is given up.
    Leave,
}

/// A wish, when it comes, and for which of the neighbourhood's accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wished {
    pub at: Timestamp,
    pub account: usize,
    pub wish: Wish,
}

const EVERY_DAY: &[(Wish, u64)] = &[
    (Wish::Send, 30),
    (Wish::Withdrawal, 20),
    (Wish::Pay, 20),
    (Wish::Reserve, 12),
    (Wish::Deposit, 10),
    (Wish::TooMuch, 4),
    (Wish::TakeBack, 4),
];

/// All wishes of a year, in the order of time.
pub(crate) fn of_a_year(part: &Neighbourhood<'_>, openings: &[Opening]) -> Vec<Wished> {
    let wanted = part.transfers().count();
    if openings.is_empty() || wanted == 0 {
        return Vec::new();
    }
    let random = &mut part.population.random("wishes", part.index);
    let (start, end) = (part.population.start(), part.population.end());
    let roles = Roles::of(wanted, openings.len(), random);
    let since = |account: usize| openings.get(account).map_or(start, |opening| opening.account.opened_at);
    let mut wishes = Vec::with_capacity(wanted);
    for account in 0..roles.funded {
        let at = since(account).plus_millis(random.between(MINUTE, 180 * MINUTE));
        wishes.push(Wished { at, account, wish: Wish::FirstDeposit });
    }
    if let Some(account) = roles.leaves {
        let from = since(account).millis().max(end.millis() - 60 * DAY) + 4 * 60 * MINUTE;
        if from < end.millis() {
            let at = Timestamp::from_millis(random.between(from, end.millis()));
            wishes.push(Wished { at, account, wish: Wish::Leave });
        }
    }
    for account in 0..roles.salaried {
        for day in month_ends(start.max(since(account)), end) {
            let at = start_of(day).plus_millis(9 * 60 * MINUTE + random.between(0, 90 * MINUTE));
            if at > since(account) {
                wishes.push(Wished { at, account, wish: Wish::Salary(day) });
            }
        }
    }
    // What happens after the end has not happened.
    wishes.retain(|wished| wished.at < end);
    wishes.truncate(wanted);
    let edges = month_ends(start, end);
    while wishes.len() < wanted {
        let account = usize::try_from(random.below(roles.lively as u64)).unwrap_or(0);
        let from = since(account).max(start);
        let mut at = Timestamp::from_millis(random.between(from.millis(), end.millis()));
        if random.percent(8) {
            at = edge(&edges, random).filter(|edge| *edge >= from && *edge < end).unwrap_or(at);
        }
        wishes.push(Wished { at, account, wish: random.weighed(Wish::Deposit, EVERY_DAY) });
    }
    // Stable: at the same moment as they were wished.
    wishes.sort_by_key(|wished| wished.at);
    wishes
}

/// The last moment of a month, or the first of the next.
fn edge(month_ends: &[Date], random: &mut Random) -> Option<Timestamp> {
    let day = random.pick(month_ends)?;
    Some(start_of(*day).plus_millis(if random.percent(50) { DAY - 1 } else { DAY }))
}

/// Which accounts do what. The first ones have a salary, these and some more are lively, these and more have money.
struct Roles {
    salaried: usize,
    lively: usize,
    funded: usize,
    leaves: Option<usize>,
}

impl Roles {
    fn of(wanted: usize, accounts: usize, random: &mut Random) -> Self {
        let lively = (wanted / 10).clamp(1, accounts);
        // Some every month, so that a fifth of all wishes are salaries; rounded by chance in small neighbourhoods.
        let months = wanted * 18 / 100 + usize::try_from(random.below(12)).unwrap_or(0);
        let salaried = (months / 12).min(lively);
        let funded = (wanted * 45 / 100).clamp(1, accounts).max(lively.min(wanted));
        let leaves = (funded > lively && random.percent(40)).then_some(lively);
        Self { salaried, lively, funded, leaves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Population, Size, calendar::day_of};

    fn wishes(end: &str, size: Size) -> Vec<Wished> {
        let population = Population::new(5, size, end.parse().expect("a moment")).expect("a population");
        let parts = (0..population.neighbourhoods()).map(|index| {
            let part = population.neighbourhood(index);
            let wishes = of_a_year(&part, &part.openings(&part.people()));
            assert_eq!(wishes.len(), part.transfers().count());
            assert!(wishes.is_sorted_by_key(|wished| wished.at));
            assert!(wishes.iter().all(|wished| wished.at < population.end()));
            wishes
        });
        parts.flatten().collect()
    }

    #[test]
    fn there_are_as_many_as_wanted_whatever_the_size() {
        for (customers, accounts, transfers) in [(1, 1, 1), (1, 1, 500), (40, 60, 7), (300, 300, 300), (50, 400, 4_000)]
        {
            let all = wishes("2026-11-21T00:00:00Z", Size { customers, accounts, transfers });
            assert_eq!(all.len() as u64, transfers);
        }
    }

    #[test]
    fn salaries_come_on_the_last_day_of_the_month_leap_days_included() {
        let size = Size { customers: 300, accounts: 300, transfers: 3_000 };
        for (end, february) in
            [("2024-12-31T00:00:00Z", 29), ("2028-07-01T00:00:00Z", 29), ("2026-07-01T00:00:00Z", 28)]
        {
            let salaries: Vec<_> =
                wishes(end, size).into_iter().filter(|wished| matches!(wished.wish, Wish::Salary(_))).collect();
            assert!(salaries.len() > 300, "{}", salaries.len());
            for salary in &salaries {
                let day = day_of(salary.at);
                assert_eq!(day, crate::calendar::month_end(day));
            }
            let in_february = salaries.iter().map(|salary| day_of(salary.at));
            let days: Vec<_> = in_february.filter(|day| day.month() == time::Month::February).collect();
            assert!(!days.is_empty() && days.iter().all(|day| day.day() == february), "{end}: {days:?}");
        }
    }

    #[test]
    fn some_things_happen_in_the_last_moment_of_a_month_and_of_the_year_and_some_in_the_first_of_the_next() {
        let all = wishes("2026-11-21T00:00:00Z", Size { customers: 1_000, accounts: 1_000, transfers: 5_000 });
        for moment in ["2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z", "2026-02-28T23:59:59.999Z"] {
            assert!(all.iter().any(|wished| wished.at.to_string() == moment), "{moment}");
        }
    }
}
