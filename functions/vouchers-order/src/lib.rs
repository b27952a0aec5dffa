//! Orders one voucher from the supplier, under our reference. Never sure of more than the supplier said.
//!
//! ```text
//! VoucherOrderQueue ─► submitted (written first) ─► supplier ─► VoucherOrderResultQueue
//!        ▲                                             └ surely not reached ─► held again ─┐
//!        └──────────────────────── later, up to three times ─────────────────────────────┘
//! ```
//! Decides nothing about money: what came of an order is a message, which can be settled any number of times. Whatever a
//! worker leaves behind that dies, vouchers-reconcile takes up: here nobody guesses whether another is still at work.

use std::time::{Duration, Instant};

use aws::{
    queues::Queue,
    vouchers::{Saved, Vouchers},
};
use domain::voucher::{NOT_SENT, OrderMessage, Purchase, Report, State};
use edge::{clock::Clock, sqs::Failure};
use supplier::{Answer, CallError, Order, Supplier};

/// How often a purchase is looked at again when others write it at the same time.
const LOOKS: usize = 8;
/// The pause before the second try; four times as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The pause before the supplier is first asked about an order it has; it doubles up to eight times that. Shorter when
/// the deadline is.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// The queues this worker sends to.
#[derive(Clone, Debug)]
pub struct Queues {
    /// Orders to be tried again.
    pub orders: Queue,
    /// What came of an order.
    pub results: Queue,
}

/// Handles one message. Whatever was done before, by whichever worker, is found in the purchase.
pub async fn order(
    vouchers: &Vouchers,
    supplier: &Supplier,
    queues: &Queues,
    clock: &impl Clock,
    message: OrderMessage,
) -> Result<(), Failure> {
    let worker = Worker { vouchers, supplier, queues, clock };
    for _ in 0..LOOKS {
        let purchase = vouchers.purchase(&message.voucher_id).await?;
        let purchase = purchase.ok_or_else(|| Failure::new(format!("no purchase {}", message.voucher_id)))?;
        if worker.take(&purchase).await? == Step::Done {
            return Ok(());
        }
    }
    Err(Failure::new(format!("{} kept changing", message.voucher_id)))
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Done,
    /// Somebody else wrote the purchase: it must be looked at again.
    LookAgain,
}

struct Worker<'a, C> {
    vouchers: &'a Vouchers,
    supplier: &'a Supplier,
    queues: &'a Queues,
    clock: &'a C,
}

impl<C: Clock> Worker<'_, C> {
    async fn take(&self, purchase: &Purchase) -> Result<Step, Failure> {
        match purchase.state {
            State::Held { .. } => match purchase.submit(self.clock.now()) {
                Some(submitted) => self.submit(&submitted).await,
                None => self.report(purchase, Report::Refused { reason: NOT_SENT.into() }).await,
            },
            // Another worker is at it. When that one is overdue, vouchers-reconcile asks the supplier.
            State::Submitted { .. } | State::Unknown { .. } | State::Delivered { .. } | State::Refused { .. } => {
                tracing::info!(voucher_id = %purchase.id, "nothing to order");
                Ok(Step::Done)
            }
        }
    }

    /// The submission is written before the order goes out: from then on nobody takes it for unsent.
    async fn submit(&self, submitted: &Purchase) -> Result<Step, Failure> {
        match self.vouchers.save(submitted).await? {
            Saved::Stale(_) => Ok(Step::LookAgain),
            Saved::Done => self.place(submitted).await,
        }
    }

    async fn place(&self, submitted: &Purchase) -> Result<Step, Failure> {
        let order = Order {
            reference: &submitted.id,
            product: &submitted.supplier_sku,
            phone: &submitted.phone,
            price: submitted.price,
        };
        let begun = Instant::now();
        let answer = self.supplier.order(&order).await;
        log(submitted, "ordered", &answer, begun);
        match answer {
            Err(CallError::NotSent(cause)) => self.put_back(submitted, &cause.to_string()).await,
            Err(CallError::Unknown(cause)) => self.report(submitted, unknown(cause)).await,
            Ok(answer) => {
                let report = match answer.report() {
                    Some(report) => report,
                    None => self.follow(submitted, begun).await,
                };
                self.report(submitted, report).await
            }
        }
    }

    /// The supplier has the order. For as long as a call may take, it is asked what became of it.
    async fn follow(&self, submitted: &Purchase, begun: Instant) -> Report {
        let deadline = self.supplier.deadline();
        let mut pause = FIRST_LOOK.min(deadline / 30);
        let longest = pause * 8;
        loop {
            let left = deadline.saturating_sub(begun.elapsed() + pause);
            if left.is_zero() {
                return Report::Unknown { cause: "processing".into(), acknowledged: true };
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
            let answer = self.supplier.within(left).status(&submitted.id).await;
            if let Some(report) = answer.as_ref().ok().and_then(Answer::report) {
                log(submitted, "followed", &answer, begun);
                return report;
            }
        }
    }

    /// This try surely did not reach the supplier.
    async fn put_back(&self, submitted: &Purchase, cause: &str) -> Result<Step, Failure> {
        let mut known = submitted.clone();
        for _ in 0..LOOKS {
            let Some(held) = known.put_back(self.clock.now()) else {
                return self.report(submitted, unknown(cause)).await;
            };
            match self.vouchers.save(&held).await? {
                Saved::Done => return self.again(&held).await,
                // Only who tells the buyer has changed; this try is still the one on record.
                Saved::Stale(now) if now.state == submitted.state => known = *now,
                // Another worker, or vouchers-reconcile, is in charge by now.
                Saved::Stale(_) => return Ok(Step::Done),
            }
        }
        Err(Failure::new(format!("{} kept changing", submitted.id)))
    }

    async fn again(&self, held: &Purchase) -> Result<Step, Failure> {
        let State::Held { attempts, .. } = held.state else { return Ok(Step::LookAgain) };
        if held.is_given_up() {
            return self.report(held, Report::Refused { reason: NOT_SENT.into() }).await;
        }
        let pause = FIRST_PAUSE * 4_u32.saturating_pow(attempts.saturating_sub(1));
        self.queues.orders.send(&held.order(), pause).await?;
        Ok(Step::Done)
    }

    async fn report(&self, purchase: &Purchase, report: Report) -> Result<Step, Failure> {
        tracing::info!(voucher_id = %purchase.id, outcome = report.name(), "order reported");
        self.queues.results.send(&purchase.result(report), Duration::ZERO).await?;
        Ok(Step::Done)
    }
}

fn unknown(cause: impl ToString) -> Report {
    Report::Unknown { cause: cause.to_string(), acknowledged: false }
}

/// Neither the voucher nor the supplier's words are printed.
fn log(purchase: &Purchase, what: &'static str, answer: &Result<Answer, CallError>, begun: Instant) {
    let outcome = match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    };
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(voucher_id = %purchase.id, outcome, millis, "{what}");
}
