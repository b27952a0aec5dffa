//! Accounts: what they hold, who may use them, when they may be closed.

use rust_decimal::Decimal;

use crate::{
    Currency, Money, Timestamp,
    id::{AccountId, CustomerId},
    money::MAX_INTEGER_DIGITS,
    number::AccountNumber,
};

/// Whether an account takes part in postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Takes postings.
    Active,
    /// Refuses postings until thawed; holds may still be freed.
    Frozen,
    /// Refuses postings for good.
    Closed,
}

impl AccountStatus {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Closed => "closed",
        }
    }

    /// Reads what [`AccountStatus::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Frozen, Self::Closed].into_iter().find(|status| status.as_str() == text)
    }
}

/// How many accounts a customer may have that are not closed. More than anybody needs; keeps lists short and a
/// loose script from filling the bank.
pub const MAX_OPEN_ACCOUNTS: usize = 20;

/// What an account holds. `available = posted − held + overdraft`, at all times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Sum of the entries.
    pub posted: Money,
    /// Reserved by pending holds.
    pub held: Money,
    /// What may be spent now.
    pub available: Money,
}

impl Balance {
    /// The balance of a new account with this overdraft limit.
    pub fn opening(overdraft: Money) -> Self {
        let zero = Money::zero(overdraft.currency());
        Self { posted: zero, held: zero, available: overdraft }
    }
}

/// An account as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// Its number, unique in the bank.
    pub number: AccountNumber,
    /// Whose it is.
    pub owner: CustomerId,
    /// Account type, such as `savings`.
    pub kind: String,
    /// The one currency it is kept in.
    pub currency: Currency,
    /// Whether it takes postings.
    pub status: AccountStatus,
    /// What it holds.
    pub balance: Balance,
    /// How far `posted − held` may fall below zero; zero or more.
    pub overdraft: Money,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Counts every change; the `ETag`.
    pub version: u64,
}

/// An account to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAccount {
    /// Fresh, or derived from the caller's idempotency key.
    pub id: AccountId,
    /// For whom.
    pub owner: CustomerId,
    /// The account type's code.
    pub kind: String,
    /// The one currency it will be kept in.
    pub currency: Currency,
}

impl OpenAccount {
    /// The account as it will be, under this number.
    pub fn decide(&self, number: AccountNumber, now: Timestamp) -> Account {
        let overdraft = Money::zero(self.currency);
        Account {
            id: self.id.clone(),
            number,
            owner: self.owner.clone(),
            kind: self.kind.clone(),
            currency: self.currency,
            status: AccountStatus::Active,
            balance: Balance::opening(overdraft),
            overdraft,
            opened_at: now,
            version: 1,
        }
    }
}

/// What is to change about an account; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Freeze, thaw or close.
    pub status: Option<AccountStatus>,
    /// The new overdraft limit, in the account's currency.
    pub overdraft: Option<Money>,
}

impl Change {
    /// The account is given up.
    pub const CLOSE: Self = Self { status: Some(AccountStatus::Closed), overdraft: None };

    /// Whether only the bank's staff may ask for this. Closing an own empty account is all that a customer may.
    pub fn is_for_staff(&self) -> bool {
        *self != Self::CLOSE
    }
}

/// Why an account is not changed. The first that applies is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeRejection {
    /// Closed accounts stay closed, and as they are.
    Closed,
    /// Its owner may not close what the bank has frozen.
    Frozen,
    /// There is money on it, owed by it, or held by it.
    BalanceNotZero,
}

/// How an account is to stand after a change. Commit it on the condition that status and overdraft limit are still
/// those it was decided from, and nothing but zero is on an account that closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The status from now on.
    pub status: AccountStatus,
    /// The overdraft limit from now on; what is available moves by the difference.
    pub overdraft: Money,
}

impl Account {
    /// The account as it was when it was opened: what a repetition of that request is answered.
    pub fn as_opened(&self) -> Self {
        let overdraft = Money::zero(self.currency);
        Self {
            status: AccountStatus::Active,
            balance: Balance::opening(overdraft),
            overdraft,
            version: 1,
            ..self.clone()
        }
    }

    /// The first field in which a repeated request differs from the one that opened this account; `None` if none does.
    pub fn first_difference(&self, command: &OpenAccount) -> Option<&'static str> {
        [
            ("customer_id", self.owner == command.owner),
            ("type", self.kind == command.kind),
            ("currency", self.currency == command.currency),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }

    /// Whether the bank may give it this status.
    pub fn may_become(&self, next: AccountStatus) -> Result<(), ChangeRejection> {
        self.change(&Change { status: Some(next), overdraft: None }, true).map(drop)
    }

    /// Decides a change; `Ok(None)` when nothing would change. Closing needs a balance of exactly zero and nothing
    /// held, and ends the overdraft. A limit below what is already used is allowed: nothing more can be spent until
    /// money has come in.
    pub fn change(&self, change: &Change, by_staff: bool) -> Result<Option<Changed>, ChangeRejection> {
        let status = change.status.unwrap_or(self.status);
        let closing = status == AccountStatus::Closed;
        if self.status == AccountStatus::Closed && (!closing || change.overdraft.is_some()) {
            return Err(ChangeRejection::Closed);
        }
        if self.status == AccountStatus::Frozen && closing && !by_staff {
            return Err(ChangeRejection::Frozen);
        }
        if closing && !(self.balance.posted.is_zero() && self.balance.held.is_zero()) {
            return Err(ChangeRejection::BalanceNotZero);
        }
        let overdraft = if closing { Money::zero(self.currency) } else { change.overdraft.unwrap_or(self.overdraft) };
        let stays = status == self.status && overdraft == self.overdraft;
        Ok((!stays).then_some(Changed { status, overdraft }))
    }
}

/// A kind of account on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountType {
    /// Its name in requests: lower-case letters, digits and underscores, 2 to 32.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// What it offers.
    pub description: String,
    /// Charged each month, in the account's currency; a plain decimal.
    pub monthly_fee: String,
    /// Yearly interest in percent; a plain decimal.
    pub interest_rate: String,
    /// Whether it can be opened.
    pub active: bool,
}

impl AccountType {
    /// The types every bank starts with.
    pub fn first_ones() -> Vec<Self> {
        [
            ("checking", "Checking account", "Everyday payments without a fee", "0.00", "0.50"),
            ("salary", "Salary account", "Receives a salary", "0.00", "0.00"),
            ("savings", "Savings account", "Earns interest", "5.00", "3.00"),
            ("premium", "Premium account", "Higher interest and personal service", "15.00", "1.50"),
        ]
        .map(|(code, name, description, monthly_fee, interest_rate)| Self {
            code: code.into(),
            name: name.into(),
            description: description.into(),
            monthly_fee: monthly_fee.into(),
            interest_rate: interest_rate.into(),
            active: true,
        })
        .into()
    }

    /// Reads a fee or a rate: plain digits, up to [`MAX_INTEGER_DIGITS`] before the point and four after it; written
    /// with at least two decimals. `None` for anything else.
    pub fn parse_decimal(text: &str) -> Option<String> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let fits = digits(whole)
            && digits(fraction)
            && whole.len() <= MAX_INTEGER_DIGITS
            && fraction.len() <= 4
            && (whole.len() == 1 || !whole.starts_with('0'));
        let mut amount: Decimal = fits.then(|| text.parse().ok())??;
        amount.rescale(amount.scale().max(2));
        Some(amount.to_string())
    }

    /// Whether a text can name a type.
    pub fn is_code(text: &str) -> bool {
        (2..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && text.starts_with(|c: char| c.is_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Money {
        let currency = Currency::parse("USD").expect("a currency");
        match text.strip_prefix('-') {
            Some(text) => Money::parse_or_zero(text, currency).expect("money").negated(),
            None => Money::parse_or_zero(text, currency).expect("money"),
        }
    }

    fn open() -> OpenAccount {
        OpenAccount {
            id: AccountId::from_bytes([1; 16]),
            owner: CustomerId::parse("cus_ana").expect("an id"),
            kind: "savings".into(),
            currency: usd("0").currency(),
        }
    }

    fn account(status: AccountStatus, posted: &str, held: &str, overdraft: &str) -> Account {
        let opened = open().decide(AccountNumber::from_bytes([1; 16]), Timestamp::from_millis(0));
        let (posted, held, overdraft) = (usd(posted), usd(held), usd(overdraft));
        let available = posted.checked_sub(held).and_then(|free| free.checked_add(overdraft)).expect("money");
        Account { status, balance: Balance { posted, held, available }, overdraft, version: 7, ..opened }
    }

    #[test]
    fn each_change_is_decided_by_status_balance_and_who_asks() {
        use AccountStatus::{Active, Closed, Frozen};
        use ChangeRejection as No;
        let to = |status| Change { status: Some(status), overdraft: None };
        let limit = |text| Change { status: None, overdraft: Some(usd(text)) };
        let yes = |status, overdraft| Ok(Some(Changed { status, overdraft: usd(overdraft) }));
        for (account, change, by_staff, expected) in [
            (account(Active, "0", "0", "0"), to(Closed), false, yes(Closed, "0")),
            (account(Active, "0", "0", "50"), to(Closed), false, yes(Closed, "0")),
            (account(Active, "0.01", "0", "0"), to(Closed), false, Err(No::BalanceNotZero)),
            (account(Active, "-1", "0", "5"), to(Closed), true, Err(No::BalanceNotZero)),
            (account(Active, "0", "0.01", "5"), to(Closed), true, Err(No::BalanceNotZero)),
            (account(Frozen, "5", "0", "0"), to(Closed), false, Err(No::Frozen)),
            (account(Frozen, "5", "0", "0"), to(Closed), true, Err(No::BalanceNotZero)),
            (account(Frozen, "0", "0", "0"), to(Closed), true, yes(Closed, "0")),
            (account(Closed, "0", "0", "0"), to(Closed), false, Ok(None)),
            (account(Closed, "0", "0", "0"), to(Active), true, Err(No::Closed)),
            (account(Closed, "0", "0", "0"), to(Frozen), true, Err(No::Closed)),
            (account(Closed, "0", "0", "0"), limit("0"), true, Err(No::Closed)),
            (account(Active, "5", "1", "0"), to(Frozen), true, yes(Frozen, "0")),
            (account(Frozen, "5", "1", "9"), to(Active), true, yes(Active, "9")),
            (account(Active, "5", "0", "0"), to(Active), true, Ok(None)),
            (account(Active, "5", "0", "0"), limit("0"), true, Ok(None)),
            (account(Frozen, "5", "0", "0"), limit("20"), true, yes(Frozen, "20")),
            (account(Active, "-5", "0", "10"), limit("1"), true, yes(Active, "1")),
        ] {
            assert_eq!(account.change(&change, by_staff), expected, "{account:?} {change:?} by staff: {by_staff}");
        }
    }

    #[test]
    fn closing_is_all_that_a_customer_may_ask_for() {
        assert!(!Change::CLOSE.is_for_staff());
        for (status, overdraft) in [
            (Some(AccountStatus::Frozen), None),
            (Some(AccountStatus::Active), None),
            (None, Some(usd("1"))),
            (Some(AccountStatus::Closed), Some(usd("1"))),
        ] {
            assert!(Change { status, overdraft }.is_for_staff(), "{status:?} {overdraft:?}");
        }
    }

    #[test]
    fn a_repetition_is_answered_with_the_account_as_it_was_opened() {
        let opened = open().decide(AccountNumber::from_bytes([1; 16]), Timestamp::from_millis(0));
        let since = Account { number: opened.number.clone(), ..account(AccountStatus::Frozen, "5", "1", "9") };
        assert_eq!(since.as_opened(), opened);
        assert_eq!(since.first_difference(&open()), None);
    }

    #[test]
    fn the_first_field_that_differs_is_named() {
        let account = account(AccountStatus::Active, "0", "0", "0");
        let owner = CustomerId::parse("cus_ben").expect("an id");
        let currency = Currency::parse("EUR").expect("a currency");
        let other = OpenAccount { owner, kind: "salary".into(), currency, ..open() };
        assert_eq!(account.first_difference(&other), Some("customer_id"));
        let other = OpenAccount { owner: open().owner, ..other };
        assert_eq!(account.first_difference(&other), Some("type"));
        let other = OpenAccount { kind: "savings".into(), ..other };
        assert_eq!(account.first_difference(&other), Some("currency"));
    }

    #[test]
    fn fees_and_rates_are_plain_decimals() {
        for (text, expected) in [
            ("0", Some("0.00")),
            ("1.5", Some("1.50")),
            ("3.1250", Some("3.1250")),
            ("15.00", Some("15.00")),
            ("", None),
            ("-1", None),
            ("1e2", None),
            (".5", None),
            ("5.", None),
            ("01", None),
            ("1.00001", None),
            ("1000000000000000", None),
            ("1,5", None),
            ("1.2.3", None),
        ] {
            assert_eq!(AccountType::parse_decimal(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_first_types_are_on_offer_under_proper_codes() {
        for kind in AccountType::first_ones() {
            assert!(AccountType::is_code(&kind.code) && kind.active, "{kind:?}");
        }
        for text in ["", "a", "1a", "_a", "Savings", "sa vings", "sä", &"a".repeat(33)] {
            assert!(!AccountType::is_code(text), "{text}");
        }
    }
}
