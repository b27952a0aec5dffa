//! The words of the SQL that both engines share: names of letters, digits and `_`, strings in apostrophes without escapes, no more.

use sqlparser::dialect::Dialect;

/// Nothing beyond the standard but `FILTER` on aggregates.
#[derive(Debug)]
pub(super) struct Plain;

impl Dialect for Plain {
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '"'
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_ascii_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }
}
