//! When the world fails: the errors of every store and service, apart from what the domain refuses.

use std::fmt;

/// A store or service did not do what was asked. The domain has not said no; the outcome of a write is unknown only
/// for [`StoreError::Unavailable`], and every write here may be repeated.
#[derive(Debug)]
pub enum StoreError {
    /// Others kept writing the same rows; nothing was written.
    Conflict,
    /// Not reachable, throttled beyond our patience, or failing.
    Unavailable(String),
    /// What is stored cannot be read: a fault of ours, to be looked at by people.
    Corrupt(String),
}

impl StoreError {
    /// Corrupt data, named.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("conflict with other writers"),
            Self::Unavailable(cause) => write!(f, "unavailable: {cause}"),
            Self::Corrupt(what) => write!(f, "corrupt: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}
