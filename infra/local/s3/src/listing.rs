//! What is in a bucket, in the order of the keys' bytes.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::Path;

use crate::{Result, S3, layout};

/// Most entries of a page; S3's.
pub(crate) const PAGE_LIMIT: usize = 1_000;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub prefix: String,
    pub delimiter: String,
    /// Only what comes behind this.
    pub after: String,
    pub most: usize,
}

/// An entry: an object, or what several keys have in common up to the delimiter.
#[derive(Debug)]
pub(crate) enum Entry {
    Object { key: String, metadata: Metadata },
    Common(String),
}

impl Entry {
    /// The key or the prefix: the next page begins behind it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Object { key, .. } => key,
            Self::Common(prefix) => prefix,
        }
    }
}

/// A page, and whether there is another.
pub(crate) struct Page {
    pub entries: Vec<Entry>,
    pub truncated: bool,
}

impl S3 {
    /// The buckets.
    pub(crate) fn buckets(&self) -> Result<Vec<(String, Metadata)>> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(&self.inner.folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if let Some(name) = entry.file_name().to_str().filter(|name| layout::is_bucket(name) && metadata.is_dir()) {
                buckets.push((name.to_owned(), metadata));
            }
        }
        buckets.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(buckets)
    }

    /// A page of a listing.
    pub(crate) fn list(&self, bucket: &str, query: &Query) -> Result<Page> {
        let folder = self.bucket(bucket)?;
        let mut found = Vec::new();
        // A prefix that no key can have has no keys.
        if let Ok(start) = layout::folder(&folder, &query.prefix) {
            let within = query.prefix.rsplit_once('/').map_or("", |(within, _)| within);
            collect(&start, within, query.prefix.contains('/'), &mut found)?;
        }
        found.retain(|(key, _)| key.starts_with(&query.prefix) && key.as_bytes() > query.after.as_bytes());
        found.sort_by(|one, other| one.0.as_bytes().cmp(other.0.as_bytes()));
        let mut entries: Vec<Entry> = Vec::new();
        for (key, metadata) in found {
            let rest = &key[query.prefix.len()..];
            let common = Some(&query.delimiter)
                .filter(|delimiter| !delimiter.is_empty())
                .and_then(|delimiter| rest.find(delimiter.as_str()));
            let entry = match common {
                Some(at) => {
                    let common = &key[..query.prefix.len() + at + query.delimiter.len()];
                    if query.after.starts_with(common) || entries.last().is_some_and(|last| last.name() == common) {
                        continue;
                    }
                    Entry::Common(common.to_owned())
                }
                None => Entry::Object { key, metadata },
            };
            if entries.len() == query.most {
                return Ok(Page { entries, truncated: true });
            }
            entries.push(entry);
        }
        Ok(Page { entries, truncated: false })
    }
}

/// All files in a folder and below it. What vanishes meanwhile was not there.
fn collect(folder: &Path, within: &str, nested: bool, found: &mut Vec<(String, Metadata)>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = entry?;
        let Some(part) = entry.file_name().to_str().and_then(layout::part) else { continue };
        let key = if nested { format!("{within}/{part}") } else { part };
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => collect(&entry.path(), &key, true, found)?,
            Ok(metadata) if metadata.is_file() => found.push((key, metadata)),
            _ => {}
        }
    }
    Ok(())
}
