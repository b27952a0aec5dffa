//! What happened on an account: its entries with running balances, its transfers, its balance at a moment.
//!
//! Entries are read from two indexes and merged by when they took effect. The running balance is not stored: it is the
//! account's posted balance, walked back entry by entry, so opening + entries = closing holds by construction. An index
//! follows its table with a delay; a page is therefore only answered when the account row has not moved while it was
//! read and the newest postings it knows are on the page's shelf.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use domain::{
    Currency, Money, Timestamp,
    account::{Account, Balance},
    id::{AccountId, TransferId},
    transfer::{MAX_HOLD_SECONDS, Party, State, Transfer},
};
use futures::future::try_join_all;
use rust_decimal::Decimal;

use super::{
    Ledger,
    rows::{self, Shelf},
};
use crate::{
    item::{Item, Read, key, text, unavailable},
    store::StoreError,
};

/// How often a page is read again when the account moves meanwhile or the index lags behind.
const READS: u32 = 8;
/// The pause after the first of these reads; each further one is twice as long. An index follows within a second.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Most rows asked of an index at a time.
const LARGEST_READ: usize = 250;
/// Transfers looked at for one page of a list. A filter that lets few of them through answers a short page, even an
/// empty one, and the place to go on from.
const LONGEST_WALK: usize = 2_000;
/// Digits of the largest balance that a place in a statement may carry; walking on from it stays within a [`Decimal`].
const MAX_BALANCE_DIGITS: usize = 24;

/// Which way money moved, seen from the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the account.
    Credit,
    /// Out of the account.
    Debit,
}

/// One line of a statement.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The transfer behind it.
    pub transfer: Transfer,
    /// Which way.
    pub direction: Direction,
    /// How much moved; always positive.
    pub amount: Money,
    /// The posted balance right after it.
    pub balance_after: Money,
    /// When it took effect.
    pub at: Timestamp,
}

/// A page of entries, newest first.
#[derive(Clone, Debug, Default)]
pub struct EntriesPage {
    /// The lines.
    pub entries: Vec<Entry>,
    /// The place to go on from; `None` on the last page.
    pub next: Option<String>,
}

/// All that happened on an account in a period, from its first moment on and before its end.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The posted balance right before the period.
    pub opening: Money,
    /// The posted balance at its end.
    pub closing: Money,
    /// The lines, oldest first. The opening and all of them are the closing.
    pub entries: Vec<Entry>,
}

/// What became of the wish for a statement.
#[derive(Clone, Debug)]
pub enum Stated {
    /// Here it is.
    Whole(Statement),
    /// There are more lines than were asked for.
    TooLong,
}

/// A balance in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceAt {
    /// The moment; an entry at exactly this moment counts.
    pub at: Timestamp,
    /// What the account held. `available` uses the present overdraft limit.
    pub balance: Balance,
}

/// Which transfers of an account, or of several, are wanted.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Effective at or after.
    pub from: Option<Timestamp>,
    /// Effective at or before.
    pub to: Option<Timestamp>,
}

/// Whether a text can be a place that [`Ledger::transfers_of`] answered. Ask this of whatever comes from outside.
pub fn is_place(text: &str) -> bool {
    let is_moment = |text: &str| text.parse::<Timestamp>().is_ok_and(|moment| moment.to_string() == text);
    // The form first: only what is written in UTC is read.
    text.split_once('#').is_some_and(|(at, id)| at.ends_with('Z') && is_moment(at) && TransferId::parse(id).is_some())
}

/// Whether a text can be the `next` of a page of entries in this currency. Ask this of whatever comes from outside.
pub fn is_entries_place(text: &str, currency: Currency) -> bool {
    entries_place(text, currency).is_some()
}

/// The place of an entry and the balance before it.
fn entries_place(text: &str, currency: Currency) -> Option<(&str, Money)> {
    let (place, balance) = text.rsplit_once('|')?;
    let balance = Money::new(balance.parse::<Decimal>().ok()?, currency)?;
    let fits = balance.amount().trunc().to_string().trim_start_matches('-').len() <= MAX_BALANCE_DIGITS;
    (fits && is_place(place)).then_some((place, balance))
}

impl Ledger {
    /// Entries of an account, newest first, from `after` (a page's `next`) on. `None` if there is no such account.
    pub async fn entries(
        &self,
        id: &AccountId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<EntriesPage>, StoreError> {
        if let Some(after) = after {
            let Some(account) = self.account(id).await? else { return Ok(None) };
            let (place, balance) =
                entries_place(after, account.currency).ok_or_else(|| StoreError::corrupt("cursor"))?;
            let history = self.posted(id, Some(place), limit);
            return page(id, history, balance, limit).await.map(|(page, _)| Some(page));
        }
        for read in 0..READS {
            let Some((account, last)) = self.account_and_last_entries(id).await? else { return Ok(None) };
            let history = self.posted(id, None, limit);
            let (page, seen) = page(id, history, account.balance.posted, limit).await?;
            let below = page.entries.last().filter(|_| page.next.is_some());
            let below = below.map(|entry| rows::entry_key(entry.at, &entry.transfer.id)).unwrap_or_default();
            if self.caught_up(&seen, &last, &below).await? && self.unmoved(&account).await? {
                return Ok(Some(page));
            }
            pause(read).await;
        }
        Err(StoreError::Unavailable("the account keeps moving while its entries are read".into()))
    }

    /// The balance of an account at a moment; `None` if there is no such account, zero before it was opened.
    pub async fn balance_at(&self, id: &AccountId, at: Timestamp) -> Result<Option<BalanceAt>, StoreError> {
        for read in 0..READS {
            let Some((account, last)) = self.account_and_last_entries(id).await? else { return Ok(None) };
            let (posted, later_holds, seen) = self.posted_at(&account, at).await?;
            let held = self.held_at(&account, at, later_holds).await?;
            let caught_up = self.caught_up(&seen, &last, &format!("{at}~")).await?;
            if !caught_up || !self.unmoved(&account).await? {
                pause(read).await;
                continue;
            }
            let available = posted
                .checked_sub(held)
                .and_then(|free| free.checked_add(account.overdraft))
                .ok_or_else(|| StoreError::corrupt("balance"))?;
            return Ok(Some(BalanceAt { at, balance: Balance { posted, held, available } }));
        }
        Err(StoreError::Unavailable("the account keeps moving while its balance is read".into()))
    }

    /// The statement of a period that begins at `from` and ends before `to`, of at most so many lines; `None` if there is
    /// no such account.
    ///
    /// Walked back from the present as a page of entries is. When the account moves meanwhile, the closing balance is
    /// computed once more: it is the same if nothing but what lies behind the period was posted.
    pub async fn statement(
        &self,
        id: &AccountId,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Option<Stated>, StoreError> {
        let (lowest, end) = (from.to_string(), to.to_string());
        for read in 0..READS {
            let Some((account, last)) = self.account_and_last_entries(id).await? else { return Ok(None) };
            let Some((statement, seen)) = self.walk(&account, from, to, most).await? else {
                return Ok(Some(Stated::TooLong));
            };
            let is_whole = self.caught_up(&seen, &last, &lowest).await?
                && (self.unmoved(&account).await? || self.still_closes(id, &statement, &seen, (&lowest, &end)).await?);
            if is_whole {
                return Ok(Some(Stated::Whole(statement)));
            }
            pause(read).await;
        }
        Err(StoreError::Unavailable("the account keeps moving while its statement is read".into()))
    }

    /// The account's entries from `from` on, those at `to` and later undone; `None` if there are too many before `to`.
    async fn walk(
        &self,
        account: &Account,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Option<(Statement, Seen)>, StoreError> {
        let id = &account.id;
        let window = Window { from: Some(from), to: None };
        let mut history = History::new(self, window, None, LARGEST_READ);
        history.add(rows::account_side(id, Shelf::Posted));
        let (mut balance, mut seen) = (account.balance.posted, Seen::default());
        let (mut closing, mut entries) = (balance, Vec::new());
        while let Some((_, transfer)) = history.next().await? {
            seen.note(&transfer.id);
            let Some((amount, at)) = transfer.posted() else { return Err(StoreError::corrupt("entry")) };
            let balance_after = balance;
            balance = before(id, &transfer, amount, balance)?;
            if at >= to {
                closing = balance;
                continue;
            }
            if entries.len() == most {
                return Ok(None);
            }
            let direction = if transfer.debit.account() == Some(id) { Direction::Debit } else { Direction::Credit };
            entries.push(Entry { transfer, direction, amount, balance_after, at });
        }
        entries.reverse();
        Ok(Some((Statement { opening: balance, closing, entries }, seen)))
    }

    /// Whether the period still closes with the same balance, and what the account row knows of it has been seen.
    async fn still_closes(
        &self,
        id: &AccountId,
        statement: &Statement,
        seen: &Seen,
        (from, to): (&str, &str),
    ) -> Result<bool, StoreError> {
        let Some((account, last)) = self.account_and_last_entries(id).await? else { return Ok(false) };
        let mut history = History::new(self, Window::default(), None, LARGEST_READ);
        history.add(rows::account_side(id, Shelf::Posted));
        let (mut closing, mut newer) = (account.balance.posted, Seen::default());
        while let Some((place, transfer)) = history.next().await? {
            if place.as_str() < to {
                break;
            }
            newer.note(&transfer.id);
            let Some((amount, _)) = transfer.posted() else { return Err(StoreError::corrupt("entry")) };
            closing = before(id, &transfer, amount, closing)?;
        }
        let known = Seen(seen.0.iter().chain(&newer.0).cloned().collect());
        Ok(closing == statement.closing
            && self.caught_up(&newer, &last, to).await?
            && self.caught_up(&known, &last, from).await?
            && self.unmoved(&account).await?)
    }

    /// Transfers that touch any of these accounts, newest effect first, those that `keep` says yes to.
    /// A transfer between two of the accounts comes once. `after` and the returned place are entry keys. A page with a
    /// next place may be short, even empty: a filter had looked far enough for one request.
    pub async fn transfers_of(
        &self,
        accounts: &[AccountId],
        window: &Window,
        after: Option<&str>,
        limit: usize,
        keep: impl Fn(&Transfer) -> bool,
    ) -> Result<(Vec<Transfer>, Option<String>), StoreError> {
        let mut history = History::new(self, window.clone(), after, limit);
        for account in accounts {
            for shelf in [Shelf::Posted, Shelf::Other] {
                history.add(rows::account_side(account, shelf));
            }
        }
        let (mut found, mut passed, mut walked) = (Vec::new(), None::<String>, 0);
        while let Some((place, transfer)) = history.next().await? {
            if passed.as_ref() == Some(&place) {
                // The other side of the same transfer.
                continue;
            }
            let kept = keep(&transfer);
            if walked == LONGEST_WALK || (kept && found.len() == limit) {
                return Ok((found, passed));
            }
            if kept {
                found.push(transfer);
            }
            walked += 1;
            passed = Some(place);
        }
        Ok((found, None))
    }

    fn posted(&self, id: &AccountId, after: Option<&str>, limit: usize) -> History<'_> {
        let mut history = History::new(self, Window::default(), after, limit);
        history.add(rows::account_side(id, Shelf::Posted));
        history
    }

    async fn account_and_last_entries(&self, id: &AccountId) -> Result<Option<(Account, Vec<TransferId>)>, StoreError> {
        let Some(item) = self.get(key(id.as_str(), rows::ACCOUNT)).await? else { return Ok(None) };
        Ok(Some((rows::account(&item)?, rows::last_entries(&item)?)))
    }

    async fn unmoved(&self, account: &Account) -> Result<bool, StoreError> {
        Ok(self.account(&account.id).await?.is_some_and(|now| now.version == account.version))
    }

    /// Whether the index knows the newest postings of the account row: each was seen, or lies below what was read.
    async fn caught_up(&self, seen: &Seen, last: &[TransferId], below: &str) -> Result<bool, StoreError> {
        for id in last.iter().filter(|id| !seen.0.contains(id)) {
            let posting = self.transfer(id).await?.ok_or_else(|| StoreError::corrupt("last_entry"))?;
            let at = posting.posted().ok_or_else(|| StoreError::corrupt("last_entry"))?.1;
            if rows::entry_key(at, id).as_str() >= below {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Walks back from the present to the moment. Also answers the holds captured since, and the entries seen.
    async fn posted_at(&self, account: &Account, at: Timestamp) -> Result<(Money, Vec<Transfer>, Seen), StoreError> {
        let mut history = self.posted(&account.id, None, LARGEST_READ);
        let (mut posted, mut captured, mut seen) = (account.balance.posted, Vec::new(), Seen::default());
        while let Some((_, transfer)) = history.next().await? {
            seen.note(&transfer.id);
            let Some((amount, when)) = transfer.posted() else { continue };
            if when <= at {
                break;
            }
            posted = before(&account.id, &transfer, amount, posted)?;
            if transfer.expires_at().is_some() && transfer.created_at <= at {
                captured.push(transfer);
            }
        }
        Ok((posted, captured, seen))
    }

    /// Holds that reserved money at the moment: resolved later, or not yet. None is older than the longest hold, plus
    /// the minute a lapsed one may wait to be freed.
    async fn held_at(
        &self,
        account: &Account,
        at: Timestamp,
        captured_later: Vec<Transfer>,
    ) -> Result<Money, StoreError> {
        let oldest = at.plus_seconds(-i64::from(MAX_HOLD_SECONDS) - 3600);
        let window = Window { from: Some(oldest), to: Some(at) };
        let mut history = History::new(self, window, None, LARGEST_READ);
        history.add(rows::account_side(&account.id, Shelf::Other));
        let captured: Vec<_> = captured_later.iter().map(|hold| hold.id.clone()).collect();
        let mut holds = captured_later;
        while let Some((_, transfer)) = history.next().await? {
            let reserved = match transfer.state {
                // An index that lags behind may still have a hold on the shelf that it was on before its capture.
                State::Pending { .. } => !captured.contains(&transfer.id),
                State::Voided { at: until, .. } | State::Expired { at: until, .. } => until > at,
                _ => false,
            };
            if reserved {
                holds.push(transfer);
            }
        }
        holds
            .iter()
            .filter(|hold| hold.debit.account() == Some(&account.id))
            .try_fold(Money::zero(account.currency), |sum, hold| sum.checked_add(hold.money))
            .ok_or_else(|| StoreError::corrupt("held"))
    }
}

/// Waits before the next read, longer each time, so that the index can catch up and a busy account is met at rest.
async fn pause(read: u32) {
    let longest = FIRST_PAUSE * 2u32.pow(read);
    tokio::time::sleep(longest.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
}

/// Which entries a walk has come across, to tell whether the index has caught up with the account row.
#[derive(Debug, Default)]
struct Seen(HashSet<TransferId>);

impl Seen {
    fn note(&mut self, id: &TransferId) {
        self.0.insert(id.clone());
    }
}

/// Reads one page from the history and walks the balance back along it.
async fn page(
    id: &AccountId,
    mut history: History<'_>,
    mut balance: Money,
    limit: usize,
) -> Result<(EntriesPage, Seen), StoreError> {
    let (mut page, mut seen, mut last) = (EntriesPage::default(), Seen::default(), String::new());
    while let Some((place, transfer)) = history.next().await? {
        if page.entries.len() == limit {
            page.next = Some(format!("{last}|{balance}"));
            break;
        }
        seen.note(&transfer.id);
        let Some((amount, at)) = transfer.posted() else { return Err(StoreError::corrupt("entry")) };
        let direction = if transfer.debit.account() == Some(id) { Direction::Debit } else { Direction::Credit };
        let balance_after = balance;
        balance = before(id, &transfer, amount, balance)?;
        page.entries.push(Entry { transfer, direction, amount, balance_after, at });
        last = place;
    }
    Ok((page, seen))
}

/// The posted balance of an account before this entry, given the one after it.
fn before(id: &AccountId, entry: &Transfer, amount: Money, after: Money) -> Result<Money, StoreError> {
    let debited = matches!(&entry.debit, Party::Account { id: debit, .. } if debit == id);
    if debited { after.checked_add(amount) } else { after.checked_sub(amount) }
        .ok_or_else(|| StoreError::corrupt("running balance"))
}

/// Several index partitions read as one list, newest first.
pub(super) struct History<'a> {
    ledger: &'a Ledger,
    window: Window,
    after: Option<String>,
    size: usize,
    sources: Vec<Source>,
}

struct Source {
    index: &'static str,
    side: String,
    buffer: VecDeque<(String, Transfer)>,
    from: Option<Item>,
    exhausted: bool,
}

impl<'a> History<'a> {
    pub(super) fn new(ledger: &'a Ledger, window: Window, after: Option<&str>, limit: usize) -> Self {
        let size = (limit + 1).min(LARGEST_READ);
        Self { ledger, window, after: after.map(str::to_owned), size, sources: Vec::new() }
    }

    /// Adds both sides of a partition.
    pub(super) fn add(&mut self, side: String) {
        for index in ["debits", "credits"] {
            self.sources.push(Source {
                index,
                side: side.clone(),
                buffer: VecDeque::new(),
                from: None,
                exhausted: false,
            });
        }
    }

    /// The next transfer with its entry key.
    pub(super) async fn next(&mut self) -> Result<Option<(String, Transfer)>, StoreError> {
        let (ledger, window, after, size) = (self.ledger, &self.window, self.after.as_deref(), self.size);
        let empty = self.sources.iter_mut().filter(|source| source.buffer.is_empty() && !source.exhausted);
        let filled = try_join_all(empty.map(|source| source.fill(ledger, window, after, size))).await?;
        if !filled.is_empty() {
            // The first read is what a page needs; a walk that goes on wants more at a time.
            self.size = (size * 2).min(LARGEST_READ);
        }
        let newest = self
            .sources
            .iter_mut()
            .filter(|source| !source.buffer.is_empty())
            .max_by(|a, b| a.buffer.front().map(|(key, _)| key).cmp(&b.buffer.front().map(|(key, _)| key)));
        Ok(newest.and_then(|source| source.buffer.pop_front()))
    }
}

impl Source {
    /// Reads until there is something or the partition ends.
    async fn fill(
        &mut self,
        ledger: &Ledger,
        window: &Window,
        after: Option<&str>,
        size: usize,
    ) -> Result<(), StoreError> {
        let key_name = if self.index == "debits" { "debit_key" } else { "credit_key" };
        // Entry keys are `<moment>#<id>`: `~` sorts behind every one of a moment, and the bare moment before them.
        let lowest = window.from.map_or_else(|| "0".to_owned(), |from| from.to_string());
        let mut highest = window.to.map_or_else(|| "~".to_owned(), |to| format!("{to}~"));
        if let Some(after) = after {
            highest = highest.min(just_below(after));
        }
        if lowest > highest {
            self.exhausted = true;
        }
        while self.buffer.is_empty() && !self.exhausted {
            let answer = ledger
                .client
                .query()
                .table_name(&ledger.table)
                .index_name(self.index)
                .key_condition_expression("#side = :side AND entry_key BETWEEN :lowest AND :highest")
                .expression_attribute_names("#side", key_name)
                .expression_attribute_values(":side", text(&self.side))
                .expression_attribute_values(":lowest", AttributeValue::S(lowest.clone()))
                .expression_attribute_values(":highest", AttributeValue::S(highest.clone()))
                .scan_index_forward(false)
                .limit(i32::try_from(size).unwrap_or(i32::MAX))
                .set_exclusive_start_key(self.from.take())
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(unavailable)?;
            ledger.meter.read(answer.consumed_capacity());
            for item in answer.items.unwrap_or_default() {
                self.buffer.push_back((item.text("entry_key")?.to_owned(), rows::transfer(&item)?));
            }
            self.from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            self.exhausted = self.from.is_none();
        }
        Ok(())
    }
}

/// The greatest bound below an entry key: its last character lowered by one, then as many of the highest as matter.
fn just_below(entry_key: &str) -> String {
    let mut bytes = entry_key.as_bytes().to_vec();
    match bytes.pop() {
        Some(last) if last > 0 && last.is_ascii() => {
            bytes.push(last - 1);
            bytes.push(b'~');
        }
        _ => {}
    }
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_list_can_have_answered_is_a_place() {
        let place = "2026-11-21T10:00:00.000Z#trf_0b";
        assert!(is_place(place));
        for text in [
            "",
            "#",
            "trf_0b",
            "2026-11-21T10:00:00.000Z",
            "2026-11-21T10:00:00Z#trf_0b",
            "2026-11-21T10:00:00.000+00:00#trf_0b",
            "9999-12-31T23:59:59.999-23:59#trf_0b",
            "2026-11-21T10:00:00.000Z#acc_0b",
            "2026-11-21T10:00:00.000Z#trf_0b|1.00",
            &format!("2026-11-21T10:00:00.000Z#trf_{}", "0".repeat(2000)),
        ] {
            assert!(!is_place(text), "{text}");
        }
        let dollar = Currency::parse("USD").expect("a currency");
        for (balance, fits) in [
            ("0.00", true),
            ("-12.50", true),
            ("1.001", false),
            ("", false),
            ("NaN", false),
            ("999999999999999999999999.99", true),
            ("1000000000000000000000000", false),
            ("79228162514264337593543950335", false),
        ] {
            assert_eq!(is_entries_place(&format!("{place}|{balance}"), dollar), fits, "{balance}");
        }
        assert!(!is_entries_place(place, dollar));
    }

    #[test]
    fn the_bound_below_a_key_excludes_the_key_and_nothing_older() {
        let key = "2026-11-21T10:00:00.000Z#trf_0b";
        let bound = just_below(key);
        assert!(bound.as_str() < key);
        for older in
            ["2026-11-21T10:00:00.000Z#trf_0a", "2026-11-21T10:00:00.000Z#trf_0azz", "2026-11-21T09:59:59.999Z#trf_zz"]
        {
            assert!(older <= bound.as_str(), "{older}");
        }
    }
}
