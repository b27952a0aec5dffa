//! A neighbourhood's year: every wish is decided when its time has come, by the rules of the bank, on accounts as they
//! stand at that moment. What comes out is what the ledger will be told, and how it will stand afterwards.

use std::collections::{BTreeMap, HashSet};

use domain::{
    Money, Timestamp,
    account::{Account, AccountStatus, Change, Changed},
    id::TransferId,
    transfer::{Accounts, Authority, Command, HoldTerms, Kind, Resolution, State, Transfer, decide, decide_reversal},
};
use rust_decimal::Decimal;
use time::Date;

use crate::{
    openings::{Opening, amount, rate},
    population::Neighbourhood,
    random::Random,
    texts,
    wishes::{Wish, Wished, of_a_year},
};

/// Who asks for what no customer asked for.
const INITIATOR: &str = "seed";
/// How far back somebody looks for what he would take back.
const RECENT: usize = 30;
const DAY: u64 = 24 * 60 * 60;

/// What happened, in the order in which it is to be written, and what has come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// All transfers; holds with their end, if they have come to one.
    pub transfers: Vec<Transfer>,
    /// The accounts afterwards.
    pub standings: Vec<Standing>,
}

/// An account when all transfers are written, and what the bank then makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// As its row stands.
    pub account: Account,
    /// Frozen or closed.
    pub change: Option<Changed>,
}

impl Neighbourhood<'_> {
    /// Its year, from the accounts that were opened.
    pub fn life(&self, openings: &[Opening]) -> Life {
        let wishes = of_a_year(self, openings);
        let mut year = Year {
            random: self.population.random("life", self.index),
            end: self.population.end(),
            accounts: openings.iter().map(Opening::done).collect(),
            transfers: Vec::with_capacity(wishes.len()),
            due: BTreeMap::new(),
            reversed: HashSet::new(),
            gone: HashSet::new(),
        };
        for (wished, index) in wishes.iter().zip(self.transfers()) {
            year.resolve_until(wished.at);
            let id = self.population.transfer_id(index);
            if let Some(transfer) = year.come_true(wished, id) {
                year.take_effect(&transfer);
                year.transfers.push(transfer);
            }
        }
        year.resolve_until(year.end);
        let Year { accounts, transfers, gone, .. } = year;
        let first = self.accounts().start;
        let standings = accounts.into_iter().enumerate().map(|(nth, account)| {
            let fate = &mut self.population.random("fate", first + nth as u64);
            let change = fate_of(&account, gone.contains(&nth), fate);
            let change = change.and_then(|change| account.change(&change, true).ok().flatten());
            Standing { account, change }
        });
        Life { transfers, standings: standings.collect() }
    }
}

/// What the bank makes of an account at the end: some are frozen, those that were left or never used are closed.
fn fate_of(account: &Account, left: bool, random: &mut Random) -> Option<Change> {
    let unused = account.version == 1;
    if left || (unused && random.percent(3)) {
        return Some(Change::CLOSE);
    }
    let quiet = account.balance.held.is_zero() && !unused;
    (quiet && random.percent(2)).then_some(Change { status: Some(AccountStatus::Frozen), overdraft: None })
}

/// A year under way.
struct Year {
    random: Random,
    end: Timestamp,
    accounts: Vec<Account>,
    transfers: Vec<Transfer>,
    /// Holds by when they are resolved: which transfer, and how.
    due: BTreeMap<(Timestamp, usize), Resolution>,
    reversed: HashSet<TransferId>,
    /// Accounts that were left.
    gone: HashSet<usize>,
}

impl Year {
    /// What a wish comes to.
    fn come_true(&mut self, wished: &Wished, id: TransferId) -> Option<Transfer> {
        let (account, at) = (wished.account, wished.at);
        match wished.wish {
            Wish::FirstDeposit => self.deposit(account, id, at, (5_000, 300_000), "Apertura"),
            Wish::Salary(day) => self.salary(account, id, at, day),
            Wish::Deposit => self.deposit(account, id, at, (2_000, 120_000), "Depósito en agencia"),
            Wish::TakeBack => self.take_back(id.clone(), at).or_else(|| self.deposit_again(account, id, at)),
            Wish::Leave => self.leave(account, id.clone(), at).or_else(|| self.deposit_again(account, id, at)),
            Wish::TooMuch => self.too_much(account, id, at),
            Wish::Withdrawal | Wish::Send | Wish::Pay | Wish::Reserve => {
                self.spend(wished, id.clone()).or_else(|| self.deposit_again(account, id, at))
            }
        }
    }

    fn deposit_again(&mut self, account: usize, id: TransferId, at: Timestamp) -> Option<Transfer> {
        self.deposit(account, id, at, (2_000, 120_000), "Depósito en agencia")
    }

    fn deposit(
        &mut self,
        account: usize,
        id: TransferId,
        at: Timestamp,
        (least, most): (i64, i64),
        description: &str,
    ) -> Option<Transfer> {
        let to = self.accounts.get(account)?.clone();
        let money = amount(to.currency, u64::try_from(self.random.between(least, most)).ok()?)?;
        let command = by_the_bank(id, Kind::Deposit, money, &to, Some(description.to_owned()));
        decide(&Accounts { from: None, to: Some(to) }, &command, at).ok()
    }

    /// The same every month, as far as the currency's minor units go.
    fn salary(&mut self, account: usize, id: TransferId, at: Timestamp, day: Date) -> Option<Transfer> {
        let to = self.accounts.get(account)?.clone();
        let mut employer = Random::of(&["salary", to.id.as_str()]);
        let money = amount(to.currency, 120_000 + 5_000 * employer.below(200))?;
        let description = texts::salary(day.month(), day.year());
        let command = by_the_bank(id, Kind::Deposit, money, &to, Some(description));
        decide(&Accounts { from: None, to: Some(to) }, &command, at).ok()
    }

    /// `None` when there is too little to spend.
    fn spend(&mut self, wished: &Wished, id: TransferId) -> Option<Transfer> {
        let from = self.accounts.get(wished.account)?.clone();
        let share = self.random.below(33) + 2;
        let money = share_of(&from, share, wished.wish == Wish::Withdrawal)?;
        let to = match wished.wish {
            Wish::Send => self.somebody_else(&from, wished.at),
            _ => None,
        };
        let mut command = by_its_owner(id, Kind::Payment, money, &from);
        match (wished.wish, &to) {
            (Wish::Withdrawal, _) => {
                command.kind = Kind::Withdrawal;
                command.description = self.random.percent(50).then(|| "Cajero automático".to_owned());
            }
            (Wish::Send, Some(to)) => {
                command.kind = Kind::Transfer;
                command.to = Some(to.id.clone());
                command.description = texts::between_people(&mut self.random);
            }
            (Wish::Reserve, _) => {
                command.description = Some(texts::shop(&mut self.random));
                command.hold = HoldTerms::new(DAY * (1 + self.random.below(31)));
            }
            _ => {
                let (description, metadata) = texts::service(&mut self.random);
                command.description = Some(description);
                command.metadata = Some(metadata);
            }
        }
        let transfer = decide(&Accounts { from: Some(from), to }, &command, wished.at).ok()?;
        if command.hold.is_some() {
            self.plan_its_end(&transfer);
        }
        Some(transfer)
    }

    /// When a hold is resolved, and how. Some are still open at the end of the year.
    fn plan_its_end(&mut self, hold: &Transfer) {
        let (Some(expires_at), at) = (hold.expires_at(), hold.created_at) else { return };
        let before = Timestamp::from_millis(self.random.between(at.millis() + 1_000, expires_at.millis()));
        let partly = self.random.percent(30).then(|| {
            let share = Decimal::from(self.random.below(90) + 5);
            let part =
                (hold.money.amount() * share / Decimal::ONE_HUNDRED).trunc_with_scale(hold.currency().decimals());
            Money::new(part, hold.currency()).filter(|part| !part.is_zero())
        });
        let end = match self.random.below(100) {
            0..60 => hold.capture(partly.flatten(), before).ok().map(|resolution| (before, resolution)),
            60..80 => hold.void(before).ok().flatten().map(|resolution| (before, resolution)),
            _ => {
                // The bank frees a lapsed hold within a minute.
                let freed = expires_at.plus_millis(self.random.between(0, 60_000));
                hold.expire(freed).map(|resolution| (freed, resolution))
            }
        };
        if let Some((when, resolution)) = end {
            self.due.insert((when, self.transfers.len()), resolution);
        }
    }

    /// Refused for lack of funds, and remembered.
    fn too_much(&mut self, account: usize, id: TransferId, at: Timestamp) -> Option<Transfer> {
        let from = self.accounts.get(account)?.clone();
        let beyond = amount(from.currency, 1 + self.random.below(200_000))?;
        let available = from.balance.available;
        let money = if available.is_negative() { Some(beyond) } else { available.checked_add(beyond) }?;
        let command = by_its_owner(id, Kind::Withdrawal, money, &from);
        decide(&Accounts { from: Some(from), to: None }, &command, at).ok()
    }

    /// `None` when there is nothing that could be taken back.
    fn take_back(&mut self, id: TransferId, at: Timestamp) -> Option<Transfer> {
        let mut recent = self.transfers.iter().rev().take(RECENT).filter(|transfer| {
            matches!(transfer.state, State::Completed { .. })
                && matches!(transfer.kind, Kind::Transfer | Kind::Payment)
                && transfer.created_at < at
                && !self.reversed.contains(&transfer.id)
        });
        // The oldest of them: a mistake is noticed after a while.
        let original = recent.next_back()?.clone();
        let find = |party: &domain::transfer::Party| {
            let id = party.account()?;
            self.accounts.iter().find(|account| account.id == *id).cloned()
        };
        let accounts = Accounts { from: find(&original.credit), to: find(&original.debit) };
        let description = Some("Devolución".to_owned());
        let reversal = decide_reversal(&original, &accounts, id, INITIATOR.to_owned(), description, at).ok()?;
        if reversal.posted().is_some() {
            self.reversed.insert(original.id);
        }
        Some(reversal)
    }

    /// `None` when money is held, owed, or not there.
    fn leave(&mut self, account: usize, id: TransferId, at: Timestamp) -> Option<Transfer> {
        let from = self.accounts.get(account)?.clone();
        let all = from.balance.posted;
        if all.is_zero() || all.is_negative() || !from.balance.held.is_zero() {
            return None;
        }
        let mut command = by_its_owner(id, Kind::Withdrawal, all, &from);
        command.description = Some("Cierre de cuenta".to_owned());
        let transfer = decide(&Accounts { from: Some(from), to: None }, &command, at).ok()?;
        if transfer.posted().is_some() {
            self.gone.insert(account);
        }
        Some(transfer)
    }

    /// Another account that takes this currency at this time.
    fn somebody_else(&mut self, from: &Account, at: Timestamp) -> Option<Account> {
        let others: Vec<usize> = (0..self.accounts.len())
            .filter(|nth| !self.gone.contains(nth))
            .filter(|nth| {
                self.accounts.get(*nth).is_some_and(|account| {
                    account.currency == from.currency && account.id != from.id && account.opened_at <= at
                })
            })
            .collect();
        self.accounts.get(*self.random.pick(&others)?).cloned()
    }

    /// What a transfer does to the accounts as soon as it is decided.
    fn take_effect(&mut self, transfer: &Transfer) {
        match transfer.state {
            State::Completed { .. } => self.moves(transfer, transfer.money),
            State::Pending { .. } => self.change(transfer.debit.account(), |account| {
                account.balance.held = plus(account.balance.held, transfer.money);
                account.balance.available = minus(account.balance.available, transfer.money);
                account.version += 1;
            }),
            _ => {}
        }
    }

    /// Resolves what is due by then. A hold is written with its end, in one commit, so that what it reserved leaves no
    /// trace in the version of the row.
    fn resolve_until(&mut self, until: Timestamp) {
        while let Some(((when, nth), resolution)) = self.due.first_key_value().map(|(key, end)| (*key, end.clone())) {
            if when > until || when >= self.end {
                return;
            }
            self.due.remove(&(when, nth));
            let Some(hold) = self.transfers.get(nth).cloned() else { return };
            let resolved = hold.resolved(&resolution);
            self.change(hold.debit.account(), |account| {
                account.balance.held = minus(account.balance.held, hold.money);
                account.balance.available = plus(account.balance.available, hold.money);
                account.version -= 1;
            });
            if let Resolution::Capture { amount, .. } = resolution {
                self.moves(&hold, amount);
            }
            if let Some(place) = self.transfers.get_mut(nth) {
                *place = resolved;
            }
        }
    }

    fn moves(&mut self, transfer: &Transfer, amount: Money) {
        self.change(transfer.debit.account(), |account| {
            account.balance.posted = minus(account.balance.posted, amount);
            account.balance.available = minus(account.balance.available, amount);
            account.version += 1;
        });
        self.change(transfer.credit.account(), |account| {
            account.balance.posted = plus(account.balance.posted, amount);
            account.balance.available = plus(account.balance.available, amount);
            account.version += 1;
        });
    }

    fn change(&mut self, id: Option<&domain::id::AccountId>, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.accounts.iter_mut().find(|account| Some(&account.id) == id) {
            change(account);
        }
    }
}

/// Amounts here are small: no sum leaves the range, and both sides are of one currency, as `decide` has seen to.
fn plus(sum: Money, money: Money) -> Money {
    sum.checked_add(money).unwrap_or(sum)
}

fn minus(sum: Money, money: Money) -> Money {
    sum.checked_sub(money).unwrap_or(sum)
}

/// So much in a hundred of what is available, in notes if it is cash; `None` when that is next to nothing.
fn share_of(account: &Account, share: u64, in_notes: bool) -> Option<Money> {
    let currency = account.currency;
    let available = account.balance.available.amount();
    let (times, by) = rate(currency);
    // Ten soles, in minor units.
    let least = Decimal::new(i64::try_from(1_000 * times / by).ok()?, currency.decimals());
    if available < least * Decimal::TWO {
        return None;
    }
    let mut part = (available * Decimal::from(share) / Decimal::ONE_HUNDRED).trunc_with_scale(currency.decimals());
    if in_notes {
        let note = Decimal::from(match currency.code() {
            "VND" => 50_000,
            "JPY" => 1_000,
            _ => 10,
        });
        part = (part / note).trunc() * note;
        part = if part.is_zero() { note } else { part };
    }
    Money::new(part.max(Decimal::new(1, currency.decimals())), currency)
}

fn by_the_bank(id: TransferId, kind: Kind, money: Money, to: &Account, description: Option<String>) -> Command {
    Command {
        id,
        kind,
        money,
        from: None,
        to: Some(to.id.clone()),
        description,
        metadata: None,
        hold: None,
        initiator: INITIATOR.to_owned(),
        authority: Authority::Bank,
    }
}

fn by_its_owner(id: TransferId, kind: Kind, money: Money, from: &Account) -> Command {
    Command {
        id,
        kind,
        money,
        from: Some(from.id.clone()),
        to: None,
        description: None,
        metadata: None,
        hold: None,
        initiator: from.owner.subject().unwrap_or_else(|| INITIATOR.to_owned()),
        authority: Authority::Customer(from.owner.clone()),
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
