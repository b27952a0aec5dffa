//! Who and how many: a population is a seed, a size and the day its year ends. It is made of neighbourhoods, each of
//! which can be made by itself: money moves inside a neighbourhood only, so that their years may be written side by side.

use domain::{
    Timestamp,
    id::{AccountId, CustomerId, TransferId, derive},
};

use crate::{calendar::DAY, random::Random};

/// People, accounts or transfers in a neighbourhood, whichever is most.
const NEIGHBOURHOOD: u64 = 100;
/// Most accounts for each customer on average. Half of what the bank allows one: shares of neighbourhoods are rounded.
const ACCOUNTS_EACH: u64 = domain::account::MAX_OPEN_ACCOUNTS as u64 / 2;
/// Most of anything: numbers of documents and phones are unique up to here.
const MOST: u64 = 10_000_000;
/// The first customer came so long before the end, which tells the end to a second run.
const FIRST_CAME: i64 = 1_700 * DAY;
/// Customers have come for so long.
const CAME: i64 = 5 * 365 * DAY;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Customers.
    pub customers: u64,
    /// Accounts, of all of them together.
    pub accounts: u64,
    /// Transfers: movements, holds, reversals and refused attempts.
    pub transfers: u64,
}

/// A size that no population has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Customers have so many accounts and no more.
    #[error("{ACCOUNTS_EACH} accounts for each customer at most")]
    TooManyAccounts,
    /// Money moves on accounts.
    #[error("transfers need accounts")]
    NoAccounts,
    /// Numbers would repeat.
    #[error("{MOST} of anything at most")]
    TooMany,
}

/// A population: the same, the same rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Population {
    words: [String; 4],
    size: Size,
    end: Timestamp,
}

/// A part of a population that has nothing to do with the others.
#[derive(Clone, Copy, Debug)]
pub struct Neighbourhood<'a> {
    /// Of which.
    pub population: &'a Population,
    /// Which.
    pub index: u64,
}

impl Population {
    /// A population of this seed and size, its year ending at this moment (not included). Another size is another
    /// population: nobody of it is anybody of this one.
    pub fn new(seed: u64, size: Size, end: Timestamp) -> Result<Self, SizeError> {
        if size.accounts > size.customers.saturating_mul(ACCOUNTS_EACH) {
            return Err(SizeError::TooManyAccounts);
        }
        if size.transfers > 0 && size.accounts == 0 {
            return Err(SizeError::NoAccounts);
        }
        if [size.customers, size.accounts, size.transfers].into_iter().any(|number| number > MOST) {
            return Err(SizeError::TooMany);
        }
        let words = [seed, size.customers, size.accounts, size.transfers].map(|number| number.to_string());
        Ok(Self { words, size, end })
    }

    /// Its size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// When its year ends.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// When its year begins: twelve months before it ends.
    pub fn start(&self) -> Timestamp {
        let end = crate::calendar::day_of(self.end);
        crate::calendar::start_of(crate::calendar::years_later(end, -1))
    }

    /// The end of the year of the population whose first customer came at this moment.
    pub fn end_told_by_first(came: Timestamp) -> Timestamp {
        came.plus_millis(FIRST_CAME)
    }

    /// When a customer came.
    pub(crate) fn came(&self, customer: u64) -> Timestamp {
        let ago = if customer == 0 { FIRST_CAME } else { self.random("came", customer).between(DAY, CAME) };
        self.end.plus_millis(-ago)
    }

    /// How many neighbourhoods. Whoever has accounts lives with them, so no neighbourhood is without customers.
    pub fn neighbourhoods(&self) -> u64 {
        let Size { customers, accounts, transfers } = self.size;
        let wanted = customers.max(accounts).max(transfers).div_ceil(NEIGHBOURHOOD);
        let homes = if accounts == 0 { customers } else { customers.min(accounts) };
        wanted.min(homes).max(1)
    }

    /// One of them.
    pub fn neighbourhood(&self, index: u64) -> Neighbourhood<'_> {
        Neighbourhood { population: self, index }
    }

    /// A customer's identifier; that of a user-pool subject which nobody has.
    pub fn customer_id(&self, index: u64) -> CustomerId {
        let bytes = derive(&self.named("customer", &index.to_string()));
        let subject: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        CustomerId::from_subject(&subject).unwrap_or_else(|| CustomerId::from_bytes(bytes))
    }

    /// An account's.
    pub(crate) fn account_id(&self, index: u64) -> AccountId {
        AccountId::from_bytes(derive(&self.named("account", &index.to_string())))
    }

    /// A transfer's.
    pub(crate) fn transfer_id(&self, index: u64) -> TransferId {
        TransferId::from_bytes(derive(&self.named("transfer", &index.to_string())))
    }

    /// Bytes of its own for whatever has no other.
    pub(crate) fn bytes(&self, what: &str, index: u64) -> [u8; 16] {
        derive(&self.named(what, &index.to_string()))
    }

    /// Chance that belongs to one of the population.
    pub(crate) fn random(&self, what: &str, index: u64) -> Random {
        Random::of(&self.named(what, &index.to_string()))
    }

    /// Words that are this population's own.
    pub(crate) fn named<'a>(&'a self, what: &'a str, which: &'a str) -> [&'a str; 7] {
        let [seed, customers, accounts, transfers] = &self.words;
        ["seed", seed, customers, accounts, transfers, what, which]
    }
}

impl Neighbourhood<'_> {
    /// Its customers, by their numbers in the population.
    pub fn customers(&self) -> std::ops::Range<u64> {
        self.share(self.population.size.customers)
    }

    /// Its accounts, likewise.
    pub fn accounts(&self) -> std::ops::Range<u64> {
        self.share(self.population.size.accounts)
    }

    /// Its transfers, likewise.
    pub fn transfers(&self) -> std::ops::Range<u64> {
        self.share(self.population.size.transfers)
    }

    fn share(&self, all: u64) -> std::ops::Range<u64> {
        let parts = self.population.neighbourhoods();
        let until = |part: u64| all * part / parts;
        until(self.index)..until(self.index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(customers: u64, accounts: u64, transfers: u64) -> Size {
        Size { customers, accounts, transfers }
    }

    fn end() -> Timestamp {
        "2026-11-21T00:00:00Z".parse().expect("a moment")
    }

    #[test]
    fn neighbourhoods_share_everything_out_and_leave_no_account_without_owners() {
        for size in [
            size(1, 0, 0),
            size(7, 70, 9_000),
            size(151, 1_510, 40),
            size(20_000, 20_000, 20_000),
            size(5_000, 3, 12),
            size(0, 0, 0),
        ] {
            let population = Population::new(1, size, end()).expect("a population");
            let (mut customers, mut accounts, mut transfers) = (0, 0, 0);
            for index in 0..population.neighbourhoods() {
                let part = population.neighbourhood(index);
                assert_eq!((part.customers().start, part.accounts().start), (customers, accounts));
                assert_eq!(part.transfers().start, transfers);
                (customers, accounts, transfers) = (part.customers().end, part.accounts().end, part.transfers().end);
                let (here, each) = (part.customers().count() as u64, part.accounts().count() as u64);
                assert!(
                    each <= here * domain::account::MAX_OPEN_ACCOUNTS as u64,
                    "{size:?}: {each} accounts for {here} customers"
                );
                assert!(part.transfers().is_empty() || each > 0, "{size:?}: transfers without accounts");
            }
            assert_eq!((customers, accounts, transfers), (size.customers, size.accounts, size.transfers));
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let refused = |size| Population::new(1, size, end()).err();
        assert_eq!(refused(size(1, 11, 0)), Some(SizeError::TooManyAccounts));
        assert_eq!(refused(size(1, 0, 1)), Some(SizeError::NoAccounts));
        assert_eq!(refused(size(MOST + 1, 1, 1)), Some(SizeError::TooMany));
    }

    #[test]
    fn the_first_customer_tells_when_the_year_ends() {
        let population = Population::new(3, size(10, 10, 10), end()).expect("a population");
        assert_eq!(Population::end_told_by_first(population.came(0)), end());
        assert_eq!(population.start().to_string(), "2025-11-21T00:00:00.000Z");
    }
}
