//! SMS: what is to be said to a phone, under an id that stands for exactly one SMS however often the message about it
//! is delivered.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Timestamp, customer::PhoneNumber, id};

/// What one SMS is known by. Says nothing of the phone or the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmsId(String);

impl SmsId {
    /// Longest id.
    pub const MAX: usize = 64;

    /// Reads an id: 1 to 64 of `a`–`z`, `0`–`9`, `_`, `#`, `-`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_#-".contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }

    /// The id that stands for these parts, which do not show in it.
    pub fn derived(parts: &[&str]) -> Self {
        Self(format!("sms_{}", id::encode(id::derive(parts))))
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SmsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SmsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an SMS says: 1 to 1,600 characters (the limit of SNS), no control characters but line feeds.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsText(String);

impl SmsText {
    /// Longest text, in characters.
    pub const MAX: usize = 1_600;

    /// Reads a text.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.chars().count())
            && !text.chars().any(|character| character.is_control() && character != '\n');
        fits.then(|| Self(text.to_owned()))
    }

    /// The text itself, for the phone only.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SmsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmsText(***)")
    }
}

macro_rules! as_text {
    ($($name:ident: $what:literal;)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom($what))
            }
        }
    )*};
}

as_text! {
    SmsId: "no id of an SMS";
    SmsText: "no text of an SMS";
}

/// One SMS: the message of `SmsQueue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// Its id.
    #[serde(rename = "message_id")]
    pub id: SmsId,
    /// The phone.
    pub to: PhoneNumber,
    /// What it says.
    pub text: SmsText,
    /// From this moment on it is worth nothing and is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
}

impl Sms {
    /// Whether it came too late to be worth anything.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.not_after.is_some_and(|moment| moment <= now)
    }
}

/// How long whoever claimed an SMS may still be sending it: the timeout of `sms-send`.
pub const SENDING_SECONDS: i64 = 30;

/// What is on record about an SMS whose message is delivered once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Somebody set out to send it.
    Claimed {
        /// When.
        at: Timestamp,
    },
    /// It was sent.
    Sent,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was sent.
    Done,
    /// Come back later: a sender may be at work this moment.
    Later,
    /// Nothing, ever, on a guess: the sender is gone and has not told. People decide.
    Unknown,
}

impl Record {
    /// Decides for a second delivery.
    pub fn next(self, now: Timestamp) -> Next {
        match self {
            Self::Sent => Next::Done,
            Self::Claimed { at } if now < at.plus_seconds(SENDING_SECONDS) => Next::Later,
            Self::Claimed { .. } => Next::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_plain() {
        for text in ["a", "vch_1#sms", "sms_0-9", &"x".repeat(64)] {
            assert_eq!(SmsId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for text in ["", "A", "+51987654321", "a b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(SmsId::parse(text), None, "{text:?}");
        }
        let derived = SmsId::derived(&["code", "+51987654321", "1"]);
        assert_eq!(SmsId::parse(derived.as_str()), Some(derived.clone()));
        assert!(!derived.as_str().contains("987"), "{derived}");
    }

    #[test]
    fn texts_are_printable_and_bounded() {
        for text in ["x", "two\nlines", "Ünïcode 😀", &"é".repeat(1_600)] {
            assert!(SmsText::parse(text).is_some(), "{text}");
        }
        for text in ["", "a\0b", "a\rb", "\u{1b}[31m", &"é".repeat(1_601)] {
            assert_eq!(SmsText::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_record_of_a_dead_sender_is_never_a_reason_to_send_again() {
        let at = Timestamp::from_millis(1_000_000);
        for (record, millis, next) in [
            (Record::Sent, 0, Next::Done),
            (Record::Sent, 86_400_000, Next::Done),
            (Record::Claimed { at }, -5, Next::Later),
            (Record::Claimed { at }, 0, Next::Later),
            (Record::Claimed { at }, 29_999, Next::Later),
            (Record::Claimed { at }, 30_000, Next::Unknown),
            (Record::Claimed { at }, 86_400_000, Next::Unknown),
        ] {
            assert_eq!(record.next(at.plus_millis(millis)), next, "{record:?} after {millis} ms");
        }
    }

    #[test]
    fn an_sms_prints_neither_phone_nor_text() {
        let sms = Sms {
            id: SmsId::derived(&["x"]),
            to: PhoneNumber::parse("+51987654321").expect("a phone"),
            text: SmsText::parse("ABC234 is your code").expect("a text"),
            not_after: None,
        };
        let printed = format!("{sms:?}");
        assert!(!printed.contains("987") && !printed.contains("ABC"), "{printed}");
    }
}
