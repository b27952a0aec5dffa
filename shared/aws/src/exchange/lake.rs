//! How far the exchange is in the lake: a cursor of each journal, and one of the grants. They move from where they were
//! seen only, and what they say is never looked at but by whoever fills the lake: to delete them fills it anew.

use domain::{Timestamp, instrument::Symbol, wallet::Grant};

use super::{Exchange, grants, rows};
use crate::{
    item::{Item, Read, key, number, text},
    store::StoreError,
    write::{self, WriteError},
};

/// Sort key of the grants' cursor; no symbol, as it has no hyphen.
const GRANTS_CURSOR: &str = "grants";
/// Grants read at a time.
const PAGE: usize = 500;

/// What of an instrument is in the lake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LakeCursor {
    /// All versions of its journal up to this one are; 0 before the first.
    pub version: u64,
    /// This version of the instrument itself is, and all before it that were seen.
    pub instrument: u64,
}

/// What of the grants is in the lake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantsCursor {
    /// All behind this place have to be looked at; empty before the first.
    pub place: String,
    /// Stands for those behind that place that are in the lake already.
    pub seen: String,
}

/// A grant, and its place among all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedGrant {
    /// Where it is: by time, then by its identifier.
    pub place: String,
    /// The grant.
    pub grant: Grant,
}

/// The place before all grants of this moment and later.
pub fn grants_place(at: Timestamp) -> String {
    at.to_string()
}

impl Exchange {
    /// The cursors of all journals that have one, read consistently.
    pub async fn lake_cursors(&self) -> Result<Vec<(Symbol, LakeCursor)>, StoreError> {
        let mut cursors = Vec::new();
        for item in self.partition(rows::LAKE).await? {
            if item.text("sk")? != GRANTS_CURSOR {
                cursors.push((item.parsed("sk", Symbol::parse)?, cursor(&item)?));
            }
        }
        Ok(cursors)
    }

    /// Moves the cursor of a journal. `false` if it is not where it was seen: somebody else has moved it.
    pub async fn move_lake_cursor(
        &self,
        symbol: &Symbol,
        before: LakeCursor,
        after: LakeCursor,
    ) -> Result<bool, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(rows::LAKE, symbol.as_str())))
            .update_expression("SET v = :v, instrument = :instrument")
            .expression_attribute_values(":v", number(after.version))
            .expression_attribute_values(":instrument", number(after.instrument));
        update = if before == LakeCursor::default() {
            update.condition_expression("attribute_not_exists(v)")
        } else {
            update
                .condition_expression("v = :before AND instrument = :known")
                .expression_attribute_values(":before", number(before.version))
                .expression_attribute_values(":known", number(before.instrument))
        };
        moved(write::update_alone(&self.meter, update).await)
    }

    /// The cursor of the grants, read consistently.
    pub async fn lake_grants_cursor(&self) -> Result<GrantsCursor, StoreError> {
        match self.get(key(rows::LAKE, GRANTS_CURSOR)).await? {
            None => Ok(GrantsCursor::default()),
            Some(item) => {
                Ok(GrantsCursor { place: item.text("place")?.to_owned(), seen: item.text("seen")?.to_owned() })
            }
        }
    }

    /// Moves the cursor of the grants. `false` if it is not where it was seen: somebody else has moved it.
    pub async fn move_lake_grants_cursor(
        &self,
        before: &GrantsCursor,
        after: &GrantsCursor,
    ) -> Result<bool, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(rows::LAKE, GRANTS_CURSOR)))
            .update_expression("SET place = :place, seen = :seen")
            .expression_attribute_values(":place", text(&after.place))
            .expression_attribute_values(":seen", text(&after.seen));
        update = if *before == GrantsCursor::default() {
            update.condition_expression("attribute_not_exists(place)")
        } else {
            update
                .condition_expression("place = :before AND seen = :known")
                .expression_attribute_values(":before", text(&before.place))
                .expression_attribute_values(":known", text(&before.seen))
        };
        moved(write::update_alone(&self.meter, update).await)
    }

    /// Up to `limit` grants behind a place, oldest first, and whether there are more. From an index: one of a moment ago
    /// may be missing.
    pub async fn grants_behind(&self, place: &str, limit: usize) -> Result<(Vec<PlacedGrant>, bool), StoreError> {
        let mut found: Vec<PlacedGrant> = Vec::new();
        loop {
            let from = found.last().map_or(place, |last| &last.place).to_owned();
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("orders")
                .key_condition_expression("owner_key = :grants AND created_key > :place")
                .expression_attribute_values(":grants", text(rows::GRANTS))
                .expression_attribute_values(":place", text(if from.is_empty() { "0" } else { &from }));
            let (keys, more) = self.rows(query, PAGE.min(limit - found.len())).await?;
            let wanted = keys.iter().map(|item| Ok(key(rows::GRANTS, item.text("sk")?)));
            let mut some = Vec::new();
            for item in self.batch_get(wanted.collect::<Result<_, StoreError>>()?).await? {
                some.push(PlacedGrant { place: item.text("created_key")?.to_owned(), grant: grants::read(&item)? });
            }
            some.sort_by(|a, b| a.place.cmp(&b.place));
            let is_empty = some.is_empty();
            found.append(&mut some);
            if !more || is_empty || found.len() >= limit {
                return Ok((found, more));
            }
        }
    }
}

fn cursor(item: &Item) -> Result<LakeCursor, StoreError> {
    Ok(LakeCursor { version: item.count("v")?, instrument: item.count("instrument")? })
}

fn moved(outcome: Result<Item, WriteError>) -> Result<bool, StoreError> {
    match outcome {
        Ok(_) => Ok(true),
        Err(WriteError::Cancelled(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
