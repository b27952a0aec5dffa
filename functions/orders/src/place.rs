//! POST /orders and /orders/{id}/replace.

use std::time::Duration;

use aws::exchange::{Refused, StoredInstrument};
use domain::{
    Timestamp,
    exchange::Message,
    id::{CustomerId, OrderId},
    instrument::Symbol,
    order::{Order, OrderFields, Reason},
};
use edge::{
    clock::Clock,
    http::{Answer, Caller, Problem, Request},
};

use crate::{
    Limits, Stores,
    answers::{failed, name_taken, not_open, refused, too_many},
    body::{NewOrder, Replacing, first_wrong},
    replay::{replay, told},
    reserve::{Reserved, reserve},
    wait,
};

/// What a client asks for.
pub(crate) struct Wish<'a> {
    pub id: OrderId,
    pub customer: CustomerId,
    pub symbol: &'a str,
    pub fields: OrderFields<'a>,
    pub replaces: Option<OrderId>,
    /// For how long the answer may wait for the outcome.
    pub wait: Option<Duration>,
}

/// The instrument as far as it is known, and the order that is to be replaced.
struct Subject {
    instrument: Option<StoredInstrument>,
    old: Option<Order>,
}

pub(crate) async fn place(
    stores: &Stores,
    limits: &Limits,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let body = request.parse::<NewOrder>()?;
    let instrument = stores.warm.instrument(&body.symbol()?).await.map_err(failed)?;
    let subject = Subject { instrument, old: None };
    enter(stores, limits, clock, request, &caller, &body, subject, None).await
}

pub(crate) async fn replace(
    stores: &Stores,
    limits: &Limits,
    clock: &impl Clock,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = request.person()?;
    let body = request.parse::<Replacing>()?;
    let replaces = request.path_id("id", OrderId::parse).ok();
    let customer = caller.customer().ok_or_else(Problem::forbidden)?;
    let old = match &replaces {
        Some(id) => stores.exchange().order(customer, id).await.map_err(failed)?,
        None => None,
    };
    let symbol: Option<&Symbol> = old.as_ref().map(|old| &old.symbol);
    let instrument = match symbol {
        Some(symbol) => stores.warm.instrument(symbol).await.map_err(failed)?,
        None => None,
    };
    let body = body.of(symbol.map(Symbol::to_string).unwrap_or_default());
    let subject = Subject { instrument, old };
    enter(stores, limits, clock, request, &caller, &body, subject, replaces).await
}

#[expect(clippy::too_many_arguments, reason = "what two routes have in common")]
async fn enter(
    stores: &Stores,
    limits: &Limits,
    clock: &impl Clock,
    request: &Request,
    caller: &Caller,
    body: &NewOrder,
    subject: Subject,
    replaces: Option<OrderId>,
) -> Result<Answer, Problem> {
    let (fields, now) = (body.fields(), clock.now());
    let instrument = subject.instrument.as_ref().map(|stored| &stored.instrument);
    let wrong = |at| first_wrong(&fields, instrument, at).map_or(Ok(()), |error| Err(refused(error)));
    // A repetition may come after `expires_at`: what was in order when it came first still is.
    wrong(Timestamp::from_millis(0))?;
    let key = request.idempotency_key(caller).or_else(|missing| wrong(now).and(Err(missing)))?;
    let wait = request.prefer_wait().filter(|wait| !wait.is_zero());
    let customer = caller.customer().ok_or_else(Problem::forbidden)?.clone();
    let (id, symbol) = (OrderId::from_bytes(key.bytes()), instrument.map_or("", |found| found.symbol().as_str()));
    let wish = Wish { id, customer, symbol, fields, replaces, wait };
    let answer = decide(stores, limits, now, &subject, &wish).await;
    match (wait, answer) {
        (Some(wait), Ok(answer)) => Ok(answer.header("Preference-Applied", format!("wait={}", wait.as_secs()))),
        (_, answer) => answer,
    }
}

async fn decide(
    stores: &Stores,
    limits: &Limits,
    now: Timestamp,
    subject: &Subject,
    wish: &Wish<'_>,
) -> Result<Answer, Problem> {
    let exchange = stores.exchange();
    let named = async {
        match wish.fields.client_order_id {
            Some(name) => exchange.order_named(&wish.customer, name).await,
            None => Ok(None),
        }
    };
    let (before, acting, named, wallet) = tokio::join!(
        exchange.order(&wish.customer, &wish.id),
        stores.check_acting(&wish.customer),
        named,
        stores.ledger.wallet(&wish.customer)
    );
    if let Some(before) = before.map_err(failed)? {
        return replay(stores, before, wish, now).await;
    }
    let instrument = subject.instrument.as_ref().map(|stored| &stored.instrument);
    if let Some(error) = first_wrong(&wish.fields, instrument, now) {
        return Err(refused(error));
    }
    let instrument = instrument.ok_or_else(Problem::not_found)?;
    // Existence is told before state, and whether somebody may act before the state of what he acts on.
    acting?;
    let valid = wish.fields.validate(instrument, now).map_err(refused)?;
    if let Some(old) = subject.old.as_ref().filter(|old| old.status.is_final()) {
        return Err(not_open(old));
    }
    if named.map_err(failed)?.is_some() {
        return Err(name_taken());
    }
    let wallet = wallet.map_err(failed)?;
    match reserve(stores, limits, instrument, wish, &valid, wallet, now).await? {
        Reserved::Done(order) => {
            tracing::info!(order_id = %order.id, symbol = %order.symbol, side = order.side.as_str(), "order placed");
            let message = Message::place(&order, instrument);
            queue(stores, message.as_ref(), now).await;
            match wish.wait {
                Some(wait) => told(&wait::taken(exchange, order, wait).await, instrument),
                None => told(&order, instrument),
            }
        }
        Reserved::Before(before) => replay(stores, before, wish, now).await,
        Reserved::NameTaken => Err(name_taken()),
        Reserved::TooMany => Err(too_many(limits.max_open_orders)),
        Reserved::Unpaid(order) => {
            let order = order.refused(Reason::InsufficientFunds);
            match exchange.refuse(&order).await.map_err(failed)? {
                Refused::Done => {
                    tracing::info!(order_id = %order.id, symbol = %order.symbol, "order refused for lack of funds");
                    told(&order, instrument)
                }
                Refused::Before(before) => replay(stores, *before, wish, now).await,
            }
        }
    }
}

/// Sends an order to its book. What is not sent now, `orders-sweep` sends.
pub(crate) async fn queue(stores: &Stores, message: Option<&Message>, now: Timestamp) {
    let Some(message) = message else {
        tracing::error!("an order that no book takes");
        return;
    };
    let deduplication = message.deduplication_id(now);
    let sent = stores.queue.send_in_order(message, message.symbol.as_str(), &deduplication).await;
    if let Err(error) = sent {
        tracing::error!(symbol = %message.symbol, %deduplication, %error, "order not queued yet");
    }
}
