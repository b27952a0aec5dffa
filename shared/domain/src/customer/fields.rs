//! What a customer tells about himself, each made by `parse` and printed masked.

use std::fmt;

macro_rules! masked_text {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text itself, for those who may see it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )*};
}

masked_text! {
    /// An e-mail address in lower case, at most 150 characters.
    EmailAddress;
    /// A phone number in E.164: `+`, country code, up to 15 digits.
    PhoneNumber;
    /// A given or family name: 1 to 100 characters, trimmed, no control characters.
    PersonName;
    /// The number of a document: 1 to 20 letters and digits, upper case, so that case never makes two of one.
    DocumentNumber;
}

impl EmailAddress {
    /// Longest address, the limit the source systems had.
    pub const MAX: usize = 150;
    /// What [`EmailAddress::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be an e-mail address of at most 150 characters";

    /// Reads an address; blanks around it are cut. `None` if mail could not be sent there: one `@`, a local part of
    /// at most 64 characters without stray dots, a domain of at least two labels.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > Self::MAX {
            return None;
        }
        let (local, domain) = text.split_once('@')?;
        let local_fits = (1..=64).contains(&local.len())
            && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
        let labels: Vec<&str> = domain.split('.').collect();
        let domain_fits = labels.len() >= 2
            && labels.iter().all(|label| is_label(label))
            && labels.last().is_some_and(|last| last.len() >= 2 && !last.bytes().all(|byte| byte.is_ascii_digit()));
        (local_fits && domain_fits).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The part before the `@`.
    pub(super) fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

/// RFC 5322 `atext`.
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// RFC 1123.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl PhoneNumber {
    /// What [`PhoneNumber::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be a phone number in E.164, such as \"+51987654321\"";

    /// Reads a number in E.164 (ITU-T): `+`, no leading zero, 7 to 15 digits, nothing between them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        fits.then(|| Self(text.to_owned()))
    }
}

impl<'de> serde::Deserialize<'de> for PhoneNumber {
    /// For messages of ours. A request's field is read as text, so that its refusal says what it takes.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no phone number"))
    }
}

impl PersonName {
    /// What [`PersonName::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be 1 to 100 characters without control characters";

    /// Reads a name; blanks around it are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// What somebody else may see to make sure he has the right person: the first letter of each word.
    pub fn masked(&self) -> String {
        self.0
            .split_whitespace()
            .map(|word| {
                let mut letters = word.chars();
                let first: String = letters.next().into_iter().collect();
                first + &"*".repeat(letters.count())
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl DocumentNumber {
    /// What [`DocumentNumber::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be 1 to 20 letters and digits";

    /// Reads a number; blanks around it are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_ascii_uppercase()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_that_mail_can_reach_are_taken_in_lower_case() {
        for (text, expected) in [
            ("a@b.co", "a@b.co"),
            (" Ana.Maria+bank@Mail.Example.COM ", "ana.maria+bank@mail.example.com"),
            ("o'neil@example.ie", "o'neil@example.ie"),
            ("x@xn--exmple-cua.com", "x@xn--exmple-cua.com"),
        ] {
            assert_eq!(EmailAddress::parse(text).map(|email| email.0).as_deref(), Some(expected), "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", ["abcdefghij"; 15].join("."));
        for text in [
            "",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a@b.c",
            "a b@c.de",
            "a@b@c.de",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.de",
            "a@-b.co",
            "a@b-.co",
            "a@b..co",
            "a@.co",
            "a@b.co.",
            "a@1.2.3.44",
            "ä@b.co",
            "a\n@b.co",
            "a@b.co\0",
            "<a@b.co>",
            &long,
            &longer,
        ] {
            assert_eq!(EmailAddress::parse(text), None, "{text}");
        }
    }

    #[test]
    fn phones_are_e164() {
        for text in ["+51987654321", "+4915112345678", "+1234567", "+123456789012345"] {
            assert!(PhoneNumber::parse(text).is_some(), "{text}");
        }
        for text in
            ["", "+", "51987654321", "+051987654", "+123456", "+1234567890123456", "+51 987 654 321", "+5198765432a"]
        {
            assert_eq!(PhoneNumber::parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_trimmed_and_hold_no_control_characters() {
        assert_eq!(PersonName::parse("  María José ").map(|name| name.0).as_deref(), Some("María José"));
        assert!(PersonName::parse(&"é".repeat(100)).is_some());
        for text in ["", "   ", "a\nb", "a\u{7f}", &"é".repeat(101)] {
            assert_eq!(PersonName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_masked_name_shows_first_letters() {
        assert_eq!(PersonName::parse("María José").map(|name| name.masked()).as_deref(), Some("M**** J***"));
    }

    #[test]
    fn document_numbers_are_letters_and_digits_without_case() {
        assert_eq!(DocumentNumber::parse(" ab12 "), DocumentNumber::parse("AB12"));
        for text in ["", " ", "12-34", "1 2", "é1", &"1".repeat(21)] {
            assert_eq!(DocumentNumber::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsers_never_panic_and_read_back_what_they_made(text in "\\PC{0,40}") {
            if let Some(email) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(email.as_str()), Some(email));
            }
            if let Some(name) = PersonName::parse(&text) {
                prop_assert_eq!(PersonName::parse(name.as_str()), Some(name));
            }
            if let Some(number) = DocumentNumber::parse(&text) {
                prop_assert_eq!(DocumentNumber::parse(number.as_str()), Some(number));
            }
            let _ = PhoneNumber::parse(&text);
        }
    }
}
