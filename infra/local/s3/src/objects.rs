//! Objects: written whole beside their places and put there in one step, read, removed.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;

use crate::error::Kind;
use crate::facts::{Fact, Facts};
use crate::{Result, S3, checksum, layout};

/// What holds an object, and what is known of it.
pub(crate) struct Object {
    file: File,
    pub size: u64,
    pub modified: SystemTime,
    pub fact: Fact,
}

/// Under which conditions a write takes place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// `If-Match`: the object has one of these ETags.
    pub if_match: Option<String>,
    /// `If-None-Match`: the object has none of these ETags; `*` is any.
    pub if_none_match: Option<String>,
}

impl Conditions {
    /// Whether they hold for an object with this ETag, or for none.
    pub(crate) fn check(&self, key: &str, etag: Option<&str>) -> Result<()> {
        let names = |list: &str, etag: &str| {
            list.split(',')
                .any(|one| matches!(one.trim().trim_matches('"'), "*") || one.trim().trim_matches('"') == etag)
        };
        match (&self.if_match, etag) {
            (Some(_), None) => return Err(Kind::NoSuchKey.of(key)),
            (Some(list), Some(etag)) if !names(list, etag) => return Err(Kind::PreconditionFailed.of(key)),
            _ => {}
        }
        match (&self.if_none_match, etag) {
            (Some(list), Some(etag)) if names(list, etag) => Err(Kind::PreconditionFailed.of(key)),
            _ => Ok(()),
        }
    }

    fn is_any(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }
}

impl Object {
    /// A part of the bytes, or all of them.
    pub(crate) fn read(&mut self, from: u64, length: u64) -> Result<Bytes> {
        self.file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        (&self.file).take(length).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl S3 {
    /// The object of a key, as it is now: what replaces it later does not change it.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Object> {
        let path = layout::file(&self.bucket(bucket)?, key)?;
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(Kind::NoSuchKey.of(key));
            }
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Kind::NoSuchKey.of(key));
        }
        let fact = known(&self.facts(), bucket, key, &metadata)?;
        let fact = match fact {
            Some(fact) => fact,
            None => learn(&self.facts(), bucket, key, &file, &metadata)?,
        };
        Ok(Object { size: metadata.len(), modified: metadata.modified()?, file, fact })
    }

    /// The ETag of a listed file; `None` if it is gone by now.
    pub(crate) fn etag(&self, bucket: &str, key: &str, metadata: &Metadata) -> Result<Option<String>> {
        let fact = known(&self.facts(), bucket, key, metadata)?;
        match fact {
            Some(fact) => Ok(Some(fact.etag)),
            None => match self.object(bucket, key) {
                Ok(object) => Ok(Some(object.fact.etag)),
                Err(error) if error.kind == Kind::NoSuchKey => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Puts bytes in the place of a key.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: &[u8],
        fact: &Fact,
        conditions: &Conditions,
    ) -> Result<()> {
        let incoming = self.incoming();
        fs::write(&incoming, bytes)?;
        let put = self.place(bucket, key, &incoming, fact, conditions);
        if put.is_err() {
            drop(fs::remove_file(&incoming));
        }
        put
    }

    /// Gives a whole file the name of a key.
    pub(crate) fn place(
        &self,
        bucket: &str,
        key: &str,
        file: &Path,
        fact: &Fact,
        conditions: &Conditions,
    ) -> Result<()> {
        let folder = self.bucket(bucket)?;
        let target = layout::file(&folder, key)?;
        if conditions.is_any() {
            // Looked at once before, so that an unknown file is not read under the lock.
            drop(self.object(bucket, key));
        }
        let facts = self.facts();
        let before = fs::metadata(&target).ok();
        let is_object = before.as_ref().is_some_and(Metadata::is_file);
        if conditions.is_any() {
            let etag = match before.as_ref().filter(|_| is_object) {
                Some(metadata) => Some(known(&facts, bucket, key, metadata)?.unwrap_or_default().etag),
                None => None,
            };
            conditions.check(key, etag.as_deref())?;
        }
        let parent = target.parent().unwrap_or(&folder);
        let in_the_way = || {
            Kind::NotImplemented
                .because(format!("Locally {key} cannot be: an object and a folder of its name exclude each other"))
        };
        fs::create_dir_all(parent).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => in_the_way(),
            _ => error.into(),
        })?;
        if before.is_some_and(|metadata| metadata.is_dir()) {
            return Err(in_the_way());
        }
        let metadata = fs::metadata(file)?;
        facts.put(bucket, key, &metadata, fact)?;
        fs::rename(file, &target)?;
        facts.forget(bucket, key, Some(&metadata))?;
        Ok(())
    }

    /// Removes what a key stands for, if anything, and the folders that are empty then.
    pub(crate) fn delete(&self, bucket: &str, key: &str) -> Result<()> {
        let folder = self.bucket(bucket)?;
        let target = layout::file(&folder, key)?;
        let facts = self.facts();
        match fs::remove_file(&target) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound
                        | ErrorKind::NotADirectory
                        | ErrorKind::IsADirectory
                        | ErrorKind::PermissionDenied
                ) && !target.is_file() =>
            {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        facts.forget(bucket, key, None)?;
        for parent in target.ancestors().skip(1).take_while(|parent| *parent != folder) {
            if fs::remove_dir(parent).is_err() {
                break; // something else is in it
            }
        }
        Ok(())
    }
}

fn known(facts: &Facts, bucket: &str, key: &str, metadata: &Metadata) -> Result<Option<Fact>> {
    Ok(facts.get(bucket, key, metadata)?)
}

/// Of a file that came by other means than a write.
fn learn(facts: &Facts, bucket: &str, key: &str, mut file: &File, metadata: &Metadata) -> Result<Fact> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let fact = Fact { etag: checksum::etag(&bytes), ..Fact::default() };
    facts.put(bucket, key, metadata, &fact)?;
    Ok(fact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_those_of_http() {
        let holds = |if_match: Option<&str>, if_none_match: Option<&str>, etag: Option<&str>| {
            let conditions =
                Conditions { if_match: if_match.map(str::to_owned), if_none_match: if_none_match.map(str::to_owned) };
            conditions.check("k", etag).map_err(|error| error.kind)
        };
        assert_eq!(holds(None, Some("*"), None), Ok(()));
        assert_eq!(holds(None, Some("*"), Some("a")), Err(Kind::PreconditionFailed));
        assert_eq!(holds(Some("\"a\""), None, Some("a")), Ok(()));
        assert_eq!(holds(Some("\"b\", \"a\""), None, Some("a")), Ok(()));
        assert_eq!(holds(Some("\"b\""), None, Some("a")), Err(Kind::PreconditionFailed));
        assert_eq!(holds(Some("\"a\""), None, None), Err(Kind::NoSuchKey));
        assert_eq!(holds(None, Some("\"a\""), Some("a")), Err(Kind::PreconditionFailed));
        assert_eq!(holds(None, Some("\"b\""), Some("a")), Ok(()));
    }
}
