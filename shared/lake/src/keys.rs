//! Where objects lie in the lake's bucket.

use std::fmt;

use domain::Timestamp;
use sha2::{Digest, Sha256};

use crate::schema::{PARTITION, Table};

/// Under which the files of all tables lie.
pub const TABLES: &str = "tables/";

/// A day as partitions are named, `YYYY-MM-DD`.
pub fn day(at: Timestamp) -> String {
    let mut text = at.to_string();
    text.truncate(10);
    text
}

/// Under which the files of a table lie.
pub fn table(table: &Table) -> String {
    format!("{TABLES}{}/", table.name)
}

/// The object whose ETag tells how new a table is.
pub fn fresh(table: &Table) -> String {
    format!("fresh/{}", table.name)
}

/// A file of versions: what its key says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// The table's name.
    pub table: &'static str,
    /// The partition, `YYYY-MM-DD`.
    pub day: String,
    /// The rest of the name, without its ending. The same content always has the same name.
    pub name: String,
}

impl File {
    /// A file of this table and day.
    pub fn new(table: &'static Table, day: impl Into<String>, name: impl Into<String>) -> Self {
        Self { table: table.name, day: day.into(), name: name.into() }
    }

    /// Reads a key. `None` for an object that is no file of a table of the lake.
    pub fn parse(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix(TABLES)?.split('/');
        let (table, partition, name) = (parts.next()?, parts.next()?, parts.next()?);
        let day = partition.strip_prefix(PARTITION)?.strip_prefix('=')?;
        let file = Self::new(Table::named(table)?, day, name.strip_suffix(".parquet")?);
        (parts.next().is_none() && is_day(day) && !file.name.is_empty()).then_some(file)
    }
}

impl fmt::Display for File {
    /// The key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TABLES}{}/{PARTITION}={}/{}.parquet", self.table, self.day, self.name)
    }
}

fn is_day(text: &str) -> bool {
    format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok_and(|at| day(at) == text)
}

/// A name that stands for these parts: the same for the same ones, another for others.
pub fn digest<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_others_are_no_files() {
        let grants = Table::named("grants").expect("a table");
        let at = Timestamp::from_millis(1_795_255_200_000);
        let file = File::new(grants, day(at), "a-1");
        assert_eq!(file.to_string(), "tables/grants/dt=2026-11-21/a-1.parquet");
        assert_eq!(File::parse(&file.to_string()), Some(file));
        for key in [
            "fresh/grants",
            "tables/grants/dt=2026-11-21/.parquet",
            "tables/grants/dt=2026-11-21/a",
            "tables/grants/dt=2026-11-31/a.parquet",
            "tables/grants/dt=20261121/a.parquet",
            "tables/grants/2026-11-21/a.parquet",
            "tables/other/dt=2026-11-21/a.parquet",
            "tables/grants/dt=2026-11-21/a/b.parquet",
            "",
        ] {
            assert_eq!(File::parse(key), None, "{key}");
        }
    }

    #[test]
    fn a_digest_tells_its_parts_apart() {
        assert_eq!(digest(["ab", "c"]), digest(["ab", "c"]));
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["ab"]).len(), 32);
    }
}
