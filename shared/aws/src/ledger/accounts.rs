//! Accounts: opening, changing, finding.
