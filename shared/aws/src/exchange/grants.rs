//! Grants: assets out of nothing, for simulation. What the issuance owes is their sum.

use std::collections::BTreeMap;

use domain::{
    id::{CustomerId, GrantId},
    instrument::Asset,
    wallet::Grant,
};
use rust_decimal::Decimal;

use super::{Exchange, entries, rows};
use crate::{
    item::{Item, Read, decimal, key, text},
    ledger::{Ledger, transfers::PostError},
    store::StoreError,
    write::{WriteError, WriteId},
};

/// How a grant ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Committed now.
    Done,
    /// The id was used before, by an earlier or a simultaneous request; this is what it gave.
    Before(Grant),
}

impl Exchange {
    /// Gives an asset: grant, wallet and entry in one transaction.
    pub async fn grant(&self, ledger: &Ledger, grant: &Grant) -> Result<Granted, PostError> {
        let id = WriteId::new();
        let items = vec![
            self.new_row(item(grant, id))?,
            ledger.give(&grant.customer, &grant.asset, grant.quantity)?,
            self.new_row(entries::grant_item(grant))?,
        ];
        match ledger.transact(items).await {
            Ok(()) => Ok(Granted::Done),
            Err(WriteError::Cancelled(cancelled)) => {
                let row = cancelled.failed(0).flatten().ok_or_else(|| StoreError::corrupt("grant row"))?;
                Ok(if id.wrote(row) { Granted::Done } else { Granted::Before(read(row)?) })
            }
            Err(WriteError::Conflict(indexes)) if indexes.contains(&0) => Err(PostError::InProgress),
            Err(error) => Err(PostError::Store(error.into())),
        }
    }

    /// A grant as it was given.
    pub async fn grant_by_id(&self, id: &GrantId) -> Result<Option<Grant>, StoreError> {
        self.get(key(rows::GRANTS, id.as_str())).await?.as_ref().map(read).transpose()
    }

    /// The sum of all grants per asset, read consistently.
    pub async fn granted(&self) -> Result<BTreeMap<Asset, Decimal>, StoreError> {
        let mut sums: BTreeMap<Asset, Decimal> = BTreeMap::new();
        for item in self.partition(rows::GRANTS).await? {
            let grant = read(&item)?;
            let sum = sums.entry(grant.asset).or_default();
            *sum = sum.checked_add(grant.quantity).ok_or_else(|| StoreError::corrupt("sum of grants"))?;
        }
        Ok(sums)
    }
}

fn item(grant: &Grant, id: WriteId) -> Item {
    let mut item = key(rows::GRANTS, grant.id.as_str());
    for (name, value) in [
        ("customer", text(grant.customer.as_str())),
        ("asset", text(grant.asset.as_str())),
        ("quantity", decimal(grant.quantity)),
        ("by", text(&grant.by)),
        ("at", text(grant.at.to_string())),
        ("write_id", text(id.to_text())),
    ] {
        item.insert(name.to_owned(), value);
    }
    item
}

fn read(item: &Item) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: item.parsed("sk", GrantId::parse)?,
        customer: item.parsed("customer", CustomerId::parse)?,
        asset: item.parsed("asset", Asset::parse)?,
        quantity: item.decimal("quantity")?,
        by: item.text("by")?.to_owned(),
        at: item.moment("at")?,
    })
}
