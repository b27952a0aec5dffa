//! Orders, whatever the supplier does and wherever a worker dies.
#![allow(missing_docs)]

mod failing;
mod ordering;
mod redelivered;

use std::time::Duration;

use aws::{queues::Queue, vouchers::Vouchers};
use domain::{
    id::VoucherId,
    voucher::{OrderMessage, Purchase, State},
};
use edge::{clock::Clock, sqs::Failure};
use serde_json::{Value, json};
use supplier::Supplier;
use testkit::{ManualClock, Services, Stack, TestSupplier, buy_from, voucher_id};
use vouchers_order::{Queues, order};

/// Longer than the supplier of a test takes, unless it is to take too long.
const DEADLINE: Duration = Duration::from_millis(300);

/// A worker with everything around it.
struct Works {
    stack: Stack,
    services: Services,
    vouchers: Vouchers,
    queues: Queues,
    test_supplier: TestSupplier,
    supplier: Supplier,
    clock: ManualClock,
}

impl Works {
    async fn start() -> Self {
        let (stack, services) = (Stack::start().await, Services::start().await);
        let queue = |id: &str| Queue::new(services.environment().sqs(), services.queue_url(id));
        let queues = Queues { orders: queue("VoucherOrderQueue"), results: queue("VoucherOrderResultQueue") };
        let test_supplier = TestSupplier::start().await;
        let supplier = Supplier::new(test_supplier.url(), None, DEADLINE).expect("a supplier");
        let (vouchers, clock) = (stack.vouchers(), ManualClock::default());
        stack.product("claro-5gb", "5.00").await;
        Self { stack, services, vouchers, queues, test_supplier, supplier, clock }
    }

    /// A purchase whose money is held.
    async fn bought(&self, name: &str) -> VoucherId {
        let account = self.stack.account("alice", "USD", "20.00", self.clock.now()).await;
        let product = testkit::product("claro-5gb", "5.00");
        self.stack.bought(&buy_from(name, "alice", &account.id, &product), self.clock.now()).await;
        voucher_id(name)
    }

    /// One delivery of the order's message.
    async fn order(&self, id: &VoucherId) -> Result<(), Failure> {
        self.order_from(&self.supplier, id).await
    }

    async fn order_from(&self, supplier: &Supplier, id: &VoucherId) -> Result<(), Failure> {
        let message = OrderMessage { voucher_id: id.clone() };
        order(&self.vouchers, supplier, &self.queues, &self.clock, message).await
    }

    async fn purchase(&self, id: &VoucherId) -> Purchase {
        self.vouchers.purchase(id).await.expect("a read").expect("the purchase")
    }

    /// Writes a step of the purchase and stops there, as a worker that dies.
    async fn die_after(&self, next: Option<Purchase>) -> Purchase {
        let next = next.expect("a step");
        assert_eq!(self.vouchers.save(&next).await.expect("a write"), aws::vouchers::Saved::Done);
        next
    }

    /// The outcomes reported since the last look.
    async fn outcomes(&self) -> Vec<Value> {
        let messages = self.services.take("VoucherOrderResultQueue").await;
        messages.into_iter().map(|mut message| message["outcome"].take()).collect()
    }

    /// The orders that came back since the last look.
    async fn orders(&self) -> Vec<Value> {
        self.services.take("VoucherOrderQueue").await
    }
}

fn submitted(attempts: u32, doubt: bool, clock: &ManualClock) -> State {
    State::Submitted { attempts, at: clock.now(), doubt }
}

fn delivered(code: &str) -> Value {
    json!({"status": "delivered", "code": code, "supplier_order": "SO-1"})
}

fn unknown(cause: &str) -> Value {
    json!({"status": "unknown", "cause": cause, "acknowledged": false})
}

fn acknowledged() -> Value {
    json!({"status": "unknown", "cause": "processing", "acknowledged": true})
}

/// Nobody listens there.
async fn nowhere() -> Supplier {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    Supplier::new(&url, None, DEADLINE).expect("a supplier")
}
