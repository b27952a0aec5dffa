//! A purchase comes to be: reserved money, the purchase itself and a partner's payment reference, all or nothing.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::{
    transfer,
    voucher::{Bought, Funding, Purchase},
};

use super::{Vouchers, rows};
use crate::{
    item::Item,
    ledger::{Committed, Ledger, transfers::PostError},
    store::StoreError,
    write::{self, WriteError, WriteId},
};

/// Where the purchase stands among the items beside its money.
const PURCHASE: usize = 0;
/// And the partner's payment reference, if there is one.
const REFERENCE: usize = 1;

/// How a purchase ended.
#[derive(Debug)]
pub enum Purchased {
    /// Committed now: its money is reserved, or it is refused for lack of funds and remembered so.
    Done(Purchase),
    /// The id was decided before, by an earlier or a simultaneous request; this is how it stands.
    Before(Purchase),
    /// Refused by the account as it is; nothing is remembered.
    Refused(transfer::Rejection),
    /// Another purchase has this payment reference.
    ReferenceTaken,
}

impl Vouchers {
    /// Commits a decided purchase with its hold in one transaction. Funds that ran out since the decision are recorded
    /// as a refusal, of the hold and of the purchase.
    pub async fn buy(&self, ledger: &Ledger, bought: &Bought) -> Result<Purchased, PostError> {
        match self.try_buy(ledger, bought).await? {
            Some(purchased) => Ok(purchased),
            None => {
                let unpaid = bought.clone().unpaid();
                let purchased = self.try_buy(ledger, &unpaid).await?;
                Ok(purchased.ok_or_else(|| StoreError::corrupt("a refusal that lacks funds"))?)
            }
        }
    }

    /// `None` when the account cannot pay any more.
    async fn try_buy(&self, ledger: &Ledger, bought: &Bought) -> Result<Option<Purchased>, PostError> {
        let (purchase, id) = (&bought.purchase, WriteId::new());
        let beside = self.new_rows(purchase, id)?;
        let Some(hold) = &bought.hold else { return self.enter(purchase, id, beside).await.map(Some) };
        let denied = match ledger.post_beside(hold, beside).await? {
            Committed::Done => return Ok(Some(Purchased::Done(purchase.clone()))),
            Committed::Denied(denied) => denied,
        };
        if let Some(purchased) = known(|index| denied.beside(index), id)? {
            return Ok(Some(purchased));
        }
        if denied.row()?.is_some() {
            return Err(StoreError::corrupt("money reserved for a purchase that is not there").into());
        }
        Ok(denied.refusal()?.map(Purchased::Refused))
    }

    /// A purchase that moves no money yet.
    async fn enter(
        &self,
        purchase: &Purchase,
        id: WriteId,
        items: Vec<TransactWriteItem>,
    ) -> Result<Purchased, PostError> {
        match write::transact(&self.client, &self.meter, items).await {
            Ok(()) => Ok(Purchased::Done(purchase.clone())),
            Err(WriteError::Cancelled(cancelled)) => {
                let known = known(|index| cancelled.failed(index), id)?;
                Ok(known.ok_or_else(|| StoreError::corrupt("a purchase was refused for no reason of ours"))?)
            }
            Err(WriteError::Conflict(indexes)) if indexes.contains(&PURCHASE) => Err(PostError::InProgress),
            Err(error) => Err(PostError::Store(error.into())),
        }
    }

    /// The purchase and, for a partner's, its reference, each if absent.
    fn new_rows(&self, purchase: &Purchase, id: WriteId) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut items = vec![rows::purchase_item(purchase, &self.patience, id)];
        if let Funding::Partner { client, payment_reference, .. } = &purchase.funding {
            items.push(rows::reference_item(client, payment_reference, &purchase.id));
        }
        let put = |item| {
            let put = Put::builder().table_name(&self.table).set_item(Some(item));
            write::put(put.condition_expression("attribute_not_exists(pk)"))
        };
        Ok(items.into_iter().map(put).collect::<Result<_, _>>()?)
    }
}

/// What the rows say that are there already. The purchase's own comes first: its repetition finds its reference taken
/// as well, by itself.
fn known<'a>(failed: impl Fn(usize) -> Option<Option<&'a Item>>, id: WriteId) -> Result<Option<Purchased>, StoreError> {
    if let Some(row) = failed(PURCHASE) {
        let row = row.ok_or_else(|| StoreError::corrupt("purchase row"))?;
        let before = rows::purchase(row)?;
        // Our own write, of which the answer was lost.
        return Ok(Some(if id.wrote(row) { Purchased::Done(before) } else { Purchased::Before(before) }));
    }
    Ok(failed(REFERENCE).map(|_| Purchased::ReferenceTaken))
}
