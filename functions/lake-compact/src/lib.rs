//! Makes few files of a day's many: each costs every query a request.
//!
//! ```text
//! schedule ─► each table, each finished day (UTC) with more than one file:
//!     files that an older merged one names as its parts ─► deleted
//!     the others, as many as fit into one ─► merged: distinct versions, the names of its parts in its footer
//! ```
//! A merged file is written first and its parts go in a later run, more than an hour after: until then both lie there, and a
//! query that has begun still finds what it listed. Versions count once, so no moment shows anything twice or not at all.
//! Names follow from the parts: whatever is cut off, repeated or done by two at once ends the same.

mod plan;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws::objects::{Bucket, Object};
use bytes::Bytes;
use domain::Timestamp;
use edge::clock::Clock;
use lake::{
    Record, Table, file,
    keys::{self, File},
    schema::TABLES,
};
use lambda_runtime::Error;
use serde_json::{Value, json};

pub use plan::{MERGED, MERGED_BYTES, Parts, is_done};

/// Days that are worked on in one run. The next run goes on with the others.
const DAYS: usize = 1_000;

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    days: usize,
    merged: usize,
    deleted: usize,
}

/// One run over the whole lake. A day that fails is logged and left to the next run; the others go on.
pub async fn run(bucket: &Bucket, clock: &impl Clock) -> Result<Value, Error> {
    let (now, mut done, mut failed) = (clock.now(), Done::default(), 0);
    for table in TABLES {
        for (day, objects) in days(table, bucket.list(&keys::table(table)).await?, now) {
            if done.days >= DAYS || is_done(&objects, now) {
                continue;
            }
            done.days += 1;
            match compact(bucket, table, &day, &objects, now).await {
                Ok((merged, deleted)) => (done.merged, done.deleted) = (done.merged + merged, done.deleted + deleted),
                Err(error) => {
                    tracing::error!(table = table.name, day, %error, "a day was not compacted");
                    failed += 1;
                }
            }
        }
    }
    let Done { days, merged, deleted } = done;
    tracing::info!(days, merged, deleted, failed, "lake compacted");
    if failed > 0 {
        return Err(format!("{failed} days were not compacted").into());
    }
    Ok(json!({"days": days, "merged": merged, "deleted": deleted}))
}

/// The files of a table by day, without the day that is not over.
fn days(table: &Table, objects: Vec<Object>, now: Timestamp) -> BTreeMap<String, Vec<Object>> {
    let (today, mut days) = (keys::day(now), BTreeMap::<_, Vec<_>>::new());
    for object in objects {
        let file = File::parse(&object.key).filter(|file| file.table == table.name && file.day < today);
        if let Some(file) = file {
            days.entry(file.day).or_default().push(object);
        }
    }
    days
}

/// Compacts a day; how many files were merged and how many deleted.
async fn compact(
    bucket: &Bucket,
    table: &'static Table,
    day: &str,
    objects: &[Object],
    now: Timestamp,
) -> Result<(usize, usize), Error> {
    let parts = parts(bucket, objects).await?;
    let (merges, obsolete) = (plan::merges(objects, &parts), plan::obsolete(objects, &parts, now));
    let mut merged = 0;
    for merge in merges {
        // Gone: another run has deleted it, since what it was merged into is there.
        let Some(records) = read(bucket, table, &merge).await? else { continue };
        let keys: Vec<_> = merge.iter().map(|object| object.key.clone()).collect();
        let name = format!("{MERGED}{}", keys::digest(&keys));
        let content = file::encode_merged(table, &distinct(records), &keys)?;
        bucket.put(&File::new(table, day, name).to_string(), content).await?;
        merged += keys.len();
    }
    for key in &obsolete {
        bucket.remove(key).await?;
    }
    Ok((merged, obsolete.len()))
}

/// Which parts each merged file of a day names.
async fn parts(bucket: &Bucket, objects: &[Object]) -> Result<Parts, Error> {
    let mut parts = HashMap::new();
    for object in objects.iter().filter(|object| plan::is_merged(&object.key)) {
        let content: Option<Bytes> = bucket.get(&object.key).await?;
        let named: BTreeSet<_> = content.map(file::made_from).transpose()?.into_iter().flatten().collect();
        parts.insert(object.key.clone(), named);
    }
    Ok(parts)
}

async fn read(bucket: &Bucket, table: &'static Table, merge: &[&Object]) -> Result<Option<Vec<Record>>, Error> {
    let mut records = Vec::new();
    for object in merge {
        let Some(content) = bucket.get(&object.key).await? else { return Ok(None) };
        records.extend(file::decode(table, content).map_err(|error| format!("{}: {error}", object.key))?);
    }
    Ok(Some(records))
}

/// Each version once, by key and number. Of two that say they are the same, the one that was changed first.
fn distinct(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|a, b| a.key().cmp(&b.key()).then(a.version.cmp(&b.version)).then(a.changed_at.cmp(&b.changed_at)));
    records.dedup_by(|later, kept| later.version == kept.version && later.key() == kept.key());
    records
}
