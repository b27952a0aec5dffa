//! What an outcome of the supplier does to a purchase and to its money.

use super::{
    Funding, LateSuccess, NOT_ORDERED, NOT_SENT, Notice, Purchase, State, VoucherCode, WAIT_MARGIN_SECONDS, unknown,
};
use crate::{
    Timestamp,
    id::{TransferId, derive},
    transfer::{Kind, SystemAccount, Transfer},
};

/// What is known of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The supplier delivered.
    Delivered {
        /// The voucher.
        code: VoucherCode,
        /// The supplier's own number of the order.
        supplier_order: Option<String>,
    },
    /// The supplier surely did not and will not deliver.
    Refused {
        /// Why, at most 200 characters.
        reason: String,
    },
    /// Nothing: the call ran out of time, or its answer was lost.
    Unknown {
        /// Whether the supplier said at least that it has the order.
        acknowledged: bool,
    },
}

/// What happens to the money, in the same write as the purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyMove {
    /// Nothing.
    Stays,
    /// The hold is captured, all of it.
    Capture(TransferId),
    /// The hold is voided.
    Release(TransferId),
    /// This completed booking is added: a partner's payment, or a loss.
    Book(Box<Transfer>),
}

/// What an outcome leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// To be committed: the purchase as it will be, and its money with it.
    Changes(Box<Purchase>, MoneyMove),
    /// Known before.
    Nothing,
    /// The supplier contradicts what it said before, to nobody's loss: kept as it was, for people to look at.
    Contradiction(&'static str),
}

impl Purchase {
    /// Applies an outcome, however often and in whatever order outcomes arrive.
    /// `first_ask_seconds` is the pause before the supplier is asked about an unknown one.
    pub fn settle(&self, outcome: &Outcome, first_ask_seconds: i64, now: Timestamp) -> Settlement {
        match (&self.state, outcome) {
            (
                State::Held { .. } | State::Submitted { .. } | State::Unknown { .. },
                Outcome::Delivered { code, supplier_order },
            ) => {
                let state = State::Delivered { code: code.clone(), supplier_order: supplier_order.clone(), at: now };
                Settlement::Changes(Box::new(self.ended(state, now)), self.paid(now))
            }
            // That the order never arrived was concluded, and wrongly so.
            (State::Unknown { acknowledged: true, .. }, Outcome::Refused { reason })
                if reason == NOT_ORDERED || reason == NOT_SENT =>
            {
                Settlement::Contradiction("not ordered, after it had the order")
            }
            (State::Held { .. } | State::Submitted { .. } | State::Unknown { .. }, Outcome::Refused { reason }) => {
                let state = State::Refused { reason: reason.clone(), at: now, late: None };
                Settlement::Changes(Box::new(self.ended(state, now)), self.given_back())
            }
            (&State::Submitted { at, .. }, &Outcome::Unknown { acknowledged }) => {
                self.not_known(unknown(at, 0, acknowledged, first_ask_seconds, now))
            }
            // A late word of an earlier try: the supplier has the order, so it is not sent again.
            (&State::Held { since, .. }, Outcome::Unknown { acknowledged: true }) => {
                self.not_known(unknown(since, 0, true, first_ask_seconds, now))
            }
            (
                &State::Unknown { submitted_at, asked, ask_at, acknowledged: false },
                Outcome::Unknown { acknowledged: true },
            ) => self.not_known(State::Unknown { submitted_at, asked, ask_at, acknowledged: true }),
            // A purchase back in the queue, or one that is being asked about, learns nothing from not knowing.
            (_, Outcome::Unknown { .. }) => Settlement::Nothing,
            (State::Delivered { code: known, .. }, Outcome::Delivered { code, .. }) => {
                if known == code {
                    Settlement::Nothing
                } else {
                    Settlement::Contradiction("delivered twice, with another code")
                }
            }
            (State::Delivered { .. }, Outcome::Refused { .. }) => {
                Settlement::Contradiction("refused after it was delivered")
            }
            (State::Refused { late: None, reason, at }, Outcome::Delivered { code, .. }) => {
                let late = Some(LateSuccess { code: code.clone(), at: now });
                let state = State::Refused { reason: reason.clone(), at: *at, late };
                Settlement::Changes(Box::new(self.with(state, self.notice)), self.lost(now))
            }
            (State::Refused { late: Some(known), .. }, Outcome::Delivered { code, .. }) if known.code != *code => {
                Settlement::Contradiction("delivered late and twice, with another code")
            }
            (State::Refused { .. }, Outcome::Delivered { .. } | Outcome::Refused { .. }) => Settlement::Nothing,
        }
    }

    /// Whether this is a success that came too late, which the bank has paid for.
    pub fn is_late_success(&self) -> bool {
        matches!(self.state, State::Refused { late: Some(_), .. })
    }

    fn not_known(&self, state: State) -> Settlement {
        Settlement::Changes(Box::new(self.with(state, self.notice)), MoneyMove::Stays)
    }

    /// With its outcome. A request that still waits will tell it; one that should have stopped is not counted on.
    fn ended(&self, state: State, now: Timestamp) -> Self {
        let notice = match self.notice {
            Notice::Waiting { until } if until.plus_seconds(WAIT_MARGIN_SECONDS) <= now => Notice::Sms,
            notice => notice,
        };
        self.with(state, notice)
    }

    fn paid(&self, now: Timestamp) -> MoneyMove {
        match &self.funding {
            Funding::Account { hold, .. } => MoneyMove::Capture(hold.clone()),
            Funding::Partner { client, transfer, .. } => MoneyMove::Book(Box::new(Transfer::between(
                transfer.clone(),
                Kind::Voucher,
                self.price,
                (SystemAccount::CashIn, SystemAccount::Supplier),
                self.product_name.clone(),
                client.clone(),
                now,
            ))),
        }
    }

    fn given_back(&self) -> MoneyMove {
        match &self.funding {
            Funding::Account { hold, .. } => MoneyMove::Release(hold.clone()),
            Funding::Partner { .. } => MoneyMove::Stays,
        }
    }

    fn lost(&self, now: Timestamp) -> MoneyMove {
        MoneyMove::Book(Box::new(Transfer::between(
            TransferId::from_bytes(derive(&["late voucher", self.id.as_str()])),
            Kind::Voucher,
            self.price,
            (SystemAccount::Losses, SystemAccount::Supplier),
            format!("Delivered after it was given back: {}", self.id),
            "vouchers-settle".to_owned(),
            now,
        )))
    }
}
