//! The voucher shop of a running Florin, and the simulated world around it: supplier, phones, queues, faults.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::id::{CustomerId, TransferId, VoucherId, derive};
use http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, Http, Person};

/// What the shop of most journeys sells, and its price in dollars.
pub const PRODUCT: &str = "claro-5gb-30d";
pub const PRICE: i64 = 5;

/// How long anything may take that is waited for. Nothing depends on it but how soon a failure shows.
const PATIENCE: Duration = Duration::from_secs(300);

impl App {
    /// Puts a product on the shelf.
    pub async fn stock(&self, admin: &Person, product: &str, price: &str) {
        let body = json!({
            "product_id": product, "network": "Claro", "name": "5 GB for 30 days", "data_mb": 5120, "validity_days": 30,
            "price": price, "currency": "USD", "supplier_sku": product.to_uppercase(),
        });
        let added = admin.send(Method::POST, "/voucher-products", &[], &body).await.expect("an answer");
        assert!(matches!(added.told().as_str(), "201 active" | "409 product_taken"), "{}", added.text);
    }

    /// A call of the runner's own pages that must succeed.
    pub async fn page(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = Http::new(self.runner.url()).send(method, path, &[], body.to_string()).await.expect("an answer");
        answer.expect(200).body
    }

    /// Tells the supplier how to behave.
    pub async fn supplier(&self, change: Value) {
        self.page(Method::PUT, "/_local/supplier", &change).await;
    }

    /// The supplier's orders by our reference.
    pub async fn supplier_orders(&self) -> BTreeMap<String, Value> {
        let orders = self.page(Method::GET, "/_local/supplier/orders", &Value::Null).await;
        let orders = orders.as_array().cloned().unwrap_or_default();
        orders.into_iter().map(|order| (order["reference"].as_str().expect("a reference").to_owned(), order)).collect()
    }

    /// What was sent to each phone, oldest first.
    pub async fn all_sms(&self) -> BTreeMap<String, Vec<String>> {
        let sms = self.page(Method::GET, "/_local/sms", &Value::Null).await;
        let mut by_phone = BTreeMap::<String, Vec<String>>::new();
        for sms in sms.as_array().expect("a list").iter().rev() {
            let text = |name: &str| sms[name].as_str().expect(name).to_owned();
            by_phone.entry(text("to")).or_default().push(text("message"));
        }
        by_phone
    }

    /// What was sent to this phone, oldest first.
    pub async fn sms(&self, phone: &str) -> Vec<String> {
        self.all_sms().await.remove(phone).unwrap_or_default()
    }

    /// Waits for so many SMS to this phone.
    pub async fn sms_after(&self, phone: &str, count: usize) -> Vec<String> {
        until(&format!("{count} SMS to {phone}"), async || {
            let sms = self.sms(phone).await;
            assert!(sms.len() <= count, "{phone}: {sms:?}");
            (sms.len() == count).then_some(sms)
        })
        .await
    }

    /// A queue as its page shows it, by the last part of its name.
    pub async fn queue(&self, name: &str) -> Value {
        let queues = self.page(Method::GET, "/_local/queues", &Value::Null).await;
        let is_it = |queue: &&Value| queue["name"].as_str() == Some(&format!("florin-{name}"));
        queues.as_array().and_then(|queues| queues.iter().find(is_it)).unwrap_or_else(|| panic!("no {name}")).clone()
    }

    /// Messages of a queue: those that can be received, and those in flight or delayed.
    pub async fn depth(&self, name: &str) -> (i64, i64) {
        let queue = self.queue(name).await;
        let part = |part: &str| queue[part].as_i64().expect(part);
        (part("available"), part("in_flight") + part("delayed"))
    }

    /// Lets the worker of a queue work, or not.
    pub async fn pause(&self, queue: &str, paused: bool) {
        self.page(Method::PUT, &format!("/_local/queues/florin-{queue}"), &json!({"paused": paused})).await;
    }

    /// Puts a message into a queue as any sender would.
    pub async fn put_message(&self, queue: &str, body: &str) {
        let url = self.queue(queue).await["url"].clone();
        let message = json!({"QueueUrl": url, "MessageBody": body});
        self.aws("AmazonSQS.SendMessage", "application/x-amz-json-1.0", message).await.expect(200);
    }

    /// The bodies in a queue that nobody reads, dead letters above all.
    pub async fn messages(&self, queue: &str) -> Vec<String> {
        self.received(queue).await.into_iter().map(|(body, _)| body).collect()
    }

    /// The same with how often each was received, this time included.
    pub async fn received(&self, queue: &str) -> Vec<(String, u32)> {
        let url = self.queue(queue).await["url"].clone();
        let mut bodies = Vec::new();
        loop {
            let ask = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 3600,
                "MessageSystemAttributeNames": ["ApproximateReceiveCount"]});
            let got = self.aws("AmazonSQS.ReceiveMessage", "application/x-amz-json-1.0", ask).await.expect(200).body;
            let got = got["Messages"].as_array().cloned().unwrap_or_default();
            if got.is_empty() {
                return bodies;
            }
            bodies.extend(got.iter().map(|message| {
                let receives = message["Attributes"]["ApproximateReceiveCount"].as_str().expect("a count");
                (message["Body"].as_str().expect("a body").to_owned(), receives.parse().expect("a number"))
            }));
        }
    }

    /// Rules by which functions are killed, beside those in force.
    pub async fn kill(&self, rules: &[Value]) {
        self.page(Method::POST, "/_local/faults/kills", &json!(rules)).await;
    }

    /// The machine of a partner.
    pub async fn partner(&self) -> Partner {
        let clients = self.local("/_local/clients").await.body;
        let clients = clients.as_array().cloned().unwrap_or_default();
        let client = clients.iter().find(|client| client["client_secret"].is_string()).expect("a partner");
        let text = |name: &str| client[name].as_str().expect(name);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=florin%2Fvouchers.buy",
            text("client_id"),
            text("client_secret"),
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let aws = Http::new(self.runner.aws_url());
        let token = aws.send(Method::POST, "/oauth2/token", &headers, form).await.expect("an answer").expect(200);
        Partner { http: self.http.clone(), token: token.text("access_token") }
    }
}

/// A partner's machine client with its token.
pub struct Partner {
    http: Http,
    pub token: String,
}

impl Partner {
    /// Any request.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.http.send(method, path, &all, body).await.expect("an answer")
    }

    /// Buys for a customer that has paid the partner.
    pub async fn buy(&self, key: &str, phone: &str, reference: &str, headers: &[(&str, &str)]) -> Answer {
        let body = json!({"product_id": PRODUCT, "phone": phone, "payment_reference": reference});
        self.send(Method::POST, "/vouchers", &[&[("idempotency-key", key)], headers].concat(), &body).await
    }
}

impl Person {
    /// Buys a voucher; `wait` is what the client prefers to wait.
    pub async fn buy(&self, key: &str, account: &Value, phone: &str, wait: Option<u32>) -> Answer {
        self.try_buy(key, account, phone, wait).await.expect("an answer")
    }

    /// The same when the answer may be missing.
    pub async fn try_buy(&self, key: &str, account: &Value, phone: &str, wait: Option<u32>) -> Result<Answer, String> {
        let body = wish(account, phone);
        let prefer = wait.map(|seconds| format!("wait={seconds}"));
        let mut headers = vec![("idempotency-key", key)];
        headers.extend(prefer.as_deref().map(|prefer| ("prefer", prefer)));
        self.send(Method::POST, "/vouchers", &headers, &body).await
    }

    /// The id of the purchase that a key stands for.
    pub fn voucher(&self, key: &str) -> VoucherId {
        VoucherId::from_bytes(derive(&[self.customer().as_str(), "POST", "/vouchers", key]))
    }

    /// Who this is, as the token says.
    pub fn customer(&self) -> CustomerId {
        let claims = self.token().split('.').nth(1).expect("claims");
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
        claims["sub"].as_str().and_then(CustomerId::from_subject).expect("a subject")
    }

    /// A purchase as its buyer sees it.
    pub async fn purchase(&self, id: &str) -> Answer {
        self.get(&format!("/vouchers/{id}")).await.expect(200)
    }

    /// Waits until the buyer is shown this status.
    pub async fn sees(&self, id: &str, status: &str) -> Answer {
        until(&format!("{id} is {status}"), async || {
            let shown = self.purchase(id).await;
            (shown.body["status"] == status).then_some(shown)
        })
        .await
    }
}

/// What a customer asks for.
pub fn wish(account: &Value, phone: &str) -> Value {
    json!({"product_id": PRODUCT, "phone": phone, "account_id": account["account_id"]})
}

/// The transfer by which the price of a purchase moves.
pub fn hold_of(voucher: &str) -> TransferId {
    TransferId::from_bytes(derive(&["voucher", voucher]))
}

/// Looks until there is what is looked for, with a limit.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
