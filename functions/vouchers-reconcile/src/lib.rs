//! Takes up purchases that got stuck, and asks the supplier about those whose outcome is unknown. Runs each minute;
//! which purchases it looks at is on the rows themselves.
//!
//! ```text
//! held, its worker never began ─► VoucherOrderQueue; after an hour it is given up
//! submitted and overdue, or unknown ─► supplier, by our reference ─► VoucherOrderResultQueue
//!     └ overdue, and the supplier does not have it ─► held ─► VoucherOrderQueue, once
//! an outcome nobody has told ─► SmsQueue
//! ```
//! Settles nothing itself and gives no money back on a guess: that the supplier does not know an order counts only
//! when it can no longer be on its way.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use aws::{
    queues::Queue,
    store::StoreError,
    vouchers::{Saved, Vouchers},
};
use domain::{
    Timestamp,
    id::VoucherId,
    voucher::{NOT_ORDERED, NOT_SENT, Notice, Patience, Purchase, Report, State},
};
use edge::{clock::Clock, telemetry};
use futures::{StreamExt, stream};
use lambda_runtime::Error;
use serde_json::{Value, json};
use supplier::{Answer, Supplier};

/// Purchases looked at in one go.
const BATCH: usize = 200;
/// Goes in one run; what is left waits for the next minute.
const ROUNDS: usize = 20;
/// Questions to the supplier at the same time: it must be spared, above all when it has just come back.
const AT_ONCE: usize = 10;
/// After this many questions in a row without an answer the supplier is asked no more in this run.
const SILENCES: usize = 10;
/// No purchase is begun after this long: the timeout of the function is 50 s.
const LONGEST_RUN_SECONDS: i64 = 40;

/// The queues this worker sends to.
#[derive(Clone, Debug)]
pub struct Queues {
    /// Orders whose worker never began.
    pub orders: Queue,
    /// What became of an order.
    pub results: Queue,
    /// What the buyer is told.
    pub sms: Queue,
}

/// How this worker is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How long a purchase is left alone.
    pub patience: Patience,
    /// The pause after the first question about an unknown outcome.
    pub first_ask_seconds: i64,
    /// How long "not found" proves nothing after an order was submitted.
    pub grace_seconds: i64,
    /// When an unknown outcome becomes a person's business.
    pub review_hours: i64,
    /// Whom to turn to, told with a failure.
    pub support: String,
    /// Where metrics go.
    pub namespace: String,
}

impl Setup {
    /// While its worker may still be calling, "not found" proves nothing, whatever the setting says.
    fn grace_seconds(&self) -> i64 {
        let Patience { deadline_seconds, resend_seconds } = self.patience;
        self.grace_seconds.max(deadline_seconds.saturating_add(resend_seconds))
    }
}

/// What a run works with. Without a supplier nobody is asked, and what is unknown stays so.
#[derive(Debug)]
pub struct Desk<'a, C> {
    /// The purchases.
    pub vouchers: &'a Vouchers,
    /// Who is asked.
    pub supplier: Option<&'a Supplier>,
    /// Where what is found goes.
    pub queues: &'a Queues,
    /// How it is set up.
    pub setup: &'a Setup,
    /// What time it is.
    pub clock: &'a C,
}

/// What one run has learned on its way.
#[derive(Debug)]
struct Run {
    /// When no purchase is begun any more.
    end: Timestamp,
    /// Questions in a row without an answer.
    silences: AtomicUsize,
}

impl Run {
    fn is_supplier_silent(&self) -> bool {
        self.silences.load(Ordering::Relaxed) >= SILENCES
    }

    fn heard(&self, answered: bool) {
        if answered {
            self.silences.store(0, Ordering::Relaxed);
        } else {
            self.silences.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One run. Fails at the end if any purchase could not be looked after, so that the failure is seen; the others are.
pub async fn sweep<C: Clock>(desk: &Desk<'_, C>) -> Result<Value, Error> {
    let end = desk.clock.now().plus_seconds(LONGEST_RUN_SECONDS);
    let run = &Run { end, silences: AtomicUsize::new(0) };
    let (mut seen, mut moved, mut failed) = (BTreeSet::new(), 0, 0);
    for _ in 0..ROUNDS {
        let due = desk.vouchers.due(desk.clock.now(), BATCH + seen.len()).await?;
        let fresh: Vec<VoucherId> = due.into_iter().filter(|id| seen.insert(id.clone())).collect();
        if fresh.is_empty() || desk.clock.now() >= end {
            break;
        }
        let mut looks = stream::iter(&fresh).map(|id| desk.look_in_time(id, run)).buffer_unordered(AT_ONCE);
        while let Some(look) = looks.next().await {
            match look {
                Ok(done) => moved += usize::from(done),
                Err(()) => failed += 1,
            }
        }
    }
    let review = desk.clock.now().plus_seconds(-desk.setup.review_hours.saturating_mul(3600));
    let unknown = desk.vouchers.unknown_for(review).await?;
    let (namespace, now) = (&desk.setup.namespace, desk.clock.now());
    telemetry::metric(namespace, now, "VouchersUnknownTooLong", "Count", &json!(unknown), &[]);
    tracing::info!(due = seen.len(), moved, failed, unknown_too_long = unknown, "vouchers reconciled");
    if failed > 0 {
        return Err(format!("{failed} purchases could not be looked after").into());
    }
    Ok(json!({"due": seen.len(), "moved": moved, "unknown_too_long": unknown}))
}

impl<C: Clock> Desk<'_, C> {
    async fn look_in_time(&self, id: &VoucherId, run: &Run) -> Result<bool, ()> {
        if self.clock.now() >= run.end {
            return Ok(false);
        }
        let looked = self.look(id, run).await;
        looked.map_err(|error| tracing::error!(voucher_id = %id, %error, "purchase not looked after"))
    }

    /// Moves one purchase on; whether anything was to be done. Who else writes it meanwhile has done so.
    async fn look(&self, id: &VoucherId, run: &Run) -> Result<bool, StoreError> {
        let Some(purchase) = self.vouchers.purchase(id).await? else { return Ok(false) };
        let now = self.clock.now();
        // The index lags behind the purchase.
        if purchase.due_at(&self.setup.patience).is_none_or(|due| due > now) {
            return Ok(false);
        }
        match purchase.state {
            State::Held { .. } => self.resend(&purchase, now).await,
            State::Submitted { .. } | State::Unknown { .. } => self.ask(&purchase, now, run).await,
            State::Delivered { .. } | State::Refused { .. } => self.tell(&purchase, now).await,
        }
    }

    async fn resend(&self, held: &Purchase, now: Timestamp) -> Result<bool, StoreError> {
        let next = held.give_up(self.setup.first_ask_seconds, now).or_else(|| held.resend(now));
        let Some(next) = next else { return Ok(false) };
        if self.vouchers.save(&next).await? != Saved::Done {
            return Ok(false);
        }
        if next.is_given_up() {
            self.report(&next, Report::Refused { reason: NOT_SENT.into() }).await?;
        } else if let State::Held { .. } = next.state {
            tracing::info!(voucher_id = %next.id, "order sent again");
            self.queues.orders.send(&next.order(), Duration::ZERO).await?;
        } else {
            tracing::warn!(voucher_id = %next.id, "waited too long to go out again");
        }
        Ok(true)
    }

    /// Whatever the answer means is written over the purchase as it was before the question. The supplier's own word of
    /// an outcome goes out in any case.
    async fn ask(&self, purchase: &Purchase, now: Timestamp, run: &Run) -> Result<bool, StoreError> {
        // Who is not asked about stays due, and comes first in the next run.
        let Some(supplier) = self.supplier.filter(|_| !run.is_supplier_silent()) else { return Ok(false) };
        let answer = supplier.status(&purchase.id).await;
        run.heard(answer.is_ok());
        match answer {
            Err(error) => {
                tracing::warn!(voucher_id = %purchase.id, %error, "the supplier does not say");
                self.asked(purchase, false, now).await
            }
            Ok(Answer::NotFound) => self.not_found(purchase, now).await,
            Ok(answer) => {
                let report = answer.report();
                let asked = self.asked(purchase, report.is_none(), now).await?;
                match report {
                    Some(report) => self.report(purchase, report).await.map(|()| true),
                    None => {
                        tracing::info!(voucher_id = %purchase.id, ?answer, "still unknown");
                        Ok(asked)
                    }
                }
            }
        }
    }

    /// The supplier says that it does not have the order.
    async fn not_found(&self, purchase: &Purchase, now: Timestamp) -> Result<bool, StoreError> {
        if let Some(again) = purchase.order_again(now) {
            if self.vouchers.save(&again).await? != Saved::Done {
                return Ok(false);
            }
            tracing::warn!(voucher_id = %again.id, "its worker died, the supplier does not have it: ordered again");
            self.queues.orders.send(&again.order(), Duration::ZERO).await?;
            return Ok(true);
        }
        if purchase.is_acknowledged() {
            tracing::warn!(voucher_id = %purchase.id, "the supplier contradicts itself: it had the order");
            let (namespace, now) = (&self.setup.namespace, self.clock.now());
            telemetry::metric(namespace, now, "VoucherContradiction", "Count", &json!(1), &[]);
        }
        let asked = self.asked(purchase, false, now).await?;
        if asked && purchase.is_surely_not_ordered(self.setup.grace_seconds(), now) {
            self.report(purchase, Report::Refused { reason: NOT_ORDERED.into() }).await?;
        }
        Ok(asked)
    }

    /// Notes that the supplier was asked and told no outcome; whether the purchase is still the one that was asked about.
    async fn asked(&self, purchase: &Purchase, acknowledged: bool, now: Timestamp) -> Result<bool, StoreError> {
        let Some(asked) = purchase.ask(acknowledged, self.setup.first_ask_seconds, now) else { return Ok(false) };
        Ok(self.vouchers.save(&asked).await? == Saved::Done)
    }

    /// The outcome is there, and whoever was to tell it has not.
    async fn tell(&self, purchase: &Purchase, now: Timestamp) -> Result<bool, StoreError> {
        let (sms, support) = (&self.queues.sms, &self.setup.support);
        if let Notice::Waiting { .. } = purchase.notice {
            let Some(promised) = purchase.stand_in(now) else { return Ok(false) };
            return match self.vouchers.save(&promised).await? {
                Saved::Done => self.vouchers.hand_over_sms(sms, support, &promised).await,
                Saved::Stale(_) => Ok(false),
            };
        }
        self.vouchers.hand_over_sms(sms, support, purchase).await
    }

    async fn report(&self, purchase: &Purchase, report: Report) -> Result<(), StoreError> {
        tracing::info!(voucher_id = %purchase.id, outcome = report.name(), "outcome learned");
        self.queues.results.send(&purchase.result(report), Duration::ZERO).await
    }
}
