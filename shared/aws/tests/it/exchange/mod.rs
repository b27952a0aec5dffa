//! The exchange on a real DynamoDB engine: locks, journals, settlement, money in and out.

mod audit;
mod capacity;
mod journal;
mod lists;
mod model;
mod money;
mod place;
mod settle;

use domain::{
    Currency,
    account::Account,
    id::TransferId,
    instrument::Symbol,
    transfer::Transfer,
    wallet::{Direction, WalletTransfer},
};
use testkit::{Stack, customer, money, transfer_id};

fn symbol() -> Symbol {
    Symbol::parse("BTC-USD").expect("a symbol")
}

/// What the customer that `who` stands for asks under a name that stands for the idempotency key.
fn wish(name: &str, who: &str, account: &Account, direction: Direction, amount: &str) -> WalletTransfer {
    WalletTransfer {
        id: transfer_id(name),
        direction,
        account: account.id.clone(),
        customer: customer(who),
        money: money(amount, account.currency.code()),
        initiator: who.into(),
    }
}

/// Decides from the rows as they stand, as the `wallet` function does.
async fn decide(stack: &Stack, wish: &WalletTransfer) -> Transfer {
    let ledger = stack.ledger();
    let account = ledger.account(&wish.account).await.expect("read");
    let wallet = ledger.wallet(&wish.customer).await.expect("read");
    wish.decide(account.as_ref(), &wallet, crate::now()).expect("decided")
}

fn dollar() -> Currency {
    Currency::parse("USD").expect("a currency")
}

fn id(name: &str) -> TransferId {
    transfer_id(name)
}
