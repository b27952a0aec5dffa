//! Identifiers: opaque text of letters and digits with a typed prefix. One kind can never stand for another.

use std::fmt;

use sha2::{Digest, Sha256};

/// Longest part after the prefix that is accepted.
const MAX_LEN: usize = 40;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What every identifier of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Reads an identifier from outside; `None` if it cannot be one.
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let fits = !rest.is_empty() && rest.len() <= MAX_LEN && rest.bytes().all(|b| b.is_ascii_alphanumeric());
                fits.then(|| Self(text.to_owned()))
            }

            /// An identifier from 16 bytes of randomness or of a digest.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(format!("{}{}", $prefix, encode(bytes)))
            }

            /// The whole text, prefix included.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A customer: `cus_` and the 32 hexadecimal digits of the user pool's `sub`, so that a token tells it without a look-up.
    CustomerId = "cus_";
    /// An account.
    AccountId = "acc_";
    /// A transfer: a movement of money, a hold, or a refused attempt.
    TransferId = "trf_";
    /// The purchase of a voucher; also the reference under which its supplier knows the order.
    VoucherId = "vch_";
    /// An order of the exchange.
    OrderId = "ord_";
    /// A trade: the same on both of its sides.
    TradeId = "trd_";
    /// A grant: an asset given to a customer out of nothing.
    GrantId = "grt_";
}

impl CustomerId {
    /// The customer of a user-pool subject (a UUID). `None` if it is not one.
    pub fn from_subject(subject: &str) -> Option<Self> {
        let hex: String = subject.chars().filter(|c| *c != '-').collect();
        (hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Self(format!("cus_{}", hex.to_ascii_lowercase())))
    }

    /// The customer whose subject has these 128 bits.
    pub(crate) fn from_bits(bits: u128) -> Self {
        Self(format!("{}{bits:032x}", Self::PREFIX))
    }

    /// The user-pool subject of this customer, in the pool's spelling. `None` for an identifier that was not made
    /// from one.
    pub fn subject(&self) -> Option<String> {
        let hex = self.0.strip_prefix(Self::PREFIX)?;
        let fits = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
    }
}

impl OrderId {
    /// The 128 bits this identifier was made from. `None` for a text that [`OrderId::from_bytes`] never makes.
    pub fn bits(&self) -> Option<u128> {
        let value = decode(self.0.strip_prefix(Self::PREFIX)?)?;
        (Self::from_bytes(value.to_be_bytes()) == *self).then_some(value)
    }
}

/// Sixteen bytes that stand for exactly these parts in this order. Each part goes in with its length, so that
/// no two lists of parts meet.
pub fn derive(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes
}

/// 128 bits as 26 characters of Crockford's base 32, lower case.
pub(crate) fn encode(bytes: [u8; 16]) -> String {
    let mut value = u128::from_be_bytes(bytes);
    let mut text = [0; 26];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

/// The other way round: exactly 26 characters of the alphabet that stand for 128 bits.
pub(crate) fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 {
        return None;
    }
    text.bytes().enumerate().try_fold(0u128, |value, (place, byte)| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)? as u128;
        (place > 0 || digit < 8).then_some(value << 5 | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_typed_by_their_prefix() {
        let id = AccountId::from_bytes([7; 16]);
        assert_eq!(AccountId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(TransferId::parse(id.as_str()), None);
        for text in ["acc_", "acc_a#b", "acc_é", "acc_a/b", "ACC_1", "", &format!("acc_{}", "1".repeat(41))] {
            assert_eq!(AccountId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn derived_identifiers_depend_on_where_the_parts_are_cut() {
        assert_eq!(derive(&["a", "b"]), derive(&["a", "b"]));
        assert_ne!(derive(&["ab", ""]), derive(&["a", "b"]));
        assert_ne!(derive(&["a", "b"]), derive(&["b", "a"]));
    }

    #[test]
    fn a_subject_tells_the_customer() {
        let id = CustomerId::from_subject("0F1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
        assert_eq!(id.map(|id| id.to_string()), Some("cus_0f1e2d3c4b5a69788796a5b4c3d2e1f0".into()));
        assert_eq!(CustomerId::from_subject("partner-client"), None);
    }

    #[test]
    fn an_order_tells_the_bits_it_was_made_from() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            assert_eq!(OrderId::from_bytes(bits.to_be_bytes()).bits(), Some(bits));
        }
        for text in ["ord_1", "ord_zzzzzzzzzzzzzzzzzzzzzzzzzz", "ord_0000000000000000000000000I"] {
            assert_eq!(OrderId::parse(text).and_then(|id| id.bits()), None, "{text}");
        }
    }

    #[test]
    fn a_customer_tells_the_subject() {
        let subject = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
        assert_eq!(CustomerId::from_subject(subject).and_then(|id| id.subject()).as_deref(), Some(subject));
        assert_eq!(CustomerId::parse("cus_1").and_then(|id| id.subject()), None);
    }
}
