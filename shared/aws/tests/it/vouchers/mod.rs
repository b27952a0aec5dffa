//! Purchases on a real DynamoDB engine: a purchase and its money are never of two minds.

mod capacity;
mod lists;
mod model;
mod money;
mod races;
mod rows;

use domain::{
    id::TransferId,
    money::Money,
    transfer::{State as Hold, SystemAccount},
    voucher::{Funding, Purchase, State},
};
use testkit::{Stack, money};

/// How the transfer stands by which a purchase is paid; `None` while there is none.
async fn transfer_of(stack: &Stack, purchase: &Purchase) -> Option<Hold> {
    let transfer = stack.ledger().transfer(purchase.funding.transfer()).await.expect("the transfer is read");
    transfer.map(|transfer| transfer.state)
}

/// Delivered ⇔ captured, refused ⇔ given back, open ⇔ reserved; and for a partner: delivered ⇔ booked.
async fn assert_of_one_mind(stack: &Stack, purchase: &Purchase, context: &str) {
    let transfer = transfer_of(stack, purchase).await;
    let agrees = match (&purchase.funding, &purchase.state) {
        (Funding::Account { .. }, State::Delivered { .. }) => {
            matches!(&transfer, Some(Hold::Captured { amount, .. }) if *amount == purchase.price)
        }
        (Funding::Account { .. }, State::Refused { .. }) => {
            matches!(transfer, Some(Hold::Voided { .. } | Hold::Rejected { .. }))
        }
        (Funding::Account { .. }, _) => matches!(transfer, Some(Hold::Pending { .. })),
        (Funding::Partner { .. }, State::Delivered { .. }) => matches!(transfer, Some(Hold::Completed { .. })),
        (Funding::Partner { .. }, _) => transfer.is_none(),
    };
    assert!(agrees, "{context}: {purchase:?} and {transfer:?}");
    let late = TransferId::from_bytes(domain::id::derive(&["late voucher", purchase.id.as_str()]));
    let late = stack.ledger().transfer(&late).await.expect("the transfer is read");
    assert_eq!(late.is_some(), purchase.is_late_success(), "{context}: {purchase:?} and {late:?}");
}

/// What the entries of a system account add up to, in dollars.
async fn system(stack: &Stack, account: SystemAccount) -> Money {
    let audit = stack.ledger().audit().await.expect("the audit runs");
    assert!(audit.is_clean(), "{audit:#?}");
    let zero = money("0", "USD");
    audit.currencies.get(&zero.currency()).and_then(|books| books.system.get(&account).copied()).unwrap_or(zero)
}
