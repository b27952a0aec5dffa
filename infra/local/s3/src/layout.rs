//! Which file is which object. Names are the keys', but for what a file's name cannot hold.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::Kind;

/// Where objects are written before they are put into their places. No bucket's name begins with a point.
pub(crate) const INCOMING: &str = ".incoming";
/// Where the parts of uploads lie.
pub(crate) const UPLOADS: &str = ".uploads";

/// Longest key, in bytes; S3's.
const KEY_LIMIT: usize = 1_024;
/// Longest name of a file.
const NAME_LIMIT: usize = 255;
/// Stands for a part of a key that is empty: `a//b`, `a/`.
const EMPTY: &str = "%";

/// Whether a bucket can have this name.
pub(crate) fn is_bucket(name: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (first, last) = (name.as_bytes().first(), name.as_bytes().last());
    (3..=63).contains(&name.len())
        && first.is_some_and(plain)
        && last.is_some_and(plain)
        && name.bytes().all(|byte| plain(&byte) || byte == b'-' || byte == b'.')
        && !name.contains("..")
}

/// The file of a key, in the folder of its bucket.
pub(crate) fn file(bucket: &Path, key: &str) -> Result<PathBuf> {
    if key.len() > KEY_LIMIT {
        return Err(Kind::KeyTooLongError.of(key));
    }
    let mut path = bucket.to_owned();
    for part in key.split('/') {
        let name = name(part);
        if name.len() > NAME_LIMIT {
            let message =
                format!("Locally each part of a key is a file's name: at most {NAME_LIMIT} bytes between slashes");
            return Err(Kind::NotImplemented.because(message));
        }
        path.push(name);
    }
    Ok(path)
}

/// The deepest folder that holds every key with this prefix.
pub(crate) fn folder(bucket: &Path, prefix: &str) -> Result<PathBuf> {
    match prefix.rsplit_once('/') {
        Some((folder, _)) => file(bucket, folder),
        None => Ok(bucket.to_owned()),
    }
}

/// The name of a part of a key.
fn name(part: &str) -> String {
    match part {
        "" => EMPTY.to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        part => part.replace('%', "%25").replace('\0', "%00"),
    }
}

/// The part of a key that has this name; `None` if it is not one of ours.
pub(crate) fn part(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    percent_encoding::percent_decode_str(name).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_file_of_that_name_within_its_bucket_and_back() {
        let bucket = Path::new("/data/s3/florin");
        for (key, path) in [
            ("tables/accounts/dt=2026-11-30/a.parquet", "tables/accounts/dt=2026-11-30/a.parquet"),
            ("..", "%2E%2E"),
            ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
            ("/etc/passwd", "%/etc/passwd"),
            ("a/./b", "a/%2E/b"),
            ("a//b", "a/%/b"),
            ("a/", "a/%"),
            ("100%", "100%25"),
            ("%2E%2E/x", "%252E%252E/x"),
            ("über alles?&+\n", "über alles?&+\n"),
            ("a\\..\\b", "a\\..\\b"),
            ("nul\0", "nul%00"),
            ("...", "..."),
        ] {
            let found = file(bucket, key).expect(key);
            assert_eq!(found, bucket.join(path), "{key:?}");
            let parts = found.strip_prefix(bucket).expect("within").components();
            let parts: Vec<_> =
                parts.map(|part_of| part(&part_of.as_os_str().to_string_lossy()).expect("a part")).collect();
            assert_eq!(parts.join("/"), key);
        }
        assert!(file(bucket, &"x".repeat(1_025)).is_err());
        assert!(file(bucket, &"x".repeat(256)).is_err());
    }

    #[test]
    fn buckets_have_the_names_that_s3_allows() {
        for name in ["abc", "florin-lakebucket", "a.b-c.9", "000"] {
            assert!(is_bucket(name), "{name}");
        }
        for name in ["", "ab", ".athena", "..", "a/b", "A-b-c", "abc-", "a..b", "a_b_c", "abc\0"] {
            assert!(!is_bucket(name), "{name:?}");
        }
    }
}
