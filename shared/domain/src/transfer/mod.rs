//! Transfers: movements of money, holds, reversals and refused attempts.
//!
//! A transfer is decided here and committed elsewhere by one conditional write. It is never edited: a hold is
//! resolved at most once, a reversal is a new transfer.

mod command;
mod decide;
mod hold;
#[cfg(test)]
mod table_tests;

pub use command::{Authority, Command, HoldTerms, MAX_HOLD_SECONDS};
pub use decide::{Accounts, Rejection, decide, decide_reversal};
pub(crate) use decide::{check_state, party};
pub use hold::{HoldRejection, Resolution};

use crate::{
    Currency, Money, Timestamp,
    id::{AccountId, CustomerId, TransferId},
    number::AccountNumber,
};

/// What a transfer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Money arrives from outside.
    Deposit,
    /// Money leaves to outside.
    Withdrawal,
    /// From account to account.
    Transfer,
    /// To a biller, or to a merchant's account.
    Payment,
    /// For a voucher: reserved when it is ordered, moved when the supplier has delivered. Only the purchase resolves it.
    Voucher,
    /// The other way round, once, for a completed transfer.
    Reversal,
    /// Between an account and the wallet of its owner.
    Wallet,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Deposit, Self::Withdrawal, Self::Transfer, Self::Payment, Self::Voucher, Self::Reversal, Self::Wallet];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Transfer => "transfer",
            Self::Payment => "payment",
            Self::Voucher => "voucher",
            Self::Reversal => "reversal",
            Self::Wallet => "wallet",
        }
    }

    /// Reads what [`Kind::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether a hold of this kind belongs to a process of the bank, which alone captures or voids it.
    pub fn resolves_itself(self) -> bool {
        self == Self::Voucher
    }

    /// Whether a hold of this kind is captured although its account was frozen meanwhile. A freeze stops what a
    /// customer would begin; a voucher that was delivered is paid for out of money reserved before.
    pub fn captures_frozen(self) -> bool {
        self == Self::Voucher
    }
}

/// An account of the bank itself, one per currency. It carries no counter: its balance is the sum of its entries,
/// so it is never a hot row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SystemAccount {
    /// The other side of deposits.
    CashIn,
    /// The other side of withdrawals.
    CashOut,
    /// The other side of payments to billers outside.
    Payments,
    /// What the bank owes its voucher supplier.
    Supplier,
    /// What the bank pays out of its own pocket: vouchers delivered after their money was given back.
    Losses,
}

impl SystemAccount {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::CashIn, Self::CashOut, Self::Payments, Self::Supplier, Self::Losses];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CashIn => "cash_in",
            Self::CashOut => "cash_out",
            Self::Payments => "payments",
            Self::Supplier => "supplier",
            Self::Losses => "losses",
        }
    }

    /// Reads what [`SystemAccount::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.as_str() == text)
    }
}

/// One side of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A customer's account.
    Account {
        /// Which.
        id: AccountId,
        /// Its number, shown to the other side.
        number: AccountNumber,
    },
    /// The bank itself.
    System(SystemAccount),
    /// A customer's wallet at the exchange.
    Wallet(CustomerId),
}

impl Party {
    /// The customer account of this side.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account { id, .. } => Some(id),
            Self::System(_) | Self::Wallet(_) => None,
        }
    }

    /// Whose wallet this side is.
    pub fn wallet(&self) -> Option<&CustomerId> {
        match self {
            Self::Wallet(customer) => Some(customer),
            Self::Account { .. } | Self::System(_) => None,
        }
    }
}

/// Why an attempt stays on record as refused. Such a refusal is remembered under its id: a retry never turns a
/// known no into a late yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The debited account had not enough available.
    InsufficientFunds,
}

impl Refusal {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
        }
    }

    /// Reads what [`Refusal::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        (text == Self::InsufficientFunds.as_str()).then_some(Self::InsufficientFunds)
    }
}

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The money has moved.
    Completed {
        /// When it moved.
        posted_at: Timestamp,
        /// The transfer that took it back since.
        reversed_by: Option<TransferId>,
    },
    /// A hold: the money is reserved on the debited account.
    Pending {
        /// From this moment on it can no longer be captured or voided.
        expires_at: Timestamp,
    },
    /// A hold that was captured, in full or in part.
    Captured {
        /// What moved; the rest was released.
        amount: Money,
        /// When it moved.
        posted_at: Timestamp,
        /// The deadline it had.
        expires_at: Timestamp,
        /// The transfer that took it back since.
        reversed_by: Option<TransferId>,
    },
    /// A hold that was given back.
    Voided {
        /// When.
        at: Timestamp,
        /// The deadline it had.
        expires_at: Timestamp,
    },
    /// A hold that ran out and whose money is free again.
    Expired {
        /// When the money was freed.
        at: Timestamp,
        /// The deadline it had.
        expires_at: Timestamp,
    },
    /// Refused, and remembered.
    Rejected {
        /// Why.
        reason: Refusal,
    },
}

/// What a client is shown as `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Money has moved.
    Completed,
    /// Money is reserved.
    Pending,
    /// Refused.
    Rejected,
    /// Given back before capture.
    Voided,
    /// The deadline has passed.
    Expired,
    /// Moved, and taken back by a reversal.
    Reversed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Completed, Self::Pending, Self::Rejected, Self::Voided, Self::Expired, Self::Reversed];

    /// As shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Voided => "voided",
            Self::Expired => "expired",
            Self::Reversed => "reversed",
        }
    }

    /// Reads what [`Status::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A transfer as decided and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Derived from the caller's idempotency key, which makes the row the idempotency record.
    pub id: TransferId,
    /// What for.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// How much was asked for; what a part capture moved is in the state.
    pub money: Money,
    /// Whose money it is.
    pub debit: Party,
    /// Who gets it.
    pub credit: Party,
    /// Free text for both sides.
    pub description: Option<String>,
    /// The client's own object as JSON text, kept as given.
    pub metadata: Option<String>,
    /// How long the hold was asked to last; `None` when it is no hold.
    pub hold_seconds: Option<u32>,
    /// Who asked: a customer, a member of staff or a machine.
    pub initiator: String,
    /// When it was decided.
    pub created_at: Timestamp,
    /// The transfer that this one takes back.
    pub reverses: Option<TransferId>,
}

impl Transfer {
    /// The currency on both sides.
    pub fn currency(&self) -> Currency {
        self.money.currency()
    }

    /// What clients see now. A hold whose deadline has come is expired, whoever looks first.
    pub fn status(&self, now: Timestamp) -> Status {
        match &self.state {
            State::Completed { reversed_by, .. } | State::Captured { reversed_by, .. } => {
                if reversed_by.is_some() {
                    Status::Reversed
                } else {
                    Status::Completed
                }
            }
            State::Pending { expires_at } => {
                if *expires_at <= now {
                    Status::Expired
                } else {
                    Status::Pending
                }
            }
            State::Voided { .. } => Status::Voided,
            State::Expired { .. } => Status::Expired,
            State::Rejected { .. } => Status::Rejected,
        }
    }

    /// The deadline of a hold, whatever became of it.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Pending { expires_at }
            | State::Captured { expires_at, .. }
            | State::Voided { expires_at, .. }
            | State::Expired { expires_at, .. } => Some(expires_at),
            State::Completed { .. } | State::Rejected { .. } => None,
        }
    }

    /// How much has moved and when; `None` while nothing has.
    pub fn posted(&self) -> Option<(Money, Timestamp)> {
        match self.state {
            State::Completed { posted_at, .. } => Some((self.money, posted_at)),
            State::Captured { amount, posted_at, .. } => Some((amount, posted_at)),
            _ => None,
        }
    }

    /// The transfer that took it back.
    pub fn reversed_by(&self) -> Option<&TransferId> {
        match &self.state {
            State::Completed { reversed_by, .. } | State::Captured { reversed_by, .. } => reversed_by.as_ref(),
            _ => None,
        }
    }

    /// This transfer as it was right after it was first decided: what a repetition of the request is answered.
    pub fn as_decided(&self) -> Self {
        let state = match &self.state {
            State::Completed { posted_at, .. } => State::Completed { posted_at: *posted_at, reversed_by: None },
            State::Rejected { reason } => State::Rejected { reason: *reason },
            State::Pending { expires_at }
            | State::Captured { expires_at, .. }
            | State::Voided { expires_at, .. }
            | State::Expired { expires_at, .. } => State::Pending { expires_at: *expires_at },
        };
        Self { state, ..self.clone() }
    }

    /// The first field in which a repeated request differs from this, its first; `None` if it is the same.
    pub fn first_difference(&self, command: &Command) -> Option<&'static str> {
        let account = |party: &Party| party.account().cloned();
        [
            ("type", self.kind == command.kind),
            ("amount", self.money.amount() == command.money.amount()),
            ("currency", self.currency() == command.money.currency()),
            ("from_account", account(&self.debit) == command.from),
            ("to_account", account(&self.credit) == command.to),
            ("description", self.description == command.description),
            ("metadata", self.metadata == command.metadata),
            ("hold", self.hold_seconds.is_some() == command.hold.is_some()),
            ("expires_in", self.hold_seconds == command.hold.map(|terms| terms.seconds())),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }
}
