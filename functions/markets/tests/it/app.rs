//! A market to look at.

use std::time::Duration;

use aws::exchange::{Freshness, Warm};
use domain::order_book::Snapshot;
use edge::{clock::Clock, http::Request};
use lambda_http::http::HeaderMap;
use markets::{Days, Stores, handle};
use serde_json::Value;
use testkit::{ManualClock, Market, Stack, buy, document, request, sell};

pub struct App {
    pub stack: Stack,
    pub stores: Stores,
    pub clock: ManualClock,
    pub market: Market,
    placed: usize,
}

/// What a client sees.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub headers: HeaderMap,
}

impl App {
    /// One market, on which alice and bob have plenty.
    pub async fn start() -> Self {
        let stack = Stack::start().await;
        let clock = ManualClock::default();
        for name in ["alice", "bob"] {
            for asset in ["USD", "BTC"] {
                stack.grant(name, asset, "1000000", clock.now()).await;
            }
        }
        let market = stack.market("BTC-USD").await;
        Self { stores: stores(&stack), stack, clock, market, placed: 0 }
    }

    /// A limit order that is matched and settled.
    pub async fn order(&mut self, who: &str, side: &str, quantity: &str, price: &str) {
        self.placed += 1;
        let fields = if side == "buy" { buy(quantity, price) } else { sell(quantity, price) };
        self.market.trade(&format!("o{}", self.placed), who, &fields, self.clock.now()).await;
    }

    /// A trade at this price.
    pub async fn trade(&mut self, quantity: &str, price: &str) {
        self.order("bob", "sell", quantity, price).await;
        self.order("alice", "buy", quantity, price).await;
    }

    /// Keeps the book as it is.
    pub async fn save_snapshot(&self) {
        let snapshot: Snapshot = self.market.book.book().snapshot();
        let (symbol, version) = (self.market.instrument.symbol(), self.market.book.version());
        assert!(self.stores.warm.exchange().save_snapshot(symbol, version, &snapshot).await.expect("it is saved"));
    }

    /// As another instance of the function.
    pub fn forget(&mut self) {
        self.stores = stores(&self.stack);
    }

    pub async fn get(&self, path: &str) -> Reply {
        let bare = path.split('?').next().unwrap_or_default();
        let resource = match bare.split('/').collect::<Vec<_>>()[..] {
            ["", "markets", _, what] => format!("/markets/{{symbol}}/{what}"),
            _ => bare.to_owned(),
        };
        // Nobody is signed in.
        self.serve(request("GET", &resource, path).build()).await
    }

    pub async fn serve(&self, request: Request) -> Reply {
        let (status, body, headers) = document(handle(&self.stores, &self.clock, request).await);
        Reply { status, body, headers }
    }
}

fn stores(stack: &Stack) -> Stores {
    let now = Freshness { instruments: Duration::ZERO, books: Duration::ZERO };
    Stores { warm: Warm::new(stack.exchange(), now), days: Days::new(Duration::ZERO) }
}
