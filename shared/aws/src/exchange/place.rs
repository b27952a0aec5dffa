//! An order comes to be: what it locks, its row and the client's name for it, all or nothing.

use domain::{
    id::OrderId,
    order::Order,
    wallet::{Lock, LockRefusal},
};

use super::{Exchange, PutOutcome, rows};
use crate::{
    item::Read,
    ledger::{Ledger, transfers::PostError, wallets::lock_refusal},
    store::StoreError,
    write::{WriteError, WriteId},
};

/// Where the items stand in the transaction.
const WALLET: usize = 0;
const ORDER: usize = 1;
const CLIENT: usize = 2;

/// How placing an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Committed now: locked and written, to be queued.
    Done,
    /// The id was placed (or refused) before, by an earlier or a simultaneous request; this is how it stands. If it is
    /// still pending, queue it again: its first request may have got no further.
    Before(Box<Order>),
    /// The client has given this name to another order.
    ClientIdTaken(OrderId),
    /// The wallet says no; nothing was written.
    Refused(LockRefusal),
}

/// How writing down a refused order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Committed now.
    Done,
    /// The id was placed (or refused) before; this is how it stands.
    Before(Box<Order>),
}

impl Exchange {
    /// Locks and writes an order in one transaction. An id known before comes first, then the client's name, then what
    /// the wallet says.
    pub async fn place(
        &self,
        ledger: &Ledger,
        order: &Order,
        lock: &Lock,
        max_open_orders: u64,
    ) -> Result<Placed, PostError> {
        let id = WriteId::new();
        let mut items =
            vec![ledger.lock(&order.customer, lock, max_open_orders)?, self.new_row(rows::order_item(order, id))?];
        if let Some(client) = &order.client_order_id {
            items.push(self.new_row(rows::client_item(&order.customer, client, &order.id))?);
        }
        let cancelled = match ledger.transact(items).await {
            Ok(()) => return Ok(Placed::Done),
            Err(WriteError::Cancelled(cancelled)) => cancelled,
            Err(WriteError::Conflict(indexes)) if indexes.contains(&ORDER) => return Err(PostError::InProgress),
            Err(error) => return Err(PostError::Store(error.into())),
        };
        if let Some(row) = cancelled.failed(ORDER) {
            let row = row.ok_or_else(|| StoreError::corrupt("order row"))?;
            // Our own write, of which the answer was lost.
            return Ok(if id.wrote(row) { Placed::Done } else { Placed::Before(Box::new(rows::order(row)?)) });
        }
        if let Some(row) = cancelled.failed(CLIENT) {
            let row = row.ok_or_else(|| StoreError::corrupt("client order id row"))?;
            return Ok(Placed::ClientIdTaken(row.parsed("order_id", OrderId::parse)?));
        }
        match cancelled.failed(WALLET) {
            Some(row) => Ok(Placed::Refused(lock_refusal(row, max_open_orders)?)),
            None => Err(StoreError::corrupt("an order was refused for no reason of ours").into()),
        }
    }

    /// Writes a refused order down under its id, so that a repetition is answered the same. It locks nothing, and leaves
    /// the client's name for it free.
    pub async fn refuse(&self, order: &Order) -> Result<Refused, StoreError> {
        let id = WriteId::new();
        let put = self.put(rows::order_item(order, id)).condition_expression("attribute_not_exists(pk)");
        match self.put_if(put).await? {
            PutOutcome::Done => Ok(Refused::Done),
            PutOutcome::Denied(row) => {
                let row = row.ok_or_else(|| StoreError::corrupt("order row"))?;
                Ok(if id.wrote(&row) { Refused::Done } else { Refused::Before(Box::new(rows::order(&row)?)) })
            }
        }
    }
}
