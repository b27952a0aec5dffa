//! What events come to: one net change for each wallet, each order and the fees. Whoever writes rows adds nothing of
//! his own: every change of every lock and balance is told by the events alone.

use std::collections::BTreeMap;

use super::{Event, Trade};
use crate::order::{OrderKey, Owner, Reason, Side, Status};

/// How a wallet changes in the two assets of the instrument: base in lots, quote in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalletChange {
    /// Free lots.
    pub base_free: i128,
    /// Locked lots; never more than zero: locks are made when an order is placed.
    pub base_locked: i128,
    /// Free minor units.
    pub quote_free: i128,
    /// Locked minor units; never more than zero.
    pub quote_locked: i128,
}

/// How an order changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderChange {
    /// Where it stands now.
    pub status: Status,
    /// Why it ended.
    pub reason: Option<Reason>,
    /// Lots filled, to be added.
    pub filled: u128,
    /// Minor units of the quote asset it has traded for, without fees, to be added.
    pub notional: u128,
    /// Fees in minor units of the quote asset, to be added.
    pub fees: u128,
    /// What is left of its lock and was freed at its end.
    pub released: u64,
}

/// Everything that the events of a journal entry change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// By owner.
    pub wallets: BTreeMap<Owner, WalletChange>,
    /// By owner and order: order rows lie beside their owner's wallet.
    pub orders: BTreeMap<(Owner, OrderKey), OrderChange>,
    /// Fees of both sides for the house, in minor units of the quote asset.
    pub fees: u128,
}

impl Settlement {
    /// The net of these events, in their order. They must be all events of one or more whole commands.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut settlement = Self::default();
        for event in events {
            settlement.add(event);
        }
        // An order that ends with nothing locked leaves its wallet as it was.
        settlement.wallets.retain(|_, change| *change != WalletChange::default());
        settlement
    }

    fn add(&mut self, event: &Event) {
        match event {
            Event::Opened { order, owner, .. } => {
                let change = self.order(*owner, *order);
                change.status = if change.filled > 0 { Status::PartiallyFilled } else { Status::Open };
            }
            Event::Dormant { order, owner } => self.order(*owner, *order).status = Status::Untriggered,
            Event::Triggered { order, owner } => self.order(*owner, *order).status = Status::Open,
            Event::Traded(trade) => self.traded(trade),
            Event::Closed { order, owner, side, status, reason, released } => {
                let change = self.order(*owner, *order);
                (change.status, change.reason, change.released) = (*status, *reason, *released);
                let released = i128::from(*released);
                let wallet = self.wallets.entry(*owner).or_default();
                match side {
                    Side::Buy => {
                        (wallet.quote_free, wallet.quote_locked) =
                            (wallet.quote_free + released, wallet.quote_locked - released)
                    }
                    Side::Sell => {
                        (wallet.base_free, wallet.base_locked) =
                            (wallet.base_free + released, wallet.base_locked - released)
                    }
                }
            }
            Event::Declined { .. } => {}
        }
    }

    fn traded(&mut self, trade: &Trade) {
        let (lots, notional) = (i128::from(trade.quantity), i128::from(trade.notional));
        let (buyer, seller) = trade.buyer_and_seller();
        let wallet = self.wallets.entry(buyer.owner).or_default();
        wallet.quote_locked -= notional + i128::from(buyer.fee);
        wallet.base_free += lots;
        let wallet = self.wallets.entry(seller.owner).or_default();
        wallet.base_locked -= lots;
        wallet.quote_free += notional - i128::from(seller.fee);
        for party in [buyer, seller] {
            let change = self.order(party.owner, party.order);
            // Of an order that ends in the same command its end follows.
            change.status = Status::PartiallyFilled;
            change.filled += u128::from(trade.quantity);
            change.notional += u128::from(trade.notional);
            change.fees += u128::from(party.fee);
        }
        self.fees += u128::from(buyer.fee) + u128::from(seller.fee);
    }

    fn order(&mut self, owner: Owner, order: OrderKey) -> &mut OrderChange {
        self.orders.entry((owner, order)).or_insert(OrderChange {
            status: Status::Open,
            reason: None,
            filled: 0,
            notional: 0,
            fees: 0,
            released: 0,
        })
    }
}
