//! What goes into a book and what comes out of it. Both are kept in the journal, so both are compact in JSON (short
//! names) and in binary formats.

use serde::{Deserialize, Serialize};

use crate::{
    id::{TradeId, derive},
    instrument::Symbol,
    order::{OrderKey, Owner, PlaceOrder, Reason, Side, Status},
};

/// Something to do to a book. Commands are applied one after the other; each is all or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A new order.
    #[serde(rename = "p")]
    Place(PlaceOrder),
    /// Ends an open or sleeping order of this owner.
    #[serde(rename = "c")]
    Cancel {
        /// The order.
        #[serde(rename = "i")]
        order: OrderKey,
        /// Must be its owner.
        #[serde(rename = "o")]
        owner: Owner,
    },
    /// Cancels one order and places another, or does neither: an order that is not open (any more) rejects the new one,
    /// and a new one that is rejected leaves the old one where it stands.
    #[serde(rename = "r")]
    Replace {
        /// The order that goes; it must belong to the owner of the one that comes.
        #[serde(rename = "i")]
        order: OrderKey,
        /// The order that comes, with a reservation of its own.
        #[serde(rename = "n")]
        with: PlaceOrder,
    },
    /// Ends what stands no longer at this moment (milliseconds since 1970): at most
    /// [`EXPIRIES_PER_COMMAND`](super::EXPIRIES_PER_COMMAND) orders, the earliest first.
    #[serde(rename = "x")]
    Expire {
        /// The present moment.
        #[serde(rename = "t")]
        now: i64,
    },
    /// Orders are rejected from here on; cancelling goes on.
    #[serde(rename = "h")]
    Halt,
    /// Orders are taken again.
    #[serde(rename = "u")]
    Resume,
}

/// One side of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The order.
    #[serde(rename = "i")]
    pub order: OrderKey,
    /// Whose it is.
    #[serde(rename = "o")]
    pub owner: Owner,
    /// What it pays on top (buyer) or out of the proceeds (seller), in minor units of the quote asset.
    #[serde(rename = "f")]
    pub fee: u64,
    /// Lots still to be filled. Zero for a market buy by amount: it has no quantity.
    #[serde(rename = "l")]
    pub remaining: u64,
}

/// A match of two orders at the maker's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// 1, 2, 3, … within the book.
    #[serde(rename = "n")]
    pub number: u64,
    /// The taker's side: a buy took from the asks.
    #[serde(rename = "s")]
    pub taker_side: Side,
    /// Ticks.
    #[serde(rename = "p")]
    pub price: u64,
    /// Lots.
    #[serde(rename = "q")]
    pub quantity: u64,
    /// Price × quantity in minor units of the quote asset: what the buyer pays and the seller gets before fees.
    #[serde(rename = "v")]
    pub notional: u64,
    /// Who rested.
    #[serde(rename = "m")]
    pub maker: Party,
    /// Who came.
    #[serde(rename = "t")]
    pub taker: Party,
}

impl Trade {
    /// Who buys and who sells.
    pub fn buyer_and_seller(&self) -> (&Party, &Party) {
        match self.taker_side {
            Side::Buy => (&self.taker, &self.maker),
            Side::Sell => (&self.maker, &self.taker),
        }
    }
}

/// The identifier of a trade outside: the same whoever looks at it.
pub fn trade_id(symbol: &Symbol, number: u64) -> TradeId {
    TradeId::from_bytes(derive(&["trade", symbol.as_str(), &number.to_string()]))
}

/// What a command has done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An order rests in the book with so many lots: `open`, or `partially_filled` when it has traded.
    #[serde(rename = "o")]
    Opened {
        /// The order.
        #[serde(rename = "i")]
        order: OrderKey,
        /// Whose it is.
        #[serde(rename = "o")]
        owner: Owner,
        /// Lots.
        #[serde(rename = "l")]
        remaining: u64,
    },
    /// A stop sleeps in the book: `untriggered`.
    #[serde(rename = "u")]
    Dormant {
        /// The order.
        #[serde(rename = "i")]
        order: OrderKey,
        /// Whose it is.
        #[serde(rename = "o")]
        owner: Owner,
    },
    /// The last price has reached a stop; what its limit order does follows.
    #[serde(rename = "g")]
    Triggered {
        /// The order.
        #[serde(rename = "i")]
        order: OrderKey,
        /// Whose it is.
        #[serde(rename = "o")]
        owner: Owner,
    },
    /// Two orders have traded.
    #[serde(rename = "t")]
    Traded(Trade),
    /// An order has ended. It comes exactly once for each order, after its trades.
    #[serde(rename = "z")]
    Closed {
        /// The order.
        #[serde(rename = "i")]
        order: OrderKey,
        /// Whose it is.
        #[serde(rename = "o")]
        owner: Owner,
        /// Tells what `released` is counted in.
        #[serde(rename = "s")]
        side: Side,
        /// A final status.
        #[serde(rename = "w")]
        status: Status,
        /// Why, unless it was filled.
        #[serde(rename = "y")]
        reason: Option<Reason>,
        /// What is left of its lock and free again: minor units of the quote asset for a buy, lots for a sell.
        #[serde(rename = "r")]
        released: u64,
    },
    /// A command that named an order and did nothing: a repeated order, or one to be cancelled that is not open.
    /// Nothing moves and no order changes.
    #[serde(rename = "d")]
    Declined {
        /// The order.
        #[serde(rename = "i")]
        order: OrderKey,
        /// Why.
        #[serde(rename = "y")]
        reason: Reason,
    },
}
