//! Holds: reserved money is captured, voided or runs out, at most one of them, once.

use super::{State, Transfer};
use crate::{Money, Timestamp};

/// Why a hold is not resolved. The first that applies is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldRejection {
    /// Never a hold, resolved before, or past its deadline.
    NotPending,
    /// The amount is in another currency than the hold.
    CurrencyMismatch,
    /// More than is reserved.
    ExceedsHold,
}

/// How a pending hold ends. Commit it on the condition that the hold is still pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// `amount` moves, the rest is released at once.
    Capture {
        /// What moves.
        amount: Money,
        /// When.
        at: Timestamp,
    },
    /// All of it is released.
    Void {
        /// When.
        at: Timestamp,
    },
    /// All of it is released because the deadline has passed.
    Expire {
        /// When.
        at: Timestamp,
    },
}

impl Transfer {
    /// Captures the whole hold, or a part of it.
    pub fn capture(&self, amount: Option<Money>, now: Timestamp) -> Result<Resolution, HoldRejection> {
        self.pending(now)?;
        let amount = amount.unwrap_or(self.money);
        if amount.currency() != self.currency() {
            return Err(HoldRejection::CurrencyMismatch);
        }
        if !self.money.covers(amount) {
            return Err(HoldRejection::ExceedsHold);
        }
        Ok(Resolution::Capture { amount, at: now })
    }

    /// Gives the hold back. `Ok(None)` when it was given back before: nothing is left to do.
    pub fn void(&self, now: Timestamp) -> Result<Option<Resolution>, HoldRejection> {
        if matches!(self.state, State::Voided { .. }) {
            return Ok(None);
        }
        self.pending(now)?;
        Ok(Some(Resolution::Void { at: now }))
    }

    /// Frees the money of a hold whose deadline has come; `None` if there is nothing to free.
    pub fn expire(&self, now: Timestamp) -> Option<Resolution> {
        match self.state {
            State::Pending { expires_at } if expires_at <= now => Some(Resolution::Expire { at: now }),
            _ => None,
        }
    }

    /// The hold as this resolution leaves it.
    pub fn resolved(&self, resolution: &Resolution) -> Self {
        let State::Pending { expires_at } = self.state else { return self.clone() };
        let state = match *resolution {
            Resolution::Capture { amount, at } => {
                State::Captured { amount, posted_at: at, expires_at, reversed_by: None }
            }
            Resolution::Void { at } => State::Voided { at, expires_at },
            Resolution::Expire { at } => State::Expired { at, expires_at },
        };
        Self { state, ..self.clone() }
    }

    fn pending(&self, now: Timestamp) -> Result<(), HoldRejection> {
        match self.state {
            State::Pending { expires_at } if expires_at > now => Ok(()),
            _ => Err(HoldRejection::NotPending),
        }
    }
}
