//! Results, in whatever order and however often they come.
#![allow(missing_docs)]

mod settling;
mod telling;

use std::{
    io,
    sync::{Arc, Mutex},
};

use aws::queues::Queue;
use domain::{
    Timestamp,
    account::Account,
    id::VoucherId,
    voucher::{Buy, Purchase, Report, ResultMessage, VoucherCode},
};
use edge::{clock::Clock, sqs::Failure};
use serde_json::Value;
use testkit::{ManualClock, Services, Stack, buy_from, voucher_id};
use vouchers_settle::{Setup, Stores, settle};

const SUPPORT: &str = "+1 555 0100";

/// A worker with everything around it.
struct Works {
    stack: Stack,
    services: Services,
    stores: Stores,
    sms: Queue,
    setup: Setup,
    clock: ManualClock,
    account: Account,
}

impl Works {
    async fn start() -> Self {
        let (stack, services) = (Stack::start().await, Services::start().await);
        let clock = ManualClock::default();
        stack.product("claro-5gb", "5.00").await;
        let account = stack.account("alice", "USD", "500.00", clock.now()).await;
        let sms = Queue::new(services.environment().sqs(), services.queue_url("SmsQueue"));
        let setup = Setup { first_ask_seconds: 30, support: SUPPORT.into(), namespace: "test".into() };
        let stores = Stores { vouchers: stack.vouchers(), ledger: stack.ledger() };
        Self { stack, services, stores, sms, setup, clock, account }
    }

    /// A purchase whose order is with the supplier; a request waits until this moment, if any.
    async fn submitted(&self, name: &str, wait_until: Option<Timestamp>) -> VoucherId {
        let id = self.held(name, wait_until).await;
        self.save(self.purchase(&id).await.submit(self.clock.now())).await;
        id
    }

    /// A purchase that waits to be ordered.
    async fn held(&self, name: &str, wait_until: Option<Timestamp>) -> VoucherId {
        let product = testkit::product("claro-5gb", "5.00");
        let command = Buy { wait_until, ..buy_from(name, "alice", &self.account.id, &product) };
        self.stack.bought(&command, self.clock.now()).await;
        voucher_id(name)
    }

    async fn save(&self, next: Option<Purchase>) {
        let saved = self.stores.vouchers.save(&next.expect("a step")).await.expect("a write");
        assert_eq!(saved, aws::vouchers::Saved::Done);
    }

    /// One delivery of a result.
    async fn settle(&self, id: &VoucherId, outcome: Report) -> Result<(), Failure> {
        let message = ResultMessage { voucher_id: id.clone(), outcome };
        settle(&self.stores, &self.sms, &self.setup, &self.clock, message).await
    }

    async fn purchase(&self, id: &VoucherId) -> Purchase {
        self.stores.vouchers.purchase(id).await.expect("a read").expect("the purchase")
    }

    /// The texts handed over since the last look.
    async fn texts(&self) -> Vec<String> {
        let text = |sms: Value| sms["text"].as_str().unwrap_or_default().to_owned();
        self.services.take("SmsQueue").await.into_iter().map(text).collect()
    }

    /// Posted, held, available.
    async fn balance(&self) -> String {
        let account = self.stores.ledger.account(&self.account.id).await.expect("a read").expect("the account");
        format!("{} {} {}", account.balance.posted, account.balance.held, account.balance.available)
    }

    async fn assert_clean(&self) {
        let audit = self.stores.ledger.audit().await.expect("the audit runs");
        assert!(audit.is_clean(), "{audit:#?}");
    }
}

fn delivered(code: &str) -> Report {
    Report::Delivered { code: VoucherCode::parse(code).expect("a code"), supplier_order: Some("SO-1".into()) }
}

fn refused() -> Report {
    Report::Refused { reason: "no stock".into() }
}

fn unknown() -> Report {
    Report::Unknown { cause: "timeout".into(), acknowledged: false }
}

/// What is logged while somebody listens.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("a lock").clone()).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a lock").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
