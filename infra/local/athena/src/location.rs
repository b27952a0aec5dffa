//! Where the objects of `s3://bucket/key` lie: plain files, as the runner's S3 keeps them.

use std::path::{Path, PathBuf};

/// Bucket and key of a location.
pub(crate) fn parts(location: &str) -> Option<(&str, &str)> {
    let (bucket, key) = location.strip_prefix("s3://")?.split_once('/')?;
    let named =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "-.".contains(character);
    let is_bucket = bucket.len() >= 3 && !bucket.starts_with('.') && bucket.chars().all(named);
    is_bucket.then_some((bucket, key))
}

/// The folder of a location that ends in a slash. None has a way out of the objects.
pub(crate) fn folder(objects: &Path, location: &str) -> Option<PathBuf> {
    let (bucket, prefix) = parts(location)?;
    let mut folder = objects.join(bucket);
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.is_empty() {
        return Some(folder);
    }
    for part in prefix.split('/') {
        let plain = |character: char| character.is_ascii_alphanumeric() || "-_.=".contains(character);
        if part.is_empty() || part.starts_with('.') || !part.chars().all(plain) {
            return None;
        }
        folder.push(part);
    }
    Some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_folder_among_the_objects() {
        let folder = |location| folder(Path::new("/data/s3"), location);
        assert_eq!(
            folder("s3://florin-lake/tables/accounts/"),
            Some(PathBuf::from("/data/s3/florin-lake/tables/accounts"))
        );
        assert_eq!(folder("s3://florin-lake/"), Some(PathBuf::from("/data/s3/florin-lake")));
        for hostile in [
            "s3://../x/",
            "s3://florin/../x/",
            "s3://florin//x/",
            "s3://florin/a/./b/",
            "s3://.florin/x/",
            "/etc/",
            "s3://a b/c/",
            "s3://florin/a\\b/",
            "s3://florin",
            "file:///etc/",
            "s3://florin/%2e%2e/",
        ] {
            assert_eq!(folder(hostile), None, "{hostile}");
        }
    }
}
