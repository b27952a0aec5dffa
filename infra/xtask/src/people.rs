//! People who sign up through the API and the mail that the user pool sends, as anybody would.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::client::Client;

/// Password of everybody who signs up here.
pub const PASSWORD: &str = "Bench-pass-1";

/// Somebody who has signed up and signed in.
#[derive(Clone, Debug)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// Access token.
    pub token: String,
}

impl Customer {
    /// The user pool's name of the same person: a UUID.
    pub fn subject(&self) -> String {
        let hex = self.id.trim_start_matches("cus_");
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
        parts.join("-")
    }
}

/// Signs up, confirms by the code in the mail and signs in. Who is known already only signs in.
pub async fn sign_up(api: &str, email: &str) -> Result<Customer> {
    let mut client = Client::connect(api, None).await?;
    let body = json!({"email": email, "password": PASSWORD, "given_name": "Ben", "family_name": "Chmark"});
    let signed_up = client.post("/auth/sign-up", None, &body).await?;
    match signed_up.status {
        201 => confirm(api, &mut client, email).await?,
        409 => {
            let body = json!({"email": email, "password": PASSWORD});
            // A sign-up that broke off before its confirmation.
            if client.post("/auth/sign-in", None, &body).await?.status == 403 {
                confirm(api, &mut client, email).await?;
            }
        }
        _ => drop(signed_up.expect(201).context("a sign-up")?),
    }
    sign_in(api, email, PASSWORD).await
}

/// Signs in.
pub async fn sign_in(api: &str, email: &str, password: &str) -> Result<Customer> {
    let body = json!({"email": email, "password": password});
    let tokens = Client::connect(api, None).await?.post("/auth/sign-in", None, &body).await?.expect(200);
    let token = text(&tokens.with_context(|| format!("the sign-in of {email}"))?["access_token"])?;
    let me = Client::connect(api, Some(&token)).await?.get("/me").await?.expect(200)?;
    Ok(Customer { id: text(&me["customer_id"])?, token })
}

/// Where an address is served from: without any path.
pub fn origin(api: &str) -> Result<String> {
    let Some(rest) = api.strip_prefix("http://") else {
        bail!("{api} does not begin with http://");
    };
    Ok(format!("http://{}", rest.split('/').next().unwrap_or(rest)))
}

async fn confirm(api: &str, client: &mut Client, email: &str) -> Result<()> {
    let mails = Client::connect(&origin(api)?, None).await?.get("/_local/mail").await?.expect(200)?;
    let mail = mails.as_array().into_iter().flatten().find(|mail| mail["to"] == email);
    let code = mail.context("no mail has come")?["code"].clone();
    client.post("/auth/confirm", None, &json!({"email": email, "code": code})).await?.expect(204)?;
    Ok(())
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("no text")
}
