//! Uploads in parts. A part is a file beside the buckets until the upload is completed or given up.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::error::Kind;
use crate::facts::{Fact, Headers};
use crate::objects::Conditions;
use crate::{Result, S3, checksum, layout};

/// Most parts of an upload; S3's.
const PART_LIMIT: u32 = 10_000;
/// Smallest part but the last; S3's.
const PART_MINIMUM: u64 = 5 * 1024 * 1024;

/// A part as it lies there.
pub(crate) struct Part {
    pub number: u32,
    pub etag: String,
    pub size: u64,
}

impl S3 {
    /// Begins an upload and answers its id.
    pub(crate) fn begin_upload(&self, bucket: &str, key: &str, headers: &Headers) -> Result<String> {
        layout::file(&self.bucket(bucket)?, key)?;
        let id = format!("{:032x}", fastrand::u128(..));
        fs::create_dir_all(self.parts(&id))?;
        self.facts().begin_upload(&id, bucket, key, headers)?;
        Ok(id)
    }

    /// Keeps a part and answers its ETag. The same number again replaces it.
    pub(crate) fn put_part(&self, bucket: &str, key: &str, id: &str, number: u32, bytes: &[u8]) -> Result<String> {
        self.upload(bucket, key, id)?;
        if !(1..=PART_LIMIT).contains(&number) {
            return Err(Kind::InvalidArgument.because("Part number must be an integer between 1 and 10000, inclusive"));
        }
        let (incoming, etag) = (self.incoming(), checksum::etag(bytes));
        fs::write(&incoming, bytes)?;
        // The ETag is part of the name: what is known of a part is where the part is.
        for part in
            self.list_parts(bucket, key, id)?.into_iter().filter(|part| part.number == number && part.etag != etag)
        {
            drop(fs::remove_file(self.part(id, &part)));
        }
        fs::rename(&incoming, self.part(id, &Part { number, etag: etag.clone(), size: 0 }))?;
        Ok(etag)
    }

    /// The parts so far, by number.
    pub(crate) fn list_parts(&self, bucket: &str, key: &str, id: &str) -> Result<Vec<Part>> {
        self.upload(bucket, key, id)?;
        let mut parts = Vec::new();
        for entry in fs::read_dir(self.parts(id))? {
            let entry = entry?;
            let name = entry.file_name();
            let named = name.to_str().and_then(|name| name.split_once('-'));
            if let Some((number, etag)) = named.and_then(|(number, etag)| Some((number.parse().ok()?, etag.to_owned())))
            {
                parts.push(Part { number, etag, size: entry.metadata()?.len() });
            }
        }
        parts.sort_by_key(|part: &Part| part.number);
        Ok(parts)
    }

    /// Makes one object of the parts named, and answers its ETag.
    pub(crate) fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        named: &[(u32, String)],
        conditions: &Conditions,
    ) -> Result<String> {
        let headers = self.upload(bucket, key, id)?;
        let kept = self.list_parts(bucket, key, id)?;
        if named.is_empty() {
            return Err(Kind::MalformedXML.of(key));
        }
        if !named.is_sorted_by(|one, other| one.0 < other.0) {
            return Err(Kind::InvalidPartOrder.of(key));
        }
        let mut parts = Vec::with_capacity(named.len());
        for (number, etag) in named {
            let part = kept.iter().find(|part| part.number == *number && part.etag == etag.trim_matches('"'));
            parts.push(part.ok_or_else(|| Kind::InvalidPart.of(key))?);
        }
        if parts.iter().rev().skip(1).any(|part| part.size < PART_MINIMUM) {
            return Err(Kind::EntityTooSmall.of(key));
        }
        let incoming = self.incoming();
        let mut whole = File::create(&incoming)?;
        for part in &parts {
            io::copy(&mut File::open(self.part(id, part))?, &mut whole)?;
        }
        let etags: Vec<_> = parts.iter().map(|part| part.etag.clone()).collect();
        let fact = Fact { etag: checksum::etag_of_parts(&etags), headers, checksum: None };
        let placed = self.place(bucket, key, &incoming, &fact, conditions);
        if placed.is_err() {
            drop(fs::remove_file(&incoming));
        }
        placed?;
        self.end_upload(id)?;
        Ok(fact.etag)
    }

    /// Gives an upload up.
    pub(crate) fn abort_upload(&self, bucket: &str, key: &str, id: &str) -> Result<()> {
        self.upload(bucket, key, id)?;
        self.end_upload(id)
    }

    fn end_upload(&self, id: &str) -> Result<()> {
        self.facts().end_upload(id)?;
        match fs::remove_dir_all(self.parts(id)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Its headers, if it is one: an id that is not ours never becomes a path.
    fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<Headers> {
        self.bucket(bucket)?;
        let headers = self.facts().upload(id, bucket, key)?;
        headers.ok_or_else(|| Kind::NoSuchUpload.of(id))
    }

    fn parts(&self, id: &str) -> PathBuf {
        self.inner.folder.join(layout::UPLOADS).join(id)
    }

    fn part(&self, id: &str, part: &Part) -> PathBuf {
        self.parts(id).join(format!("{}-{}", part.number, part.etag))
    }
}
