//! The rules as tables: a small ledger in memory, told line by line what happens and what must come of it.

use std::collections::HashMap;

use super::*;
use crate::{
    account::{Account, AccountStatus, Balance},
    id::{CustomerId, derive},
};

/// Applies decided transfers to accounts in the obvious way; the model every store must agree with.
#[derive(Default)]
pub(crate) struct Book {
    accounts: HashMap<String, Account>,
    transfers: HashMap<String, Transfer>,
    now: Timestamp0,
}

#[derive(Clone, Copy)]
struct Timestamp0(Timestamp);

impl Default for Timestamp0 {
    fn default() -> Self {
        Self(Timestamp::from_millis(1_800_000_000_000))
    }
}

/// The status, or why it is rejected.
fn told(transfer: &Transfer, now: Timestamp) -> String {
    match transfer.state {
        State::Rejected { reason } => reason.as_str().into(),
        _ => transfer.status(now).as_str().into(),
    }
}

fn transfer_id(name: &str) -> TransferId {
    TransferId::from_bytes(derive(&["transfer", name]))
}

fn money(text: &str, currency: Currency) -> Money {
    Money::parse_or_zero(text, currency).unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl Book {
    fn open(&mut self, name: &str, amount: &str, code: &str) {
        let currency = Currency::parse(code).unwrap();
        let amount = money(amount, currency);
        let zero = Money::zero(currency);
        let account = Account {
            id: AccountId::from_bytes(derive(&["account", name])),
            number: AccountNumber::from_bytes(derive(&["number", name])),
            owner: CustomerId::from_bytes(derive(&["owner", name])),
            kind: "checking".into(),
            currency,
            status: AccountStatus::Active,
            balance: Balance { posted: amount, held: zero, available: amount },
            overdraft: zero,
            opened_at: self.now.0,
            version: 1,
        };
        self.accounts.insert(name.into(), account);
    }

    fn command(&self, id: &str, from: &str, to: &str, amount: &str, hold: Option<HoldTerms>) -> Command {
        let named = |name: &str| match name {
            "-" => None,
            name => Some(
                self.accounts
                    .get(name)
                    .map_or_else(|| AccountId::from_bytes(derive(&["unknown", name])), |account| account.id.clone()),
            ),
        };
        let (amount, code) = amount.split_once(':').unwrap_or((amount, "USD"));
        Command {
            id: transfer_id(id),
            kind: match (from, to) {
                ("-", _) => Kind::Deposit,
                (_, "-") => Kind::Withdrawal,
                _ => Kind::Transfer,
            },
            money: money(amount, Currency::parse(code).unwrap()),
            from: named(from),
            to: named(to),
            description: None,
            metadata: None,
            hold,
            initiator: "test".into(),
            authority: Authority::Bank,
        }
    }

    fn transfer(&mut self, command: &Command, from: &str, to: &str) -> String {
        if let Some(existing) = self.transfers.get(command.id.as_str()) {
            return match existing.first_difference(command) {
                Some(field) => format!("reused: {field}"),
                None => "replayed".into(),
            };
        }
        let accounts = Accounts { from: self.accounts.get(from).cloned(), to: self.accounts.get(to).cloned() };
        let transfer = match decide(&accounts, command, self.now.0) {
            Ok(transfer) => transfer,
            Err(rejection) => return format!("{rejection:?}"),
        };
        let answer = told(&transfer, self.now.0);
        self.post(&transfer);
        self.transfers.insert(transfer.id.to_string(), transfer);
        answer
    }

    fn post(&mut self, transfer: &Transfer) {
        let zero = Money::zero(transfer.currency());
        match transfer.state {
            State::Completed { .. } => self.moved(transfer, transfer.money, zero),
            State::Pending { .. } => self.change(&transfer.debit, zero, transfer.money),
            _ => {}
        }
    }

    fn moved(&mut self, transfer: &Transfer, amount: Money, released: Money) {
        self.change(&transfer.debit, amount.negated(), released.negated());
        self.change(&transfer.credit, amount, Money::zero(transfer.currency()));
    }

    fn change(&mut self, party: &Party, posted: Money, held: Money) {
        let Some(id) = party.account() else { return };
        let account = self.accounts.values_mut().find(|account| account.id == *id).unwrap();
        let balance = &mut account.balance;
        balance.posted = balance.posted.checked_add(posted).unwrap();
        balance.held = balance.held.checked_add(held).unwrap();
        balance.available = balance.available.checked_add(posted).unwrap().checked_sub(held).unwrap();
    }

    fn resolve(&mut self, id: &str, outcome: Result<Option<Resolution>, HoldRejection>) -> String {
        let transfer = self.transfers[transfer_id(id).as_str()].clone();
        let resolution = match outcome {
            Err(rejection) => return format!("{rejection:?}"),
            Ok(None) => return "nothing to do".into(),
            Ok(Some(resolution)) => resolution,
        };
        let zero = Money::zero(transfer.currency());
        match resolution {
            Resolution::Capture { amount, .. } => self.moved(&transfer, amount, transfer.money),
            _ => self.change(&transfer.debit, zero, transfer.money.negated()),
        }
        let resolved = transfer.resolved(&resolution);
        let status = resolved.status(self.now.0).as_str().to_owned();
        self.transfers.insert(transfer.id.to_string(), resolved);
        status
    }

    fn reverse(&mut self, id: &str, original: &str) -> String {
        let original = self.transfers[transfer_id(original).as_str()].clone();
        let find = |party: &Party| {
            party.account().and_then(|id| self.accounts.values().find(|account| account.id == *id).cloned())
        };
        let accounts = Accounts { from: find(&original.credit), to: find(&original.debit) };
        let reversal = match decide_reversal(&original, &accounts, transfer_id(id), "test".into(), None, self.now.0) {
            Ok(reversal) => reversal,
            Err(rejection) => return format!("{rejection:?}"),
        };
        let answer = told(&reversal, self.now.0);
        self.post(&reversal);
        if reversal.posted().is_some() {
            let mut undone = original;
            if let State::Completed { reversed_by, .. } | State::Captured { reversed_by, .. } = &mut undone.state {
                *reversed_by = Some(reversal.id.clone());
            }
            self.transfers.insert(undone.id.to_string(), undone);
        }
        self.transfers.insert(reversal.id.to_string(), reversal);
        answer
    }

    fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["account", name, amount] => {
                let (amount, code) = amount.split_once(':').unwrap_or((amount, "USD"));
                self.open(name, amount, code);
                String::new()
            }
            ["freeze", name] => self.set_status(name, AccountStatus::Frozen),
            ["thaw", name] => self.set_status(name, AccountStatus::Active),
            ["close", name] => self.set_status(name, AccountStatus::Closed),
            ["wait", seconds] => {
                self.now.0 = self.now.0.plus_seconds(seconds.parse().unwrap());
                String::new()
            }
            ["transfer", id, from, to, amount] => {
                let command = self.command(id, from, to, amount, None);
                self.transfer(&command, from, to)
            }
            ["hold", id, from, to, amount, seconds] => {
                let terms = HoldTerms::new(seconds.parse().unwrap());
                let command = self.command(id, from, to, amount, terms);
                self.transfer(&command, from, to)
            }
            ["capture", id, amount] => {
                let hold = self.transfers[transfer_id(id).as_str()].clone();
                let amount = (amount != "all").then(|| money(amount, hold.currency()));
                self.resolve(id, hold.capture(amount, self.now.0).map(Some))
            }
            ["void", id] => {
                let outcome = self.transfers[transfer_id(id).as_str()].void(self.now.0);
                self.resolve(id, outcome)
            }
            ["expire", id] => {
                let outcome = self.transfers[transfer_id(id).as_str()].expire(self.now.0);
                self.resolve(id, Ok(outcome))
            }
            ["reverse", id, original] => self.reverse(id, original),
            ["status", id] => self.transfers[transfer_id(id).as_str()].status(self.now.0).as_str().into(),
            ["balance", name] => {
                let balance = &self.accounts[name].balance;
                format!("{} {} {}", balance.posted, balance.held, balance.available)
            }
            _ => panic!("cannot read: {line}"),
        }
    }

    fn set_status(&mut self, name: &str, status: AccountStatus) -> String {
        let account = self.accounts.get_mut(name).unwrap();
        match account.may_become(status) {
            Ok(()) => {
                account.status = status;
                String::new()
            }
            Err(rejection) => format!("{rejection:?}"),
        }
    }
}

/// Each line tells what happens; what stands after `=>` must come of it.
fn check(story: &str) {
    let mut book = Book::default();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, expected) = line.split_once("=>").unwrap_or((line, ""));
        let got = book.line(line);
        assert_eq!(got, expected.trim(), "after: {line}");
    }
}

#[test]
fn a_repeated_transfer_is_recognised_before_funds_are_checked() {
    check(
        "
        account alice 100.00
        account bob     0.00
        transfer t1 alice bob 40.00  => completed
        transfer t1 alice bob 40.00  => replayed
        transfer t1 alice bob 41.00  => reused: amount
        transfer t1 bob alice 40.00  => reused: from_account
        transfer t2 alice bob 60.01  => insufficient_funds
        transfer t2 alice bob 60.01  => replayed
        transfer d1 - alice 500.00   => completed
        transfer t2 alice bob 60.01  => replayed
        balance alice                => 560.00 0.00 560.00
        balance bob                  => 40.00 0.00 40.00
    ",
    );
}

#[test]
fn a_hold_counts_at_once_and_is_resolved_once() {
    check(
        "
        account alice 100.00
        account shop    0.00
        hold h1 alice shop 80.00 60   => pending
        balance alice                 => 100.00 80.00 20.00
        transfer t1 alice shop 20.01  => insufficient_funds
        capture h1 80.01              => ExceedsHold
        capture h1 30.00              => completed
        balance alice                 => 70.00 0.00 70.00
        balance shop                  => 30.00 0.00 30.00
        capture h1 all                => NotPending
        void h1                       => NotPending
        expire h1                     => nothing to do
        hold h2 alice shop 70.00 60   => pending
        void h2                       => voided
        void h2                       => nothing to do
        capture h2 all                => NotPending
        balance alice                 => 70.00 0.00 70.00
    ",
    );
}

#[test]
fn a_hold_is_expired_from_its_deadline_on_whoever_looks_first() {
    check(
        "
        account alice 100.00
        account shop    0.00
        hold h1 alice shop 80.00 60   => pending
        wait 59
        expire h1                     => nothing to do
        status h1                     => pending
        wait 1
        status h1                     => expired
        capture h1 all                => NotPending
        void h1                       => NotPending
        balance alice                 => 100.00 80.00 20.00
        expire h1                     => expired
        balance alice                 => 100.00 0.00 100.00
        expire h1                     => nothing to do
    ",
    );
}

#[test]
fn the_first_reason_in_the_published_order_is_the_answer() {
    check(
        "
        account alice 10.00
        account bob   10.00
        account carl  10.00:EUR
        transfer a alice alice 99.00     => SameAccount
        transfer b alice nobody 99.00    => AccountNotFound
        transfer c alice carl 99.00      => CurrencyMismatch
        transfer d alice bob 5.00:EUR    => CurrencyMismatch
        freeze bob
        transfer e alice bob 99.00       => AccountFrozen
        transfer f bob carl 99.00        => AccountFrozen
        transfer g bob nobody 99.00      => AccountNotFound
        thaw bob
        transfer h bob - 10.00           => completed
        close bob
        transfer i alice bob 99.00       => AccountClosed
        freeze alice
        transfer j bob alice 1.00        => AccountFrozen
        thaw alice
        transfer k alice - 10.01         => insufficient_funds
        transfer l alice - 10.00         => completed
        close carl                       => BalanceNotZero
        freeze bob                       => Closed
    ",
    );
}

#[test]
fn a_reversal_happens_once_and_only_while_the_receiver_has_the_money() {
    check(
        "
        account alice 100.00
        account bob     0.00
        transfer t1 alice bob 40.00  => completed
        transfer t2 bob - 1.00       => completed
        reverse r1 t1                => insufficient_funds
        transfer t3 - bob 1.00       => completed
        reverse r2 t1                => completed
        status t1                    => reversed
        reverse r3 t1                => AlreadyReversed
        reverse r4 r2                => NotReversible
        reverse r5 t2                => completed
        balance alice                => 100.00 0.00 100.00
        hold h1 alice bob 10.00 60   => pending
        reverse r6 h1                => NotReversible
        capture h1 4.00              => completed
        reverse r7 h1                => completed
        balance alice                => 100.00 0.00 100.00
    ",
    );
}

#[test]
fn somebody_elses_account_answers_as_one_that_does_not_exist() {
    let mut book = Book::default();
    book.open("alice", "10.00", "USD");
    book.open("bob", "10.00", "USD");
    let (alice, bob) = (book.accounts["alice"].clone(), book.accounts["bob"].clone());
    for (from, to, authority, expected) in [
        ("alice", "bob", &alice.owner, Ok(())),
        ("alice", "bob", &bob.owner, Err(Rejection::AccountNotFound)),
        ("-", "bob", &alice.owner, Err(Rejection::AccountNotFound)),
        ("-", "bob", &bob.owner, Ok(())),
        ("alice", "-", &bob.owner, Err(Rejection::AccountNotFound)),
    ] {
        let mut command = book.command("x", from, to, "1.00", None);
        command.authority = Authority::Customer(authority.clone());
        let accounts = Accounts { from: (from != "-").then(|| alice.clone()), to: (to != "-").then(|| bob.clone()) };
        let got = decide(&accounts, &command, book.now.0).map(drop);
        assert_eq!(got, expected, "{from} {to}");
    }
}
