//! Money between bank and wallet: account, wallet, the transfer's own row and the wallet's entry in one transaction.

use domain::{
    transfer::{State, Transfer},
    wallet::Direction,
};

use super::{Exchange, entries};
use crate::{
    ledger::{
        Committed, Ledger,
        transfers::{PostError, Posted},
    },
    store::StoreError,
};

impl Exchange {
    /// Commits a decided transfer between an account and a wallet; a rejected one is written down. Funds that ran out
    /// since the decision are recorded as a refusal under the transfer's id.
    pub async fn post(&self, ledger: &Ledger, transfer: &Transfer) -> Result<Posted, PostError> {
        if matches!(transfer.state, State::Rejected { .. }) {
            return ledger.post(transfer).await;
        }
        let corrupt = || StoreError::corrupt("a transfer without a wallet or an account");
        let (direction, customer) = match (transfer.credit.wallet(), transfer.debit.wallet()) {
            (Some(customer), None) => (Direction::In, customer),
            (None, Some(customer)) => (Direction::Out, customer),
            _ => return Err(corrupt().into()),
        };
        let account = transfer.debit.account().or(transfer.credit.account()).ok_or_else(corrupt)?;
        let entry = self.new_row(entries::transfer_item(transfer, customer, direction, account))?;
        match ledger.post_beside(transfer, vec![entry]).await? {
            Committed::Done => Ok(Posted::Done(transfer.clone())),
            Committed::Denied(denied) => {
                if let Some(existing) = denied.transfer()? {
                    return Ok(Posted::Before(existing));
                }
                match denied.refusal()? {
                    Some(rejection) => Ok(Posted::Refused(rejection)),
                    None => ledger.refuse(transfer).await,
                }
            }
        }
    }
}
