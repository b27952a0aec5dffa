//! A key that was used before: the first answer again, or its place is taken if the first request died.

use aws::vouchers::{Saved, Vouchers};
use domain::voucher::{Buy, INSUFFICIENT_FUNDS, Notice, Purchase, State};
use edge::{
    clock::Clock,
    http::{Answer, Problem, accepted, created},
};

use crate::{
    Shop,
    answers::{failed, in_progress, unpaid},
    view::{Sight, VoucherView},
    wait::{self, Told},
};

/// How often it is decided anew when the purchase changes meanwhile.
const DECISIONS: usize = 8;

/// Answers the repetition of the request that `before` was made by.
pub(crate) async fn replay(
    vouchers: &Vouchers,
    shop: &Shop,
    clock: &impl Clock,
    mut before: Purchase,
    command: &Buy,
) -> Result<Answer, Problem> {
    if let Some(field) = before.first_difference(command) {
        return Err(Problem::key_reused(field));
    }
    for _ in 0..DECISIONS {
        let now = clock.now();
        let Notice::Waiting { until } = before.notice else { break };
        // Only a request that died can be waited for in its place.
        let taken = before.wait(command.wait_until.unwrap_or(now), now).ok_or_else(in_progress)?;
        let told = match command.wait_until {
            Some(wait_until) if before.state.is_open() => match vouchers.save(&taken).await.map_err(failed)? {
                Saved::Done => wait::outcome(vouchers, clock, &before.id, wait_until).await?,
                Saved::Stale(now) => {
                    before = *now;
                    continue;
                }
            },
            _ => wait::decide(vouchers, clock, &before.id, until, now).await?,
        };
        return repeated(answer(told, shop));
    }
    repeated(match before.notice {
        Notice::Answered => told(&before, shop),
        Notice::Sms | Notice::Queued => accepted(&view(&before.as_decided(), shop)),
        Notice::Waiting { .. } => return Err(Problem::unavailable()),
    })
}

/// What is answered when the wait is over.
pub(crate) fn answer(told_where: Told, shop: &Shop) -> Result<Answer, Problem> {
    match told_where {
        Told::Here(purchase) => told(&purchase, shop),
        Told::BySms(purchase) if purchase.state.is_open() => accepted(&view(&purchase, shop)),
        // The outcome is there, and the SMS tells it.
        Told::BySms(purchase) => accepted(&view(&purchase.as_decided(), shop)),
        Told::Elsewhere => Err(in_progress()),
    }
}

/// The outcome, told in the answer.
pub(crate) fn told(purchase: &Purchase, shop: &Shop) -> Result<Answer, Problem> {
    match &purchase.state {
        State::Refused { reason, .. } if reason == INSUFFICIENT_FUNDS => Err(unpaid(purchase)),
        _ => created(&view(purchase, shop)),
    }
}

pub(crate) fn view(purchase: &Purchase, shop: &Shop) -> VoucherView {
    VoucherView::new(purchase, Sight::Buyer, &shop.support)
}

fn repeated(outcome: Result<Answer, Problem>) -> Result<Answer, Problem> {
    match outcome {
        Ok(answer) => Ok(answer.replayed(true)),
        Err(problem) => Err(problem.header("Idempotent-Replayed", "true")),
    }
}
