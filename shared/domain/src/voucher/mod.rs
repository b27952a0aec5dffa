//! The purchase of a voucher: held → submitted → delivered | refused, with `unknown` for as long as the supplier has
//! not said which.
//!
//! Money is reserved first and moves with the state, never before it: captured on delivery, given back only when it
//! is sure that nothing was or will be delivered. Nothing here guesses.

mod buy;
mod code;
mod message;
mod product;
mod settle;
#[cfg(test)]
mod tests;

pub use buy::{Bought, Buy, Payer, Rejection, buy};
pub use code::VoucherCode;
pub use message::{OrderMessage, Report, ResultMessage};
pub use product::{Product, ProductId, ProductStatus};
pub use settle::{MoneyMove, Outcome, Settlement};

use crate::{
    Money, Timestamp,
    customer::PhoneNumber,
    id::{AccountId, CustomerId, TransferId, VoucherId},
};

/// How often an order is tried of which it is sure that it never reached the supplier.
pub const MAX_ATTEMPTS: u32 = 3;
/// After a request has stopped waiting, its answer may still be under way for this many seconds.
pub const WAIT_MARGIN_SECONDS: i64 = 5;
/// The longest pause between two questions about an unknown purchase.
pub const LONGEST_PAUSE_SECONDS: i64 = 3600;
/// An order that has not gone out this long after it was bought is given up.
pub const MAX_HELD_SECONDS: i64 = 3600;
/// What the supplier's own words are stored behind, so that no reason of ours can be taken from it.
pub const SUPPLIER_SAYS: &str = "supplier: ";
/// Why a purchase failed that its account could not pay.
pub const INSUFFICIENT_FUNDS: &str = "insufficient_funds";
/// Why a purchase failed whose order surely never left.
pub const NOT_SENT: &str = "supplier_unreachable";
/// Why a purchase failed whose order the supplier surely never had.
pub const NOT_ORDERED: &str = "not_ordered";

/// How long a purchase is left alone before it counts as stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long an order waits for the supplier's answer.
    pub deadline_seconds: i64,
    /// How long whoever is to take the next step may be silent: the worker of an order, the one that reports its
    /// outcome, the one that hands over its SMS.
    pub resend_seconds: i64,
}

/// Who pays, and by which transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Funding {
    /// A signed-in customer, from an account.
    Account {
        /// Who buys.
        customer: CustomerId,
        /// From which account.
        account: AccountId,
        /// The hold that reserves the price.
        hold: TransferId,
    },
    /// A partner that has been paid by its own customer.
    Partner {
        /// Its machine client.
        client: String,
        /// Its own reference of the payment; one purchase each.
        payment_reference: String,
        /// The booking made on delivery.
        transfer: TransferId,
    },
}

impl Funding {
    /// Under which name the buyer calls: a customer id or a client id.
    pub fn buyer(&self) -> &str {
        match self {
            Self::Account { customer, .. } => customer.as_str(),
            Self::Partner { client, .. } => client,
        }
    }

    /// The transfer by which the price moves.
    pub fn transfer(&self) -> &TransferId {
        match self {
            Self::Account { hold, .. } => hold,
            Self::Partner { transfer, .. } => transfer,
        }
    }
}

/// A success that came after the money had been given back: the bank pays for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateSuccess {
    /// What the supplier delivered; nobody was given it.
    pub code: VoucherCode,
    /// When it became known.
    pub at: Timestamp,
}

/// Where a purchase stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The money is reserved, the order waits to be sent.
    Held {
        /// Tries so far that surely did not reach the supplier.
        attempts: u32,
        /// When it was put into the queue.
        since: Timestamp,
        /// Whether a try before may have reached it all the same: that these did not then proves nothing.
        doubt: bool,
    },
    /// The order is being sent, or was: whether the supplier has it is not known.
    Submitted {
        /// This try, from 1.
        attempts: u32,
        /// When it began.
        at: Timestamp,
        /// Whether a try before may have reached the supplier: that this one surely did not then proves nothing.
        doubt: bool,
    },
    /// The supplier did not tell the outcome. It is asked until it does.
    Unknown {
        /// When the order was last submitted.
        submitted_at: Timestamp,
        /// How often it was asked.
        asked: u32,
        /// When to ask next.
        ask_at: Timestamp,
        /// Whether the supplier has ever said that it has the order. Never taken back.
        acknowledged: bool,
    },
    /// The supplier delivered and the price is paid.
    Delivered {
        /// The voucher.
        code: VoucherCode,
        /// The supplier's own number of the order.
        supplier_order: Option<String>,
        /// When it became known.
        at: Timestamp,
    },
    /// Nothing was delivered and nothing is paid.
    Refused {
        /// A constant of this module, or the supplier's words after [`SUPPLIER_SAYS`] (at most 200 characters).
        reason: String,
        /// When it became known.
        at: Timestamp,
        /// What the supplier delivered all the same.
        late: Option<LateSuccess>,
    },
}

impl State {
    /// Whether no outcome is known yet.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Submitted { .. } | Self::Unknown { .. })
    }
}

/// What a client is shown as `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Under way.
    Processing,
    /// The voucher is there.
    Delivered,
    /// Nothing delivered, nothing paid.
    Failed,
    /// The supplier has not said; the money stays reserved.
    Unknown,
}

/// Who tells the buyer the outcome. Moved by conditions only, so that it is told exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A request waits until this moment and will tell it in its answer.
    Waiting {
        /// Its end.
        until: Timestamp,
    },
    /// An SMS was promised.
    Sms,
    /// The outcome was told in an answer; no SMS.
    Answered,
    /// The SMS was handed over.
    Queued,
}

/// A purchase as decided and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Derived from the buyer's idempotency key; the supplier's idempotency key in turn.
    pub id: VoucherId,
    /// What was bought.
    pub product: ProductId,
    /// Its name when it was bought.
    pub product_name: String,
    /// What the supplier calls it.
    pub supplier_sku: String,
    /// For which phone, and where an SMS goes.
    pub phone: PhoneNumber,
    /// What it costs.
    pub price: Money,
    /// Who pays.
    pub funding: Funding,
    /// Where it stands.
    pub state: State,
    /// Who tells the buyer.
    pub notice: Notice,
    /// When it was decided.
    pub created_at: Timestamp,
    /// Counts every change; every write is conditional on it.
    pub version: u64,
}

impl Purchase {
    /// What clients are shown.
    pub fn status(&self) -> Status {
        match self.state {
            State::Held { .. } | State::Submitted { .. } => Status::Processing,
            State::Unknown { .. } => Status::Unknown,
            State::Delivered { .. } => Status::Delivered,
            State::Refused { .. } => Status::Failed,
        }
    }

    /// When it must be looked at if nothing happens; `None` when nothing is left to do.
    pub fn due_at(&self, patience: &Patience) -> Option<Timestamp> {
        let &Patience { deadline_seconds, resend_seconds } = patience;
        match (&self.state, self.notice) {
            (State::Held { since, .. }, _) => {
                let pause = (since.millis() - self.created_at.millis()) / 1000;
                Some(since.plus_seconds(pause.min(LONGEST_PAUSE_SECONDS).max(resend_seconds)))
            }
            (State::Submitted { at, .. }, _) => Some(at.plus_seconds(deadline_seconds.saturating_add(resend_seconds))),
            (State::Unknown { ask_at, .. }, _) => Some(*ask_at),
            (_, Notice::Waiting { until }) => Some(until.plus_seconds(WAIT_MARGIN_SECONDS)),
            (State::Delivered { at, .. } | State::Refused { at, .. }, Notice::Sms) => {
                Some(at.plus_seconds(resend_seconds))
            }
            (_, Notice::Answered | Notice::Queued) => None,
        }
    }

    /// The order goes out now. `None` unless it waits for that and has tries left.
    pub fn submit(&self, now: Timestamp) -> Option<Self> {
        match self.state {
            State::Held { attempts, doubt, .. } if attempts < MAX_ATTEMPTS => {
                let state = State::Submitted { attempts: attempts + 1, at: now, doubt };
                Some(self.with(state, self.notice))
            }
            _ => None,
        }
    }

    /// This very try surely did not reach the supplier: the order waits again. `None` when it was the last one and an
    /// earlier one may have reached it: then nobody knows.
    pub fn put_back(&self, now: Timestamp) -> Option<Self> {
        match self.state {
            State::Submitted { attempts, doubt, .. } if !doubt || attempts < MAX_ATTEMPTS => {
                Some(self.with(State::Held { attempts, since: now, doubt }, self.notice))
            }
            _ => None,
        }
    }

    /// The order is to go out once more, under the same reference: its worker did not say what became of it, and the
    /// supplier does not have it. Only once, since the supplier may yet find it.
    pub fn order_again(&self, now: Timestamp) -> Option<Self> {
        match self.state {
            State::Submitted { attempts, doubt: false, .. } => {
                let state = State::Held { attempts: attempts.saturating_sub(1), since: now, doubt: true };
                Some(self.with(state, self.notice))
            }
            _ => None,
        }
    }

    /// Whether it was tried often or long enough, and surely never reached the supplier: nothing is left but to refuse
    /// it as [`NOT_SENT`].
    pub fn is_given_up(&self) -> bool {
        matches!(self.state, State::Held { attempts, doubt: false, .. } if attempts >= MAX_ATTEMPTS)
    }

    /// The order, or its refusal when it [is given up](Self::is_given_up), is about to be put into its queue once
    /// more. `None` unless it waits there.
    pub fn resend(&self, now: Timestamp) -> Option<Self> {
        let State::Held { attempts, doubt, .. } = self.state else { return None };
        Some(self.with(State::Held { attempts, since: now, doubt }, self.notice))
    }

    /// An order that has waited for [`MAX_HELD_SECONDS`] goes out no more. It [is given up](Self::is_given_up), or, when
    /// a try may have reached the supplier, unknown and asked about. `None` unless it waits, and that long.
    pub fn give_up(&self, first_seconds: i64, now: Timestamp) -> Option<Self> {
        let State::Held { since, doubt, .. } = self.state else { return None };
        if self.is_given_up() || self.created_at.plus_seconds(MAX_HELD_SECONDS) > now {
            return None;
        }
        let state = if doubt {
            // No try began after it was put into the queue.
            unknown(since, 0, false, first_seconds, now)
        } else {
            State::Held { attempts: MAX_ATTEMPTS, since: now, doubt }
        };
        Some(self.with(state, self.notice))
    }

    /// The supplier was asked now and did not tell the outcome, but perhaps `acknowledged` that it has the order. It is
    /// asked again after a pause that doubles from `first_seconds` to [`LONGEST_PAUSE_SECONDS`]. `None` unless the
    /// outcome is unknown or overdue.
    pub fn ask(&self, acknowledged: bool, first_seconds: i64, now: Timestamp) -> Option<Self> {
        let state = match self.state {
            State::Submitted { at, .. } => unknown(at, 0, acknowledged, first_seconds, now),
            State::Unknown { submitted_at, asked, acknowledged: before, .. } => {
                unknown(submitted_at, asked.saturating_add(1), before || acknowledged, first_seconds, now)
            }
            _ => return None,
        };
        Some(self.with(state, self.notice))
    }

    /// Whether the supplier has ever said that it has this order, whose outcome is open.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self.state, State::Unknown { acknowledged: true, .. })
    }

    /// When the order was last submitted, while its outcome is open.
    pub fn submitted_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Submitted { at, .. } => Some(at),
            State::Unknown { submitted_at, .. } => Some(submitted_at),
            _ => None,
        }
    }

    /// Whether "I do not have that order" from the supplier now means that it never will. Never after it has said that
    /// it has.
    pub fn is_surely_not_ordered(&self, grace_seconds: i64, now: Timestamp) -> bool {
        !self.is_acknowledged() && self.submitted_at().is_some_and(|at| at.plus_seconds(grace_seconds) <= now)
    }

    /// Another request waits for the outcome, in the place of one that died. `None` while that one may still answer,
    /// or when it is settled who tells.
    pub fn wait(&self, until: Timestamp, now: Timestamp) -> Option<Self> {
        match self.notice {
            Notice::Waiting { until: before } if before.plus_seconds(WAIT_MARGIN_SECONDS) <= now => {
                Some(self.with(self.state.clone(), Notice::Waiting { until }))
            }
            _ => None,
        }
    }

    /// The waiting request gives up: an SMS is promised. `None` when the outcome is there, or nobody waits.
    pub fn stop_waiting(&self) -> Option<Self> {
        let waits = matches!(self.notice, Notice::Waiting { .. });
        (waits && self.state.is_open()).then(|| self.with(self.state.clone(), Notice::Sms))
    }

    /// The waiting request tells the outcome. `None` unless there is one that it is to tell.
    pub fn answer(&self) -> Option<Self> {
        let waits = matches!(self.notice, Notice::Waiting { .. });
        (waits && !self.state.is_open()).then(|| self.with(self.state.clone(), Notice::Answered))
    }

    /// An outcome that a request should have told and did not goes by SMS. `None` while it still may.
    pub fn stand_in(&self, now: Timestamp) -> Option<Self> {
        match self.notice {
            Notice::Waiting { until } if !self.state.is_open() && until.plus_seconds(WAIT_MARGIN_SECONDS) <= now => {
                Some(self.with(self.state.clone(), Notice::Sms))
            }
            _ => None,
        }
    }

    /// The SMS was handed over. `None` unless one was due.
    pub fn queued(&self) -> Option<Self> {
        self.owes_sms().then(|| self.with(self.state.clone(), Notice::Queued))
    }

    /// Whether an SMS with the outcome must be handed over now.
    pub fn owes_sms(&self) -> bool {
        self.notice == Notice::Sms && !self.state.is_open()
    }

    /// The message id of its one SMS.
    pub fn sms_id(&self) -> String {
        format!("voucher-{}", self.id)
    }

    /// The purchase as it was right after it was decided: what a repetition of a request is shown that was answered
    /// before the outcome was known.
    pub fn as_decided(&self) -> Self {
        Self { state: State::Held { attempts: 0, since: self.created_at, doubt: false }, version: 1, ..self.clone() }
    }

    /// The first field in which another request under the same id differs.
    pub fn first_difference(&self, command: &Buy) -> Option<&'static str> {
        let same_payer = match (&self.funding, &command.payer) {
            (Funding::Account { account, .. }, Payer::Account { account: asked, .. }) => account == asked,
            (Funding::Partner { payment_reference, .. }, Payer::Partner { payment_reference: asked, .. }) => {
                payment_reference == asked
            }
            _ => false,
        };
        if self.product != command.product {
            Some("product_id")
        } else if self.phone != command.phone {
            Some("phone")
        } else if !same_payer {
            Some(match self.funding {
                Funding::Account { .. } => "account_id",
                Funding::Partner { .. } => "payment_reference",
            })
        } else {
            None
        }
    }

    fn with(&self, state: State, notice: Notice) -> Self {
        Self { state, notice, version: self.version + 1, ..self.clone() }
    }
}

/// Asked this often, next after a pause that has doubled as often.
fn unknown(submitted_at: Timestamp, asked: u32, acknowledged: bool, first_seconds: i64, now: Timestamp) -> State {
    let pause = first_seconds.max(1).saturating_mul(1 << asked.min(20)).min(LONGEST_PAUSE_SECONDS);
    State::Unknown { submitted_at, asked, ask_at: now.plus_seconds(pause), acknowledged }
}
