//! Buckets, listings and the removal of many objects.

use bytes::Bytes;
use http::{Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Call, document, empty, iso, set};
use crate::error::Kind;
use crate::listing::{Entry, PAGE_LIMIT, Page, Query};
use crate::xml::{Xml, texts};
use crate::{Result, body, layout};

/// What `encoding-type=url` leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*');

pub(super) fn all(call: &Call<'_>) -> Result<Response<Bytes>> {
    let buckets = call.s3.buckets()?;
    Ok(document(Xml::document("ListAllMyBucketsResult", |xml| {
        owner(xml);
        xml.element("Buckets", |xml| {
            for (name, metadata) in &buckets {
                xml.element("Bucket", |xml| {
                    xml.text("Name", name);
                    xml.text(
                        "CreationDate",
                        &metadata.created().or(metadata.modified()).map_or_else(|_| String::new(), iso),
                    );
                });
            }
        });
    })))
}

fn owner(xml: &mut Xml) {
    xml.element("Owner", |xml| {
        xml.text("ID", "local");
        xml.text("DisplayName", "local");
    });
}

pub(super) fn get(call: &Call<'_>) -> Result<Response<Bytes>> {
    call.s3.bucket(&call.bucket)?;
    if call.has("location") {
        // The first region has no name here.
        let region = Some(call.s3.inner.region.as_str()).filter(|region| *region != "us-east-1").unwrap_or_default();
        return Ok(document(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{region}</LocationConstraint>"
        )));
    }
    if call.has("versioning") {
        return Ok(document(Xml::document("VersioningConfiguration", |_| {})));
    }
    if call.has("uploads") {
        return Err(Kind::NotImplemented.because("?uploads is not served locally"));
    }
    let text = |name: &str| call.parameter(name).unwrap_or_default().to_owned();
    let most = match call.parameter("max-keys").map(str::parse::<usize>) {
        None => PAGE_LIMIT,
        Some(Ok(most)) => most.min(PAGE_LIMIT),
        Some(Err(_)) => {
            return Err(Kind::InvalidArgument.because("Provided max-keys not an integer or within integer range"));
        }
    };
    let second = call.parameter("list-type") == Some("2");
    let after = match (second, call.parameter("continuation-token")) {
        (true, Some(token)) => decoded(token)
            .ok_or_else(|| Kind::InvalidArgument.because("The continuation token provided is incorrect"))?,
        (true, None) => text("start-after"),
        (false, _) => text("marker"),
    };
    let query = Query { prefix: text("prefix"), delimiter: text("delimiter"), after, most };
    let page =
        if most == 0 { Page { entries: Vec::new(), truncated: false } } else { call.s3.list(&call.bucket, &query)? };
    list(call, &query, &page, second)
}

fn list(call: &Call<'_>, query: &Query, page: &Page, second: bool) -> Result<Response<Bytes>> {
    let encode = call.parameter("encoding-type") == Some("url");
    let name = |text: &str| if encode { utf8_percent_encode(text, ENCODED).to_string() } else { text.to_owned() };
    let mut objects = Vec::new();
    for entry in &page.entries {
        if let Entry::Object { key, metadata } = entry
            && let Some(etag) = call.s3.etag(&call.bucket, key, metadata)?
        {
            objects.push((key, metadata, etag));
        }
    }
    let last = page.entries.last().filter(|_| page.truncated).map(Entry::name);
    Ok(document(Xml::document("ListBucketResult", |xml| {
        xml.text("Name", &call.bucket);
        xml.text("Prefix", &name(&query.prefix));
        xml.text("MaxKeys", &query.most.to_string());
        if !query.delimiter.is_empty() {
            xml.text("Delimiter", &name(&query.delimiter));
        }
        if encode {
            xml.text("EncodingType", "url");
        }
        xml.text("IsTruncated", if page.truncated { "true" } else { "false" });
        if second {
            xml.text("KeyCount", &page.entries.len().to_string());
            if let Some(token) = call.parameter("continuation-token") {
                xml.text("ContinuationToken", token);
            }
            if let Some(start) = call.parameter("start-after") {
                xml.text("StartAfter", &name(start));
            }
            if let Some(last) = last {
                xml.text("NextContinuationToken", &encoded(last));
            }
        } else {
            xml.text("Marker", &name(&query.after));
            if let Some(last) = last {
                xml.text("NextMarker", &name(last));
            }
        }
        for (key, metadata, etag) in &objects {
            xml.element("Contents", |xml| {
                xml.text("Key", &name(key));
                xml.text("LastModified", &metadata.modified().map_or_else(|_| String::new(), iso));
                xml.text("ETag", &format!("\"{etag}\""));
                xml.text("Size", &metadata.len().to_string());
                xml.text("StorageClass", "STANDARD");
                if !second {
                    owner(xml);
                }
            });
        }
        for entry in &page.entries {
            if let Entry::Common(prefix) = entry {
                xml.element("CommonPrefixes", |xml| xml.text("Prefix", &name(prefix)));
            }
        }
    })))
}

/// A token is the last name, in hexadecimal: nobody takes it for one.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(token: &str) -> Option<String> {
    let bytes = (0..token.len()).step_by(2).map(|at| u8::from_str_radix(token.get(at..at + 2)?, 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<_>>>()?).ok()
}

pub(super) fn create(call: &Call<'_>) -> Result<Response<Bytes>> {
    if !layout::is_bucket(&call.bucket) {
        return Err(Kind::InvalidBucketName.of(&call.bucket));
    }
    if call.s3.has_bucket(&call.bucket) && call.s3.inner.region != "us-east-1" {
        return Err(Kind::BucketAlreadyOwnedByYou.of(&call.bucket));
    }
    call.s3.ensure_bucket(&call.bucket)?;
    let mut response = empty(StatusCode::OK);
    set(&mut response, "location", &format!("/{}", call.bucket));
    Ok(response)
}

pub(super) fn delete(call: &Call<'_>) -> Result<Response<Bytes>> {
    let folder = call.s3.bucket(&call.bucket)?;
    let query = Query { most: 1, ..Query::default() };
    if !call.s3.list(&call.bucket, &query)?.entries.is_empty() {
        return Err(Kind::BucketNotEmpty.of(&call.bucket));
    }
    std::fs::remove_dir_all(folder)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) fn delete_objects(call: &Call<'_>) -> Result<Response<Bytes>> {
    call.s3.bucket(&call.bucket)?;
    let request = body::read(call.headers, call.body)?;
    let texts = texts(&request.bytes)?;
    let quiet = texts.iter().any(|(place, text)| place == "Delete/Quiet" && text == "true");
    let keys: Vec<_> = texts.iter().filter(|(place, _)| place == "Delete/Object/Key").map(|(_, key)| key).collect();
    if keys.is_empty() || keys.len() > PAGE_LIMIT || keys.iter().any(|key| key.is_empty()) {
        return Err(Kind::MalformedXML.of(&call.bucket));
    }
    let outcomes: Vec<_> = keys.iter().map(|key| (*key, call.s3.delete(&call.bucket, key))).collect();
    Ok(document(Xml::document("DeleteResult", |xml| {
        for (key, outcome) in &outcomes {
            match outcome {
                Ok(()) if quiet => {}
                Ok(()) => xml.element("Deleted", |xml| xml.text("Key", key)),
                Err(error) => xml.element("Error", |xml| {
                    xml.text("Key", key);
                    xml.text("Code", &error.kind.code());
                    xml.text("Message", &error.message);
                }),
            }
        }
    })))
}
