//! The body of a write: taken out of its chunks, and held to every digest that came with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::Result;
use crate::checksum;
use crate::error::Kind;

/// A body as it was meant, and the checksum that came with it.
#[derive(Debug)]
pub(crate) struct Body {
    pub bytes: Bytes,
    pub checksum: Option<(String, String)>,
}

/// Reads a body. What does not match its digests is refused.
pub(crate) fn read(headers: &HeaderMap, raw: &Bytes) -> Result<Body> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let payload = text("x-amz-content-sha256").unwrap_or_default();
    let chunked = payload.starts_with("STREAMING-")
        || text("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"));
    let (bytes, mut checksums) = if chunked { unchunked(raw)? } else { (raw.clone(), Vec::new()) };
    if let Some(length) = text("x-amz-decoded-content-length")
        && length.parse() != Ok(bytes.len())
    {
        return Err(Kind::InvalidRequest.because("The x-amz-decoded-content-length does not match the body"));
    }
    if payload.len() == 64 && payload != checksum::sha256_hex(&bytes) {
        return Err(Kind::XAmzContentSHA256Mismatch.of(""));
    }
    if let Some(given) = text("content-md5") {
        let digest = STANDARD
            .decode(given)
            .ok()
            .filter(|digest| digest.len() == 16)
            .ok_or_else(|| Kind::InvalidDigest.of(""))?;
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if digest != checksum::etag(&bytes) {
            return Err(Kind::BadDigest.of(""));
        }
    }
    let in_headers =
        headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    checksums.extend(in_headers);
    let is_checksum = |name: &str| {
        name.starts_with("x-amz-checksum-")
            && !["x-amz-checksum-type", "x-amz-checksum-mode", "x-amz-checksum-algorithm"].contains(&name)
    };
    let given = checksums.into_iter().find(|(name, _)| is_checksum(name));
    if let Some((name, value)) = &given {
        let algorithm = name.trim_start_matches("x-amz-checksum-").to_uppercase();
        let computed = checksum::of(name, &bytes).ok_or_else(|| {
            Kind::NotImplemented.because(format!("Checksums of kind {algorithm} are not served locally"))
        })?;
        if &computed != value {
            return Err(Kind::BadDigest
                .because(format!("The {algorithm} you specified did not match the calculated checksum.")));
        }
    }
    Ok(Body { bytes, checksum: given })
}

type Trailers = Vec<(String, String)>;

/// `size[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\nname:value\r\n\r\n`.
fn unchunked(raw: &Bytes) -> Result<(Bytes, Trailers)> {
    let broken = || Kind::InvalidRequest.because("The aws-chunked body is malformed");
    let (mut rest, mut whole) = (&raw[..], BytesMut::new());
    let line = |rest: &mut &[u8]| {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        *rest = &rest[end + 2..];
        Some(line.to_owned())
    };
    loop {
        let head = line(&mut rest).ok_or_else(broken)?;
        let size = head.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| broken())?;
        if size == 0 {
            break;
        }
        let chunk = rest.get(..size).ok_or_else(broken)?;
        whole.extend_from_slice(chunk);
        rest = rest[size..].strip_prefix(b"\r\n").ok_or_else(broken)?;
    }
    let mut trailers = Vec::new();
    while let Some(trailer) = line(&mut rest) {
        if let Some((name, value)) = trailer.split_once(':') {
            trailers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    Ok((whole.freeze(), trailers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect()
    }

    fn check(pairs: &[(&'static str, &'static str)], raw: &'static str) -> Result<String, Kind> {
        let body = read(&headers(pairs), &Bytes::from_static(raw.as_bytes())).map_err(|error| error.kind)?;
        Ok(String::from_utf8_lossy(&body.bytes).into_owned())
    }

    #[test]
    fn chunks_are_put_together_and_held_to_what_stands_behind_them() {
        let chunked = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        let good = "4\r\n1234\r\n5;chunk-signature=abc\r\n56789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
        assert_eq!(check(&[chunked], good), Ok("123456789".to_owned()));
        assert_eq!(check(&[chunked, ("x-amz-decoded-content-length", "9")], good), Ok("123456789".to_owned()));
        assert_eq!(check(&[chunked, ("x-amz-decoded-content-length", "8")], good), Err(Kind::InvalidRequest));
        let wrong = "9\r\n123456780\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
        assert_eq!(check(&[chunked], wrong), Err(Kind::BadDigest));
        for broken in
            ["", "9\r\n1234", "x\r\n", "4\r\n12345\r\n0\r\n\r\n", "FFFFFFFFFFFFFFFF\r\n", "4\r\n1234\r\n", "-1\r\n"]
        {
            assert_eq!(check(&[chunked], broken), Err(Kind::InvalidRequest), "{broken:?}");
        }
        assert_eq!(check(&[chunked], "0\r\n\r\n"), Ok(String::new()));
    }

    #[test]
    fn digests_in_headers_are_checked() {
        for (name, value, outcome) in [
            ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==", Ok("123456789".to_owned())),
            ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", Err(Kind::BadDigest)),
            ("content-md5", "nonsense", Err(Kind::InvalidDigest)),
            ("x-amz-checksum-crc32", "y/Q5Jg==", Ok("123456789".to_owned())),
            ("x-amz-checksum-crc32c", "y/Q5Jg==", Err(Kind::BadDigest)),
            ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=", Err(Kind::NotImplemented)),
            (
                "x-amz-content-sha256",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                Err(Kind::XAmzContentSHA256Mismatch),
            ),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD", Ok("123456789".to_owned())),
        ] {
            assert_eq!(check(&[(name, value)], "123456789"), outcome, "{name}: {value}");
        }
    }
}
