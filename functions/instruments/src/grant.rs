//! POST /instruments/{symbol}/grants: an asset out of nothing, for simulation.

use aws::exchange::Granted;
use domain::{
    id::{CustomerId, GrantId},
    instrument::Symbol,
    wallet::Grant,
};
use edge::{
    clock::Clock,
    http::{AmountField, Answer, Code, FieldErrors, Problem, Request, created},
};
use serde::Deserialize;

use crate::{
    Stores,
    answers::{failed, not_granted},
    view::GrantView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    customer_id: String,
    quantity: AmountField,
}

pub(crate) async fn grant(stores: &Stores, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.admin()?;
    let body = request.parse::<Body>()?;
    let mut errors = FieldErrors::new();
    let customer = errors.parse("/customer_id", &body.customer_id, CustomerId::parse, "must be a customer id");
    errors.finish()?;
    let customer = customer.ok_or(Code::InvalidField)?;
    let symbol = request.path_id("symbol", Symbol::parse);
    // A symbol that is none has no base; what is wrong with the quantity in any asset is told first all the same.
    let quantity = match &symbol {
        Ok(symbol) => Grant::parse_quantity(body.quantity.as_str(), &symbol.base()),
        Err(_) => Some(Default::default()),
    };
    let quantity = quantity.ok_or_else(|| {
        let detail = "must be a decimal string above zero with at most the decimals of the asset";
        Problem::field(Code::InvalidAmount, "/quantity", detail)
    })?;
    let key = request.idempotency_key(&caller)?;
    let symbol = symbol?;

    let id = GrantId::from_bytes(key.bytes());
    let (before, instrument, status) = tokio::join!(
        stores.exchange.grant_by_id(&id),
        stores.exchange.instrument(&symbol),
        stores.customers.status(&customer)
    );
    let (asset, by, at) = (symbol.base(), caller.subject().to_owned(), clock.now());
    let grant = Grant { id, customer, asset, quantity, by, at };
    if let Some(before) = before.map_err(failed)? {
        return replay(&before, &grant, &symbol);
    }
    instrument.map_err(failed)?.ok_or_else(Problem::not_found)?;
    status.map_err(failed)?.ok_or_else(Problem::not_found)?;
    match stores.exchange.grant(&stores.ledger, &grant).await.map_err(not_granted)? {
        Granted::Done => {
            tracing::info!(grant_id = %grant.id, asset = grant.asset.as_str(), by = grant.by, "asset granted");
            created(&GrantView::new(&grant, &symbol))
        }
        Granted::Before(before) => replay(&before, &grant, &symbol),
    }
}

/// The id is made from the path with the symbol in it, so the asset cannot differ.
fn replay(before: &Grant, grant: &Grant, symbol: &Symbol) -> Result<Answer, Problem> {
    if before.customer != grant.customer {
        return Err(Problem::key_reused("customer_id"));
    }
    if before.quantity != grant.quantity {
        return Err(Problem::key_reused("quantity"));
    }
    Ok(created(&GrantView::new(before, symbol))?.replayed(true))
}
