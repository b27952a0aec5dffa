//! The life of a queue: created, described, changed, purged, deleted. Nothing here sends or receives.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use crate::clock::Millis;
use crate::error::{ErrorKind, SqsError};
use crate::settings::{self, Attributes, RedriveAllow, Settings};
use crate::store::{Queue, Store};

/// After a purge, and after a deletion, this long passes before the next purge or creation.
const QUIET_TIME: Millis = 60_000;

/// How many messages a queue holds, by what a receiver can do with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    pub available: i64,
    pub in_flight: i64,
    pub delayed: i64,
}

/// Creates a queue, or finds the one of that name if nothing about it would differ.
pub(crate) fn create(
    store: &mut Store,
    name: &str,
    given: &Attributes,
    tags: BTreeMap<String, String>,
    now: Millis,
) -> Result<Arc<Queue>, SqsError> {
    settings::check_name(name, given)?;
    let attributes = settings::canonical(name, given)?;
    if let Some(queue) = store.queues.get(name) {
        let in_force = all_attributes(queue);
        let differs = |(attribute, value): &(&String, &String)| {
            in_force.get(*attribute).map_or("", String::as_str) != value.as_str()
        };
        return match attributes.iter().find(differs) {
            None => Ok(queue.clone()),
            Some((attribute, _)) => Err(ErrorKind::QueueNameExists.because(format!(
                "A queue already exists with the same name and a different value for attribute {attribute}"
            ))),
        };
    }
    let deleted_at: Option<Millis> = store
        .connection()
        .query_row("SELECT deleted_at FROM deleted_queues WHERE name = ?", [name], |row| row.get(0))
        .optional()?;
    if deleted_at.is_some_and(|at| now < at + QUIET_TIME) {
        return Err(ErrorKind::QueueDeletedRecently.because(
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        ));
    }
    check_redrive(store, name, &attributes)?;
    store.insert(name, attributes, tags, now)
}

/// Makes a queue exist exactly as a template declares it, whatever it was before. The dead-letter queue may be
/// declared later than the queues that name it.
pub(crate) fn ensure(store: &mut Store, name: &str, given: &Attributes, now: Millis) -> Result<Arc<Queue>, SqsError> {
    settings::check_name(name, given)?;
    let attributes = settings::canonical(name, given)?;
    let Some(queue) = store.queues.get(name).cloned() else {
        return store.insert(name, attributes, BTreeMap::new(), now);
    };
    if queue.attributes != attributes {
        replace_attributes(store, &queue, attributes, now)?;
    }
    store.queue(name)
}

/// Deletes a queue with everything in it.
pub(crate) fn delete(store: &mut Store, name: &str, now: Millis) -> Result<Arc<Queue>, SqsError> {
    let queue = store.queue(name)?;
    let tx = store.begin()?;
    tx.execute("DELETE FROM messages WHERE queue_id = ?", [queue.id])?;
    tx.execute("DELETE FROM deduplication WHERE queue_id = ?", [queue.id])?;
    tx.execute("DELETE FROM queues WHERE id = ?", [queue.id])?;
    tx.execute("INSERT OR REPLACE INTO deleted_queues (name, deleted_at) VALUES (?, ?)", params![name, now])?;
    tx.commit()?;
    store.queues.remove(name);
    Ok(queue)
}

/// Removes every message, those in flight and delayed included.
pub(crate) fn purge(store: &mut Store, name: &str, now: Millis) -> Result<(), SqsError> {
    let queue = store.queue(name)?;
    let tx = store.begin()?;
    let purged_at: Option<Millis> =
        tx.query_row("SELECT purged_at FROM queues WHERE id = ?", [queue.id], |row| row.get(0))?;
    if purged_at.is_some_and(|at| now < at + QUIET_TIME) {
        return Err(ErrorKind::PurgeQueueInProgress
            .because(format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.")));
    }
    tx.execute("DELETE FROM messages WHERE queue_id = ?", [queue.id])?;
    tx.execute("UPDATE queues SET purged_at = ? WHERE id = ?", params![now, queue.id])?;
    Ok(tx.commit()?)
}

/// Changes the attributes named and leaves the others.
pub(crate) fn set_attributes(store: &mut Store, name: &str, given: &Attributes, now: Millis) -> Result<(), SqsError> {
    let queue = store.queue(name)?;
    if given.contains_key("FifoQueue") && !queue.fifo() {
        return Err(settings::unknown("FifoQueue"));
    }
    let changes = settings::canonical(name, given)?;
    check_redrive(store, name, &changes)?;
    let mut attributes = queue.attributes.clone();
    attributes.extend(changes);
    attributes.retain(|_, value| !value.is_empty());
    replace_attributes(store, &queue, attributes, now)
}

fn replace_attributes(store: &mut Store, queue: &Queue, attributes: Attributes, now: Millis) -> Result<(), SqsError> {
    let settings = Settings::of(&attributes)?;
    if queue.fifo() && settings.delay != queue.settings.delay {
        // On a FIFO queue a new delay also holds for what waits already.
        store.connection().execute(
            "UPDATE messages SET visible_at = sent_at + ? WHERE queue_id = ? AND receive_count = 0",
            params![settings.delay, queue.id],
        )?;
    }
    store.update(Queue { attributes, settings, modified_at: now, ..queue.clone() })?;
    queue.changed.notify_waiters();
    Ok(())
}

/// Adds and removes tags.
pub(crate) fn change_tags(
    store: &mut Store,
    name: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>),
) -> Result<(), SqsError> {
    let mut queue = Queue::clone(&*store.queue(name)?);
    change(&mut queue.tags);
    store.update(queue)
}

/// A dead-letter queue must exist, be of the same type and not refuse this source.
fn check_redrive(store: &Store, name: &str, attributes: &Attributes) -> Result<(), SqsError> {
    let Some(policy) = attributes.get("RedrivePolicy").filter(|v| !v.is_empty()) else {
        return Ok(());
    };
    let refused = |reason| Err(SqsError::invalid("RedrivePolicy", policy, reason));
    let Some(redrive) = Settings::of(attributes)?.redrive else {
        return Ok(());
    };
    let Some(target) = store.queue_of_arn(&redrive.target_arn) else {
        return refused("Dead letter target does not exist.");
    };
    if target.fifo() != settings::is_fifo(name) {
        return refused("Dead letter target must be the same type of queue as the source.");
    }
    let source = store.arn(name);
    match &target.settings.redrive_allow {
        RedriveAllow::Queues(arns) if !arns.contains(&source) => {
            refused("Dead letter target does not allow this source queue.")
        }
        RedriveAllow::None => refused("Dead letter target does not allow any source queue."),
        _ => Ok(()),
    }
}

/// The attributes in force, defaults included, without those that are counted.
pub(crate) fn all_attributes(queue: &Queue) -> Attributes {
    let mut attributes = settings::defaults(&queue.name);
    attributes.extend(queue.attributes.clone());
    attributes.insert("QueueArn".to_owned(), queue.arn.clone());
    let seconds = |at: Millis| (at / 1_000).to_string();
    attributes.insert("CreatedTimestamp".to_owned(), seconds(queue.created_at));
    attributes.insert("LastModifiedTimestamp".to_owned(), seconds(queue.modified_at));
    if attributes.contains_key("KmsMasterKeyId") {
        attributes.insert("SqsManagedSseEnabled".to_owned(), "false".to_owned());
    }
    attributes
}

/// The attributes asked for. Unknown names are refused, absent ones left out.
pub(crate) fn attributes(store: &Store, name: &str, wanted: &[String], now: Millis) -> Result<Attributes, SqsError> {
    let queue = store.queue(name)?;
    if let Some(stranger) = wanted.iter().find(|attribute| !settings::is_known(attribute)) {
        return Err(settings::unknown(stranger));
    }
    if wanted.is_empty() {
        return Ok(Attributes::new());
    }
    let mut attributes = all_attributes(&queue);
    let depth = depth(store.connection(), &queue, now)?;
    let counts = [
        ("ApproximateNumberOfMessages", depth.available),
        ("ApproximateNumberOfMessagesNotVisible", depth.in_flight),
        ("ApproximateNumberOfMessagesDelayed", depth.delayed),
    ];
    attributes.extend(counts.map(|(name, count)| (name.to_owned(), count.to_string())));
    if !wanted.iter().any(|attribute| attribute == "All") {
        attributes.retain(|attribute, _| wanted.contains(attribute));
    }
    Ok(attributes)
}

/// Counts a queue's messages. Those past their retention count no more.
pub(crate) fn depth(connection: &Connection, queue: &Queue, now: Millis) -> Result<Depth, SqsError> {
    let depth = connection
        .prepare_cached(
            "SELECT COUNT(*) FILTER (WHERE visible_at <= ?2),
                    COUNT(*) FILTER (WHERE visible_at > ?2 AND received_at IS NOT NULL),
                    COUNT(*) FILTER (WHERE visible_at > ?2 AND received_at IS NULL)
             FROM messages WHERE queue_id = ?1 AND sent_at > ?3",
        )?
        .query_row(params![queue.id, now, now - queue.settings.retention], |row| {
            Ok(Depth { available: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)? })
        })?;
    Ok(depth)
}
