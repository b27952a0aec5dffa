//! The waiting request: looks at the order's row until it tells what was waited for, or time is over.

use std::time::{Duration, Instant};

use aws::exchange::Exchange;
use domain::order::{Order, Status};

/// The pause after the first look; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The order once its book has taken or refused it, or as it was last seen.
pub(crate) async fn taken(exchange: &Exchange, order: Order, wait: Duration) -> Order {
    until(exchange, order, wait, |order| order.status != Status::Pending).await
}

/// The order once it has ended, or as it was last seen.
pub(crate) async fn ended(exchange: &Exchange, order: Order, wait: Duration) -> Order {
    until(exchange, order, wait, |order| order.status.is_final()).await
}

async fn until(exchange: &Exchange, mut order: Order, wait: Duration, over: impl Fn(&Order) -> bool) -> Order {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    while !over(&order)
        && let Some(left) = wait.checked_sub(started.elapsed())
        && !left.is_zero()
    {
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        // A look that fails is no reason to stop waiting.
        if let Ok(Some(now)) = exchange.order(&order.customer, &order.id).await {
            order = now;
        }
    }
    order
}
