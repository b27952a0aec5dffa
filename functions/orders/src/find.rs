//! GET /orders, /orders/{id} and /trades.

use aws::exchange::{What, is_entries_place, is_orders_place};
use domain::{
    instrument::Symbol,
    order::{Order, Status},
};
use edge::http::{Answer, Page, Problem, Request, TradeView, ok};

use crate::{Stores, answers::failed, view::OrderView, whose};

pub(crate) async fn one(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["customer_id"])?;
    let order = stores.order(&caller, request).await?;
    ok(&view(stores, &order).await?)
}

pub(crate) async fn list(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["customer_id", "symbol", "status", "limit", "cursor"])?;
    let symbol = request.query_as("symbol", "a symbol such as BTC-USD", Symbol::parse)?;
    let status = request.query_as("status", "a status of orders", Status::parse)?;
    let customer = whose(&caller, request)?;
    let part = |name| request.query(name).unwrap_or_default();
    let scope = format!("orders {customer} {} {}", part("symbol"), part("status"));
    let page = request.page(&scope)?.checked(is_orders_place)?;
    let keep = |order: &Order| {
        symbol.as_ref().is_none_or(|symbol| order.symbol == *symbol)
            && status.is_none_or(|status| order.status == status)
    };
    let found = stores.exchange().orders_of(&customer, page.after.as_deref(), page.limit, keep).await;
    let found = found.map_err(failed)?;
    let mut items = Vec::with_capacity(found.orders.len());
    for order in &found.orders {
        items.push(view(stores, order).await?);
    }
    ok(&Page::new(items, found.next.as_deref(), &scope))
}

pub(crate) async fn trades(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["customer_id", "symbol", "limit", "cursor"])?;
    let wanted = request.query_as("symbol", "a symbol such as BTC-USD", Symbol::parse)?;
    let customer = whose(&caller, request)?;
    let scope = format!("trades {customer} {}", request.query("symbol").unwrap_or_default());
    let page = request.page(&scope)?.checked(is_entries_place)?;
    let found = stores.exchange().entries(&customer, page.after.as_deref(), page.limit, |entry| match &entry.what {
        What::Fill { symbol, .. } => wanted.as_ref().is_none_or(|wanted| symbol == wanted),
        What::Transfer { .. } | What::Grant { .. } => false,
    });
    let found = found.await.map_err(failed)?;
    let mut items = Vec::with_capacity(found.entries.len());
    for entry in &found.entries {
        if let What::Fill { symbol, fill, .. } = &entry.what {
            let instrument = stores.warm.recorded(symbol).await.map_err(failed)?;
            items.push(TradeView::new(&instrument, fill, entry.at));
        }
    }
    ok(&Page::new(items, found.next.as_deref(), &scope))
}

async fn view(stores: &Stores, order: &Order) -> Result<OrderView, Problem> {
    let instrument = stores.warm.recorded(&order.symbol).await.map_err(failed)?;
    Ok(OrderView::new(order, &instrument))
}
