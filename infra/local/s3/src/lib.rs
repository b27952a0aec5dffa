//! Amazon S3 as the local runner serves it: an object is a plain file at `<folder>/<bucket>/<key>`, so that people and programs can
//! look at it; what S3 knows beyond its bytes is in one SQLite file.
//!
//! [`S3::handle`] speaks the wire protocol of the SDKs, boto3 and the AWS CLI: path style and `bucket.localhost`, bodies whole or in
//! chunks with checksums behind them, conditions, ranges, listings, uploads in parts, errors in XML.
//!
//! An acknowledged write is on file, whole or not at all, also when the process is killed. No key leads out of its bucket. A file
//! that was put there by other means is an object like any other.
//!
//! Not served: versions, ACLs, policies, tags, lifecycle, encryption and everything else that no stack of ours asks for; an object
//! `a` beside an object `a/b`, because a file is no folder. Signatures are not verified and nothing is encrypted.

mod body;
mod checksum;
mod error;
mod facts;
mod layout;
mod listing;
mod objects;
mod uploads;
mod wire;
mod xml;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use error::{Kind, S3Error};
use facts::Facts;

/// A refused call is the error of the service.
type Result<T, E = S3Error> = std::result::Result<T, E>;

/// All buckets of one account and region. Clones share them.
#[derive(Clone)]
pub struct S3 {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    region: String,
    /// Whoever changes what a key stands for holds this: conditions are decided under it.
    facts: Mutex<Facts>,
}

impl S3 {
    /// The buckets in `folder`, with what is known of their objects in `file`. Both are made if need be.
    pub fn open(folder: &Path, file: &Path, region: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        // Half-written objects of a process that was killed.
        let incoming = folder.join(layout::INCOMING);
        if incoming.exists() {
            fs::remove_dir_all(&incoming)?;
        }
        fs::create_dir_all(&incoming)?;
        let facts = Mutex::new(Facts::open(file).map_err(io::Error::other)?);
        Ok(Self { inner: Arc::new(Inner { folder, region: region.to_owned(), facts }) })
    }

    /// Makes a bucket exist. What is in it stays.
    pub fn ensure_bucket(&self, name: &str) -> io::Result<()> {
        if !layout::is_bucket(name) {
            return Err(io::Error::other(format!("{name} is no name for a bucket")));
        }
        fs::create_dir_all(self.inner.folder.join(name))
    }

    /// Whether there is such a bucket.
    pub fn has_bucket(&self, name: &str) -> bool {
        layout::is_bucket(name) && self.inner.folder.join(name).is_dir()
    }

    /// Serves one request of the wire protocol.
    pub async fn handle(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let (s3, head) = (self.clone(), request.method() == http::Method::HEAD);
        // Files are not waited for on a thread that others wait on.
        let served = tokio::task::spawn_blocking(move || wire::handle(&s3, request)).await;
        served.unwrap_or_else(|error| wire::refusal(&Kind::InternalError.because(error.to_string()), head))
    }

    /// The folder of a bucket that exists.
    fn bucket(&self, name: &str) -> Result<PathBuf> {
        if !self.has_bucket(name) {
            return Err(Kind::NoSuchBucket.of(name));
        }
        Ok(self.inner.folder.join(name))
    }

    /// A new file outside of every bucket, on the same file system.
    fn incoming(&self) -> PathBuf {
        self.inner.folder.join(layout::INCOMING).join(format!("{:032x}", fastrand::u128(..)))
    }

    /// A call that panicked has changed at most one row, which is right or passed over.
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.inner.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
