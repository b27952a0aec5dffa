//! Amazon SQS as the local runner serves it: standard and FIFO queues that behave as the real ones do in what
//! the stack uses, the error names included, kept in one SQLite file.
//!
//! - [`Sqs::handle`] speaks the wire protocol (AWS JSON 1.0) of the SDKs, boto3 and the AWS CLI.
//! - The other methods are for the runner's event sources and pages, in-process, by queue name, URL or ARN.
//!
//! An acknowledged send is on file. Time comes from a [`Clock`] only. Nothing here knows what a message means,
//! which functions there are, or how the template is written.
//!
//! Not served: the older query protocol (XML), permissions (`AddPermission`, `RemovePermission`) and
//! `ReceiveRequestAttemptId`, which is accepted without effect. No encryption takes place, whatever the
//! attributes say.

mod clock;
mod error;
mod message;
mod queues;
mod receipt;
mod receive;
mod redrive;
mod send;
mod settings;
mod store;
mod unruly;
mod wire;

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use serde::Serialize;

pub use clock::{Clock, ManualClock, Millis, SystemClock};
pub use error::{ErrorKind, SqsError};
pub use message::{
    Message, MessageAttribute, MessageAttributes, SendOptions, Sent, md5_of_attributes, md5_of_body, message_id,
};
pub use send::DEDUPLICATION_WINDOW;
pub use settings::{
    Attributes, DELAY_SECONDS_LIMIT, MESSAGE_BYTES_LIMIT, VISIBILITY_SECONDS_LIMIT, WAIT_SECONDS_LIMIT,
};
use store::{Queue, Store};

/// A refused call is the error of the service.
pub type Result<T, E = SqsError> = std::result::Result<T, E>;

/// All queues of one account and region. Clones share them.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

struct Inner {
    base_url: String,
    account: String,
    clock: Arc<dyn Clock>,
    store: Mutex<Store>,
}

/// A queue at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    /// The queue's name.
    pub name: String,
    /// The URL by which clients name it.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// Whether it keeps order.
    pub fifo: bool,
    /// Messages that can be received, or could if their group were not locked.
    pub available: i64,
    /// Messages received and neither deleted nor visible again.
    pub in_flight: i64,
    /// Messages not visible yet for the first time.
    pub delayed: i64,
    /// The ARN of the queue that takes what was received too often.
    pub dead_letter_queue: Option<String>,
}

/// What a receiver asks for. Absent values are the queue's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receive {
    pub max: usize,
    pub visibility_seconds: Option<i64>,
    pub wait: Option<Duration>,
}

impl Sqs {
    /// Opens the queues kept in `file`, or begins with none. Queue URLs begin with `base_url`.
    pub fn open(file: &Path, base_url: &str, account: &str, region: &str) -> Result<Self> {
        Self::open_with_clock(file, base_url, account, region, Arc::new(SystemClock))
    }

    /// As [`Sqs::open`], with another clock.
    pub fn open_with_clock(
        file: &Path,
        base_url: &str,
        account: &str,
        region: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let store = Store::open(file, account, region)?;
        let inner = Inner {
            base_url: base_url.trim_end_matches('/').to_owned(),
            account: account.to_owned(),
            clock,
            store: Mutex::new(store),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes a queue exist with exactly these attributes and returns its URL. Messages in it stay. A dead-letter
    /// queue may be declared after the queues that name it.
    pub fn ensure_queue(&self, name: &str, attributes: &Attributes) -> Result<String> {
        queues::ensure(&mut self.store(), name, attributes, self.now())?;
        Ok(self.url(name))
    }

    /// Serves one request of the wire protocol. A long poll holds the answer back; dropping it loses nothing.
    pub async fn handle(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        wire::handle(self, request).await
    }

    /// Takes up to `max` messages, waiting up to `wait` for the first. They stay invisible for the queue's
    /// visibility timeout unless deleted before.
    pub async fn receive(&self, queue: &str, max: usize, wait: Duration) -> Result<Vec<Message>> {
        let receive = Receive { max, visibility_seconds: None, wait: Some(wait) };
        self.receive_with(queue, receive).await
    }

    /// Finishes a message.
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> Result<()> {
        let now = self.now();
        self.commit(queue, |tx, queue| receipt::delete(tx, queue, receipt_handle, now))
    }

    /// Sends a message.
    pub fn send(&self, queue: &str, body: &str, options: &SendOptions) -> Result<Sent> {
        let now = self.now();
        self.commit(queue, |tx, queue| send::send(tx, queue, body, options, now))
    }

    /// Lets a message in flight become visible after `timeout`; zero gives it back at once.
    pub fn change_visibility(&self, queue: &str, receipt_handle: &str, timeout: Duration) -> Result<()> {
        let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
        let now = self.now();
        self.commit(queue, |tx, queue| receipt::change_visibility(tx, queue, receipt_handle, seconds, now))
    }

    /// Undoes a receive, uncounted: the message can be received `after` from now. For faults; clients have
    /// [`Sqs::change_visibility`].
    pub fn put_back(&self, queue: &str, receipt_handle: &str, after: Duration) -> Result<()> {
        let now = self.now();
        self.commit(queue, |tx, queue| unruly::put_back(tx, queue, receipt_handle, clock::millis(after), now))
    }

    /// Finishes a message that nevertheless comes once more, `after` from now and under the same id, as happens on
    /// standard queues. For faults.
    pub fn delete_but_repeat(&self, queue: &str, receipt_handle: &str, after: Duration) -> Result<()> {
        let now = self.now();
        self.commit(queue, |tx, queue| unruly::delete_but_repeat(tx, queue, receipt_handle, clock::millis(after), now))
    }

    /// Makes everything in flight visible again. For the start of the runner: whoever held those messages was
    /// its child and is gone, and nobody should wait for their timeouts. Their receives still count.
    pub fn release_in_flight(&self) -> Result<()> {
        let now = self.now();
        let store = self.store();
        store
            .connection()
            .execute("UPDATE messages SET visible_at = ?1 WHERE received_at IS NOT NULL AND visible_at > ?1", [now])?;
        for queue in store.queues.values() {
            queue.changed.notify_waiters();
        }
        Ok(())
    }

    /// Every queue with its depth, by name.
    pub fn queues(&self) -> Result<Vec<QueueStats>> {
        let now = self.now();
        let store = self.store();
        let stats = |queue: &Arc<Queue>| {
            let depth = queues::depth(store.connection(), queue, now)?;
            Ok(QueueStats {
                name: queue.name.clone(),
                url: self.url(&queue.name),
                arn: queue.arn.clone(),
                fifo: queue.fifo(),
                available: depth.available,
                in_flight: depth.in_flight,
                delayed: depth.delayed,
                dead_letter_queue: queue.settings.redrive.as_ref().map(|r| r.target_arn.clone()),
            })
        };
        store.queues.values().map(stats).collect()
    }

    /// The URL of a queue of that name, whether or not it exists.
    pub fn url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.inner.base_url, self.inner.account)
    }

    pub(crate) fn now(&self) -> Millis {
        self.inner.clock.now()
    }

    pub(crate) fn account(&self) -> &str {
        &self.inner.account
    }

    /// A call that panicked has undone its transaction, so the store is sound for the next one.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.inner.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call on one queue as one transaction, then wakes the queue's receivers.
    pub(crate) fn commit<T>(&self, queue: &str, call: impl FnOnce(&Connection, &Queue) -> Result<T>) -> Result<T> {
        let mut store = self.store();
        let queue = store.queue(queue_name(queue))?;
        let tx = store.begin()?;
        let value = call(&tx, &queue)?;
        tx.commit()?;
        drop(store);
        queue.changed.notify_waiters();
        Ok(value)
    }

    pub(crate) async fn receive_with(&self, queue: &str, receive: Receive) -> Result<Vec<Message>> {
        let name = queue_name(queue);
        let began = self.now();
        loop {
            let queue = self.store().queue(name)?;
            // Enlisted before looking: what commits after the look wakes this receiver.
            let mut changed = pin!(queue.changed.notified());
            changed.as_mut().enable();
            let now = self.now();
            let received = self.receive_now(&queue, receive, now)?;
            let wait = receive.wait.map_or(queue.settings.wait, clock::millis);
            let deadline = began.saturating_add(wait);
            if !received.messages.is_empty() || now >= deadline {
                return Ok(received.messages);
            }
            let wake_at = received.next_visible.map_or(deadline, |at| at.min(deadline));
            tokio::select! {
                () = changed => {}
                () = self.inner.clock.sleep_until(wake_at) => {}
            }
        }
    }

    fn receive_now(&self, queue: &Queue, receive: Receive, now: Millis) -> Result<receive::Received> {
        let mut store = self.store();
        let dead_letter_queue = store.dead_letter_queue(queue);
        let visibility = receive.visibility_seconds.map_or(queue.settings.visibility, |seconds| seconds * 1_000);
        let tx = store.begin()?;
        let received = receive::receive(&tx, queue, dead_letter_queue.as_deref(), receive.max, visibility, now)?;
        tx.commit()?;
        drop(store);
        if let Some(target) = dead_letter_queue.filter(|_| received.dead_letters) {
            target.changed.notify_waiters();
        }
        Ok(received)
    }
}

/// The name in a queue's name, URL or ARN.
fn queue_name(queue: &str) -> &str {
    queue.rsplit(['/', ':']).next().unwrap_or(queue)
}
