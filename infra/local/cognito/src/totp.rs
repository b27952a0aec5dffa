//! Time-based one-time passwords (RFC 6238: SHA-1, 30 s, six digits), as authenticator apps compute them.

use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::same_bytes;

const STEP: i64 = 30;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A user's authenticator, proven by one right code.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SoftwareToken {
    /// Base32.
    pub secret: String,
    pub device_name: Option<String>,
    /// The last step a code was taken for; that code and older ones are spent.
    pub last_step: i64,
}

/// What a code is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Right, for this step.
    Right(i64),
    /// Right, but used before.
    Replayed,
    Wrong,
}

/// Accepts the step before, the present and the next one, each once.
pub(crate) fn judge(secret: &str, last_step: i64, code: &str, now_seconds: i64) -> Verdict {
    let Some(key) = decode(secret) else {
        return Verdict::Wrong;
    };
    let present = now_seconds.div_euclid(STEP);
    let mut verdict = Verdict::Wrong;
    for step in [present - 1, present, present + 1] {
        if same_bytes(at(&key, step).as_bytes(), code.as_bytes()) {
            verdict = if step > last_step { Verdict::Right(step) } else { Verdict::Replayed };
        }
    }
    verdict
}

fn at(key: &[u8], step: i64) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0x0f);
    let binary = u32::from_be_bytes([tag[offset] & 0x7f, tag[offset + 1], tag[offset + 2], tag[offset + 3]]);
    format!("{:06}", binary % 1_000_000)
}

/// Base32 without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits) as usize & 31]));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for character in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == character)?;
        buffer = (buffer << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
        buffer &= (1 << bits) - 1;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1, the last six of eight digits.
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(at(b"12345678901234567890", time / STEP), code, "at {time}");
        }
    }

    #[test]
    fn base32_comes_back_as_it_went() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (0..length).map(|index| index.wrapping_mul(37)).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
