//! Wallets: what a customer holds at the exchange, per asset free and locked; what an order locks of it; how trades
//! change it.
//!
//! A wallet moves in four ways only: a bank transfer or a grant changes what is free; an order locks; the settlement of a
//! journal unlocks and exchanges. Locks are made when an order is placed, so nothing is ever spent twice, however far the
//! settlement lags behind.

mod change;
mod lock;
mod position;
mod transfer;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    Timestamp,
    id::{CustomerId, GrantId},
    instrument::{Asset, Symbol},
};

pub use change::{Change, Fill, Role};
pub use lock::{Lock, LockRefusal, lock};
pub use position::{Position, Valuation};
pub use transfer::{Direction, WalletTransfer};

/// Most orders of one customer that are not finished, unless the template says otherwise.
pub const MAX_OPEN_ORDERS: u64 = 1_000;

/// What a wallet holds of an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// May be spent.
    pub free: Decimal,
    /// Reserved by orders that are not finished.
    pub locked: Decimal,
}

impl Holding {
    /// Free and locked.
    pub fn total(&self) -> Decimal {
        self.free.saturating_add(self.locked)
    }
}

/// A wallet as stored. One nobody has touched yet is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Whose it is.
    pub customer: CustomerId,
    /// By asset.
    pub holdings: BTreeMap<Asset, Holding>,
    /// The last version of each journal that has been settled into it.
    pub applied: BTreeMap<Symbol, u64>,
    /// What was bought at which cost, by instrument.
    pub positions: BTreeMap<Symbol, Position>,
    /// Orders that are not finished.
    pub open_orders: u64,
    /// Counts every change; 0 before the first.
    pub version: u64,
}

impl Wallet {
    /// The wallet of somebody who has never had anything.
    pub fn empty(customer: CustomerId) -> Self {
        Self {
            customer,
            holdings: BTreeMap::new(),
            applied: BTreeMap::new(),
            positions: BTreeMap::new(),
            open_orders: 0,
            version: 0,
        }
    }

    /// What it holds of an asset; nothing of one it has never seen.
    pub fn holding(&self, asset: &Asset) -> Holding {
        self.holdings.get(asset).copied().unwrap_or_default()
    }

    /// The last version of a journal that has been settled into it; 0 before the first.
    pub fn applied(&self, symbol: &Symbol) -> u64 {
        self.applied.get(symbol).copied().unwrap_or_default()
    }

    /// What was bought of an instrument at which cost.
    pub fn position(&self, symbol: &Symbol) -> Position {
        self.positions.get(symbol).copied().unwrap_or_default()
    }
}

/// An asset given to a customer out of nothing, for simulation. The issuance owes the sum of all grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Derived from the caller's idempotency key.
    pub id: GrantId,
    /// To whom.
    pub customer: CustomerId,
    /// What.
    pub asset: Asset,
    /// How much; more than zero, at no more than the asset's decimals.
    pub quantity: Decimal,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Grant {
    /// Reads a quantity that may be granted: more than zero, up to fifteen digits before the point and the asset's
    /// decimals behind it.
    pub fn parse_quantity(text: &str, asset: &Asset) -> Option<Decimal> {
        let quantity = crate::order::fields::plain_decimal(text)?;
        (!quantity.is_zero() && quantity.scale() <= asset.decimals()).then_some(quantity)
    }
}
