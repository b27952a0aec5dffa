//! What is stuck moves on, and nothing is decided on a guess.
#![allow(missing_docs)]

mod asking;
mod resending;
mod running;
mod telling;

use std::time::Duration;

use aws::{queues::Queue, vouchers::Vouchers};
use domain::{
    Timestamp,
    account::Account,
    id::VoucherId,
    voucher::{Buy, Outcome, Purchase},
};
use edge::clock::Clock;
use lambda_runtime::Error;
use serde_json::Value;
use supplier::Supplier;
use testkit::{ManualClock, Services, Stack, TestSupplier, buy_from, voucher_id};
use vouchers_reconcile::{Desk, Queues, Setup, sweep};

const SUPPORT: &str = "+1 555 0100";
const GRACE: i64 = 600;

/// A desk with everything around it.
struct Works {
    stack: Stack,
    services: Services,
    vouchers: Vouchers,
    queues: Queues,
    setup: Setup,
    test_supplier: TestSupplier,
    supplier: Supplier,
    clock: ManualClock,
    account: Account,
}

impl Works {
    async fn start() -> Self {
        Self::with(TestSupplier::start().await).await
    }

    async fn with(test_supplier: TestSupplier) -> Self {
        let (stack, services, clock) = (Stack::start().await, Services::start().await, ManualClock::default());
        let queue = |id: &str| Queue::new(services.environment().sqs(), services.queue_url(id));
        let queues = Queues {
            orders: queue("VoucherOrderQueue"),
            results: queue("VoucherOrderResultQueue"),
            sms: queue("SmsQueue"),
        };
        let setup = Setup {
            patience: testkit::PATIENCE,
            first_ask_seconds: 30,
            grace_seconds: GRACE,
            review_hours: 24,
            support: SUPPORT.into(),
            namespace: "test".into(),
        };
        let supplier = Supplier::new(test_supplier.url(), None, Duration::from_millis(300)).expect("a supplier");
        stack.product("claro-5gb", "5.00").await;
        let account = stack.account("alice", "USD", "500.00", clock.now()).await;
        Self { vouchers: stack.vouchers(), stack, services, queues, setup, test_supplier, supplier, clock, account }
    }

    async fn sweep(&self) -> Result<Value, Error> {
        self.sweep_by(&self.clock).await
    }

    async fn sweep_by<C: Clock>(&self, clock: &C) -> Result<Value, Error> {
        let Self { vouchers, queues, setup, supplier, .. } = self;
        sweep(&Desk { vouchers, supplier: Some(supplier), queues, setup, clock }).await
    }

    /// How many purchases a run found due and moved on.
    async fn moved(&self) -> u64 {
        let report = self.sweep().await.expect("a run");
        report["moved"].as_u64().expect("a number")
    }

    /// A purchase that waits to be ordered; a request waits until this moment, if any.
    async fn held(&self, name: &str, wait_until: Option<Timestamp>) -> VoucherId {
        let product = testkit::product("claro-5gb", "5.00");
        let command = Buy { wait_until, ..buy_from(name, "alice", &self.account.id, &product) };
        self.stack.bought(&command, self.clock.now()).await;
        voucher_id(name)
    }

    /// A purchase whose order went out now.
    async fn submitted(&self, name: &str) -> VoucherId {
        let id = self.held(name, None).await;
        self.save(self.purchase(&id).await.submit(self.clock.now())).await;
        id
    }

    /// A purchase that nobody knows the outcome of; its order went out now.
    async fn unknown(&self, name: &str) -> VoucherId {
        let id = self.submitted(name).await;
        self.stack.settle(&id, &Outcome::Unknown { acknowledged: false }, self.clock.now()).await;
        id
    }

    async fn save(&self, next: Option<Purchase>) {
        let saved = self.vouchers.save(&next.expect("a step")).await.expect("a write");
        assert_eq!(saved, aws::vouchers::Saved::Done);
    }

    async fn purchase(&self, id: &VoucherId) -> Purchase {
        self.vouchers.purchase(id).await.expect("a read").expect("the purchase")
    }

    /// When it is due next, in seconds from now.
    async fn due_in(&self, id: &VoucherId) -> Option<i64> {
        let due = self.purchase(id).await.due_at(&self.setup.patience)?;
        Some((due.millis() - self.clock.now().millis()) / 1000)
    }

    async fn orders(&self) -> Vec<Value> {
        self.services.take("VoucherOrderQueue").await
    }

    /// The outcomes reported since the last look.
    async fn outcomes(&self) -> Vec<Value> {
        let messages = self.services.take("VoucherOrderResultQueue").await;
        messages.into_iter().map(|mut message| message["outcome"].take()).collect()
    }

    /// The texts handed over since the last look.
    async fn texts(&self) -> Vec<String> {
        let text = |sms: Value| sms["text"].as_str().unwrap_or_default().to_owned();
        self.services.take("SmsQueue").await.into_iter().map(text).collect()
    }
}
