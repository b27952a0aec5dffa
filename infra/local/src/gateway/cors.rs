//! The preflight that SAM makes of the template's `Cors`: an OPTIONS method without authorizer on every path.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, HeaderName, HeaderValue,
};
use http::{HeaderMap, Response};
use http_body_util::Full;
use local_template::Cors;

/// The headers of one path's preflight. Where the template lists no methods they are the path's own.
pub fn headers<'a>(cors: &Cors, methods: impl Iterator<Item = &'a str>) -> HeaderMap {
    let own = || {
        let mut names: BTreeSet<&str> = methods.collect();
        if names.remove("ANY") {
            names.extend(["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]);
        }
        names.insert("OPTIONS");
        names.into_iter().collect::<Vec<_>>().join(",")
    };
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: Option<&str>| {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    };
    set(ACCESS_CONTROL_ALLOW_ORIGIN, Some(&cors.allow_origin));
    set(ACCESS_CONTROL_ALLOW_HEADERS, cors.allow_headers.as_deref());
    set(ACCESS_CONTROL_ALLOW_METHODS, Some(&cors.allow_methods.clone().unwrap_or_else(own)));
    set(ACCESS_CONTROL_MAX_AGE, cors.max_age.as_deref());
    set(ACCESS_CONTROL_ALLOW_CREDENTIALS, cors.allow_credentials.then_some("true"));
    set(CONTENT_TYPE, Some("application/json"));
    headers
}

/// The preflight's answer: 200 with an empty object, as SAM's mock integration has it.
pub fn preflight(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}\n")));
    response.headers_mut().clone_from(headers);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preflight_lists_the_methods_of_its_path_unless_the_template_does() {
        let mut cors = Cors { allow_origin: "*".into(), max_age: Some("600".into()), ..Cors::default() };
        let shown = |cors: &Cors, methods: &[&str]| {
            let headers = headers(cors, methods.iter().copied());
            let text = |name: &str| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
            (text("access-control-allow-methods"), text("access-control-allow-origin"), text("access-control-max-age"))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(shown(&cors, &["POST", "GET"]), (some("GET,OPTIONS,POST"), some("*"), some("600")));
        assert_eq!(shown(&cors, &["ANY"]).0, some("DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"));
        cors.allow_methods = some("GET");
        assert_eq!(shown(&cors, &["POST"]).0, some("GET"));
    }
}
