//! How far each stream was read and when each schedule fired last, in one small file.
//!
//! The file is replaced as a whole after every change, so that a killed runner finds it complete. A batch may be
//! delivered again after such an end, as on AWS; none is skipped.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The position in one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which stream of the table: a table made anew has another, and its own numbers.
    pub stream: String,
    /// The last sequence number dealt with; none is the beginning.
    pub sequence: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    streams: BTreeMap<String, Checkpoint>,
    /// Unix seconds.
    schedules: BTreeMap<String, i64>,
}

/// The file and what is in it.
#[derive(Debug)]
pub struct State {
    file: PathBuf,
    content: Mutex<Content>,
}

impl State {
    /// Reads the file; one that is absent is empty.
    pub fn open(file: &Path) -> io::Result<State> {
        let content = match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error),
        };
        Ok(State { file: file.to_owned(), content: Mutex::new(content) })
    }

    /// The position of a mapping.
    pub fn checkpoint(&self, mapping: &str) -> Option<Checkpoint> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).streams.get(mapping).cloned()
    }

    /// Moves a mapping on.
    pub fn set_checkpoint(&self, mapping: &str, checkpoint: Checkpoint) -> io::Result<()> {
        self.change(|content| content.streams.insert(mapping.to_owned(), checkpoint))
    }

    /// When a schedule fired last, in Unix seconds.
    pub fn fired(&self, schedule: &str) -> Option<i64> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).schedules.get(schedule).copied()
    }

    /// Notes that a schedule fired.
    pub fn set_fired(&self, schedule: &str, at: i64) -> io::Result<()> {
        self.change(|content| content.schedules.insert(schedule.to_owned(), at))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> io::Result<()> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut content);
        let next = self.file.with_extension("next");
        fs::write(&next, serde_json::to_vec_pretty(&*content)?)?;
        fs::rename(next, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sources.json");
        let checkpoint = Checkpoint { stream: "label".into(), sequence: Some("100000000000000000007".into()) };
        let state = State::open(&file).unwrap();
        assert_eq!(state.checkpoint("settle/Journal"), None);
        state.set_checkpoint("settle/Journal", checkpoint.clone()).unwrap();
        state.set_fired("audit", 1_800_000_000).unwrap();

        let again = State::open(&file).unwrap();
        assert_eq!(again.checkpoint("settle/Journal"), Some(checkpoint));
        assert_eq!(again.fired("audit"), Some(1_800_000_000));
    }
}
