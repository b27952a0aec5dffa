//! Writes a population through `shared/aws`, as the bank itself writes: the same rows under the same conditions, many in
//! one transaction.
//!
//! Phases follow each other, since each stands on the one before; within a phase neighbourhoods are written side by side,
//! and each is made when its turn comes, so that memory does not grow with the population. Everything may be repeated:
//! what is there stays as it is.

use std::time::Duration;

use aws::{
    customers::{Claim, Customers, Refusal, WriteError as CustomerError},
    ledger::{
        Ledger,
        accounts::{ChangeOutcome, Opened},
        transfers::{PostError, Posted},
    },
    store::StoreError,
};
use domain::{
    Timestamp,
    account::Account,
    customer::{Customer, CustomerStatus},
    transfer::{State, Transfer},
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{Neighbourhood, Population, Size, SizeError, life::Standing};

/// Neighbourhoods written at a time. Enough that none waits for the table, few enough that the table does not queue.
const SIDE_BY_SIDE: usize = 6;
/// Neighbourhoods whose years share transactions, a transfer of each at a time.
const WARD: u64 = 25;
/// Wards written at a time.
const WARDS_SIDE_BY_SIDE: usize = 4;
/// Transfers given to the ledger in one call, after which progress is told.
const AT_ONCE: usize = 200;
/// How often a call is made that the store could not answer. All of them may be repeated.
const TRIES: u32 = 6;
/// Before the second of these; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Where it is written.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Accounts and transfers.
    pub ledger: Ledger,
    /// Customers.
    pub customers: Customers,
    /// The name of the table behind `customers`, for the transactions that open accounts.
    pub customers_table: String,
}

/// What is written one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All customers, active.
    Customers,
    /// All accounts, with their overdrafts.
    Accounts,
    /// A year of movements.
    Transfers,
    /// What has become of some accounts and customers.
    States,
}

impl Phase {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Accounts => "accounts",
            Self::Transfers => "transfers",
            Self::States => "states",
        }
    }
}

/// Hears how far it is.
pub trait Progress: Sync {
    /// A phase begins in which so many are looked at.
    fn begin(&self, phase: Phase, total: u64);
    /// So many more have been.
    fn advance(&self, more: u64);
    /// The phase is over.
    fn end(&self, phase: Phase, counts: Counts);
}

/// What became of those that were to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Written now.
    pub written: u64,
    /// There before, and left as they are.
    pub present: u64,
    /// Refused by the rows as they stand: somebody else has been at work on them.
    pub refused: u64,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            written: self.written + other.written,
            present: self.present + other.present,
            refused: self.refused + other.refused,
        }
    }
}

/// Why a population is not there in full. Writing it again goes on where it broke off.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store failed, again and again.
    #[error("{0}")]
    Store(StoreError),
    /// Somebody else keeps writing the same transfer.
    #[error("somebody else writes the same transfers")]
    InProgress,
    /// A customer of the population cannot be.
    #[error("a customer is refused: {0:?}")]
    Customer(Refusal),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PostError> for WriteError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::InProgress => Self::InProgress,
            PostError::Store(error) => Self::Store(error),
        }
    }
}

/// The population as it was written before, its year ending when it ended then; or one whose year ends now.
pub async fn known_or_new(stores: &Stores, seed: u64, size: Size, now: Timestamp) -> Result<Found, WriteError> {
    let new = match Population::new(seed, size, now) {
        Ok(new) => new,
        Err(error) => return Ok(Found::Impossible(error)),
    };
    if size.customers == 0 {
        return Ok(Found::New(new));
    }
    let first = new.customer_id(0);
    let Some(first) = patiently(|| async { Ok(stores.customers.customer(&first).await?) }).await? else {
        return Ok(Found::New(new));
    };
    Ok(match Population::new(seed, size, Population::end_told_by_first(first.created_at)) {
        Ok(known) => Found::Known(known),
        Err(error) => Found::Impossible(error),
    })
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nothing of it.
    New(Population),
    /// Some of it at least.
    Known(Population),
    /// There is no such population.
    Impossible(SizeError),
}

/// Writes all that is not there yet, and tells what became of each phase.
pub async fn write(stores: &Stores, population: &Population, progress: &impl Progress) -> Result<(), WriteError> {
    let Size { customers, accounts, transfers } = population.size();
    let all = || (0..population.neighbourhoods()).map(|index| population.neighbourhood(index));

    progress.begin(Phase::Customers, customers);
    let counts = each(all(), SIDE_BY_SIDE, |part| write_people(stores, part, progress)).await?;
    progress.end(Phase::Customers, counts);

    progress.begin(Phase::Accounts, accounts);
    let counts = each(all(), SIDE_BY_SIDE, |part| write_openings(stores, part, progress)).await?;
    progress.end(Phase::Accounts, counts);

    progress.begin(Phase::Transfers, transfers);
    let wards = (0..population.neighbourhoods()).step_by(usize::try_from(WARD).unwrap_or(1));
    let counts = each(wards, WARDS_SIDE_BY_SIDE, |first| write_ward(stores, population, first, progress)).await?;
    progress.end(Phase::Transfers, counts);

    progress.begin(Phase::States, customers + accounts);
    let counts = each(all(), SIDE_BY_SIDE, |part| write_states(stores, part, progress)).await?;
    progress.end(Phase::States, counts);
    Ok(())
}

async fn each<T, F>(
    what: impl Iterator<Item = T>,
    side_by_side: usize,
    write: impl Fn(T) -> F,
) -> Result<Counts, WriteError>
where
    F: Future<Output = Result<Counts, WriteError>>,
{
    let written = stream::iter(what).map(write).buffer_unordered(side_by_side);
    written.try_fold(Counts::default(), |sum, counts| async move { Ok(sum.plus(counts)) }).await
}

async fn write_people(
    stores: &Stores,
    part: Neighbourhood<'_>,
    progress: &impl Progress,
) -> Result<Counts, WriteError> {
    let people = part.people();
    let outcomes = patiently(|| async { Ok(stores.customers.create_many(&people).await?) }).await?;
    let mut counts = Counts::default();
    for (customer, outcome) in people.iter().zip(outcomes) {
        match outcome {
            Ok(()) => counts.written += 1,
            Err(Refusal::Exists) => counts.present += 1,
            Err(refusal) => {
                create_without(stores, customer.clone(), refusal).await?;
                counts.written += 1;
            }
        }
    }
    progress.advance(people.len() as u64);
    Ok(counts)
}

/// A phone or a paper that somebody outside the population has is left out. Addresses nobody else has.
async fn create_without(stores: &Stores, mut customer: Customer, refusal: Refusal) -> Result<(), WriteError> {
    let mut refusal = Some(refusal);
    while let Some(taken) = refusal.take() {
        match taken {
            Refusal::Taken(Claim::Phone(_)) => customer.phone = None,
            Refusal::Taken(Claim::Document(number)) => customer.documents.retain(|paper| paper.number != number),
            other => return Err(WriteError::Customer(other)),
        }
        refusal = patiently(|| async {
            match stores.customers.create(&customer).await {
                Ok(()) | Err(CustomerError::Refused(Refusal::Exists)) => Ok(None),
                Err(CustomerError::Refused(refusal)) => Ok(Some(refusal)),
                Err(CustomerError::Store(error)) => Err(error.into()),
            }
        })
        .await?;
    }
    Ok(())
}

async fn write_openings(
    stores: &Stores,
    part: Neighbourhood<'_>,
    progress: &impl Progress,
) -> Result<Counts, WriteError> {
    let openings = part.openings(&part.people());
    let accounts: Vec<Account> = openings.iter().map(|opening| opening.account.clone()).collect();
    let outcomes =
        patiently(|| async { Ok(stores.ledger.open_accounts(&accounts, &stores.customers_table).await?) }).await?;
    let mut counts = Counts::default();
    for (opening, outcome) in openings.iter().zip(outcomes) {
        let untouched = match outcome {
            Opened::Done => {
                counts.written += 1;
                true
            }
            Opened::Before(existing) => {
                counts.present += 1;
                existing.version == opening.account.version
            }
            Opened::NumberTaken | Opened::OwnerUnknown | Opened::OwnerNotActive => {
                counts.refused += 1;
                false
            }
        };
        let overdraft = opening.overdraft.filter(|_| untouched);
        let changed = overdraft.and_then(|change| opening.account.change(&change, true).ok().flatten());
        if let Some(changed) = changed {
            change_account(stores, &Standing { account: opening.account.clone(), change: Some(changed) }).await?;
        }
    }
    progress.advance(accounts.len() as u64);
    Ok(counts)
}

/// The years of neighbourhoods side by side: the first transfer of each, then the second of each, and so on. None of them
/// shares an account with another, so that one transaction takes them.
async fn write_ward(
    stores: &Stores,
    population: &Population,
    first: u64,
    progress: &impl Progress,
) -> Result<Counts, WriteError> {
    let last = (first + WARD).min(population.neighbourhoods());
    let mut years: Vec<_> = (first..last)
        .map(|index| {
            let part = population.neighbourhood(index);
            part.life(&part.openings(&part.people())).transfers.into_iter()
        })
        .collect();
    let mut transfers = Vec::new();
    loop {
        let before = transfers.len();
        transfers.extend(years.iter_mut().filter_map(Iterator::next));
        if transfers.len() == before {
            break;
        }
    }
    let mut counts = Counts::default();
    for some in transfers.chunks(AT_ONCE) {
        let outcomes = patiently(|| async { Ok(stores.ledger.post_many(some).await?) }).await?;
        for (planned, posted) in some.iter().zip(&outcomes) {
            match posted {
                Posted::Done(done) if went_as_planned(planned, done) => counts.written += 1,
                Posted::Before(_) => counts.present += 1,
                Posted::Done(_) | Posted::Refused(_) => counts.refused += 1,
            }
        }
        progress.advance(some.len() as u64);
    }
    Ok(counts)
}

/// Whether what is on record is what was to happen, and no refusal in its place.
fn went_as_planned(planned: &Transfer, done: &Transfer) -> bool {
    let refused = |transfer: &Transfer| matches!(transfer.state, State::Rejected { .. });
    refused(planned) == refused(done)
}

async fn write_states(
    stores: &Stores,
    part: Neighbourhood<'_>,
    progress: &impl Progress,
) -> Result<Counts, WriteError> {
    let people = part.people();
    let life = part.life(&part.openings(&people));
    let mut counts = Counts::default();
    let mut count = |written: bool| if written { counts.written += 1 } else { counts.present += 1 };
    for standing in life.standings.iter().filter(|standing| standing.change.is_some()) {
        count(change_account(stores, standing).await?);
    }
    for (person, index) in people.iter().zip(part.customers()) {
        let status = part.population.customer_status(index);
        if status != CustomerStatus::Active {
            count(change_customer(stores, person, status).await?);
        }
    }
    progress.advance((people.len() + life.standings.len()) as u64);
    Ok(counts)
}

/// Changes an account that stands as it was left. Whatever else was done to it since stays: `false`.
async fn change_account(stores: &Stores, standing: &Standing) -> Result<bool, WriteError> {
    let Standing { account, change: Some(changed) } = standing else { return Ok(false) };
    let version = Some(account.version);
    let outcome = patiently(|| async { Ok(stores.ledger.change_account(account, changed, version).await?) }).await?;
    Ok(matches!(outcome, ChangeOutcome::Done(_)))
}

/// Likewise a customer.
async fn change_customer(stores: &Stores, person: &Customer, status: CustomerStatus) -> Result<bool, WriteError> {
    patiently(|| async {
        // As he stands: a phone that was taken is not his.
        let now = stores.customers.customer(&person.id).await?;
        let Some(now) = now.filter(|now| now.version == person.version) else { return Ok(false) };
        match stores.customers.replace(&now, &now.with_status(status)).await {
            Ok(()) => Ok(true),
            Err(CustomerError::Refused(_)) => Ok(false),
            Err(CustomerError::Store(error)) => Err(error.into()),
        }
    })
    .await
}

/// Calls again, with longer pauses each time, while the store does not answer.
async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, WriteError>
where
    F: Future<Output = Result<T, WriteError>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match call().await {
            Err(WriteError::Store(StoreError::Conflict | StoreError::Unavailable(_)) | WriteError::InProgress) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            outcome => return outcome,
        }
    }
    call().await
}
