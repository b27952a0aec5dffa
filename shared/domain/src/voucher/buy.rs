//! Whether a voucher may be bought, given the product and the account as they stand.

use super::{Funding, INSUFFICIENT_FUNDS, Notice, Product, ProductId, ProductStatus, Purchase, State};
use crate::{
    Timestamp,
    account::Account,
    customer::PhoneNumber,
    id::{AccountId, CustomerId, TransferId, VoucherId, derive},
    transfer::{self, Accounts, Authority, Command, HoldTerms, Kind, Transfer},
};

/// Who is to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payer {
    /// A customer, from an own account. Staff buy for nobody.
    Account {
        /// Who asks.
        customer: CustomerId,
        /// Which account.
        account: AccountId,
    },
    /// A partner's machine, paid already.
    Partner {
        /// Which client.
        client: String,
        /// Its reference of the payment.
        payment_reference: String,
    },
}

/// Buy this voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buy {
    /// Derived from caller, path and idempotency key.
    pub id: VoucherId,
    /// Which product.
    pub product: ProductId,
    /// For which phone.
    pub phone: PhoneNumber,
    /// Who pays.
    pub payer: Payer,
    /// Until when the request waits for the outcome; `None` promises an SMS at once.
    pub wait_until: Option<Timestamp>,
}

impl Buy {
    /// The transfer by which the price of this purchase moves.
    pub fn transfer(&self) -> TransferId {
        TransferId::from_bytes(derive(&["voucher", self.id.as_str()]))
    }
}

/// Why a voucher is not sold. The first that applies is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no such product.
    ProductNotFound,
    /// The product is no longer sold.
    ProductWithdrawn,
    /// The account may not pay.
    Account(transfer::Rejection),
}

/// A purchase to be committed, and the transfer to be committed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// Held, or refused for lack of funds: both stay on record.
    pub purchase: Purchase,
    /// The hold, or the refused attempt; a partner's purchase has none until it is delivered.
    pub hold: Option<Transfer>,
}

/// Decides a purchase. `account` is the one the command names, if it exists.
pub fn buy(
    command: &Buy,
    product: Option<&Product>,
    account: Option<&Account>,
    now: Timestamp,
) -> Result<Bought, Rejection> {
    let product = product.filter(|product| product.id == command.product).ok_or(Rejection::ProductNotFound)?;
    let hold = match &command.payer {
        Payer::Account { customer, account: id } => {
            if !account.is_some_and(|account| account.id == *id && account.owner == *customer) {
                return Err(Rejection::Account(transfer::Rejection::AccountNotFound));
            }
            Some((customer, id))
        }
        Payer::Partner { .. } => None,
    };
    if product.status == ProductStatus::Withdrawn {
        return Err(Rejection::ProductWithdrawn);
    }
    let hold = hold.map(|(customer, id)| reserve(command, product, account, customer, id, now)).transpose()?;
    let funding = match &command.payer {
        Payer::Account { customer, account } => {
            Funding::Account { customer: customer.clone(), account: account.clone(), hold: command.transfer() }
        }
        Payer::Partner { client, payment_reference } => Funding::Partner {
            client: client.clone(),
            payment_reference: payment_reference.clone(),
            transfer: command.transfer(),
        },
    };
    let purchase = Purchase {
        id: command.id.clone(),
        product: product.id.clone(),
        product_name: format!("{} {}", product.network, product.name),
        supplier_sku: product.supplier_sku.clone(),
        phone: command.phone.clone(),
        price: product.price,
        funding,
        state: State::Held { attempts: 0, since: now, doubt: false },
        notice: command.wait_until.map_or(Notice::Sms, |until| Notice::Waiting { until }),
        created_at: now,
        version: 1,
    };
    let bought = Bought { purchase, hold };
    let unpaid = bought.hold.as_ref().is_some_and(|hold| matches!(hold.state, transfer::State::Rejected { .. }));
    Ok(if unpaid { bought.unpaid() } else { bought })
}

impl Bought {
    /// This purchase as it stays on record when the account cannot pay: refused, and told in the answer.
    pub fn unpaid(self) -> Self {
        let at = self.purchase.created_at;
        let state = State::Refused { reason: INSUFFICIENT_FUNDS.to_owned(), at, late: None };
        let hold = self.hold.map(|hold| hold.rejected(transfer::Refusal::InsufficientFunds));
        Self { purchase: Purchase { state, notice: Notice::Answered, ..self.purchase }, hold }
    }
}

fn reserve(
    command: &Buy,
    product: &Product,
    account: Option<&Account>,
    customer: &CustomerId,
    id: &AccountId,
    now: Timestamp,
) -> Result<Transfer, Rejection> {
    let wish = Command {
        id: command.transfer(),
        kind: Kind::Voucher,
        money: product.price,
        from: Some(id.clone()),
        to: None,
        description: Some(format!("{} {}", product.network, product.name)),
        metadata: Some(format!(r#"{{"voucher_id":"{}"}}"#, command.id)),
        hold: Some(HoldTerms::UNTIL_RESOLVED),
        initiator: customer.as_str().to_owned(),
        authority: Authority::Customer(customer.clone()),
    };
    let accounts = Accounts { from: account.cloned(), to: None };
    transfer::decide(&accounts, &wish, now).map_err(Rejection::Account)
}
