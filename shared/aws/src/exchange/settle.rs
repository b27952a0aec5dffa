//! What a journal does to rows: how far it has been settled, orders, fills. All of it may be repeated and raced: an
//! order row says by `seq` which versions are in it, fills are put under keys of their own, and the cursor moves from
//! where its reader saw it only.
//!
//! The order of a settlement: wallets ([`crate::ledger::Ledger::settle_wallet`]), entries, candles, order rows, cursor.
//! Whoever sees an order's outcome sees everything else of it.

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use domain::{
    Timestamp,
    id::{CustomerId, OrderId},
    instrument::Symbol,
    order::{Reason, Status},
    wallet::Fill,
};
use rust_decimal::Decimal;

use super::{Exchange, rows};
use crate::{
    item::{Item, Read, decimal, key, number, text},
    store::StoreError,
    write::{self, WriteError},
};

/// How far a journal has been settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// All versions up to this one are; 0 before the first.
    pub version: u64,
    /// The house's fees of all of them, in the quote asset.
    pub fees: Decimal,
}

/// How moving a cursor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// Moved.
    Done,
    /// It is not where it was seen, since somebody else (or a lost answer of our own) has moved it. Where it is.
    Moved(Cursor),
}

/// What versions of a journal do to an order, netted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderUpdate {
    /// Where it stands after them.
    pub status: Status,
    /// Why it ended, unless it was filled.
    pub reason: Option<Reason>,
    /// Filled by them, in the base asset.
    pub filled: Decimal,
    /// What that was worth, in the quote asset.
    pub notional: Decimal,
    /// Fees of it.
    pub fees: Decimal,
    /// When the last of them was committed.
    pub at: Timestamp,
    /// The last of them.
    pub version: u64,
}

/// How settling into an order row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSettled {
    /// Written.
    Done,
    /// Versions up to this one are in it already; nothing was written. Net what comes after and try again with it as
    /// `after`; with nothing left, all is done.
    Moved(u64),
    /// There is no such order. It was never placed through this store.
    Missing,
}

/// The fills of one customer in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillsEntry {
    /// Whose.
    pub customer: CustomerId,
    /// Of which journal.
    pub symbol: Symbol,
    /// Which version.
    pub version: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// In their order.
    pub fills: Vec<Fill>,
}

impl Exchange {
    /// How far a journal has been settled, read consistently.
    pub async fn cursor(&self, symbol: &Symbol) -> Result<Cursor, StoreError> {
        let item = self.get(key(rows::CURSORS, symbol.as_str())).await?;
        item.as_ref().map_or(Ok(Cursor::default()), cursor)
    }

    /// Moves a cursor from the version it was seen at, and adds the fees of the versions between. Last of all writes of
    /// a settlement: what it passes is never looked at again.
    pub async fn advance(
        &self,
        symbol: &Symbol,
        before: u64,
        after: u64,
        fees: Decimal,
    ) -> Result<Advanced, StoreError> {
        let condition = if before == 0 { "attribute_not_exists(v)" } else { "v = :before" };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(rows::CURSORS, symbol.as_str())))
            .update_expression("SET v = :after ADD fees :fees")
            .condition_expression(condition)
            .expression_attribute_values(":after", number(after))
            .expression_attribute_values(":fees", decimal(fees));
        if before > 0 {
            update = update.expression_attribute_values(":before", number(before));
        }
        match write::change_alone(&self.meter, update).await {
            Ok(_) => Ok(Advanced::Done),
            Err(WriteError::Cancelled(cancelled)) => {
                Ok(Advanced::Moved(cancelled.failed(0).flatten().map_or(Ok(Cursor::default()), cursor)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Adds what versions after `after` do to an order, if none of them is in its row. `after` is the settlement's
    /// cursor, or the `seq` of the row as [`OrderSettled::Moved`] told it.
    pub async fn settle_order(
        &self,
        customer: &CustomerId,
        order: &OrderId,
        after: u64,
        change: &OrderUpdate,
    ) -> Result<OrderSettled, StoreError> {
        let mut set = "#status = :status, updated_at = :at, seq = :version".to_owned();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(customer.as_str(), rows::order_sort(order))))
            .condition_expression("seq <= :after")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(change.status.as_str()))
            .expression_attribute_values(":at", text(change.at.to_string()))
            .expression_attribute_values(":after", number(after))
            .expression_attribute_values(":version", number(change.version));
        if let Some(reason) = change.reason {
            set.push_str(", reason = :reason");
            update = update.expression_attribute_values(":reason", text(reason.as_str()));
        }
        let mut add = Vec::new();
        for (name, amount) in [("filled", change.filled), ("notional", change.notional), ("fees", change.fees)] {
            if !amount.is_zero() {
                add.push(format!("{name} :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), decimal(amount));
            }
        }
        let add = if add.is_empty() { String::new() } else { format!(" ADD {}", add.join(", ")) };
        match write::change_alone(&self.meter, update.update_expression(format!("SET {set}{add}"))).await {
            Ok(_) => Ok(OrderSettled::Done),
            Err(WriteError::Cancelled(cancelled)) => match cancelled.failed(0).flatten() {
                Some(row) => Ok(OrderSettled::Moved(row.count("seq")?)),
                None => Ok(OrderSettled::Missing),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Writes fills under their keys: the same each time, so a repetition changes nothing.
    pub async fn put_fills(&self, entries: &[FillsEntry]) -> Result<(), StoreError> {
        let put = |entry: &FillsEntry| {
            let put = PutRequest::builder().set_item(Some(fills_item(entry)?)).build();
            let put = put.map_err(|error| StoreError::Corrupt(error.to_string()))?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        self.batch_write(entries.iter().map(put).collect::<Result<_, StoreError>>()?).await
    }

    /// All cursors by symbol, read consistently.
    pub async fn cursors(&self) -> Result<Vec<(Symbol, Cursor)>, StoreError> {
        let items = self.partition(rows::CURSORS).await?;
        items.iter().map(|item| Ok((item.parsed("sk", Symbol::parse)?, cursor(item)?))).collect()
    }
}

fn cursor(item: &Item) -> Result<Cursor, StoreError> {
    Ok(Cursor { version: item.count("v")?, fees: item.decimal("fees")? })
}

fn fills_item(entry: &FillsEntry) -> Result<Item, StoreError> {
    let sort = format!("entry#{}#t#{}#{}", rows::moment(entry.at), entry.symbol, rows::version(entry.version));
    let mut item = key(entry.customer.as_str(), sort);
    item.insert("fills".to_owned(), rows::blob(rows::bytes(&entry.fills)?));
    Ok(item)
}
