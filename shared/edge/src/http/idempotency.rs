//! Idempotency keys: the same key from the same caller on the same path always means the same resource.

use domain::id;

use super::{Caller, Code, Problem};

/// A key of 1 to 255 printable ASCII characters, bound to its caller, method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey([u8; 16]);

impl IdempotencyKey {
    /// Checks the header's text and binds it. The path carries the identifiers in it (`/transfers/trf_1/capture`),
    /// so a key used for one resource never answers for another.
    pub fn parse(text: &str, caller: &Caller, method: &str, path: &str) -> Result<Self, Problem> {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(Problem::new(
                Code::InvalidIdempotencyKey,
                "Idempotency-Key takes 1 to 255 printable ASCII characters.",
            ));
        }
        Ok(Self(id::derive(&[caller.subject(), method, path, text])))
    }

    /// The bytes from which the resource's identifier is made.
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }
}
