//! Which files of a day become one, and which have become needless. Decides only; whoever calls reads and writes.

use std::collections::{BTreeSet, HashMap};

use aws::objects::Object;
use domain::Timestamp;
use lake::keys::File;

/// The names of merged files begin with this.
pub const MERGED: &str = "day-";
/// Most bytes of the parts of one merged file; a day with more becomes several. Records take some fifteen times as much
/// memory as in a file, which is what the function's memory is chosen by.
pub const MERGED_BYTES: u64 = 8_000_000;
/// A merged file of this size is never merged again.
const FULL_BYTES: u64 = MERGED_BYTES / 2;
/// A part is deleted when the file that it was merged into is this old: no query runs so long.
const GRACE_MS: i64 = 3_600_000;
/// A day on which nothing has come or gone for so long, and of whose files none would be merged, is not looked into.
const SETTLED_MS: i64 = 3 * 86_400_000;

/// The parts that each merged file names.
pub type Parts = HashMap<String, BTreeSet<String>>;

/// Whether this is the key of a merged file.
pub fn is_merged(key: &str) -> bool {
    File::parse(key).is_some_and(|file| file.name.starts_with(MERGED))
}

fn is_full(object: &Object) -> bool {
    is_merged(&object.key) && object.size >= FULL_BYTES
}

/// Whether nothing is left to do for the files of a day, as far as a list of them tells.
pub fn is_done(objects: &[Object], now: Timestamp) -> bool {
    let mergeable = objects.iter().filter(|object| !is_full(object)).count();
    let merged = objects.iter().all(|object| is_merged(&object.key));
    let newest = objects.iter().map(|object| object.put_at.millis()).max().unwrap_or_default();
    objects.len() <= 1 || (merged && mergeable <= 1 && newest + SETTLED_MS <= now.millis())
}

/// The files that are to be deleted: parts of merged ones that have been there long enough.
pub fn obsolete(objects: &[Object], parts: &Parts, now: Timestamp) -> Vec<String> {
    let old = objects.iter().filter(|object| object.put_at.millis() + GRACE_MS <= now.millis());
    let named: BTreeSet<&String> = old.filter_map(|object| parts.get(&object.key)).flatten().collect();
    objects.iter().map(|object| &object.key).filter(|key| named.contains(key)).cloned().collect()
}

/// The files that are to be merged, group by group: those that are part of no merged one yet, in the order of their keys,
/// as many as fit together. A file that would stay alone is left as it is.
pub fn merges<'o>(objects: &'o [Object], parts: &Parts) -> Vec<Vec<&'o Object>> {
    let named: BTreeSet<&String> = parts.values().flatten().collect();
    let (mut groups, mut group, mut bytes) = (Vec::new(), Vec::new(), 0);
    for object in objects.iter().filter(|object| !named.contains(&object.key) && !is_full(object)) {
        if bytes + object.size > MERGED_BYTES && !group.is_empty() {
            groups.push(std::mem::take(&mut group));
            bytes = 0;
        }
        bytes += object.size;
        group.push(object);
    }
    groups.push(group);
    groups.retain(|group| group.len() > 1);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn object(name: &str, size: u64, hours: i64) -> Object {
        let key = format!("tables/grants/dt=2026-11-21/{name}.parquet");
        Object { key, size, put_at: Timestamp::from_millis(hours * HOUR) }
    }

    fn parts(of: &[(&Object, &[&Object])]) -> Parts {
        let keys = |parts: &[&Object]| parts.iter().map(|part| part.key.clone()).collect();
        of.iter().map(|(merged, parts)| (merged.key.clone(), keys(parts))).collect()
    }

    fn keys<'o>(groups: Vec<Vec<&'o Object>>) -> Vec<Vec<&'o str>> {
        let name = |object: &&'o Object| object.key.rsplit('/').next().unwrap_or_default().trim_end_matches(".parquet");
        groups.iter().map(|group| group.iter().map(name).collect()).collect()
    }

    #[test]
    fn a_day_becomes_as_few_files_as_fit_and_nothing_is_merged_twice() {
        let third = MERGED_BYTES / 3;
        let objects: Vec<_> = ["a", "b", "c", "d"].map(|name| object(name, third, 0)).into();
        assert_eq!(keys(merges(&objects, &Parts::new())), [vec!["a", "b", "c"]]);
        let five: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| object(name, third, 0)).into();
        assert_eq!(keys(merges(&five, &Parts::new())), [vec!["a", "b", "c"], vec!["d", "e"]]);
        let mut after = objects.clone();
        after.push(object("day-1", MERGED_BYTES, 1));
        let known = parts(&[(&after[4], &[&objects[0], &objects[1], &objects[2]])]);
        assert_eq!(keys(merges(&after, &known)), [[""; 0]; 0]);
        after.push(object("late", 1, 2));
        assert_eq!(keys(merges(&after, &known)), [vec!["d", "late"]]);
        assert_eq!(keys(merges(&[object("a", 1, 0)], &Parts::new())), [[""; 0]; 0]);
        let huge: Vec<_> = ["a", "b"].map(|name| object(name, MERGED_BYTES * 2, 0)).into();
        assert_eq!(keys(merges(&huge, &Parts::new())), [[""; 0]; 0]);
    }

    #[test]
    fn parts_go_when_what_they_were_merged_into_has_been_there_for_an_hour() {
        let objects = [object("a", 1, 0), object("b", 1, 0), object("day-1", 2, 5), object("c", 1, 0)];
        let known = parts(&[(&objects[2], &[&objects[0], &objects[1]])]);
        assert_eq!(obsolete(&objects, &known, Timestamp::from_millis(6 * HOUR - 1)), [""; 0]);
        let gone = obsolete(&objects, &known, Timestamp::from_millis(6 * HOUR));
        assert_eq!(gone, [objects[0].key.clone(), objects[1].key.clone()]);
        assert_eq!(obsolete(&objects, &Parts::new(), Timestamp::from_millis(60 * HOUR)), [""; 0], "named by nobody");
    }

    #[test]
    fn only_a_day_at_rest_is_left_unread() {
        let full = |name| object(name, FULL_BYTES, 0);
        let (early, late) = (Timestamp::from_millis(71 * HOUR), Timestamp::from_millis(72 * HOUR));
        assert!(is_done(&[object("a", 1, 70)], early));
        assert!(!is_done(&[full("day-1"), full("day-2")], early));
        assert!(is_done(&[full("day-1"), full("day-2"), object("day-3", 1, 0)], late));
        assert!(!is_done(&[full("day-1"), object("day-2", 1, 0), object("day-3", 1, 0)], late));
        assert!(!is_done(&[full("day-1"), object("a", 1, 0)], late));
    }
}
