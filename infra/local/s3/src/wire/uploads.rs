//! Uploads in parts.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::{Call, document, empty, objects, set};
use crate::error::Kind;
use crate::xml::{Xml, texts};
use crate::{Result, body};

pub(super) fn begin(call: &Call<'_>) -> Result<Response<Bytes>> {
    let id = call.s3.begin_upload(&call.bucket, &call.key, &objects::kept(call.headers)?)?;
    Ok(document(Xml::document("InitiateMultipartUploadResult", |xml| {
        xml.text("Bucket", &call.bucket);
        xml.text("Key", &call.key);
        xml.text("UploadId", &id);
    })))
}

fn id<'c>(call: &'c Call<'_>) -> &'c str {
    call.parameter("uploadId").unwrap_or_default()
}

pub(super) fn part(call: &Call<'_>) -> Result<Response<Bytes>> {
    if call.header("x-amz-copy-source").is_some() {
        return Err(Kind::NotImplemented.because("Parts copied from objects are not served locally"));
    }
    let number = call.parameter("partNumber").and_then(|number| number.parse().ok()).unwrap_or(0);
    let body = body::read(call.headers, call.body)?;
    let etag = call.s3.put_part(&call.bucket, &call.key, id(call), number, &body.bytes)?;
    let mut response = empty(StatusCode::OK);
    set(&mut response, "etag", &format!("\"{etag}\""));
    if let Some((name, value)) = &body.checksum {
        set(&mut response, name, value);
    }
    Ok(response)
}

pub(super) fn list(call: &Call<'_>) -> Result<Response<Bytes>> {
    let parts = call.s3.list_parts(&call.bucket, &call.key, id(call))?;
    Ok(document(Xml::document("ListPartsResult", |xml| {
        xml.text("Bucket", &call.bucket);
        xml.text("Key", &call.key);
        xml.text("UploadId", id(call));
        xml.text("IsTruncated", "false");
        for part in &parts {
            xml.element("Part", |xml| {
                xml.text("PartNumber", &part.number.to_string());
                xml.text("ETag", &format!("\"{}\"", part.etag));
                xml.text("Size", &part.size.to_string());
            });
        }
    })))
}

pub(super) fn complete(call: &Call<'_>) -> Result<Response<Bytes>> {
    let request = body::read(call.headers, call.body)?;
    let texts = texts(&request.bytes)?;
    let mut parts: Vec<(u32, String)> = Vec::new();
    let (mut number, mut etag) = (None, None);
    for (place, text) in texts {
        match place.as_str() {
            "CompleteMultipartUpload/Part/PartNumber" => number = text.trim().parse().ok(),
            "CompleteMultipartUpload/Part/ETag" => etag = Some(text.trim().to_owned()),
            _ => continue,
        }
        // The two come in either order.
        if let (Some(number), Some(etag)) = (number, &etag) {
            parts.push((number, etag.clone()));
        } else {
            continue;
        }
        (number, etag) = (None, None);
    }
    let etag = call.s3.complete_upload(&call.bucket, &call.key, id(call), &parts, &objects::conditions(call))?;
    Ok(document(Xml::document("CompleteMultipartUploadResult", |xml| {
        xml.text("Location", &format!("/{}/{}", call.bucket, call.key));
        xml.text("Bucket", &call.bucket);
        xml.text("Key", &call.key);
        xml.text("ETag", &format!("\"{etag}\""));
    })))
}

pub(super) fn abort(call: &Call<'_>) -> Result<Response<Bytes>> {
    call.s3.abort_upload(&call.bucket, &call.key, id(call))?;
    Ok(empty(StatusCode::NO_CONTENT))
}
