//! A function's proxy response on its way back to the client. What API Gateway would call malformed is malformed here.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use serde::Deserialize;

/// Headers of the gateway's own that a function cannot set; AWS renames them.
const REMAPPED: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "date",
    "host",
    "server",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Proxy {
    status_code: Status,
    #[serde(default)]
    headers: Option<BTreeMap<String, Scalar>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<Scalar>>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Number(u16),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Flag(bool),
}

impl Scalar {
    fn header(&self) -> Result<HeaderValue, String> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        };
        HeaderValue::try_from(text).map_err(|error| error.to_string())
    }
}

/// The HTTP answer; `Err` says what is wrong with the function's one (502).
///
/// A body marked as base64 is decoded only where the API has a binary media type for it: for the first one that the client
/// accepts, or the response's own. Otherwise the client gets the base64 text, as on AWS.
pub fn response(
    payload: &Bytes,
    accept: Option<&HeaderValue>,
    binary_media_types: &[String],
) -> Result<Response<Full<Bytes>>, String> {
    let proxy: Proxy = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let status = match proxy.status_code {
        Status::Number(status) => status,
        Status::Text(text) => text.parse().map_err(|_| format!("statusCode {text:?}"))?,
    };
    let status = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational());
    let mut headers = HeaderMap::new();
    for (name, values) in proxy.multi_value_headers.iter().flatten() {
        for value in values {
            headers.append(header_name(name)?, value.header()?);
        }
    }
    for (name, value) in proxy.headers.iter().flatten() {
        let (name, value) = (header_name(name)?, value.header()?);
        // What both maps hold counts once.
        if !headers.get_all(&name).iter().any(|known| known == value) {
            headers.append(name, value);
        }
    }
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    let text = proxy.body.unwrap_or_default();
    let body = match proxy.is_base64_encoded {
        Some(true)
            if is_binary(accept, binary_media_types) || is_binary(headers.get(CONTENT_TYPE), binary_media_types) =>
        {
            Bytes::from(STANDARD.decode(&text).map_err(|error| format!("body: {error}"))?)
        }
        _ => Bytes::from(text),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status.ok_or("statusCode is no status of an answer")?;
    *response.headers_mut() = headers;
    Ok(response)
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    let name = HeaderName::try_from(name).map_err(|error| format!("header {name:?}: {error}"))?;
    if !REMAPPED.contains(&name.as_str()) {
        return Ok(name);
    }
    HeaderName::try_from(format!("x-amzn-remapped-{name}")).map_err(|error| error.to_string())
}

/// Whether the first media type of a header is one of the API's binary ones.
pub fn is_binary(header: Option<&HeaderValue>, binary_media_types: &[String]) -> bool {
    if binary_media_types.is_empty() {
        return false;
    }
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = text.split([',', ';']).next().unwrap_or_default().trim();
    let matches = |pattern: &str| {
        let (kind, subtype) = pattern.split_once('/').unwrap_or((pattern, "*"));
        let (given, given_subtype) = first.split_once('/').unwrap_or((first, ""));
        (kind == "*" || kind.eq_ignore_ascii_case(given))
            && (subtype == "*" || subtype.eq_ignore_ascii_case(given_subtype))
    };
    // In a template the slash is written ~1.
    binary_media_types.iter().any(|pattern| matches(&pattern.replace("~1", "/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn shown(payload: &str, accept: Option<&str>, binary: &[&str]) -> String {
        let accept = accept.map(|accept| HeaderValue::from_str(accept).expect("a header"));
        let binary: Vec<String> = binary.iter().map(|&media| media.to_owned()).collect();
        match response(&Bytes::copy_from_slice(payload.as_bytes()), accept.as_ref(), &binary) {
            Err(_) => "malformed".to_owned(),
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let headers: Vec<String> = parts
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.to_str().expect("text")))
                    .collect();
                let body = body.collect().await.expect("a body").to_bytes();
                format!("{} [{}] {:?}", parts.status.as_u16(), headers.join(" "), String::from_utf8_lossy(&body))
            }
        }
    }

    #[tokio::test]
    async fn a_proxy_response_becomes_the_answer_or_is_malformed() {
        for (payload, expected) in [
            (r#"{"statusCode":200}"#, r#"200 [content-type=application/json] """#),
            (r#"{"statusCode":"201","body":"x","headers":null}"#, r#"201 [content-type=application/json] "x""#),
            (
                r#"{"statusCode":404,"headers":{"Content-Type":"application/problem+json","X-N":1,"X-B":true}}"#,
                r#"404 [content-type=application/problem+json x-b=true x-n=1] """#,
            ),
            (
                r#"{"statusCode":200,"headers":{"a":"1","content-type":"t/t"},"multiValueHeaders":{"A":["1","2"]}}"#,
                r#"200 [a=1 a=2 content-type=t/t] """#,
            ),
            (
                r#"{"statusCode":401,"headers":{"WWW-Authenticate":"Bearer","content-type":"t/t"}}"#,
                r#"401 [x-amzn-remapped-www-authenticate=Bearer content-type=t/t] """#,
            ),
            (
                r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#,
                r#"200 [content-type=application/json] "aGk=""#,
            ),
            (r#"{"statusCode":200,"extra":1}"#, "malformed"),
            (r#"{"statusCode":99}"#, "malformed"),
            (r#"{"statusCode":101}"#, "malformed"),
            (r#"{"statusCode":200,"body":{"a":1}}"#, "malformed"),
            (r#"{"statusCode":200,"headers":{"a b":"1"}}"#, "malformed"),
            (r#"{"statusCode":200,"headers":{"a":"1\n2"}}"#, "malformed"),
            (r#"{"body":"x"}"#, "malformed"),
            ("\"x\"", "malformed"),
            ("", "malformed"),
        ] {
            assert_eq!(shown(payload, None, &[]).await, expected, "{payload}");
        }
    }

    #[tokio::test]
    async fn base64_is_decoded_for_binary_media_types_only() {
        let png = r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true,"headers":{"content-type":"image/png"}}"#;
        for (accept, binary, decoded) in [
            (Some("image/png,*/*"), &["image/png"][..], true),
            (Some("*/*"), &["image/png"], true),
            (Some("text/html"), &["image~1*"], true),
            (Some("text/html"), &["*/*"], true),
            (Some("image/png"), &["font/woff2"], false),
            (None, &[], false),
        ] {
            let expected = if decoded { "\"hi\"" } else { "\"aGk=\"" };
            assert!(shown(png, accept, binary).await.ends_with(expected), "{accept:?} {binary:?}");
        }
    }
}
