//! The audit of the ledger: what the rows add up to.
