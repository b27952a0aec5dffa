//! The page, its files and the description.

use docs::handle;
use edge::http::{Settings, render};
use serde_json::Value;
use testkit::{event, event_request, request};

fn get(path: &str) -> (u16, String, String) {
    let resource = if path.starts_with("/docs/") { "/docs/{file}" } else { path };
    let outcome = handle(&request("GET", resource, path).build());
    let response = render(outcome, &Settings { allowed_origin: "*".into() }, path, "r").expect("a response");
    let (parts, body) = response.into_parts();
    let content_type = parts.headers["content-type"].to_str().expect("text").to_owned();
    let body: &[u8] = body.as_ref();
    (parts.status.as_u16(), content_type, String::from_utf8(body.to_vec()).expect("text"))
}

#[test]
fn the_page_names_only_files_that_are_there() {
    let (status, content_type, page) = get("/docs");
    assert_eq!((status, content_type.as_str()), (200, "text/html; charset=utf-8"));
    let files: Vec<&str> = page.split('"').filter(|text| text.starts_with("docs/")).collect();
    assert_eq!(files.len(), 3, "{page}");
    for file in files {
        let (status, _, body) = get(&format!("/{file}"));
        assert_eq!(status, 200, "{file}");
        assert!(!body.is_empty(), "{file}");
    }
    assert!(!page.contains("<script>"), "the policy allows no script in the page");
    assert!(!page.contains("http"), "nothing comes from elsewhere");
}

#[test]
fn files_carry_their_types_and_others_are_not_found() {
    for (file, expected) in [
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("start.js", "text/javascript; charset=utf-8"),
    ] {
        assert_eq!(get(&format!("/docs/{file}")).1, expected, "{file}");
    }
    for file in ["index.css", "page.html", "..", "Cargo.toml", ""] {
        let (status, content_type, _) = get(&format!("/docs/{file}"));
        assert_eq!((status, content_type.as_str()), (404, "application/problem+json"), "{file}");
    }
}

#[test]
fn the_description_is_the_yaml_and_points_to_where_it_comes_from() {
    let (status, content_type, body) = get("/openapi.json");
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    let document: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/auth/sign-up"]["post"].is_object());
    assert_eq!(document["servers"][0]["url"], "./");
}

#[test]
fn the_events_are_answered() {
    for file in ["docs.json", "docs.openapi.json", "docs.file.json"] {
        assert!(handle(&event_request(event(file))).is_ok(), "{file}");
    }
}
