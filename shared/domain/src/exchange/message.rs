//! The messages between the functions of the exchange: a command on its way to a book, and a book that may have
//! something to settle.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{CustomerId, OrderId},
    instrument::{Instrument, Symbol},
    order::{Order, OrderKey, Owner},
    order_book::Command,
};

/// A command and the book it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Which book; also the message group.
    pub symbol: Symbol,
    /// What to do.
    pub command: Command,
    /// When the new order was made (milliseconds since 1970), however often it is sent: a book that has forgotten what
    /// ended since then looks twice before it takes the order. Absent counts as long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_at: Option<i64>,
}

/// The message of `NudgeQueue`: settle what there is to settle of this book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nudge {
    /// Which book.
    pub symbol: Symbol,
}

impl Message {
    /// Brings a pending order into its book, for the first time or once more. `None` for what [`Order::command`] has no
    /// command for.
    pub fn place(order: &Order, instrument: &Instrument) -> Option<Self> {
        let command = order.command(instrument)?;
        Some(Self { symbol: order.symbol.clone(), command, placed_at: Some(order.created_at.millis()) })
    }

    /// Ends an order of this customer. `None` for identifiers that no book knows.
    pub fn cancel(symbol: &Symbol, order: &OrderId, customer: &CustomerId) -> Option<Self> {
        let command = Command::Cancel { order: OrderKey::of(order)?, owner: Owner::of(customer)? };
        Some(Self { symbol: symbol.clone(), command, placed_at: None })
    }

    /// Stops a book from taking orders.
    pub fn halt(symbol: &Symbol) -> Self {
        Self { symbol: symbol.clone(), command: Command::Halt, placed_at: None }
    }

    /// Lets it take orders again.
    pub fn resume(symbol: &Symbol) -> Self {
        Self { symbol: symbol.clone(), command: Command::Resume, placed_at: None }
    }

    /// What makes two messages the same to the queue within its five minutes: a new order is always the same, anything
    /// else is a wish of its own, once a second.
    pub fn deduplication_id(&self, now: Timestamp) -> String {
        let second = now.millis().div_euclid(1_000);
        match self.command {
            Command::Place(order) | Command::Replace { with: order, .. } => order.id.order_id().to_string(),
            Command::Cancel { order, .. } => format!("cancel#{}#{second}", order.order_id()),
            Command::Halt => format!("halt#{second}"),
            Command::Resume => format!("resume#{second}"),
            Command::Expire { now } => format!("expire#{now}"),
        }
    }
}

impl Command {
    /// The order it brings into the book, if it does.
    pub fn placed(&self) -> Option<OrderKey> {
        self.placing().map(|(_, order)| order)
    }

    /// The same with its owner.
    pub fn placing(&self) -> Option<(Owner, OrderKey)> {
        match self {
            Self::Place(order) | Self::Replace { with: order, .. } => Some((order.owner, order.id)),
            Self::Cancel { .. } | Self::Expire { .. } | Self::Halt | Self::Resume => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back_and_nothing_unknown_is_read() {
        let symbol = Symbol::parse("BTC-USD").expect("a symbol");
        let customer = CustomerId::from_subject("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0").expect("an id");
        let cancel = Message::cancel(&symbol, &OrderId::from_bytes([7; 16]), &customer).expect("a message");
        for message in [cancel, Message::halt(&symbol), Message::resume(&symbol)] {
            let text = serde_json::to_string(&message).expect("JSON");
            assert_eq!(serde_json::from_str::<Message>(&text).expect("a message"), message);
        }
        for text in [
            r#"{"symbol":"BTC-USD","command":"h","more":1}"#,
            r#"{"symbol":"BTC","command":"h"}"#,
            r#"{"symbol":"BTC-USD","command":"z"}"#,
            r#"{"symbol":"BTC-USD"}"#,
        ] {
            assert!(serde_json::from_str::<Message>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wish_is_the_same_for_a_second() {
        let halt = Message::halt(&Symbol::parse("BTC-USD").expect("a symbol"));
        let id = |millis| halt.deduplication_id(Timestamp::from_millis(millis));
        assert_eq!(id(1_000), id(1_999));
        assert_ne!(id(1_999), id(2_000));
    }
}
