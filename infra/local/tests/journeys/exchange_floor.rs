//! The trading floor of a running Florin: instruments, wallets, orders and markets as their users see them.

use http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, Person};

/// Basis points that a maker and a taker pay on every instrument of the journeys.
const FEES: (u32, u32) = (10, 20);

impl App {
    /// What the market shows to everybody.
    pub async fn market(&self, symbol: &str, what: &str) -> Value {
        self.public(Method::GET, &format!("/markets/{symbol}/{what}"), Value::Null).await.expect(200).body
    }
}

impl Person {
    /// As an admin, lists an instrument: hundredths of the quote, thousandths of the base, at least one.
    pub async fn lists(&self, symbol: &str) {
        let (base, quote) = symbol.split_once('-').expect("a symbol");
        let body = json!({
            "symbol": symbol, "kind": "crypto", "base": base, "quote": quote, "price_tick": "0.01",
            "quantity_lot": "0.001", "min_notional": "1", "maker_fee_bps": FEES.0, "taker_fee_bps": FEES.1,
        });
        self.send(Method::POST, "/instruments", &[], &body).await.expect("an answer").expect(201);
    }

    /// As an admin, halts an instrument or lets it go on.
    pub async fn sets(&self, symbol: &str, status: &str) {
        let set = self.patch(&format!("/instruments/{symbol}"), &json!({"status": status})).await.expect(200);
        assert_eq!(set.body["status"], status);
    }

    /// As an admin, gives a customer of an asset out of nothing.
    pub async fn grants(&self, to: &Person, symbol: &str, quantity: &str) {
        let body = json!({"customer_id": to.customer(), "quantity": quantity});
        let key = format!("grant {symbol} {quantity} {}", to.email);
        self.post(&format!("/instruments/{symbol}/grants"), &key, &body).await.expect(201);
    }

    /// Dollars on an account and from there into the wallet; the account.
    pub async fn fund(&self, amount: &str) -> Value {
        let account = self.open("USD", amount).await;
        self.wallet_transfer("in", &account, amount).await.expect(201);
        account
    }

    /// Between the bank and the wallet.
    pub async fn wallet_transfer(&self, direction: &str, account: &Value, amount: &str) -> Answer {
        let id = &account["account_id"];
        let body = json!({"direction": direction, "account_id": id, "amount": amount, "currency": "USD"});
        self.post("/wallet/transfers", &format!("{direction} {amount} {id}"), &body).await
    }

    /// An order whose outcome is waited for.
    pub async fn order(&self, key: &str, wish: &Value) -> Answer {
        let headers = [("idempotency-key", key), ("prefer", "wait=20")];
        self.send(Method::POST, "/orders", &headers, wish).await.expect("an answer")
    }

    /// An order that is taken, as it then stands.
    pub async fn trade(&self, key: &str, wish: &Value) -> Value {
        self.order(key, wish).await.expect(201).body
    }

    /// Another order in the place of one.
    pub async fn replace(&self, key: &str, order: &Value, wish: &Value) -> Answer {
        let headers = [("idempotency-key", key), ("prefer", "wait=20")];
        self.send(Method::POST, &format!("{}/replace", path(order)), &headers, wish).await.expect("an answer")
    }

    /// A cancellation whose outcome is waited for.
    pub async fn cancel(&self, order: &Value) -> Answer {
        self.send(Method::DELETE, &path(order), &[("prefer", "wait=20")], &Value::Null).await.expect("an answer")
    }

    /// The order as it stands.
    pub async fn looks_up(&self, order: &Value) -> Value {
        self.get(&path(order)).await.expect(200).body
    }

    /// `free+locked` of an asset, as `1.5+0.5`; `nothing` if it never was in the wallet.
    pub async fn holds(&self, asset: &str) -> String {
        let wallet = self.get("/wallet").await.expect(200).body;
        let held = wallet["assets"].as_array().and_then(|assets| assets.iter().find(|held| held["asset"] == asset));
        let amount = |held: &Value, part: &str| held[part].as_str().map(plain).expect("an amount");
        held.map_or("nothing".to_owned(), |held| format!("{}+{}", amount(held, "free"), amount(held, "locked")))
    }
}

/// Where an order is found.
fn path(order: &Value) -> String {
    format!("/orders/{}", order["order_id"].as_str().expect("an order"))
}

/// Somebody of the staff, a buyer with 10,000 dollars and a seller with 100 of the base, at a market of their own.
pub struct Floor {
    pub admin: Person,
    pub buyer: Person,
    pub seller: Person,
    /// The buyer's at the bank, empty now.
    pub account: Value,
    pub symbol: String,
}

impl Floor {
    pub async fn open(app: &App, base: &str) -> Self {
        let (name, symbol) = (base.to_lowercase(), format!("{base}-USD"));
        let admin = app.employ(&format!("{name}.admin"), "admins").await;
        let (buyer, seller) =
            (app.sign_up(&format!("{name}.buyer")).await, app.sign_up(&format!("{name}.seller")).await);
        admin.lists(&symbol).await;
        let account = buyer.fund("10000").await;
        admin.grants(&seller, &symbol, "100").await;
        Self { admin, buyer, seller, account, symbol }
    }

    pub fn limit(&self, side: &str, quantity: &str, price: &str) -> Value {
        limit(&self.symbol, side, quantity, price)
    }

    pub fn market(&self, side: &str, quantity: &str) -> Value {
        market(&self.symbol, side, quantity)
    }
}

/// An amount without the zeros at its end.
fn plain(amount: &str) -> String {
    if amount.contains('.') { amount.trim_end_matches('0').trim_end_matches('.').to_owned() } else { amount.to_owned() }
}

/// A limit order.
pub fn limit(symbol: &str, side: &str, quantity: &str, price: &str) -> Value {
    json!({"symbol": symbol, "side": side, "type": "limit", "quantity": quantity, "price": price})
}

/// A market order by quantity.
pub fn market(symbol: &str, side: &str, quantity: &str) -> Value {
    json!({"symbol": symbol, "side": side, "type": "market", "quantity": quantity})
}

/// The same with further fields, or others.
pub fn with(mut wish: Value, more: Value) -> Value {
    if let (Some(wish), Value::Object(more)) = (wish.as_object_mut(), more) {
        wish.extend(more);
    }
    wish
}

/// `status filled average`, with the reason if there is one: `expired 0.5 100 unfilled`.
pub fn outcome(order: &Value) -> String {
    let text = |name: &str| order[name].as_str().unwrap_or("-");
    let parts = [text("status").to_owned(), plain(text("filled_quantity")), plain(text("average_price"))];
    let reason = order["reason"].as_str().map(|reason| format!(" {reason}"));
    parts.join(" ") + &reason.unwrap_or_default()
}
