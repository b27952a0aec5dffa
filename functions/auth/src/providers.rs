//! Sign-in through others: links to the hosted page, which does the rest. This function never sees their tokens.

use edge::{
    http::{Answer, Problem, Request, ok},
    variable,
};
use serde_json::{Value, json};

/// What the hosted page must be asked for, or its tokens do not open the API.
const SCOPES: [&str; 4] = ["openid", "email", "profile", "aws.cognito.signin.user.admin"];
/// The names the template gives the pool's providers, each with the variable that says whether it is set up.
const NAMES: [(&str, &str); 3] =
    [("Google", "GOOGLE_SIGN_IN"), ("Facebook", "FACEBOOK_SIGN_IN"), ("GitHub", "GITHUB_SIGN_IN")];

/// The providers this deployment has.
#[derive(Clone, Debug)]
pub struct Providers {
    /// The hosted page; without one there is no way to sign in through others.
    pub hosted_ui: Option<String>,
    /// Where it sends the user back to, with a code.
    pub callback: Option<String>,
    /// The public client of the pool.
    pub client_id: String,
    /// Which of them are set up.
    pub names: Vec<&'static str>,
}

impl Providers {
    /// From `HOSTED_UI_URL`, `CALLBACK_URL` and one flag for each provider.
    pub fn from_environment(client_id: String) -> Self {
        Self {
            hosted_ui: variable::optional("HOSTED_UI_URL"),
            callback: variable::optional("CALLBACK_URL"),
            client_id,
            names: NAMES.into_iter().filter(|(_, flag)| variable::flag(flag)).map(|(name, _)| name).collect(),
        }
    }

    /// `GET /auth/providers`. A client adds `state` and its PKCE challenge to the URL.
    pub(crate) fn list(&self, request: &Request) -> Result<Answer, Problem> {
        request.only_query(&[])?;
        let (Some(hosted_ui), Some(callback)) = (&self.hosted_ui, &self.callback) else {
            return ok(&json!({"providers": []}));
        };
        let providers: Vec<Value> = self
            .names
            .iter()
            .map(|name| {
                let url = format!(
                    "{}/oauth2/authorize?identity_provider={name}&response_type=code&client_id={}&redirect_uri={}&scope={}",
                    hosted_ui.trim_end_matches('/'),
                    encoded(&self.client_id),
                    encoded(callback),
                    SCOPES.join("+"),
                );
                json!({"name": name, "url": url})
            })
            .collect();
        ok(&json!({"providers": providers}))
    }
}

/// Percent-encoded, so that it can stand anywhere in a URL (RFC 3986).
pub(crate) fn encoded(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_url_is_encoded() {
        assert_eq!(encoded("ana+1@example.com"), "ana%2B1%40example.com");
        assert_eq!(encoded("http://localhost:3000/docs?a=é"), "http%3A%2F%2Flocalhost%3A3000%2Fdocs%3Fa%3D%C3%A9");
    }
}
