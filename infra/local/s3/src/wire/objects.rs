//! Objects: put, copied, got, removed.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response, StatusCode};
use percent_encoding::percent_decode_str;
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::{Call, document, empty, http_date, iso, set};
use crate::error::Kind;
use crate::facts::{Fact, Headers};
use crate::objects::{Conditions, Object};
use crate::xml::Xml;
use crate::{Result, body, checksum};

/// Headers that an object keeps, beside `x-amz-meta-…`.
const KEPT: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];
/// S3's, where none is given.
const DEFAULT_TYPE: &str = "binary/octet-stream";
/// Longest metadata of one's own; S3's.
const METADATA_LIMIT: usize = 2_048;

/// The headers that come back with the object.
pub(super) fn kept(headers: &HeaderMap) -> Result<Headers> {
    let mut kept = Headers::new();
    let mut length = 0;
    for (name, value) in headers {
        let Ok(value) = value.to_str() else { continue };
        if let Some(own) = name.as_str().strip_prefix("x-amz-meta-") {
            length += own.len() + value.len();
        } else if !KEPT.contains(&name.as_str()) {
            continue;
        }
        // How the body came is no property of the object.
        let value = if name == "content-encoding" {
            value.split(',').map(str::trim).filter(|encoding| *encoding != "aws-chunked").collect::<Vec<_>>().join(",")
        } else {
            value.to_owned()
        };
        if !value.is_empty() {
            kept.insert(name.as_str().to_owned(), value);
        }
    }
    if length > METADATA_LIMIT {
        return Err(Kind::InvalidArgument.because("Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(kept)
}

pub(super) fn conditions(call: &Call<'_>) -> Conditions {
    Conditions {
        if_match: call.header("if-match").map(str::to_owned),
        if_none_match: call.header("if-none-match").map(str::to_owned),
    }
}

pub(super) fn put(call: &Call<'_>) -> Result<Response<Bytes>> {
    call.s3.bucket(&call.bucket)?;
    if let Some(source) = call.header("x-amz-copy-source") {
        return copy(call, source);
    }
    let body = body::read(call.headers, call.body)?;
    let fact = Fact { etag: checksum::etag(&body.bytes), headers: kept(call.headers)?, checksum: body.checksum };
    call.s3.put(&call.bucket, &call.key, &body.bytes, &fact, &conditions(call))?;
    let mut response = empty(StatusCode::OK);
    set(&mut response, "etag", &format!("\"{}\"", fact.etag));
    checksummed(&mut response, &fact);
    Ok(response)
}

fn copy(call: &Call<'_>, source: &str) -> Result<Response<Bytes>> {
    let source = percent_decode_str(source.trim_start_matches('/')).decode_utf8_lossy();
    let (bucket, key) = source
        .split_once('/')
        .ok_or_else(|| Kind::InvalidArgument.because("Copy Source must mention the source bucket and key"))?;
    let mut object = call.s3.object(bucket, key)?;
    let bytes = object.read(0, u64::MAX)?;
    let replace = call.header("x-amz-metadata-directive") == Some("REPLACE");
    let headers = if replace { kept(call.headers)? } else { object.fact.headers.clone() };
    let fact = Fact { etag: checksum::etag(&bytes), headers, checksum: object.fact.checksum };
    call.s3.put(&call.bucket, &call.key, &bytes, &fact, &conditions(call))?;
    Ok(document(Xml::document("CopyObjectResult", |xml| {
        xml.text("LastModified", &iso(std::time::SystemTime::now()));
        xml.text("ETag", &format!("\"{}\"", fact.etag));
    })))
}

pub(super) fn get(call: &Call<'_>, head: bool) -> Result<Response<Bytes>> {
    let mut object = call.s3.object(&call.bucket, &call.key)?;
    check(call, &object)?;
    let range = call.header("range").and_then(|range| asked(range, object.size)).transpose()?;
    let (from, length) = range.unwrap_or((0, object.size));
    let bytes = if head { Bytes::new() } else { object.read(from, length)? };
    let mut response = Response::new(bytes);
    *response.status_mut() = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    set(&mut response, "content-type", DEFAULT_TYPE);
    for (name, value) in &object.fact.headers {
        set(&mut response, name, value);
    }
    for name in KEPT {
        if let Some(value) = call.parameter(&format!("response-{name}")) {
            set(&mut response, name, value);
        }
    }
    set(&mut response, CONTENT_LENGTH.as_str(), &length.to_string());
    set(&mut response, "etag", &format!("\"{}\"", object.fact.etag));
    set(&mut response, "last-modified", &http_date(object.modified));
    set(&mut response, "accept-ranges", "bytes");
    if range.is_some() {
        let to = from + length.saturating_sub(1);
        set(&mut response, "content-range", &format!("bytes {from}-{to}/{}", object.size));
    } else if call.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled")) {
        checksummed(&mut response, &object.fact);
    }
    Ok(response)
}

fn checksummed(response: &mut Response<Bytes>, fact: &Fact) {
    if let Some((name, value)) = &fact.checksum {
        set(response, name, value);
        set(response, "x-amz-checksum-type", "FULL_OBJECT");
    }
}

/// The conditions of a read: by ETag, else by time.
fn check(call: &Call<'_>, object: &Object) -> Result<()> {
    let conditions = conditions(call);
    let not_modified =
        |error: crate::S3Error| if error.kind == Kind::PreconditionFailed { Kind::NotModified.of("") } else { error };
    Conditions { if_none_match: None, ..conditions.clone() }.check(&call.key, Some(&object.fact.etag))?;
    Conditions { if_match: None, ..conditions.clone() }
        .check(&call.key, Some(&object.fact.etag))
        .map_err(not_modified)?;
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let moment = |name: &str| {
        call.header(name)
            .and_then(|text| PrimitiveDateTime::parse(text, format).ok())
            .map(|moment| moment.assume_utc().unix_timestamp())
    };
    let modified = time::OffsetDateTime::from(object.modified).unix_timestamp();
    if conditions.if_none_match.is_none() && moment("if-modified-since").is_some_and(|since| modified <= since) {
        return Err(Kind::NotModified.of(""));
    }
    if conditions.if_match.is_none() && moment("if-unmodified-since").is_some_and(|since| modified > since) {
        return Err(Kind::PreconditionFailed.of(&call.key));
    }
    Ok(())
}

/// First byte and length of `bytes=a-b`, `bytes=a-`, `bytes=-n`. What is none of these is passed over, as HTTP has it.
fn asked(range: &str, size: u64) -> Option<Result<(u64, u64)>> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let unsatisfiable = || Some(Err(Kind::InvalidRange.of("")));
    if from.is_empty() {
        let length = to.parse::<u64>().ok()?.min(size);
        return if length == 0 { unsatisfiable() } else { Some(Ok((size - length, length))) };
    }
    let from: u64 = from.parse().ok()?;
    let to = if to.is_empty() { u64::MAX } else { to.parse().ok()? };
    if to < from {
        return None;
    }
    if from >= size {
        return unsatisfiable();
    }
    Some(Ok((from, to.min(size - 1) - from + 1)))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response<Bytes>> {
    if call.header("if-match").is_some() {
        return Err(Kind::NotImplemented.because("Conditional deletes are not served locally"));
    }
    call.s3.delete(&call.bucket, &call.key)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object() {
        let check = |range: &str| asked(range, 10).map(|range| range.map_err(|error| error.kind));
        assert_eq!(check("bytes=0-3"), Some(Ok((0, 4))));
        assert_eq!(check("bytes=5-"), Some(Ok((5, 5))));
        assert_eq!(check("bytes=-3"), Some(Ok((7, 3))));
        assert_eq!(check("bytes=-30"), Some(Ok((0, 10))));
        assert_eq!(check("bytes=5-100"), Some(Ok((5, 5))));
        assert_eq!(check("bytes=10-"), Some(Err(Kind::InvalidRange)));
        assert_eq!(check("bytes=-0"), Some(Err(Kind::InvalidRange)));
        for other in ["bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", "bytes=18446744073709551616-"] {
            assert_eq!(check(other), None, "{other}");
        }
        assert_eq!(asked("bytes=0-", 0).map(|range| range.is_err()), Some(true));
    }
}
