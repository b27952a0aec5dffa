//! GET /wallet/entries.

use aws::exchange::{Entry, What, is_entries_place};
use domain::{
    Timestamp,
    id::{GrantId, TransferId},
    instrument::{Asset, Instrument},
    order::Side,
    order_book::trade_id,
    wallet::{Direction, Fill},
};
use edge::http::{Answer, Page, Problem, Request, TradeView, at_decimals, ok};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{Stores, answers::failed, whose};

#[derive(Serialize)]
struct EntryView {
    entry_id: String,
    r#type: &'static str,
    changes: Vec<ChangeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_id: Option<TransferId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<GrantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade: Option<TradeView>,
    created_at: Timestamp,
}

/// Free and locked together.
#[derive(Serialize)]
struct ChangeView {
    asset: String,
    amount: String,
}

impl ChangeView {
    fn new(asset: &Asset, amount: Decimal) -> Self {
        Self { asset: asset.to_string(), amount: at_decimals(amount, asset.decimals()) }
    }
}

pub(crate) async fn list(stores: &Stores, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["customer_id", "limit", "cursor"])?;
    let customer = whose(&caller, request)?;
    let scope = format!("wallet entries {customer}");
    let page = request.page(&scope)?.checked(is_entries_place)?;
    let found = stores.exchange().entries(&customer, page.after.as_deref(), page.limit, |_| true).await;
    let found = found.map_err(failed)?;
    let mut items = Vec::with_capacity(found.entries.len());
    for entry in &found.entries {
        items.push(view(stores, entry).await?);
    }
    ok(&Page::new(items, found.next.as_deref(), &scope))
}

async fn view(stores: &Stores, entry: &Entry) -> Result<EntryView, Problem> {
    let blank = EntryView {
        entry_id: String::new(),
        r#type: "trade",
        changes: Vec::new(),
        transfer_id: None,
        grant_id: None,
        trade: None,
        created_at: entry.at,
    };
    Ok(match &entry.what {
        What::Fill { symbol, fill, .. } => {
            let instrument = stores.warm.recorded(symbol).await.map_err(failed)?;
            EntryView {
                entry_id: trade_id(symbol, fill.trade).to_string(),
                changes: of_fill(fill, &instrument).into(),
                trade: Some(TradeView::new(&instrument, fill, entry.at)),
                ..blank
            }
        }
        What::Transfer { id, direction, currency, amount, .. } => {
            let amount = if *direction == Direction::Out { -*amount } else { *amount };
            let change =
                ChangeView { asset: currency.code().to_owned(), amount: at_decimals(amount, currency.decimals()) };
            let entry_id = id.to_string();
            EntryView { entry_id, r#type: "transfer", changes: vec![change], transfer_id: Some(id.clone()), ..blank }
        }
        What::Grant { id, asset, quantity } => {
            let change = ChangeView::new(asset, *quantity);
            let entry_id = id.to_string();
            EntryView { entry_id, r#type: "grant", changes: vec![change], grant_id: Some(id.clone()), ..blank }
        }
    })
}

/// What a side of a trade gives and takes, its fee included.
fn of_fill(fill: &Fill, instrument: &Instrument) -> [ChangeView; 2] {
    let (lots, notional, fee) = (i128::from(fill.quantity), i128::from(fill.notional), i128::from(fill.fee));
    let (base, quote) = match fill.side {
        Side::Buy => (lots, -(notional + fee)),
        Side::Sell => (-lots, notional - fee),
    };
    [
        ChangeView::new(instrument.base(), instrument.quantity(base)),
        ChangeView::new(instrument.quote(), instrument.quote_amount(quote)),
    ]
}
