//! Users, money, vouchers and markets to try things with, in a new data directory.
//!
//! The users are made as an administrator would make them, everything else through the public API with their tokens. Every
//! step may be repeated: a set-up that broke off is completed at the next start, and nothing in it happens twice.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::future::try_join_all;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use local_cognito::Cognito;
use local_lambda::Lambda;
use local_template::{Stack, UserPool};
use serde_json::{Value, json};

/// Password of every demo user.
pub const PASSWORD: &str = "Florin-demo-1";

/// Who there is.
pub const USERS: [User; 3] = [
    User { email: "demo@example.com", given_name: "Dora", family_name: "Demo", group: None },
    User { email: "staff@example.com", given_name: "Stefan", family_name: "Staff", group: Some("staff") },
    User { email: "admin@example.com", given_name: "Ada", family_name: "Admin", group: Some("admins") },
];

/// What each one starts with.
const DEPOSITS: [(&str, &str); 2] = [("USD", "1000.00"), ("PEN", "3500.00")];

/// What the demo customer trades with: brought to his USD account and moved on to the wallet.
const TRADING_MONEY: &str = "10000.00";

/// An instrument: symbol, kind, base, quote, price tick, lot, least notional.
type Listing = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// What can be traded, at a fee of [`FEES`].
const LISTINGS: [Listing; 3] = [
    ("BTC-USD", "crypto", "BTC", "USD", "0.01", "0.00000001", "1.00"),
    ("ETH-USD", "crypto", "ETH", "USD", "0.01", "0.00000001", "1.00"),
    ("AAPL-USD", "stock", "AAPL", "USD", "0.01", "1", "1.00"),
];

/// Basis points that a maker and a taker pay.
const FEES: (u16, u16) = (10, 20);

/// What the demo customer is granted, by instrument.
const GRANTS: [(&str, &str); 3] = [("BTC-USD", "1"), ("ETH-USD", "10"), ("AAPL-USD", "100")];

/// A product: id, network, name, megabytes (`None` for as many as one likes), days, price and currency. The supplier
/// calls it by its id in capitals.
type Offer = (&'static str, &'static str, &'static str, Option<u32>, u32, &'static str, &'static str);

/// What the voucher shop sells.
const OFFERS: [Offer; 8] = [
    ("claro-1gb-7d", "Claro", "1 GB for 7 days", Some(1_024), 7, "10.00", "PEN"),
    ("claro-5gb-30d", "Claro", "5 GB for 30 days", Some(5_120), 30, "19.90", "PEN"),
    ("movistar-3gb-15d", "Movistar", "3 GB for 15 days", Some(3_072), 15, "15.00", "PEN"),
    ("movistar-8gb-30d", "Movistar", "8 GB for 30 days", Some(8_192), 30, "29.90", "PEN"),
    ("entel-unlimited-1d", "Entel", "Unlimited data for a day", None, 1, "5.00", "PEN"),
    ("entel-6gb-30d", "Entel", "6 GB for 30 days", Some(6_144), 30, "25.00", "PEN"),
    ("bitel-4gb-15d", "Bitel", "4 GB for 15 days", Some(4_096), 15, "12.00", "PEN"),
    ("claro-abroad-2gb-15d", "Claro", "2 GB abroad for 15 days", Some(2_048), 15, "14.50", "USD"),
];

/// A demo user.
#[derive(Debug)]
pub struct User {
    /// E-mail address, and name to sign in with.
    pub email: &'static str,
    /// Given name.
    pub given_name: &'static str,
    /// Family name.
    pub family_name: &'static str,
    /// Cognito group.
    pub group: Option<&'static str>,
}

/// What the set-up works with.
pub struct Demo<'a> {
    /// Names of pool and trigger.
    pub stack: &'a Stack,
    /// The user pool.
    pub cognito: &'a Cognito,
    /// The functions, for the trigger that does not run for users made by an administrator.
    pub lambda: &'a Lambda,
    /// The API with its stage.
    pub api_url: String,
    /// HTTP.
    pub client: Client<HttpConnector, Full<Bytes>>,
}

impl Demo<'_> {
    /// Makes what is not there yet. A stack without users or without an API has nothing to show.
    pub async fn set_up(&self) -> Result<()> {
        let (Some(pool), Some(_)) = (self.stack.user_pools().first(), self.stack.api()) else {
            return Ok(());
        };
        try_join_all(
            USERS.iter().map(|user| async move {
                self.user(pool, user).await.with_context(|| format!("making {}", user.email))
            }),
        )
        .await?;
        // Deposits are staff's business wherever customers may not credit themselves.
        let staff = self.sign_in("staff@example.com").await?;
        for user in &USERS {
            let token = self.sign_in(user.email).await?;
            self.accounts(user, &token, &staff).await.with_context(|| format!("accounts of {}", user.email))?;
        }
        let (demo, admin) = (self.sign_in("demo@example.com").await?, self.sign_in("admin@example.com").await?);
        self.products(&admin).await?;
        self.instruments(&admin).await?;
        self.wallet(&demo, &staff, &admin).await.context("the wallet of demo@example.com")
    }

    async fn user(&self, pool: &UserPool, user: &User) -> Result<()> {
        let name = json!({"UserPoolId": pool.id, "Username": user.email});
        let with = |more: Value| {
            let mut body = name.clone();
            if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
                body.extend(more);
            }
            body
        };
        let attribute = |name: &str, value: &str| json!({"Name": name, "Value": value});
        let attributes = [
            attribute("email", user.email),
            attribute("email_verified", "true"),
            attribute("given_name", user.given_name),
            attribute("family_name", user.family_name),
        ];
        let created =
            self.cognito("AdminCreateUser", with(json!({"MessageAction": "SUPPRESS", "UserAttributes": attributes})));
        match created.await {
            Ok(_) => {}
            Err(error) if error.to_string().contains("UsernameExistsException") => {}
            Err(error) => return Err(error),
        }
        self.cognito("AdminSetUserPassword", with(json!({"Password": PASSWORD, "Permanent": true}))).await?;
        if let Some(group) = user.group {
            self.cognito("AdminAddUserToGroup", with(json!({"GroupName": group}))).await?;
        }
        let described = self.cognito("AdminGetUser", name.clone()).await?;
        self.confirmed(pool, &described).await
    }

    /// The trigger that a sign-up would have set off.
    async fn confirmed(&self, pool: &UserPool, user: &Value) -> Result<()> {
        let Some(trigger) = pool.properties["LambdaConfig"]["PostConfirmation"].as_str() else {
            return Ok(());
        };
        let attributes = user["UserAttributes"].as_array().into_iter().flatten();
        let mut attributes: serde_json::Map<String, Value> = attributes
            .filter_map(|attribute| Some((attribute["Name"].as_str()?.to_owned(), attribute["Value"].clone())))
            .collect();
        attributes.insert("cognito:user_status".to_owned(), user["UserStatus"].clone());
        let event = json!({
            "version": "1", "triggerSource": "PostConfirmation_ConfirmSignUp", "region": self.stack.region,
            "userPoolId": pool.id, "userName": user["Username"],
            "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "CLIENT_ID_NOT_APPLICABLE"},
            "request": {"userAttributes": attributes}, "response": {}
        });
        self.lambda
            .invoke(trigger, Bytes::from(event.to_string()), None)
            .await
            .context("the trigger after confirmation")?;
        Ok(())
    }

    async fn sign_in(&self, email: &str) -> Result<String> {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self.api(Method::POST, "/auth/sign-in", None, None, Some(body)).await?;
        let token = answer["access_token"].as_str();
        token.map(str::to_owned).with_context(|| format!("{email} gets no token"))
    }

    async fn accounts(&self, user: &User, token: &str, staff: &str) -> Result<()> {
        for (currency, amount) in DEPOSITS {
            let account = self.account(user.email, token, currency).await?;
            let key = format!("demo-deposit-{}-{currency}", user.email);
            let deposit = json!({
                "type": "deposit", "amount": amount, "currency": currency, "to_account": account, "description": "Opening deposit"
            });
            self.api(Method::POST, "/transfers", Some(staff), Some(&key), Some(deposit)).await?;
        }
        Ok(())
    }

    /// The account in this currency; opened now, or before.
    async fn account(&self, email: &str, token: &str, currency: &str) -> Result<String> {
        let key = format!("demo-account-{email}-{currency}");
        let opening = json!({"type": "checking", "currency": currency});
        let account = self.api(Method::POST, "/accounts", Some(token), Some(&key), Some(opening)).await?;
        account["account_id"].as_str().map(str::to_owned).context("an account without an id")
    }

    async fn instruments(&self, admin: &str) -> Result<()> {
        for (symbol, kind, base, quote, price_tick, quantity_lot, min_notional) in LISTINGS {
            let instrument = json!({
                "symbol": symbol, "kind": kind, "base": base, "quote": quote, "price_tick": price_tick, "quantity_lot": quantity_lot,
                "min_notional": min_notional, "maker_fee_bps": FEES.0, "taker_fee_bps": FEES.1
            });
            match self.api(Method::POST, "/instruments", Some(admin), None, Some(instrument)).await {
                Err(error) if error.to_string().contains("instrument_taken") => {} // by a set-up that broke off
                other => drop(other.with_context(|| format!("the instrument {symbol}"))?),
            }
        }
        Ok(())
    }

    /// Something to trade with, and something to trade.
    async fn wallet(&self, customer: &str, staff: &str, admin: &str) -> Result<()> {
        let account = self.account("demo@example.com", customer, "USD").await?;
        let deposit = json!({
            "type": "deposit", "amount": TRADING_MONEY, "currency": "USD", "to_account": account, "description": "For trading"
        });
        self.api(Method::POST, "/transfers", Some(staff), Some("demo-trading-money"), Some(deposit)).await?;
        let transfer = json!({"direction": "in", "account_id": account, "amount": TRADING_MONEY, "currency": "USD"});
        self.api(Method::POST, "/wallet/transfers", Some(customer), Some("demo-wallet"), Some(transfer)).await?;
        let me = self.api(Method::GET, "/me", Some(customer), None, None).await?;
        for (symbol, quantity) in GRANTS {
            let path = format!("/instruments/{symbol}/grants");
            let grant = json!({"customer_id": me["customer_id"], "quantity": quantity});
            self.api(Method::POST, &path, Some(admin), Some(&format!("demo-grant-{symbol}")), Some(grant)).await?;
        }
        Ok(())
    }

    async fn products(&self, admin: &str) -> Result<()> {
        for (id, network, name, data_mb, validity_days, price, currency) in OFFERS {
            let product = json!({
                "product_id": id, "network": network, "name": name, "data_mb": data_mb, "validity_days": validity_days,
                "price": price, "currency": currency, "supplier_sku": id.to_uppercase()
            });
            match self.api(Method::POST, "/voucher-products", Some(admin), None, Some(product)).await {
                Err(error) if error.to_string().contains("product_taken") => {} // by a set-up that broke off
                other => drop(other.with_context(|| format!("the product {id}"))?),
            }
        }
        Ok(())
    }

    async fn cognito(&self, operation: &str, body: Value) -> Result<Value> {
        let request = Request::post("/")
            .header("x-amz-target", format!("AWSCognitoIdentityProviderService.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local")
            .body(Bytes::from(body.to_string()))?;
        let response = self.cognito.handle(request).await;
        if !response.status().is_success() {
            bail!("{operation}: {}", String::from_utf8_lossy(response.body()));
        }
        if response.body().is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(response.body())?)
    }

    async fn api(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Result<Value> {
        let mut request = Request::builder().method(method.clone()).uri(format!("{}{path}", self.api_url));
        request = request.header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let response = self.client.request(request.body(Full::new(body))?).await?;
        let status = response.status();
        let text = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {}", String::from_utf8_lossy(&text));
        }
        Ok(serde_json::from_slice(&text)?)
    }
}
