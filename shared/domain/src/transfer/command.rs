//! What a client asks for, after every field has been understood.

use super::Kind;
use crate::{
    Money,
    id::{AccountId, CustomerId, TransferId},
};

/// A hold lasts 31 days at most.
pub const MAX_HOLD_SECONDS: u32 = 31 * 24 * 60 * 60;

/// How long a hold without a wish lasts: 7 days, as card authorisations commonly do.
const DEFAULT_HOLD_SECONDS: u32 = 7 * 24 * 60 * 60;

/// How long a hold reserves, in whole seconds from 1 to [`MAX_HOLD_SECONDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldTerms(u32);

impl HoldTerms {
    /// `None` outside the range.
    pub fn new(seconds: u64) -> Option<Self> {
        u32::try_from(seconds).ok().filter(|seconds| (1..=MAX_HOLD_SECONDS).contains(seconds)).map(Self)
    }

    /// Until the purchase it belongs to has an outcome: ten years, so that no deadline ever gives money back on a guess.
    pub const UNTIL_RESOLVED: Self = Self(10 * 365 * 24 * 60 * 60);

    /// Seconds from the decision to the deadline.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for HoldTerms {
    fn default() -> Self {
        Self(DEFAULT_HOLD_SECONDS)
    }
}

/// On whose authority money moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The bank's staff: every account.
    Bank,
    /// A customer: his own accounts on the side that he disposes of.
    Customer(CustomerId),
}

impl Authority {
    /// Whether an account of `owner` may be disposed of.
    pub fn covers(&self, owner: &CustomerId) -> bool {
        match self {
            Self::Bank => true,
            Self::Customer(customer) => customer == owner,
        }
    }
}

/// Move, or reserve, this money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Derived from caller, path and idempotency key.
    pub id: TransferId,
    /// What for. [`Kind::Reversal`] has a decision of its own.
    pub kind: Kind,
    /// How much, in which currency.
    pub money: Money,
    /// The debited account; `None` for deposits.
    pub from: Option<AccountId>,
    /// The credited account; `None` for withdrawals and for payments to billers outside.
    pub to: Option<AccountId>,
    /// Free text.
    pub description: Option<String>,
    /// The client's own object, as JSON text.
    pub metadata: Option<String>,
    /// Reserve now instead of moving.
    pub hold: Option<HoldTerms>,
    /// Who asks.
    pub initiator: String,
    /// On whose authority.
    pub authority: Authority,
}
