//! What an order locks, and the one write that locks it.

use aws::exchange::Placed;
use domain::{
    Timestamp,
    instrument::Instrument,
    order::{Kind, Order, Replacement, Side, Size, ValidOrder},
    wallet::{LockRefusal, Wallet, lock},
};
use edge::http::Problem;

use crate::{
    Limits, Stores,
    answers::{failed, not_placed},
    place::Wish,
};

/// How often it is decided anew when a market buy takes all that is free and that becomes less meanwhile.
const DECISIONS: usize = 4;
/// Price levels that a market buy's cost is counted over; beyond them the last one counts on.
const LEVELS: usize = 500;

/// How it ended.
pub(crate) enum Reserved {
    /// Locked and written.
    Done(Order),
    /// The id was used before; this is how its order stands.
    Before(Order),
    /// Another order has the client's name for it.
    NameTaken,
    /// The customer has as many open orders as one may have.
    TooMany,
    /// Less is free than this order must lock; nothing is written yet.
    Unpaid(Order),
}

pub(crate) async fn reserve(
    stores: &Stores,
    limits: &Limits,
    instrument: &Instrument,
    wish: &Wish<'_>,
    valid: &ValidOrder,
    mut wallet: Wallet,
    now: Timestamp,
) -> Result<Reserved, Problem> {
    let cost = market_buy_cost(stores, limits, instrument, valid).await?;
    let order = |reserved| {
        let client_order_id = wish.fields.client_order_id.map(str::to_owned);
        let named = Replacement { client_order_id, replaces: wish.replaces.clone() };
        let order = Order::new(wish.id.clone(), wish.customer.clone(), instrument, valid, named, reserved, now);
        Order { waited: wish.wait.is_some(), ..order }
    };
    for _ in 0..DECISIONS {
        let lock = match lock(&wallet, valid, instrument, cost.unwrap_or_default(), limits.max_open_orders) {
            Ok(lock) => lock,
            Err(LockRefusal::TooManyOpenOrders) => return Ok(Reserved::TooMany),
            Err(LockRefusal::InsufficientFunds) => return Ok(Reserved::Unpaid(order(0))),
        };
        let order = order(lock.reserved);
        let placed = stores.exchange().place(&stores.ledger, &order, &lock, limits.max_open_orders).await;
        match placed.map_err(not_placed)? {
            Placed::Done => return Ok(Reserved::Done(order)),
            Placed::Before(before) => return Ok(Reserved::Before(*before)),
            Placed::ClientIdTaken(_) => return Ok(Reserved::NameTaken),
            Placed::Refused(LockRefusal::TooManyOpenOrders) => return Ok(Reserved::TooMany),
            Placed::Refused(LockRefusal::InsufficientFunds) if cost.is_none() => return Ok(Reserved::Unpaid(order)),
            // A market buy by quantity makes do with what is free.
            Placed::Refused(LockRefusal::InsufficientFunds) => {
                wallet = stores.ledger.wallet(&wish.customer).await.map_err(failed)?;
            }
        }
    }
    Err(Problem::unavailable())
}

/// What a market buy by quantity would cost at present, with the collar on top; `None` for other orders.
async fn market_buy_cost(
    stores: &Stores,
    limits: &Limits,
    instrument: &Instrument,
    valid: &ValidOrder,
) -> Result<Option<u64>, Problem> {
    let (Side::Buy, Kind::Market { size: Size::Lots(lots), .. }) = (valid.side, valid.kind) else { return Ok(None) };
    let cost = stores.warm.book(instrument, |followed| {
        let asks = followed.book().depth(Side::Sell, LEVELS);
        let asks = asks.map(|(price, lots)| (price, u64::try_from(lots).unwrap_or(u64::MAX)));
        instrument.terms().market_buy_reservation(asks, lots, limits.market_buy_collar_bps)
    });
    cost.await.map(Some).map_err(failed)
}
