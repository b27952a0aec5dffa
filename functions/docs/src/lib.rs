//! The API's description and a page to read it on. Everything comes from this binary: the page loads nothing from
//! elsewhere and runs no script that is not a file of its own.

use edge::http::{Answer, Problem, Request};
use swagger_ui_redist::{SwaggerUi, SwaggerUiStaticFile};

/// `infra/api/openapi.yaml` as JSON; made by `build.rs`.
const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
const PAGE: &str = include_str!("page.html");
const START: &str = include_str!("start.js");

/// What the page may load and do. Swagger UI writes style attributes and draws its icons from `data:` URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Files change with a deployment only.
const AN_HOUR: &str = "public, max-age=3600";

/// Answers one request.
pub fn handle(request: &Request) -> Result<Answer, Problem> {
    match request.route() {
        ("GET", "/openapi.json") => Ok(Answer::raw("application/json", OPENAPI.into())),
        ("GET", "/docs") => {
            Ok(Answer::raw("text/html; charset=utf-8", PAGE.into()).header("Content-Security-Policy", POLICY))
        }
        ("GET", "/docs/{file}") => request.path_id("file", file),
        _ => Err(Problem::not_found()),
    }
}

fn file(name: &str) -> Option<Answer> {
    let (content_type, content): (_, &[u8]) = match name {
        "start.js" => ("text/javascript; charset=utf-8", START.as_bytes()),
        "swagger-ui.css" => ("text/css; charset=utf-8", part(name)?),
        "swagger-ui-bundle.js" => ("text/javascript; charset=utf-8", part(name)?),
        _ => return None,
    };
    Some(Answer::raw(content_type, content.to_vec()).header("Cache-Control", AN_HOUR))
}

/// A file of Swagger UI by its own name.
fn part(name: &str) -> Option<&'static [u8]> {
    let is_named = |file: &SwaggerUiStaticFile| file.file_name() == name;
    SwaggerUi::static_files().iter().find(|(file, _)| is_named(file)).map(|(_, content)| *content)
}
