//! The Cognito authorizer: which token opens which method, and the claims as a function gets them.
//!
//! A method with scopes takes access tokens that carry one of them; a method without takes id tokens. Everything else is one
//! 401. It never looks whether a token was revoked: API Gateway does not either.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Most verified tokens remembered at a time.
const REMEMBERED: usize = 10_000;
/// Longest token looked at, in bytes; Cognito's stay below half of it.
const LONGEST: usize = 8 * 1024;

/// Checks signature, key, issuer and expiry of a token of one user pool.
pub trait Verifier: Send + Sync + 'static {
    /// The claims, at `now` in seconds since the epoch.
    fn verify(&self, pool_id: &str, token: &str, now: i64) -> Result<Map<String, Value>, Refused>;
}

/// Why a caller does not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No token, or not one that this method takes.
    Unauthorized,
    /// It was good once.
    Expired,
}

/// A token that was verified.
#[derive(Debug)]
pub struct Caller {
    /// The claims as `requestContext.authorizer.claims` shows them, every one a string.
    pub claims: Box<RawValue>,
    token_use: String,
    scopes: Vec<String>,
    expires: i64,
}

/// One authorizer of the API.
pub struct Authorizer {
    pool_id: String,
    verifier: Arc<dyn Verifier>,
    known: RwLock<HashMap<Box<str>, Arc<Caller>>>,
}

impl Authorizer {
    /// Asks `verifier` for tokens of this pool.
    pub fn new(pool_id: impl Into<String>, verifier: Arc<dyn Verifier>) -> Self {
        Self { pool_id: pool_id.into(), verifier, known: RwLock::default() }
    }

    /// Decides on the value of an `Authorization` header. `scopes` are those of the method; any of them will do.
    pub fn admit(&self, header: Option<&str>, scopes: &[String], now: i64) -> Result<Arc<Caller>, Refused> {
        let token = bearer(header.ok_or(Refused::Unauthorized)?);
        if token.is_empty() || token.len() > LONGEST {
            return Err(Refused::Unauthorized);
        }
        let caller = self.caller(token, now)?;
        let right = match scopes {
            [] => caller.token_use == "id",
            _ => caller.token_use == "access" && scopes.iter().any(|scope| caller.scopes.contains(scope)),
        };
        if right { Ok(caller) } else { Err(Refused::Unauthorized) }
    }

    /// Verifying RS256 costs some 50 µs, so a token is verified once and then compared, until it expires.
    fn caller(&self, token: &str, now: i64) -> Result<Arc<Caller>, Refused> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
        match known {
            Some(caller) if now < caller.expires => return Ok(caller),
            Some(_) => {
                self.known.write().unwrap_or_else(PoisonError::into_inner).remove(token);
                return Err(Refused::Expired);
            }
            None => {}
        }
        let claims = self.verifier.verify(&self.pool_id, token, now)?;
        let caller = Arc::new(Caller::new(&claims).ok_or(Refused::Unauthorized)?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, caller| now < caller.expires);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(token.into(), caller.clone());
        Ok(caller)
    }
}

impl Caller {
    fn new(claims: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let shown: Map<String, Value> =
            claims.iter().map(|(name, value)| (name.clone(), Value::String(shown(name, value)))).collect();
        Some(Self {
            claims: serde_json::value::to_raw_value(&shown).ok()?,
            token_use: text("token_use").to_owned(),
            scopes: text("scope").split_ascii_whitespace().map(str::to_owned).collect(),
            expires: claims.get("exp")?.as_i64()?,
        })
    }
}

/// The token without the word before it; both forms are accepted on AWS.
fn bearer(header: &str) -> &str {
    match header.split_at_checked(7) {
        Some((word, token)) if word.eq_ignore_ascii_case("bearer ") => token.trim(),
        _ => header.trim(),
    }
}

/// A claim as API Gateway shows it: lists joined by commas, the times of a token as dates in words.
fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().map(|value| shown("", value)).collect();
            texts.join(",")
        }
        Value::Number(seconds) if matches!(name, "exp" | "iat") => {
            seconds.as_i64().and_then(in_words).unwrap_or_else(|| seconds.to_string())
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `Fri Jul 29 18:52:53 UTC 2016`.
fn in_words(seconds: i64) -> Option<String> {
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let format = time::macros::format_description!(
        "[weekday repr:short] [month repr:short] [day] [hour]:[minute]:[second] UTC [year]"
    );
    at.format(format).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Tokens are named after what they hold.
    #[derive(Default)]
    struct Pool(AtomicUsize);

    impl Verifier for Pool {
        fn verify(&self, pool_id: &str, token: &str, now: i64) -> Result<Map<String, Value>, Refused> {
            self.0.fetch_add(1, Ordering::Relaxed);
            assert_eq!(pool_id, "eu-west-1_pool");
            let claims = match token {
                "access" => json!({"token_use": "access", "scope": "aws.cognito.signin.user.admin", "exp": 2000}),
                "several" => json!({"token_use": "access", "scope": "openid florin/vouchers.buy", "exp": 2000}),
                "id" => json!({"token_use": "id", "exp": 2000}),
                "no-exp" => json!({"token_use": "id"}),
                "old" => return Err(Refused::Expired),
                _ => return Err(Refused::Unauthorized),
            };
            let claims: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
            if claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| exp <= now) {
                return Err(Refused::Expired);
            }
            Ok(claims)
        }
    }

    #[test]
    fn scopes_ask_for_an_access_token_and_their_absence_for_an_id_token() {
        let authorizer = Authorizer::new("eu-west-1_pool", Arc::new(Pool::default()));
        let admin = ["aws.cognito.signin.user.admin".to_owned()];
        let either = ["aws.cognito.signin.user.admin".to_owned(), "florin/vouchers.buy".to_owned()];
        let refused = Some(Refused::Unauthorized);
        for (header, scopes, expected) in [
            (Some("access"), &admin[..], None),
            (Some("Bearer access"), &admin, None),
            (Some("bearer  access "), &admin, None),
            (Some("access"), &[], refused),
            (Some("several"), &admin, refused),
            (Some("several"), &either, None),
            (Some("id"), &admin, refused),
            (Some("Bearer id"), &[], None),
            (Some("old"), &admin, Some(Refused::Expired)),
            (Some("garbage"), &admin, refused),
            (Some("no-exp"), &[], refused),
            (Some("Bearer "), &admin, refused),
            (Some("Basic access"), &admin, refused),
            (Some(""), &admin, refused),
            (None, &admin, refused),
        ] {
            let answer = authorizer.admit(header, scopes, 1000).err();
            assert_eq!(answer, expected, "{header:?} with {scopes:?}");
        }
    }

    #[test]
    fn a_token_is_verified_once_and_expires_all_the_same() {
        let pool = Arc::new(Pool::default());
        let authorizer = Authorizer::new("eu-west-1_pool", pool.clone());
        for now in [1000, 1500, 1999] {
            assert!(authorizer.admit(Some("id"), &[], now).is_ok());
        }
        assert_eq!(pool.0.load(Ordering::Relaxed), 1);
        assert_eq!(authorizer.admit(Some("id"), &[], 2000).err(), Some(Refused::Expired));
        assert_eq!(authorizer.admit(Some("id"), &[], 2001).err(), Some(Refused::Expired));
    }

    #[test]
    fn every_claim_is_a_string() {
        let claims = json!({
            "sub": "s", "cognito:groups": ["customers", "admins"], "exp": 1_469_818_373, "auth_time": 7, "email_verified": true
        });
        let caller = Caller::new(claims.as_object().expect("an object")).expect("claims");
        let shown: Value = serde_json::from_str(caller.claims.get()).expect("JSON");
        assert_eq!(
            shown,
            json!({
                "sub": "s", "cognito:groups": "customers,admins", "exp": "Fri Jul 29 18:52:53 UTC 2016",
                "auth_time": "7", "email_verified": "true"
            })
        );
    }
}
