//! Passwords: the pool's policy, generation, and what is kept of one. The text itself is never kept.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;
use serde::{Deserialize, Serialize};

use crate::config::PasswordPolicy;
use crate::directory::Pool;
use crate::refusal::{Refusal, constraint, invalid_password};
use crate::surroundings::Surroundings;
use crate::{same_bytes, srp};

/// Some 20 ms where tests and the runner are built without optimisation. A stand-in on a laptop guards demo passwords;
/// a real pool would take several times as many.
const ITERATIONS: u32 = 50_000;
const SYMBOLS: &str = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= ";

/// PBKDF2-HMAC-SHA256 for the password flow, and the SRP salt and verifier for proofs without the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredPassword {
    iterations: u32,
    salt: String,
    hash: String,
    /// Hexadecimal, as both are sent or used in SRP.
    pub srp_salt: String,
    pub verifier: String,
}

impl StoredPassword {
    pub fn new(around: &Surroundings, pool: &Pool, username: &str, password: &str) -> StoredPassword {
        let salt: [u8; 16] = around.bytes();
        // Clients differ on whether leading zeros belong to the salt, so there are none.
        let mut srp_salt: [u8; 16] = around.bytes();
        srp_salt[0] |= 0x40;
        let srp_salt = crate::hex(&srp_salt);
        let verifier = srp::verifier(pool.short_id(), username, password, &srp_salt);
        StoredPassword {
            iterations: ITERATIONS,
            salt: STANDARD.encode(salt),
            hash: STANDARD.encode(derive(ITERATIONS, &salt, password)),
            srp_salt,
            verifier,
        }
    }

    /// Whether this is the password. Takes the same time for right and wrong.
    pub fn matches(&self, password: &str) -> bool {
        let (Ok(salt), Ok(hash)) = (STANDARD.decode(&self.salt), STANDARD.decode(&self.hash)) else {
            return false;
        };
        same_bytes(&derive(self.iterations, &salt, password), &hash)
    }

    /// Spends the time of a comparison where there is nothing to compare with.
    pub fn pretend(password: &str) {
        std::hint::black_box(derive(ITERATIONS, b"no such user....", password));
    }
}

fn derive(iterations: u32, salt: &[u8], password: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password.as_bytes(), &mut hash);
    hash
}

/// Refuses what the request format or the policy refuses; the first reason wins.
pub(crate) fn check(policy: &PasswordPolicy, field: &str, password: &str) -> Result<(), Refusal> {
    if password.chars().count() > 256 {
        return Err(constraint("", field, "Member must have length less than or equal to 256"));
    }
    if password.is_empty() || password.chars().any(char::is_whitespace) {
        return Err(constraint("", field, "Member must satisfy regular expression pattern: [\\S]+"));
    }
    let minimum = policy.minimum_length.unwrap_or(6);
    let length = i64::try_from(password.chars().count()).unwrap_or(i64::MAX);
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    let reason = if length < minimum {
        "Password not long enough"
    } else if policy.require_uppercase.unwrap_or(false) && !has(|c| c.is_ascii_uppercase()) {
        "Password must have uppercase characters"
    } else if policy.require_lowercase.unwrap_or(false) && !has(|c| c.is_ascii_lowercase()) {
        "Password must have lowercase characters"
    } else if policy.require_numbers.unwrap_or(false) && !has(|c| c.is_ascii_digit()) {
        "Password must have numeric characters"
    } else if policy.require_symbols.unwrap_or(false) && !has(|c| SYMBOLS.contains(c)) {
        "Password must have symbol characters"
    } else {
        return Ok(());
    };
    Err(invalid_password(format!("Password did not conform with policy: {reason}")))
}

/// A temporary password that every policy takes, of at least twelve characters.
pub(crate) fn generate(around: &Surroundings, policy: &PasswordPolicy) -> String {
    const KINDS: [&str; 4] = ["ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!@#$%^&*-_+=?"];
    let pick = |kind: &str| {
        let index = around.below(u32::try_from(kind.len()).unwrap_or(1)) as usize;
        char::from(kind.as_bytes()[index])
    };
    let length = usize::try_from(policy.minimum_length.unwrap_or(0)).unwrap_or(0).max(12);
    let mut characters: Vec<char> = (0..length).map(|position| pick(KINDS[position % KINDS.len()])).collect();
    for position in (1..characters.len()).rev() {
        characters.swap(position, around.below(u32::try_from(position + 1).unwrap_or(1)) as usize);
    }
    characters.into_iter().collect()
}
