//! Faults: what the services may do to a function on AWS and never do by themselves on one quiet machine.
//!
//! ```text
//! function ──► AWS port ──► service        conflicts, throttling, lost answers; the function killed at a write
//! source ────► function                    messages twice, late or again; stream batches twice or not at all
//! ```
//!
//! Seeded generators decide, one for each kind, so that a run that failed can be run again as nearly as concurrency
//! allows. Nothing here acts: who asks does.

mod dynamodb;
mod kills;
mod plan;

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use local_template::Function;
use serde::Serialize;
use serde_json::{Value, json};

pub use dynamodb::{Fate, refusal};
pub use kills::{Write, access_key};
pub use plan::{DynamoDbFaults, FaultPlan, Kill, KillShares, SqsFaults, StreamFaults, When, WriteService};

use crate::sources::timestamp;

/// How many kills are remembered.
const FIRED_LIMIT: usize = 10_000;

/// What happens to one batch of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchFate {
    /// Delivered.
    Passes,
    /// Delivered, and after its success once more.
    Twice,
    /// Passed over.
    Dropped,
}

/// The plan in force and how far it has come.
#[derive(Debug, Default)]
pub struct Faults {
    /// Of each function its folder, its name in the template and its name on AWS.
    functions: Vec<[String; 3]>,
    /// Whether any function may be killed: without, nobody needs to know who writes.
    kills: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: FaultPlan,
    generators: Generators,
    rules: Vec<kills::Rule>,
    fired: VecDeque<kills::Fired>,
    counts: Counts,
    /// Ids of messages that have been late, and of those that have come again: none twice.
    late: HashSet<String>,
    again: HashSet<String>,
}

#[derive(Debug)]
struct Generators {
    dynamodb: fastrand::Rng,
    kill: fastrand::Rng,
    sqs: fastrand::Rng,
    streams: fastrand::Rng,
}

impl Generators {
    fn new(seed: u64) -> Self {
        let [dynamodb, kill, sqs, streams] =
            [0, 1, 2, 3].map(|kind: u64| fastrand::Rng::with_seed(seed.wrapping_add(kind << 32)));
        Self { dynamodb, kill, sqs, streams }
    }
}

impl Default for Generators {
    fn default() -> Self {
        Self::new(0)
    }
}

/// How often each fault has happened since the plan was set.
#[derive(Clone, Debug, Default, Serialize)]
struct Counts {
    transaction_conflicts: u64,
    throttled: u64,
    lost_answers: u64,
    kills: u64,
    sqs_duplicates: u64,
    sqs_delays: u64,
    sqs_redeliveries: u64,
    stream_duplicates: u64,
    stream_drops: u64,
}

impl Faults {
    /// No faults, for a stack with these functions.
    pub fn new(functions: &[Function]) -> Self {
        let names = |function: &Function| [&function.folder, &function.logical_id, &function.name].map(String::clone);
        Self { functions: functions.iter().map(names).collect(), ..Self::default() }
    }

    /// Another plan from now on, from its beginning. A plan that names a function there is not is refused.
    pub fn set(&self, mut plan: FaultPlan) -> Result<(), String> {
        for names in [&mut plan.sqs.functions, &mut plan.streams.functions, &mut plan.kill.functions] {
            names.iter_mut().flatten().try_for_each(|name| self.settle(name))?;
        }
        plan.kills.iter_mut().try_for_each(|kill| self.settle(&mut kill.function))?;
        let mut state = self.state();
        let generators = Generators::new(plan.seed);
        let rules = plan.kills.drain(..).map(kills::Rule::new).collect();
        *state = State { plan, generators, rules, ..State::default() };
        self.note_kills(&state);
        Ok(())
    }

    /// Further rules, beside what is in force.
    pub fn add_kills(&self, mut kills: Vec<Kill>) -> Result<(), String> {
        kills.iter_mut().try_for_each(|kill| self.settle(&mut kill.function))?;
        let mut state = self.state();
        state.rules.extend(kills.into_iter().map(kills::Rule::new));
        self.note_kills(&state);
        Ok(())
    }

    /// The plan, the rules that wait, the kills that were, newest last, and how often what has happened.
    pub fn shown(&self) -> Value {
        let state = self.state();
        let mut shown = serde_json::to_value(&state.plan).unwrap_or_default();
        shown["kills"] = json!(state.rules);
        shown["fired"] = json!(state.fired);
        shown["counts"] = json!(state.counts);
        shown
    }

    /// Decides on one request to DynamoDB by its operation.
    pub fn fate(&self, operation: &str) -> Fate {
        let State { plan, generators, counts, .. } = &mut *self.state();
        let fate = dynamodb::decide(&plan.dynamodb, operation, &mut generators.dynamodb);
        match fate {
            Fate::Passes => {}
            Fate::Conflicts => counts.transaction_conflicts += 1,
            Fate::Throttled | Fate::Cancelled => counts.throttled += 1,
            Fate::Lost => counts.lost_answers += 1,
        }
        fate
    }

    /// Whether any function may be killed at a write.
    pub fn may_kill(&self) -> bool {
        self.kills.load(Ordering::Relaxed)
    }

    /// Decides on one write of a process of `function`, by its name on AWS: whether it dies, and on which side of it.
    pub fn kill(&self, write: &Write<'_>, function: &str, instance: &str) -> Option<When> {
        let function = self.folder(function)?;
        let mut state = self.state();
        let State { plan, generators, rules, fired, counts, .. } = &mut *state;
        let rule = kills::meet(rules, function, write);
        // Drawn for every write, so that the rules do not change what the seed brings.
        let (before, after) = (generators.kill.f64() < plan.kill.before, generators.kill.f64() < plan.kill.after);
        let when = match &rule {
            Some(kill) => kill.when,
            None if !is_for(plan.kill.functions.as_ref(), function) => return None,
            None if before => When::Before,
            None if after => When::After,
            None => return None,
        };
        counts.kills += 1;
        if fired.len() >= FIRED_LIMIT {
            fired.pop_front();
        }
        fired.push_back(kills::Fired {
            rule,
            at: timestamp(SystemTime::now()),
            function: function.to_owned(),
            instance: instance.to_owned(),
            service: write.service,
            operation: write.operation.to_owned(),
            when,
        });
        self.note_kills(&state);
        Some(when)
    }

    /// Whether a message of a standard queue comes late to its consumer, by its folder, and how late.
    pub fn late(&self, function: &str, message_id: &str) -> Option<Duration> {
        let State { plan, generators, counts, late, .. } = &mut *self.state();
        let chosen = is_for(plan.sqs.functions.as_ref(), function) && generators.sqs.f64() < plan.sqs.delay;
        let first = chosen && late.insert(message_id.to_owned());
        counts.sqs_delays += u64::from(first);
        first.then(|| within(&plan.sqs, &mut generators.sqs))
    }

    /// Whether a message of a standard queue comes again after its delete, and when.
    pub fn again(&self, function: &str, message_id: &str) -> Option<Duration> {
        let State { plan, generators, counts, again, .. } = &mut *self.state();
        let chosen = is_for(plan.sqs.functions.as_ref(), function) && generators.sqs.f64() < plan.sqs.duplicate;
        let first = chosen && again.insert(message_id.to_owned());
        counts.sqs_duplicates += u64::from(first);
        first.then(|| within(&plan.sqs, &mut generators.sqs))
    }

    /// Whether the success of a FIFO queue's batch is not heard.
    pub fn unheard<'m>(&self, function: &str, message_ids: impl Iterator<Item = &'m str>) -> bool {
        let State { plan, generators, counts, again, .. } = &mut *self.state();
        if !is_for(plan.sqs.functions.as_ref(), function) || generators.sqs.f64() >= plan.sqs.redeliver {
            return false;
        }
        let batch: Vec<String> = message_ids.map(str::to_owned).collect();
        let unheard = batch.iter().all(|id| !again.contains(id));
        if unheard {
            again.extend(batch);
            counts.sqs_redeliveries += 1;
        }
        unheard
    }

    /// Decides on one batch of a stream.
    pub fn batch(&self, function: &str) -> BatchFate {
        let State { plan, generators, counts, .. } = &mut *self.state();
        if !is_for(plan.streams.functions.as_ref(), function) {
            return BatchFate::Passes;
        }
        if generators.streams.f64() < plan.streams.drop {
            counts.stream_drops += 1;
            return BatchFate::Dropped;
        }
        if generators.streams.f64() < plan.streams.duplicate {
            counts.stream_duplicates += 1;
            return BatchFate::Twice;
        }
        BatchFate::Passes
    }

    /// The folder of a function, by any of its names.
    pub fn folder(&self, name: &str) -> Option<&str> {
        let function = self.functions.iter().find(|names| names.iter().any(|known| known == name));
        function.map(|[folder, ..]| folder.as_str())
    }

    fn settle(&self, name: &mut String) -> Result<(), String> {
        let folder = self.folder(name).ok_or_else(|| format!("there is no function {name}"))?;
        folder.clone_into(name);
        Ok(())
    }

    fn note_kills(&self, state: &State) {
        let shares = &state.plan.kill;
        self.kills.store(!state.rules.is_empty() || shares.before > 0.0 || shares.after > 0.0, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_for(functions: Option<&Vec<String>>, function: &str) -> bool {
    functions.is_none_or(|functions| functions.iter().any(|named| named == function))
}

fn within(shares: &SqsFaults, generator: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(generator.u64(0..=shares.within_ms))
}

#[cfg(test)]
mod tests;
