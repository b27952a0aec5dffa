//! The wire protocol: which bucket and key a request is about and what it wants of them. Nothing here decides about objects.

mod buckets;
mod objects;
mod uploads;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::error::{Kind, S3Error};
use crate::xml::escaped;
use crate::{Result, S3};

/// Sub-resources that are not served, so that asking for one is not mistaken for asking for the object.
const NOT_SERVED: [&str; 29] = [
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "attributes",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "versions",
    "website",
];

/// A request taken apart.
struct Call<'r> {
    s3: &'r S3,
    headers: &'r HeaderMap,
    query: Vec<(String, String)>,
    bucket: String,
    key: String,
    body: &'r Bytes,
}

impl Call<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

pub(crate) fn handle(s3: &S3, request: Request<Bytes>) -> Response<Bytes> {
    let head = request.method() == Method::HEAD;
    let response = serve(s3, &request).unwrap_or_else(|error| refusal(&error, head));
    with_ids(response)
}

fn serve(s3: &S3, request: &Request<Bytes>) -> Result<Response<Bytes>> {
    let (bucket, key) = addressed(request)?;
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let call =
        Call { s3, headers: request.headers(), query: query.into_owned().collect(), bucket, key, body: request.body() };
    if let Some(name) = NOT_SERVED.iter().find(|name| call.has(name)) {
        return Err(Kind::NotImplemented.because(format!("?{name} is not served locally")));
    }
    let method = request.method();
    match (call.bucket.is_empty(), call.key.is_empty()) {
        (true, _) if method == Method::GET => buckets::all(&call),
        (true, _) => Err(Kind::MethodNotAllowed.of("")),
        (false, true) => match *method {
            Method::GET => buckets::get(&call),
            Method::HEAD => call.s3.bucket(&call.bucket).map(|_| empty(StatusCode::OK)),
            Method::PUT => buckets::create(&call),
            Method::DELETE => buckets::delete(&call),
            Method::POST if call.has("delete") => buckets::delete_objects(&call),
            _ => Err(Kind::MethodNotAllowed.of(&call.bucket)),
        },
        (false, false) => match *method {
            Method::GET if call.has("uploadId") => uploads::list(&call),
            Method::GET => objects::get(&call, false),
            Method::HEAD => objects::get(&call, true),
            Method::PUT if call.has("uploadId") => uploads::part(&call),
            Method::PUT => objects::put(&call),
            Method::DELETE if call.has("uploadId") => uploads::abort(&call),
            Method::DELETE => objects::delete(&call),
            Method::POST if call.has("uploads") => uploads::begin(&call),
            Method::POST if call.has("uploadId") => uploads::complete(&call),
            _ => Err(Kind::MethodNotAllowed.of(&call.key)),
        },
    }
}

/// Bucket and key: `bucket.localhost/key` or `/bucket/key`.
fn addressed(request: &Request<Bytes>) -> Result<(String, String)> {
    let host =
        request.headers().get("host").and_then(|host| host.to_str().ok()).or(request.uri().host()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let path = request.uri().path().strip_prefix('/').unwrap_or_default();
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(String::from).map_err(|_| Kind::InvalidArgument.because("The key is not UTF-8"))
    };
    if let Some(bucket) = host.strip_suffix(".localhost") {
        return Ok((bucket.to_owned(), decoded(path)?));
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    Ok((decoded(bucket)?, decoded(key)?))
}

/// An error as a document; a HEAD has none.
pub(crate) fn refusal(error: &S3Error, head: bool) -> Response<Bytes> {
    let mut response = empty(error.kind.status());
    if head || error.kind == Kind::NotModified {
        return response;
    }
    let resource = if error.resource.is_empty() {
        String::new()
    } else {
        let name = match error.kind {
            Kind::NoSuchBucket | Kind::BucketNotEmpty | Kind::BucketAlreadyOwnedByYou => "BucketName",
            Kind::NoSuchUpload => "UploadId",
            Kind::PreconditionFailed => "Condition",
            _ => "Key",
        };
        format!("<{name}>{}</{name}>", escaped(&error.resource))
    };
    *response.body_mut() = Bytes::from(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{resource}<RequestId>{}</RequestId><HostId>local</HostId></Error>",
        error.kind.code(),
        escaped(&error.message),
        request_id(),
    ));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

fn request_id() -> String {
    format!("{:016X}", fastrand::u64(..))
}

fn with_ids(mut response: Response<Bytes>) -> Response<Bytes> {
    set(&mut response, "x-amz-request-id", &request_id());
    set(&mut response, "x-amz-id-2", "local");
    set(&mut response, "server", "AmazonS3");
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn document(text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// Sets a header; a value that none can have is left out.
fn set(response: &mut Response<Bytes>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
        response.headers_mut().insert(name, value);
    }
}

/// `2026-11-30T19:04:15.000Z`.
fn iso(moment: std::time::SystemTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from(moment).format(format).unwrap_or_default()
}

/// `Mon, 30 Nov 2026 19:04:15 GMT`.
fn http_date(moment: std::time::SystemTime) -> String {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    OffsetDateTime::from(moment).format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_in_the_path_or_in_the_host() {
        for (host, path, bucket, key) in [
            ("localhost:4566", "/florin/a/b%20c", "florin", "a/b c"),
            ("127.0.0.1:4566", "/florin", "florin", ""),
            ("127.0.0.1:4566", "/florin/", "florin", ""),
            ("florin.localhost:4566", "/a/b", "florin", "a/b"),
            ("florin.lake.localhost", "/", "florin.lake", ""),
            ("localhost", "/", "", ""),
            ("localhost", "/florin//a", "florin", "/a"),
            ("localhost", "/florin/%2E%2E/x", "florin", "../x"),
            ("localhost", "/florin/a+b", "florin", "a+b"),
        ] {
            let request = Request::get(path).header("host", host).body(Bytes::new()).expect("a request");
            assert_eq!(addressed(&request).expect("an address"), (bucket.to_owned(), key.to_owned()), "{host} {path}");
        }
    }
}
