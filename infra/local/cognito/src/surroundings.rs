//! What the user pool asks of the world around it: triggers, messages, time, randomness, new keys.
//! Everything else in this crate is a function of its input, its store and these.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use rsa::pkcs8::EncodePrivateKey;
use serde_json::Value;

/// What the user pool asks of the runner.
pub trait Hooks: Send + Sync + 'static {
    /// Invokes the trigger function and answers the event as the function returned it, or what went wrong.
    fn trigger(&self, lambda_arn: &str, event: Value) -> BoxFuture<'static, Result<Value, String>>;
    /// Delivers an e-mail. `code` is what stands for `{####}` in it: a code, or a temporary password.
    fn mail(&self, to: &str, subject: &str, message: &str, code: Option<&str>);
    /// Delivers an SMS.
    fn sms(&self, to: &str, message: &str);
}

/// The wall clock.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;
/// Fills the buffer with unpredictable bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;
/// Makes a new RSA-2048 private key, PKCS#8 DER.
pub type NewKey = Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>;

/// Hooks, clock, randomness and key generation. Tests replace what they want to hold still.
#[derive(Clone)]
pub struct Surroundings {
    /// Triggers and messages.
    pub hooks: Arc<dyn Hooks>,
    /// Time.
    pub clock: Clock,
    /// Randomness for codes, tokens, salts and ids.
    pub random: Random,
    /// Signing keys; called twice for each new pool.
    pub new_key: NewKey,
}

impl Surroundings {
    /// The real clock, the operating system's randomness, fresh keys.
    pub fn real(hooks: Arc<dyn Hooks>) -> Surroundings {
        Surroundings {
            hooks,
            clock: Arc::new(SystemTime::now),
            random: Arc::new(fill_from_system),
            new_key: Arc::new(generate_rsa_key),
        }
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        millis((self.clock)())
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    /// An even choice from `0..bound`.
    pub(crate) fn below(&self, bound: u32) -> u32 {
        let limit = u32::MAX - u32::MAX % bound;
        loop {
            let drawn = u32::from_le_bytes(self.bytes());
            if drawn < limit {
                return drawn % bound;
            }
        }
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&self) -> String {
        as_uuid(&mut self.bytes::<16>())
    }

    /// Six digits.
    pub(crate) fn code(&self) -> String {
        format!("{:06}", self.below(1_000_000))
    }
}

/// The version 4 UUID made of sixteen bytes.
pub(crate) fn as_uuid(b: &mut [u8]) -> String {
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = |bytes: &[u8]| crate::hex(bytes);
    format!("{}-{}-{}-{}-{}", hex(&b[..4]), hex(&b[4..6]), hex(&b[6..8]), hex(&b[8..10]), hex(&b[10..]))
}

pub(crate) fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn fill_from_system(buffer: &mut [u8]) {
    if let Err(error) = getrandom::fill(buffer) {
        // Without randomness every token would be guessable; there is no safe answer left to give.
        panic!("the operating system gives no randomness: {error}");
    }
}

/// A new RSA-2048 key as PKCS#8 DER. Takes seconds without optimisation.
pub fn generate_rsa_key() -> Result<Vec<u8>, String> {
    let key = rsa::RsaPrivateKey::new(&mut rand::rngs::OsRng, 2048).map_err(|error| error.to_string())?;
    let der = key.to_pkcs8_der().map_err(|error| error.to_string())?;
    Ok(der.as_bytes().to_vec())
}
