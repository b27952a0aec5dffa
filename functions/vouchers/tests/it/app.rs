//! A shop to try the function on.

use std::time::Duration;

use aws::{customers::Customers, phones::Phones, queues::Queue, secrets::Secret};
use domain::{
    account::Account,
    id::VoucherId,
    voucher::{Outcome, Purchase},
};
use edge::{clock::Clock, http::Request};
use lambda_http::http::HeaderMap;
use serde_json::{Value, json};
use testkit::{ManualClock, RequestBuilder, Services, Stack, document, request};
use vouchers::{Shop, Stores, handle};

pub const SUPPORT: &str = "+1 555 0100";
pub const PRODUCT: &str = "claro-5gb";
pub const PHONE: &str = "+51987654321";

pub struct App {
    pub stack: Stack,
    pub services: Services,
    pub stores: Stores,
    pub shop: Shop,
    pub clock: ManualClock,
}

/// What a client sees.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub headers: HeaderMap,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// Status and `code` of a refusal, or `status` of a purchase.
    pub fn told(&self) -> String {
        let problem = self.header("content-type") == Some("application/problem+json");
        let word = if problem { &self.body["code"] } else { &self.body["status"] };
        let replayed = if self.is_replayed() { " replayed" } else { "" };
        format!("{} {}{replayed}", self.status, word.as_str().unwrap_or_default())
    }

    pub fn id(&self) -> VoucherId {
        let id = self.body["voucher_id"].as_str().unwrap_or_else(|| panic!("{}", self.body));
        VoucherId::parse(id).expect("an id")
    }
}

impl App {
    /// A shop that sells one product for 5 dollars.
    pub async fn start() -> Self {
        let (stack, services) = (Stack::start().await, Services::start().await);
        let client = stack.environment().dynamodb();
        let stores = Stores {
            vouchers: stack.vouchers(),
            ledger: stack.ledger(),
            customers: Customers::new(client.clone(), stack.table("CustomersTable")),
            phones: Phones::new(client, stack.table("PhonesTable")),
        };
        let environment = services.environment();
        let shop = Shop {
            orders: Queue::new(environment.sqs(), services.queue_url("VoucherOrderQueue")),
            sales: true,
            phone_codes: Some(Secret::new(environment.secrets(), "key".into())),
            searches_per_address: 60,
            support: SUPPORT.into(),
        };
        stack.product(PRODUCT, "5.00").await;
        Self { stack, services, stores, shop, clock: ManualClock::default() }
    }

    pub async fn account(&self, name: &str, amount: &str) -> Account {
        self.stack.account(name, "USD", amount, self.clock.now()).await
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        self.send_by(&self.clock, request).await
    }

    /// By another clock.
    pub async fn send_by(&self, clock: &impl Clock, request: RequestBuilder) -> Reply {
        self.serve(clock, request.build()).await
    }

    pub async fn serve(&self, clock: &impl Clock, request: Request) -> Reply {
        let (status, body, headers) = document(handle(&self.stores, &self.shop, clock, request).await);
        Reply { status, body, headers }
    }

    pub async fn told(&self, request: RequestBuilder) -> String {
        self.send(request).await.told()
    }

    pub async fn purchase(&self, id: &VoucherId) -> Purchase {
        self.stores.vouchers.purchase(id).await.expect("a read").expect("the purchase")
    }

    /// Waits until there is a purchase of this id: a request has got so far.
    pub async fn appears(&self, id: &VoucherId) -> Purchase {
        for _ in 0..1_000 {
            if let Some(purchase) = self.stores.vouchers.purchase(id).await.expect("a read") {
                return purchase;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{id} does not appear");
    }

    /// What `vouchers-settle` does with an outcome.
    pub async fn settle(&self, id: &VoucherId, outcome: &Outcome) -> Purchase {
        self.settle_at(id, outcome, &self.clock).await
    }

    pub async fn settle_at(&self, id: &VoucherId, outcome: &Outcome, clock: &impl Clock) -> Purchase {
        let purchase = self.stack.settle(id, outcome, clock.now()).await;
        let sms = Queue::new(self.services.environment().sqs(), self.services.queue_url("SmsQueue"));
        self.stores.vouchers.hand_over_sms(&sms, SUPPORT, &purchase).await.expect("handed over");
        self.purchase(id).await
    }

    pub async fn sms(&self) -> Vec<Value> {
        self.services.take("SmsQueue").await
    }

    pub async fn orders(&self) -> Vec<Value> {
        self.services.take("VoucherOrderQueue").await
    }

    /// Posted, held, available.
    pub async fn balance(&self, account: &Account) -> String {
        let balance = self.stores.ledger.account(&account.id).await.expect("a read").expect("the account").balance;
        format!("{} {} {}", balance.posted, balance.held, balance.available)
    }

    pub async fn assert_clean(&self) {
        let audit = self.stores.ledger.audit().await.expect("the audit runs");
        assert!(audit.is_clean(), "{audit:#?}");
    }

    /// What blocking writes; the function for it is `customers`.
    pub async fn set_customer_status(&self, name: &str, status: &str) {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let update = self.stack.environment().dynamodb().update_item();
        update
            .table_name(self.stack.table("CustomersTable"))
            .key("pk", S(testkit::customer(name).to_string()))
            .key("sk", S("customer".into()))
            .update_expression("SET #status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", S(status.into()))
            .send()
            .await
            .expect("the row is changed");
    }
}

/// What a customer writes to buy the product.
pub fn wish(account: &Account) -> Value {
    json!({"product_id": PRODUCT, "phone": PHONE, "account_id": account.id})
}

/// What a partner writes.
pub fn paid(reference: &str) -> Value {
    json!({"product_id": PRODUCT, "phone": PHONE, "payment_reference": reference})
}

/// POST /vouchers without a caller.
pub fn post(key: &str, body: &Value) -> RequestBuilder {
    request("POST", "/vouchers", "/vouchers").key(key).json(body)
}

/// POST /vouchers of a customer.
pub fn buy(name: &str, key: &str, account: &Account) -> RequestBuilder {
    post(key, &wish(account)).caller(name, "")
}

/// The same with `Prefer: wait`.
pub fn buy_waiting(name: &str, key: &str, account: &Account, seconds: u32) -> RequestBuilder {
    buy(name, key, account).header("Prefer", &format!("wait={seconds}"))
}

/// The claims of a partner's machine.
pub fn partner(client: &str) -> Value {
    json!({"sub": client, "client_id": client, "token_use": "access", "scope": "florin/vouchers.buy"})
}

/// GET /vouchers/{id}.
pub fn get(id: &VoucherId) -> RequestBuilder {
    request("GET", "/vouchers/{id}", &format!("/vouchers/{id}"))
}

/// The id of the purchase that this customer's key makes.
pub fn id_of(name: &str, key: &str) -> VoucherId {
    let customer = testkit::customer(name);
    VoucherId::from_bytes(domain::id::derive(&[customer.as_str(), "POST", "/vouchers", key]))
}
