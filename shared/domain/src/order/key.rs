//! The identifiers the order book works with: 128 bits, copied and compared at no cost. They are written as text in
//! formats people read (JSON) and as numbers in binary ones.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::id::{self, CustomerId, OrderId};

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", id::encode(self.0.to_be_bytes()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(&id::encode(self.0.to_be_bytes()))
                } else {
                    serializer.serialize_u128(self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    id::decode(&text).map(Self).ok_or_else(|| D::Error::custom("no key of 26 characters"))
                } else {
                    u128::deserialize(deserializer).map(Self)
                }
            }
        }
    )*};
}

keys! {
    /// An order, inside the book and its journal.
    OrderKey;
    /// Whose order it is, inside the book and its journal: the user pool's subject.
    Owner;
}

impl OrderKey {
    /// The key of an order. `None` for an identifier that was not made from 16 bytes.
    pub fn of(id: &OrderId) -> Option<Self> {
        id.bits().map(Self)
    }

    /// The order's identifier outside.
    pub fn order_id(self) -> OrderId {
        OrderId::from_bytes(self.0.to_be_bytes())
    }
}

impl Owner {
    /// The key of a customer. `None` for one that does not come from the user pool: nobody else trades.
    pub fn of(id: &CustomerId) -> Option<Self> {
        let hex = id.as_str().strip_prefix(CustomerId::PREFIX)?;
        if hex.len() != 32 || hex.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        u128::from_str_radix(hex, 16).ok().map(Self)
    }

    /// The customer's identifier outside.
    pub fn customer_id(self) -> CustomerId {
        CustomerId::from_bits(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_back_to_their_identifiers() {
        let customer = CustomerId::from_subject("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0").unwrap();
        assert_eq!(Owner::of(&customer).map(Owner::customer_id), Some(customer));
        assert_eq!(Owner::of(&CustomerId::from_bytes([7; 16])), None);
        let order = OrderId::from_bytes([200; 16]);
        assert_eq!(OrderKey::of(&order).map(OrderKey::order_id), Some(order));
    }

    #[test]
    fn keys_are_written_as_text_and_as_bytes() {
        for key in [0, 77, u128::MAX].map(OrderKey) {
            let text = serde_json::to_string(&key).unwrap();
            assert_eq!(text.len(), 28);
            assert_eq!(serde_json::from_str::<OrderKey>(&text).unwrap(), key);
            let bytes = postcard::to_stdvec(&key).unwrap();
            assert_eq!(postcard::from_bytes::<OrderKey>(&bytes).unwrap(), key);
        }
    }
}
