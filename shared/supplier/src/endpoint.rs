//! Where the supplier is, read from a setting.

use std::fmt;

use http::{HeaderValue, Uri};

/// A base URL that requests can be built on.
#[derive(Clone)]
pub(crate) struct Endpoint {
    uri: Uri,
    host: HeaderValue,
    /// Before each path; without a slash at its end.
    prefix: String,
}

impl Endpoint {
    /// Reads a base URL: `http` or `https`, a host, perhaps a port and a path; nothing else.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // `Uri` forgets a fragment without a word.
        let uri = if text.contains('#') { None } else { text.parse::<Uri>().ok() };
        let uri = uri.ok_or("the supplier's URL is not a URL")?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("the supplier's URL must begin with http:// or https://".to_owned());
        }
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("the supplier's URL names no host")?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err("the supplier's URL must hold neither a user nor a query".to_owned());
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| error.to_string())?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { uri, host, prefix })
    }

    /// What to connect to.
    pub(crate) fn uri(&self) -> Uri {
        self.uri.clone()
    }

    /// The value of `Host`.
    pub(crate) fn host(&self) -> HeaderValue {
        self.host.clone()
    }

    /// What a request line names for a path of the protocol.
    pub(crate) fn target(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_a_place_and_nothing_else() {
        let target = |text: &str| {
            let endpoint = Endpoint::parse(text).expect(text);
            (endpoint.host().to_str().expect("text").to_owned(), endpoint.target("/orders"))
        };
        let of = |host: &str, path: &str| (host.to_owned(), path.to_owned());
        assert_eq!(target("http://127.0.0.1:4567"), of("127.0.0.1:4567", "/orders"));
        assert_eq!(target("https://supplier.example/"), of("supplier.example", "/orders"));
        assert_eq!(target("https://supplier.example:8443/api/v2/"), of("supplier.example:8443", "/api/v2/orders"));
        assert_eq!(target("http://[::1]:80"), of("[::1]:80", "/orders"));
        for text in [
            "",
            "supplier.example",
            "/orders",
            "ftp://supplier.example",
            "file:///etc/passwd",
            "unix:/run/supplier",
            "http://",
            "http:///orders",
            "https://user:secret@supplier.example",
            "https://supplier.example/?a=b",
            "https://supplier.example/#a",
            "https://supplier.example\r\nHost: other",
            "https://supplier example",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text:?}");
        }
    }
}
