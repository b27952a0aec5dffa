//! Lists: `?limit=` and an opaque `?cursor=` that only the list that made it understands.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::id;
use serde::Serialize;

use super::{Code, Problem};

/// How many items a page has when the caller does not say.
pub const DEFAULT_LIMIT: usize = 50;
/// How many items a page has at most.
pub const MAX_LIMIT: usize = 200;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to 200.
    pub limit: usize,
    /// The text that [`Page::new`] was given for the page before; `None` for the first page.
    pub after: Option<String>,
}

impl PageRequest {
    /// Reads the two parameters. `scope` names the list and everything that shapes it (owner, filters): a cursor
    /// of another list, or a made-up one, is refused.
    pub fn parse(limit: Option<&str>, cursor: Option<&str>, scope: &str) -> Result<Self, Problem> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
                Problem::field(Code::InvalidParameter, "limit", format!("must be a whole number from 1 to {MAX_LIMIT}"))
            })?,
        };
        let after = cursor.map(|cursor| open(cursor, scope).ok_or_else(foreign)).transpose()?;
        Ok(Self { limit, after })
    }

    /// Refuses a cursor whose check sum is right but whose place cannot be one of this list.
    pub fn checked(self, is_place: impl FnOnce(&str) -> bool) -> Result<Self, Problem> {
        if self.after.as_deref().is_none_or(is_place) { Ok(self) } else { Err(foreign()) }
    }
}

fn foreign() -> Problem {
    Problem::new(Code::InvalidCursor, "The cursor does not belong to this list; start again without it.")
}

/// A page on its way out.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// Its items, newest first unless the route says otherwise.
    pub items: Vec<T>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page; `next` is the place after its last item, `None` when nothing follows.
    pub fn new(items: Vec<T>, next: Option<&str>, scope: &str) -> Self {
        Self { items, next_cursor: next.map(|place| seal(place, scope)) }
    }
}

fn seal(place: &str, scope: &str) -> String {
    let mut bytes = id::derive(&[scope, place])[..8].to_vec();
    bytes.extend_from_slice(place.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(cursor: &str, scope: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (check, place) = bytes.split_at_checked(8)?;
    let place = std::str::from_utf8(place).ok()?;
    (id::derive(&[scope, place])[..8] == *check).then(|| place.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_opens_for_its_own_list_only() {
        let cursor = seal("2026#trf_1", "entries acc_1");
        assert_eq!(open(&cursor, "entries acc_1").as_deref(), Some("2026#trf_1"));
        assert_eq!(open(&cursor, "entries acc_2"), None);
        assert_eq!(open(&format!("{cursor}A"), "entries acc_1"), None);
    }

    #[test]
    fn limits_outside_the_range_are_refused() {
        for limit in ["0", "201", "-1", "ten", "", "1.5", "99999999999999999999"] {
            assert!(PageRequest::parse(Some(limit), None, "s").is_err(), "{limit}");
        }
        assert_eq!(PageRequest::parse(Some("200"), None, "s").map(|page| page.limit), Ok(200));
    }

    proptest! {
        #[test]
        fn made_up_cursors_are_refused_and_real_ones_read_back(text in "\\PC*", place in "\\PC*") {
            prop_assert!(open(&text, "scope").is_none());
            prop_assert_eq!(open(&seal(&place, "scope"), "scope"), Some(place));
        }
    }
}
