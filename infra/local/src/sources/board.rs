//! Every event source at a glance, with its switch: what it reads, how much of it runs, and whether it is paused.
//!
//! Pausing is disabling the mapping on AWS: what is under way ends, nothing further is taken. It ends with the runner.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use local_template::Function;
use serde::{Serialize, Serializer};
use tokio::sync::watch;

/// What feeds a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A queue.
    Sqs,
    /// A table's stream.
    Stream,
    /// A schedule.
    Schedule,
}

/// One event source.
#[derive(Debug, Serialize)]
pub struct Source {
    /// Folder of the function.
    pub function: String,
    #[serde(skip)]
    names: [String; 2],
    /// Its name in the template.
    pub event: String,
    /// What feeds it.
    pub kind: Kind,
    /// ARN of the queue or the stream; name of the schedule.
    pub source: String,
    /// Most invocations at once.
    pub limit: Option<u32>,
    #[serde(serialize_with = "switch")]
    paused: watch::Sender<bool>,
    #[serde(flatten, serialize_with = "gauge")]
    gauge: Mutex<Gauge>,
}

/// Invocations since the start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Gauge {
    /// At this moment.
    running: u32,
    /// The most at one moment.
    max_concurrency_seen: u32,
    /// In all.
    invocations: u64,
}

fn switch<S: Serializer>(paused: &watch::Sender<bool>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*paused.borrow())
}

fn gauge<S: Serializer>(gauge: &Mutex<Gauge>, serializer: S) -> Result<S::Ok, S::Error> {
    gauge.lock().unwrap_or_else(PoisonError::into_inner).serialize(serializer)
}

impl Source {
    /// One of this function's. It shows once it is on the board.
    pub fn new(function: &Function, event: &str, kind: Kind, source: &str, limit: Option<u32>) -> Source {
        Source {
            function: function.folder.clone(),
            names: [function.logical_id.clone(), function.name.clone()],
            event: event.to_owned(),
            kind,
            source: source.to_owned(),
            limit,
            paused: watch::Sender::new(false),
            gauge: Mutex::default(),
        }
    }

    /// Counts an invocation until what it returns is dropped.
    pub fn begin(self: &Arc<Self>) -> Running {
        let mut gauge = self.gauge();
        gauge.running += 1;
        gauge.invocations += 1;
        gauge.max_concurrency_seen = gauge.max_concurrency_seen.max(gauge.running);
        Running(self.clone())
    }

    /// Whether it takes nothing further.
    pub fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Completes while it is not paused.
    pub async fn resumed(&self) {
        // Neither can fail: the sender is ours.
        drop(self.paused.subscribe().wait_for(|paused| !paused).await);
    }

    /// Completes while it is paused.
    pub async fn paused(&self) {
        drop(self.paused.subscribe().wait_for(|paused| *paused).await);
    }

    fn gauge(&self) -> MutexGuard<'_, Gauge> {
        self.gauge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue's or schedule's name, or the stream's table.
    fn reads(&self) -> &str {
        match self.kind {
            Kind::Sqs => self.source.rsplit(':').next().unwrap_or_default(),
            Kind::Stream => self.source.split('/').nth(1).unwrap_or_default(),
            Kind::Schedule => &self.source,
        }
    }
}

/// An invocation under way.
pub struct Running(Arc<Source>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.gauge().running -= 1;
    }
}

/// All event sources of a stack. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Vec<Arc<Source>>>>);

impl Board {
    /// Puts a source on the board.
    pub fn add(&self, source: Source) -> Arc<Source> {
        let source = Arc::new(source);
        self.sources().push(source.clone());
        source
    }

    /// All of them, in the template's order.
    pub fn list(&self) -> Vec<Arc<Source>> {
        self.sources().clone()
    }

    /// Pauses or resumes every source of a function, by its folder or a name of it.
    pub fn pause_function(&self, name: &str, paused: bool) -> Vec<Arc<Source>> {
        self.pause(paused, |source| source.function == name || source.names.iter().any(|known| known == name))
    }

    /// Pauses or resumes every source that reads a queue, by its name or the end of it behind a hyphen.
    pub fn pause_queue(&self, name: &str, paused: bool) -> Vec<Arc<Source>> {
        let is = |source: &Source| source.kind == Kind::Sqs && names_queue(name, source.reads());
        let exact = |source: &Source| source.kind == Kind::Sqs && source.reads() == name;
        let found = self.pause(paused, exact);
        if found.is_empty() { self.pause(paused, is) } else { found }
    }

    /// Whether what reads a queue is paused; `None` if nothing reads it.
    pub fn queue_paused(&self, queue: &str) -> Option<bool> {
        let sources = self.sources();
        let mut readers = sources.iter().filter(|source| source.kind == Kind::Sqs && source.reads() == queue);
        let first = readers.next()?.is_paused();
        Some(first && readers.all(|source| source.is_paused()))
    }

    fn pause(&self, paused: bool, which: impl Fn(&Source) -> bool) -> Vec<Arc<Source>> {
        let sources = self.sources();
        let found: Vec<Arc<Source>> = sources.iter().filter(|source| which(source)).cloned().collect();
        for source in &found {
            source.paused.send_replace(paused);
        }
        found
    }

    fn sources(&self) -> MutexGuard<'_, Vec<Arc<Source>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `name` is the queue's or the end of it: `voucher-order` is `florin-voucher-order`, and not
/// `florin-voucher-order-result`. A FIFO queue's suffix may be left out.
fn names_queue(name: &str, queue: &str) -> bool {
    let ends = |queue: &str| queue == name || queue.strip_suffix(name).is_some_and(|rest| rest.ends_with('-'));
    ends(queue) || queue.strip_suffix(".fifo").is_some_and(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::testing::function;

    fn board() -> Board {
        let board = Board::default();
        for queue in ["florin-voucher-order", "florin-voucher-order-result", "florin-orders-match.fifo"] {
            let arn = format!("arn:aws:sqs:eu-west-1:000000000000:{queue}");
            board.add(Source::new(&function(), queue, Kind::Sqs, &arn, Some(5)));
        }
        board.add(Source::new(&function(), "sweep", Kind::Schedule, "florin-sweep", None));
        board
    }

    #[test]
    fn a_queue_is_found_by_its_name_or_the_end_of_it() {
        for (name, expected) in [
            ("florin-voucher-order", Some("florin-voucher-order")),
            ("voucher-order", Some("florin-voucher-order")),
            ("voucher-order-result", Some("florin-voucher-order-result")),
            ("result", Some("florin-voucher-order-result")),
            ("orders-match", Some("florin-orders-match.fifo")),
            ("orders-match.fifo", Some("florin-orders-match.fifo")),
            ("oucher-order", None),
            ("sweep", None),
            ("", None),
        ] {
            let found: Vec<String> =
                board().pause_queue(name, true).iter().map(|source| source.reads().to_owned()).collect();
            assert_eq!(found, expected.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn pausing_shows_and_is_undone() {
        let board = board();
        assert_eq!(board.pause_queue("voucher-order", true).len(), 1);
        assert_eq!(board.queue_paused("florin-voucher-order"), Some(true));
        assert_eq!(board.queue_paused("florin-voucher-order-result"), Some(false));
        assert_eq!(board.queue_paused("florin-dead-letters"), None);
        assert_eq!(board.pause_function("Settle", true).len(), 4);
        assert_eq!(board.pause_function("settle", false).len(), 4);
        assert_eq!(board.queue_paused("florin-voucher-order"), Some(false));
        assert!(board.pause_function("nobody", true).is_empty());
    }

    #[test]
    fn the_greatest_number_at_once_is_kept() {
        let board = board();
        let source = board.list().remove(0);
        let (one, two) = (source.begin(), source.begin());
        drop(one);
        let three = source.begin();
        drop((two, three));
        let shown = serde_json::to_value(&*source).unwrap();
        assert_eq!(shown["max_concurrency_seen"], 2);
        assert_eq!((&shown["running"], &shown["invocations"]), (&0.into(), &3.into()));
        assert_eq!((&shown["limit"], &shown["paused"]), (&5.into(), &false.into()));
    }
}
