//! Reading a request's body up to a limit, without copying what came in one piece.

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

/// How much of a refused body is read on, so that a client that writes before it reads gets to see the answer.
const DRAINED: u64 = 64 * 1024 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is longer than the limit.
    TooLarge,
    /// The client went away in the middle.
    Broken,
}

/// The whole body, if it is not longer than `limit` bytes.
pub async fn read(headers: &HeaderMap, mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        // Who asks before sending (`Expect: 100-continue`) is told without having to send.
        if !headers.contains_key(header::EXPECT) && declared.is_some_and(|length| length <= DRAINED) {
            while let Some(Ok(_)) = body.frame().await {}
        }
        return Err(Unread::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Unread::TooLarge),
        Err(_) => Err(Unread::Broken),
    }
}
