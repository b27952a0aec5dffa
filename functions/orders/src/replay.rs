//! A key that was used before: what its first request was told, again.

use domain::{
    Timestamp,
    exchange::Message,
    instrument::Instrument,
    order::{Order, Reason, Status},
};
use edge::http::{Answer, Problem, accepted, created};

use crate::{
    Stores,
    answers::{failed, unpaid},
    place::{Wish, queue},
    view::OrderView,
    wait,
};

/// The queue swallows a repeated message for five minutes; within this time an order may be sent again for no harm.
const RESEND_MS: i64 = 240_000;

/// Answers the repetition of the request that `before` was made by. A request that did not wait was told that its order
/// is pending; one that waited is told what has become of it.
pub(crate) async fn replay(stores: &Stores, before: Order, wish: &Wish<'_>, now: Timestamp) -> Result<Answer, Problem> {
    if let Some(field) = before.first_difference(wish.symbol, &wish.fields, wish.replaces.as_ref()) {
        return Err(Problem::key_reused(field));
    }
    let instrument = stores.warm.recorded(&before.symbol).await.map_err(failed)?;
    if before.status == Status::Pending {
        again(stores, &before, &instrument, now).await;
    }
    let order = match wish.wait {
        _ if before.reason == Some(Reason::InsufficientFunds) => before,
        _ if !before.waited => before.as_placed(),
        Some(wait) => wait::taken(stores.exchange(), before, wait).await,
        None => before,
    };
    match told(&order, &instrument) {
        Ok(answer) => Ok(answer.replayed(true)),
        Err(problem) => Err(problem.header("Idempotent-Replayed", "true")),
    }
}

/// Queues a pending order once more: its first request may have died before it did.
pub(crate) async fn again(stores: &Stores, order: &Order, instrument: &Instrument, now: Timestamp) {
    if now.millis() - order.created_at.millis() < RESEND_MS {
        queue(stores, Message::place(order, instrument).as_ref(), now).await;
    }
}

/// The order as it stands: 201 once its book has answered, 202 before; 422 if it could not be paid.
pub(crate) fn told(order: &Order, instrument: &Instrument) -> Result<Answer, Problem> {
    match (order.status, order.reason) {
        (_, Some(Reason::InsufficientFunds)) => Err(unpaid(order)),
        (Status::Pending, _) => accepted(&OrderView::new(order, instrument)),
        _ => created(&OrderView::new(order, instrument)),
    }
}
