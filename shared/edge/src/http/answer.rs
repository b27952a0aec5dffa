//! What leaves when a request succeeds.

use serde::Serialize;

use super::{Code, Problem};

/// A successful answer: status, JSON body, headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// Any body that is not JSON: a page, a style sheet, CSV.
    pub fn raw(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, body, content_type, headers: Vec::new() }
    }

    /// Another status with the same body.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// One more header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The `ETag` of a resource with this version.
    pub fn etag(self, version: u64) -> Self {
        self.header("ETag", format!("\"{version}\""))
    }

    /// Marks the answer as the repetition of an earlier one.
    pub fn replayed(self, replayed: bool) -> Self {
        if replayed { self.header("Idempotent-Replayed", "true") } else { self }
    }
}

/// 200 with a JSON body.
pub fn ok(body: &impl Serialize) -> Result<Answer, Problem> {
    json(200, body)
}

/// 201 with a JSON body.
pub fn created(body: &impl Serialize) -> Result<Answer, Problem> {
    json(201, body)
}

/// 202 with a JSON body.
pub fn accepted(body: &impl Serialize) -> Result<Answer, Problem> {
    json(202, body)
}

/// 204 without a body.
pub fn no_content() -> Answer {
    Answer { status: 204, body: Vec::new(), content_type: "application/json", headers: Vec::new() }
}

fn json(status: u16, body: &impl Serialize) -> Result<Answer, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::from(Code::Internal)
    })?;
    Ok(Answer { status, body, content_type: "application/json", headers: Vec::new() })
}
