//! The code itself, and the form in which it is kept.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::customer::PhoneNumber;

/// `A`–`Z` and `2`–`9` without `I` and `O`, which look like 1 and 0: thirty-two, so that five bits make a character
/// and none is likelier than another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A one-time code: six characters, 2³⁰ possible ones.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; Code::LEN]);

impl Code {
    /// Characters of a code.
    pub const LEN: usize = 6;

    /// Reads what somebody typed. Letters may be small ones: the case carries nothing. Anything but the thirty-two
    /// characters is refused, above all what only looks like one of them.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        let upper = bytes.map(|byte| byte.to_ascii_uppercase());
        upper.iter().all(|byte| ALPHABET.contains(byte)).then_some(Self(upper))
    }

    /// From random bytes, of which it uses the first six.
    pub fn from_bytes(random: [u8; 16]) -> Self {
        let mut code = [0; Self::LEN];
        for (place, byte) in code.iter_mut().zip(random) {
            *place = ALPHABET[usize::from(byte & 31)];
        }
        Self(code)
    }

    /// The characters, for the phone's owner only.
    pub fn reveal(&self) -> String {
        self.0.iter().map(|byte| char::from(*byte)).collect()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}

/// The secret under which codes are kept.
#[derive(Clone)]
pub struct CodeKey(Hmac<Sha256>);

impl CodeKey {
    /// Shorter secrets are none. The generated one has 64 characters.
    pub const MIN: usize = 32;

    /// From the secret's text.
    pub fn new(secret: &str) -> Option<Self> {
        let long_enough = secret.len() >= Self::MIN;
        Hmac::new_from_slice(secret.as_bytes()).ok().filter(|_| long_enough).map(Self)
    }

    /// The form in which a code is kept: an HMAC-SHA-256 over phone, generation and code. It opens nothing for another
    /// phone or another generation, and without the key it cannot be searched for.
    pub fn seal(&self, phone: &PhoneNumber, generation: u64, code: &Code) -> Seal {
        Seal(self.mac(phone, generation, code).finalize().into_bytes().into())
    }

    /// Whether this is the code that was sealed. Takes the same time for every wrong one.
    pub fn opens(&self, seal: &Seal, phone: &PhoneNumber, generation: u64, code: &Code) -> bool {
        self.mac(phone, generation, code).verify_slice(&seal.0).is_ok()
    }

    fn mac(&self, phone: &PhoneNumber, generation: u64, code: &Code) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // A phone has no `|` and a generation is digits: no two triples meet.
        mac.update(format!("{}|{generation}|", phone.as_str()).as_bytes());
        mac.update(&code.0);
        mac
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(***)")
    }
}

/// A code as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Seal(pub [u8; 32]);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).expect("a phone")
    }

    #[test]
    fn only_the_thirty_two_characters_make_a_code() {
        for (text, read) in [("ABC234", "ABC234"), ("zyx987", "ZYX987"), ("HJKLMN", "HJKLMN"), ("222222", "222222")] {
            assert_eq!(Code::parse(text).map(|code| code.reveal()).as_deref(), Some(read));
        }
        for text in [
            "",
            "ABC23",
            "ABC2345",
            "ABC23I",
            "ABC23O",
            "ABC230",
            "ABC231",
            "ABC23 ",
            " ABC234",
            "ABC-34",
            "ABC23\0",
            "\u{410}BC234", // Cyrillic А
            "АВС234",       // three of them, nine bytes
            "\u{ff21}BC2",  // full-width A in six bytes
            "ABC2\u{663}",  // an Arabic 3 in six bytes
            "\u{17f}BC23",  // the long s, whose upper case is S
            "ABC23\u{131}",
            "ÀÀÀ",
        ] {
            assert_eq!(Code::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        let mut seen = [0; 32];
        for byte in 0..=255 {
            let code = Code::from_bytes([byte; 16]);
            seen[ALPHABET.iter().position(|letter| *letter == code.0[0]).expect("of the alphabet")] += 1;
        }
        assert_eq!(seen, [8; 32]);
    }

    #[test]
    fn a_seal_opens_for_its_phone_generation_and_code_only() {
        let key = CodeKey::new(&"k".repeat(64)).expect("a key");
        let (alice, bob) = (phone("+51987654321"), phone("+51987654322"));
        let code = Code::parse("ABC234").expect("a code");
        let seal = key.seal(&alice, 7, &code);
        assert!(key.opens(&seal, &alice, 7, &code));
        assert!(!key.opens(&seal, &bob, 7, &code));
        assert!(!key.opens(&seal, &alice, 8, &code));
        assert!(!key.opens(&seal, &alice, 7, &Code::parse("ABC235").expect("a code")));
        assert!(!CodeKey::new(&"j".repeat(64)).expect("a key").opens(&seal, &alice, 7, &code));
    }

    #[test]
    fn a_short_secret_is_none() {
        assert!(CodeKey::new("").is_none() && CodeKey::new(&"k".repeat(31)).is_none());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let key = CodeKey::new(&"k".repeat(64)).expect("a key");
        let code = Code::from_bytes([3; 16]);
        let seal = key.seal(&phone("+51987654321"), 1, &code);
        assert_eq!(format!("{code:?} {key:?} {seal:?}"), "Code(***) CodeKey(***) Seal(***)");
    }

    proptest! {
        #[test]
        fn what_is_made_reads_back(random: [u8; 16]) {
            let code = Code::from_bytes(random);
            prop_assert_eq!(Code::parse(&code.reveal()), Some(code));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,8}") {
            if let Some(code) = Code::parse(&text) {
                prop_assert_eq!(code.reveal(), text.to_ascii_uppercase());
            }
        }
    }
}
