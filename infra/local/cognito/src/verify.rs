//! Checks a token as API Gateway's Cognito authorizer does. Strict: what is not plainly right is [`TokenError::Invalid`].

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::directory::Pool;

/// The payload of a token whose signature, issuer and expiry are right.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(pub Map<String, Value>);

impl Claims {
    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// All is right but the time is over.
    #[error("the token has expired")]
    Expired,
    /// Anything else.
    #[error("the token is not valid")]
    Invalid,
}

/// Longer than any token made here.
const LONGEST: usize = 16_384;

/// `now` in seconds since the epoch; a token is over at `exp` itself.
pub(crate) fn verify(pool: &Pool, token: &str, now: i64) -> Result<Claims, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Invalid);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Invalid);
    };
    let header_claims = object(header)?;
    if header_claims.get("alg").and_then(Value::as_str) != Some("RS256") || header_claims.contains_key("crit") {
        return Err(TokenError::Invalid);
    }
    let kid = header_claims.get("kid").and_then(Value::as_str).ok_or(TokenError::Invalid)?;
    let key = pool.keys.find(kid).ok_or(TokenError::Invalid)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Invalid)?;
    let signed = &token.as_bytes()[..header.len() + 1 + payload.len()];
    if !key.verify(signed, &signature) {
        return Err(TokenError::Invalid);
    }
    let claims = object(payload)?;
    if claims.get("iss").and_then(Value::as_str) != Some(pool.issuer.as_str()) {
        return Err(TokenError::Invalid);
    }
    let expires = claims.get("exp").and_then(Value::as_i64).ok_or(TokenError::Invalid)?;
    if expires <= now {
        return Err(TokenError::Expired);
    }
    Ok(Claims(claims))
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Invalid)
}
