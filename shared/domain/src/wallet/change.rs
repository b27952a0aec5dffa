//! What the events of a journal do to each wallet: the net of its funds, the orders that have ended, and its fills in
//! their order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    instrument::Instrument,
    order::{OrderKey, Owner, Side, named},
    order_book::{Event, Party, Settlement, Trade, WalletChange},
    wallet::Position,
};

named! {
    /// Which part an order had in a trade.
    Role {
        /// It rested.
        Maker = "maker",
        /// It came.
        Taker = "taker",
    }
}

/// One side of a trade, as its owner's entry keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The trade's number within the book.
    pub trade: u64,
    /// The order of this side.
    pub order: OrderKey,
    /// Which way.
    pub side: Side,
    /// Which part.
    pub role: Role,
    /// Ticks.
    pub price: u64,
    /// Lots.
    pub quantity: u64,
    /// Minor units of the quote asset, without the fee.
    pub notional: u64,
    /// Minor units of the quote asset.
    pub fee: u64,
}

/// How a wallet changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What moves.
    pub funds: WalletChange,
    /// Orders that have ended.
    pub closed: u64,
    /// Its sides of trades, in their order; both sides of a trade with itself cannot be.
    pub fills: Vec<Fill>,
}

impl Change {
    /// The changes of all wallets by these events, in their order. They must be all events of one or more whole
    /// commands.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event> + Clone) -> BTreeMap<Owner, Self> {
        let mut changes: BTreeMap<Owner, Self> = BTreeMap::new();
        for (owner, funds) in Settlement::of(events.clone()).wallets {
            changes.entry(owner).or_default().funds = funds;
        }
        for event in events {
            match event {
                Event::Closed { owner, .. } => changes.entry(*owner).or_default().closed += 1,
                Event::Traded(trade) => {
                    for (party, fill) in Fill::both(trade) {
                        changes.entry(party.owner).or_default().fills.push(fill);
                    }
                }
                _ => {}
            }
        }
        changes
    }

    /// The position after the fills of this change.
    pub fn position(&self, before: Position, instrument: &Instrument) -> Position {
        let mut position = before;
        for fill in &self.fills {
            let quantity = instrument.quantity(i128::from(fill.quantity));
            let units = |units: i128| instrument.quote_amount(units);
            match fill.side {
                Side::Buy => position.buy(quantity, units(i128::from(fill.notional) + i128::from(fill.fee))),
                Side::Sell => position.sell(
                    quantity,
                    units(i128::from(fill.notional) - i128::from(fill.fee)),
                    instrument.quote().decimals(),
                ),
            }
        }
        position
    }
}

impl Fill {
    /// Both sides of a trade: maker, taker.
    pub fn both(trade: &Trade) -> [(&Party, Self); 2] {
        let fill = |party: &Party, side, role| Self {
            trade: trade.number,
            order: party.order,
            side,
            role,
            price: trade.price,
            quantity: trade.quantity,
            notional: trade.notional,
            fee: party.fee,
        };
        [
            (&trade.maker, fill(&trade.maker, trade.taker_side.opposite(), Role::Maker)),
            (&trade.taker, fill(&trade.taker, trade.taker_side, Role::Taker)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Reason, Status};

    #[test]
    fn an_order_that_ends_with_nothing_to_free_still_counts_as_ended() {
        let owner = Owner(1);
        let closed = Event::Closed {
            order: OrderKey(1),
            owner,
            side: Side::Buy,
            status: Status::Expired,
            reason: Some(Reason::NoLiquidity),
            released: 0,
        };
        let changes = Change::of([&closed]);
        assert_eq!(changes[&owner], Change { closed: 1, ..Change::default() });
    }

    #[test]
    fn each_side_of_a_trade_gets_its_fill() {
        let party = |order, owner, fee| Party { order: OrderKey(order), owner: Owner(owner), fee, remaining: 0 };
        let trade = Trade {
            number: 7,
            taker_side: Side::Sell,
            price: 10,
            quantity: 3,
            notional: 30,
            maker: party(1, 11, 1),
            taker: party(2, 12, 2),
        };
        let changes = Change::of([&Event::Traded(trade)]);
        let (maker, taker) = (&changes[&Owner(11)], &changes[&Owner(12)]);
        assert_eq!((maker.fills[0].side, maker.fills[0].role, maker.fills[0].fee), (Side::Buy, Role::Maker, 1));
        assert_eq!((taker.fills[0].side, taker.fills[0].role, taker.fills[0].fee), (Side::Sell, Role::Taker, 2));
        assert_eq!((maker.funds.quote_locked, taker.funds.quote_free), (-31, 28));
    }
}
