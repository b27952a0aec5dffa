//! What an order is: its sides, types, times in force, states, and the reasons it ends for.
//!
//! Inside, prices are whole ticks and quantities whole lots of the instrument; amounts of money are minor units of its
//! quote asset. [`validate`](fields::OrderFields::validate) is the only way in from text.

pub mod fields;
#[cfg(test)]
mod fields_tests;
mod key;
mod record;
mod terms;

use serde::{Deserialize, Serialize};

pub use fields::{FieldError, FieldProblem, OrderFields, ValidOrder};
pub use key::{OrderKey, Owner};
pub use record::{Order, Replacement};
pub use terms::{MARKET_BUY_COLLAR_BPS, MAX_FEE_BPS, MAX_NOTIONAL, MAX_RESERVATION, Terms};

/// Names of an enum's values as the API writes them.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$value_doc])* #[serde(rename = $text)] $value,)* }

        impl $name {
            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// The name in the API.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }

            /// Reads the name in the API; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$value),)* _ => None }
            }
        }
    };
}
pub(crate) use named;

named! {
    /// Which way an order goes.
    Side {
        /// Gives the quote asset for the base asset.
        Buy = "buy",
        /// Gives the base asset for the quote asset.
        Sell = "sell",
    }
}

impl Side {
    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

named! {
    /// The type of an order.
    OrderType {
        /// Takes what there is.
        Market = "market",
        /// Takes and rests at its price or better.
        Limit = "limit",
        /// Sleeps until the last price reaches its stop, then a limit order.
        StopLimit = "stop_limit",
    }
}

named! {
    /// How long an order stands.
    TimeInForce {
        /// Until it is filled or cancelled.
        Gtc = "gtc",
        /// Takes what it can at once; the rest expires.
        Ioc = "ioc",
        /// All at once or nothing.
        Fok = "fok",
    }
}

named! {
    /// What happens when an order meets another one of its owner. The taker's mode counts.
    SelfTrade {
        /// The rest of the taker expires.
        ExpireTaker = "expire_taker",
        /// The resting order expires and the taker goes on.
        ExpireMaker = "expire_maker",
        /// Both expire.
        ExpireBoth = "expire_both",
        /// Own orders are passed over and are no liquidity. For orders that never rest: market, IOC, FOK.
        Skip = "skip",
    }
}

named! {
    /// Where an order stands.
    Status {
        /// Locked and queued; the book has not answered yet.
        Pending = "pending",
        /// A stop that waits for its price.
        Untriggered = "untriggered",
        /// Rests in the book, nothing filled yet.
        Open = "open",
        /// Rests in the book, partly filled.
        PartiallyFilled = "partially_filled",
        /// Filled as far as was asked for.
        Filled = "filled",
        /// Taken back by its owner.
        Cancelled = "cancelled",
        /// Never accepted.
        Rejected = "rejected",
        /// Ended with a rest nobody filled.
        Expired = "expired",
    }
}

impl Status {
    /// Whether nothing can happen to such an order any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Rejected | Self::Expired)
    }
}

named! {
    /// Why an order ended unfilled, or why a command did nothing.
    Reason {
        /// Post-only, and it would have taken.
        WouldTake = "would_take",
        /// The instrument does not trade.
        InstrumentHalted = "instrument_halted",
        /// Not enough on the other side: the rest of an IOC or market order.
        NoLiquidity = "no_liquidity",
        /// FOK that could not be filled at once.
        NotFillable = "not_fillable",
        /// It met an order of its owner.
        SelfTrade = "self_trade",
        /// What was reserved for a market buy is spent.
        ReservationSpent = "reservation_spent",
        /// Its time is over.
        TimeOver = "time_over",
        /// More orders on the other side than one command may fill.
        TooManyFills = "too_many_fills",
        /// Its owner cancelled it.
        Requested = "requested",
        /// Another order took its place.
        Replaced = "replaced",
        /// An order with this identifier is or was in the book.
        Duplicate = "duplicate",
        /// There is no such open order of this owner.
        NotOpen = "not_open",
        /// Less is locked than the order can cost.
        UnderReserved = "under_reserved",
        /// Amounts no validation lets through.
        Invalid = "invalid",
        /// The book holds as many orders as it can.
        BookFull = "book_full",
        /// The wallet has less free than the order must lock. Such an order never reaches the book.
        InsufficientFunds = "insufficient_funds",
    }
}

/// How much a market order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// So many lots.
    #[serde(rename = "q")]
    Lots(u64),
    /// As many lots as its reservation buys, fees included. Buys only.
    #[serde(rename = "b")]
    Budget,
}

/// A limit order's own part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Worst price, in ticks.
    #[serde(rename = "p")]
    pub price: u64,
    /// Lots.
    #[serde(rename = "q")]
    pub quantity: u64,
    /// How long it stands.
    #[serde(rename = "t")]
    pub time_in_force: TimeInForce,
    /// Rejected rather than take.
    #[serde(rename = "po")]
    pub post_only: bool,
}

/// What differs between the types of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Takes what there is, at once; the rest expires.
    #[serde(rename = "m")]
    Market {
        /// How much.
        #[serde(rename = "s")]
        size: Size,
        /// All of it at once or nothing.
        #[serde(rename = "fok")]
        all_or_nothing: bool,
    },
    /// At a price or better.
    #[serde(rename = "l")]
    Limit(Limit),
    /// A limit order that sleeps until the last price reaches `stop`.
    #[serde(rename = "s")]
    StopLimit {
        /// Ticks: a buy wakes at this price or above, a sell at this price or below.
        #[serde(rename = "w")]
        stop: u64,
        /// What it becomes.
        #[serde(rename = "l")]
        limit: Limit,
    },
}

/// An order on its way into the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// The order.
    #[serde(rename = "i")]
    pub id: OrderKey,
    /// Whose it is.
    #[serde(rename = "o")]
    pub owner: Owner,
    /// Which way.
    #[serde(rename = "s")]
    pub side: Side,
    /// What kind.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// What happens when it meets an order of the same owner.
    #[serde(rename = "x")]
    pub self_trade: SelfTrade,
    /// What is locked in the owner's wallet for this order: a buyer's minor units of the quote asset (fees included),
    /// a seller's lots.
    #[serde(rename = "r")]
    pub reserved: u64,
    /// Milliseconds since 1970 from which it no longer stands (good till time); only for orders that may rest.
    #[serde(rename = "e")]
    pub expires_at: Option<i64>,
}

impl PlaceOrder {
    /// Its type as the API names it.
    pub fn order_type(&self) -> OrderType {
        match self.kind {
            Kind::Market { .. } => OrderType::Market,
            Kind::Limit(_) => OrderType::Limit,
            Kind::StopLimit { .. } => OrderType::StopLimit,
        }
    }
}
