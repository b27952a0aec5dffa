//! DELETE /orders/{id}.

use domain::{
    exchange::Message,
    order::{Order, Status},
};
use edge::{
    clock::Clock,
    http::{Answer, Code, Problem, Request, accepted, ok},
};

use crate::{
    Stores,
    answers::{failed, not_open},
    replay::again,
    view::OrderView,
    wait,
};

/// A cancellation waits in the same line as orders. What ends the order otherwise before its turn comes, wins.
pub(crate) async fn cancel(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["customer_id"])?;
    let order = stores.order(&caller, request).await?;
    let instrument = stores.warm.recorded(&order.symbol).await.map_err(failed)?;
    if order.status.is_final() {
        return Err(not_open(&order));
    }
    let now = clock.now();
    if order.status == Status::Pending {
        // It must stand in line before its cancellation does.
        again(stores, &order, &instrument, now).await;
    }
    let message = Message::cancel(&order.symbol, &order.id, &order.customer).ok_or(Code::Internal)?;
    let deduplication = message.deduplication_id(now);
    stores.queue.send_in_order(&message, order.symbol.as_str(), &deduplication).await.map_err(failed)?;
    tracing::info!(order_id = %order.id, symbol = %order.symbol, "order to be cancelled");

    let Some(wait) = request.prefer_wait().filter(|wait| !wait.is_zero()) else {
        return accepted(&OrderView::new(&order, &instrument));
    };
    let order: Order = wait::ended(stores.exchange(), order, wait).await;
    let answer = match order.status {
        Status::Cancelled => ok(&OrderView::new(&order, &instrument)),
        status if status.is_final() => return Err(not_open(&order)),
        _ => accepted(&OrderView::new(&order, &instrument)),
    };
    Ok(answer?.header("Preference-Applied", format!("wait={}", wait.as_secs())))
}
