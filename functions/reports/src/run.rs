//! Questions put to Athena: once for what the lake holds now, and never again until it holds something else.
//!
//! There is no cache of ours. A question's token is made of everything its answer depends on, and Athena answers a token it
//! knows with the execution it started then. Knows no request.

use std::time::{Duration, Instant};

use aws::{
    athena::{Athena, AthenaError, Execution, Parameter, Question, State},
    objects::Bucket,
    store::StoreError,
};
use domain::{Timestamp, id};
use lake::{keys, schema::Table};

/// Between the first two looks at a running query; grows to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(40);
/// Between two looks at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What answers questions about the lake.
#[derive(Clone, Debug)]
pub struct Lake {
    /// The engine.
    pub athena: Athena,
    /// The bucket, to see how new each table is.
    pub bucket: Bucket,
    /// Pays and bounds reports.
    pub reports: String,
    /// Pays and bounds staff's own queries.
    pub queries: String,
}

/// How new the tables of a question are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// One text for this state of the tables.
    mark: String,
    /// When something came into one of them last; `None` while they are empty.
    pub as_of: Option<Timestamp>,
}

/// An execution and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id, a UUID.
    pub id: String,
    /// Where it stands.
    pub execution: Execution,
}

impl Run {
    /// Whether it has ended without results.
    pub fn is_lost(&self) -> bool {
        matches!(self.execution.state, State::Failed(_) | State::Cancelled)
    }
}

impl Lake {
    /// How new these tables are.
    pub async fn freshness(&self, tables: impl IntoIterator<Item = &'static Table>) -> Result<Freshness, StoreError> {
        let notes = tables.into_iter().map(async |table| {
            let note = self.bucket.get(&keys::fresh(table)).await?;
            Ok::<_, StoreError>((table, note.unwrap_or_default()))
        });
        let (mut mark, mut as_of) = (String::new(), None);
        for (table, note) in futures::future::try_join_all(notes).await? {
            // The file that came last, and when.
            let note = String::from_utf8_lossy(&note);
            as_of = as_of.max(note.lines().nth(1).and_then(|at| at.parse().ok()));
            mark.push_str(&format!("{} {note}\n", table.name));
        }
        Ok(Freshness { mark, as_of })
    }

    /// Starts a question, or finds the execution it has had, and waits for it.
    pub async fn ask(
        &self,
        workgroup: &str,
        (sql, parameters): (&str, &[Parameter]),
        (freshness, attempt): (&Freshness, &str),
        wait: Duration,
    ) -> Result<Run, AthenaError> {
        let spelled = format!("{parameters:?}");
        let token = id::derive(&[workgroup, sql, &spelled, &freshness.mark, attempt]);
        let token = token.map(|byte| format!("{byte:02x}")).concat();
        let id = self.athena.start(&Question { workgroup, sql, parameters, token: &token }).await?;
        let execution = self.wait(&id, wait).await?.ok_or(AthenaError::Gone)?;
        Ok(Run { id, execution })
    }

    /// Looks at an execution until it has ended, or this time is over. `None` if it is not one of our workgroups'.
    pub async fn wait(&self, id: &str, wait: Duration) -> Result<Option<Execution>, AthenaError> {
        let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let found = self.athena.execution(id).await?;
            let found = found.filter(|found| [&self.reports, &self.queries].contains(&&found.workgroup));
            let left = wait.saturating_sub(started.elapsed());
            match found {
                Some(execution) if execution.state == State::Running && !left.is_zero() => {
                    tokio::time::sleep(pause.min(left)).await;
                    pause = (pause * 3 / 2).min(LONGEST_PAUSE);
                }
                found => return Ok(found),
            }
        }
    }
}

/// Names for one question's tries: the second day's and the third hour's are taken when the execution before failed, or its
/// results are gone (they are kept for seven days). So a question that cannot be answered costs one try an hour.
pub(crate) fn attempts(now: Timestamp) -> [String; 3] {
    let moment = now.to_string();
    let part = |length: usize| moment.get(..length).unwrap_or_default().to_owned();
    [String::new(), part("2024-02-29".len()), part("2024-02-29T12".len())]
}

/// The minute: when a query of staff's own failed, it is tried once more a minute.
pub(crate) fn minute(now: Timestamp) -> String {
    now.to_string().get(.."2024-02-29T12:34".len()).unwrap_or_default().to_owned()
}
