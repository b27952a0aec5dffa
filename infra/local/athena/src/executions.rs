//! Queries that were asked, each with what came of it, in one small file each: they are known after a restart.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::types::ResultColumn;

/// How many are remembered. AWS forgets after 45 days.
const REMEMBERED: usize = 5_000;

/// Where a query stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum State {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl State {
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// What was asked: the same token with the same request is the same query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub query: String,
    pub parameters: Vec<String>,
    pub database: String,
    pub catalog: Option<String>,
    pub work_group: String,
    pub output: Option<String>,
    pub token: Option<String>,
}

/// A query and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Execution {
    pub id: String,
    pub request: Request,
    pub output: String,
    /// Whether it is SHOW or DESCRIBE: its result has no row of headings.
    pub utility: bool,
    pub state: State,
    pub reason: Option<String>,
    /// Milliseconds since 1970.
    pub submitted: i64,
    pub started: Option<i64>,
    pub completed: Option<i64>,
    pub scanned: u64,
    pub columns: Vec<ResultColumn>,
}

/// All of them.
pub(crate) struct Executions {
    folder: PathBuf,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<String, Execution>,
    by_token: HashMap<String, String>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Executions {
    /// Those kept in a folder. What was running when the process before ended has failed.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut found: Vec<Execution> = Vec::new();
        for entry in fs::read_dir(&folder)? {
            // A file cut off in the middle is that of a query nobody was told of.
            found.extend(fs::read(entry?.path()).ok().and_then(|text| serde_json::from_slice(&text).ok()));
        }
        found.sort_by(|one, other| (one.submitted, &one.id).cmp(&(other.submitted, &other.id)));
        let executions = Self { folder, known: Mutex::default() };
        for mut execution in found {
            if !execution.state.is_final() {
                execution.state = State::Failed;
                execution.reason = Some("INTERNAL_ERROR_QUERY_ENGINE: the engine was restarted".to_owned());
                execution.completed = Some(execution.submitted);
            }
            executions.insert(execution)?;
        }
        Ok(executions)
    }

    /// A new one.
    pub(crate) fn insert(&self, execution: Execution) -> io::Result<()> {
        self.write(&execution)?;
        let mut known = self.known();
        if let Some(token) = &execution.request.token {
            known.by_token.insert(token.clone(), execution.id.clone());
        }
        known.order.push_back(execution.id.clone());
        known.by_id.insert(execution.id.clone(), execution);
        while known.order.len() > REMEMBERED {
            let oldest = known.order.pop_front().unwrap_or_default();
            if let Some(token) = known.by_id.remove(&oldest).and_then(|execution| execution.request.token) {
                known.by_token.remove(&token);
            }
            drop(fs::remove_file(self.folder.join(format!("{oldest}.json"))));
        }
        Ok(())
    }

    pub(crate) fn get(&self, id: &str) -> Option<Execution> {
        self.known().by_id.get(id).cloned()
    }

    pub(crate) fn of_token(&self, token: &str) -> Option<Execution> {
        let known = self.known();
        known.by_token.get(token).and_then(|id| known.by_id.get(id)).cloned()
    }

    /// Newest first.
    pub(crate) fn of_work_group(&self, work_group: &str) -> Vec<String> {
        let known = self.known();
        let is_in =
            |id: &&String| known.by_id.get(*id).is_some_and(|execution| execution.request.work_group == work_group);
        known.order.iter().rev().filter(is_in).cloned().collect()
    }

    /// How many are in each state.
    pub(crate) fn counts(&self) -> [(State, usize); 5] {
        let known = self.known();
        [State::Queued, State::Running, State::Succeeded, State::Failed, State::Cancelled]
            .map(|state| (state, known.by_id.values().filter(|execution| execution.state == state).count()))
    }

    /// Changes one, unless it has ended; says whether it did.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Execution)) -> bool {
        let mut known = self.known();
        let Some(execution) = known.by_id.get_mut(id).filter(|execution| !execution.state.is_final()) else {
            return false;
        };
        change(execution);
        // The answer is right as long as this process lives; only a restart would not know of it.
        drop(self.write(execution));
        true
    }

    /// How much one has read so far. Not on file until it ends.
    pub(crate) fn note_scanned(&self, id: &str, scanned: u64) {
        if let Some(execution) = self.known().by_id.get_mut(id) {
            execution.scanned = scanned;
        }
    }

    fn write(&self, execution: &Execution) -> io::Result<()> {
        let (file, temporary) = (format!("{}.json", execution.id), format!("{}.new", execution.id));
        fs::write(self.folder.join(&temporary), serde_json::to_vec(execution)?)?;
        fs::rename(self.folder.join(temporary), self.folder.join(file))
    }

    /// Each change is whole before the lock is let go.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
