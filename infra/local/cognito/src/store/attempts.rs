//! Counters against guessing and flooding: passwords with growing pauses, codes and messages per hour.

use rusqlite::{Connection, OptionalExtension, params};

use crate::refusal::Refusal;

/// What is counted, and for whom.
pub(crate) struct Limit<'a> {
    pub pool_id: &'a str,
    /// A user name, or the name given where no such user exists.
    pub subject: &'a str,
    pub purpose: &'a str,
}

const HOUR: i64 = 3_600_000;
/// After a quiet quarter of an hour wrong passwords are forgotten; it is also the longest pause.
const QUIET: i64 = 900_000;
/// The fifth wrong password starts the first pause.
const FREE_FAILURES: u32 = 5;

/// Whether a pause or a spent quota is in force.
pub(crate) fn blocked(connection: &Connection, limit: &Limit<'_>, now: i64) -> Result<bool, Refusal> {
    Ok(load(connection, limit)?.is_some_and(|(_, _, _, until)| until > now))
}

/// Counts a wrong password: from the fifth on, a pause of 2^(n-5) seconds, at most a quarter of an hour.
pub(crate) fn count_failure(connection: &Connection, limit: &Limit<'_>, now: i64) -> Result<(), Refusal> {
    let before = load(connection, limit)?.filter(|(_, _, last, _)| now - last < QUIET);
    let (count, since) = before.map_or((1, now), |(count, since, _, _)| (count + 1, since));
    let until = match count.checked_sub(FREE_FAILURES) {
        None => 0,
        Some(doublings) => now + 1_000_i64.checked_shl(doublings).map_or(QUIET, |pause| pause.clamp(0, QUIET)),
    };
    store(connection, limit, count, since, now, until)
}

/// Counts one of `allowed` an hour; the one that spends the quota blocks until the hour is over.
pub(crate) fn count_within_hour(
    connection: &Connection,
    limit: &Limit<'_>,
    allowed: u32,
    now: i64,
) -> Result<(), Refusal> {
    let before = load(connection, limit)?.filter(|(_, since, _, _)| now - since < HOUR);
    let (count, since) = before.map_or((1, now), |(count, since, _, _)| (count + 1, since));
    let until = if count >= allowed { since + HOUR } else { 0 };
    store(connection, limit, count, since, now, until)
}

pub(crate) fn clear(connection: &Connection, limit: &Limit<'_>) -> Result<(), Refusal> {
    connection
        .prepare_cached("DELETE FROM attempts WHERE pool_id = ?1 AND subject = ?2 AND purpose = ?3")?
        .execute(params![limit.pool_id, limit.subject, limit.purpose])?;
    Ok(())
}

type Row = (u32, i64, i64, i64);

fn load(connection: &Connection, limit: &Limit<'_>) -> Result<Option<Row>, Refusal> {
    let row = connection
        .prepare_cached(
            "SELECT count, since, last, until FROM attempts WHERE pool_id = ?1 AND subject = ?2 AND purpose = ?3",
        )?
        .query_row(params![limit.pool_id, limit.subject, limit.purpose], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    Ok(row)
}

fn store(
    connection: &Connection,
    limit: &Limit<'_>,
    count: u32,
    since: i64,
    last: i64,
    until: i64,
) -> Result<(), Refusal> {
    // Names that do not exist are counted too; what no rule looks back on goes.
    connection.prepare_cached("DELETE FROM attempts WHERE last < ?1")?.execute([last - 2 * HOUR])?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempts (pool_id, subject, purpose, count, since, last, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![limit.pool_id, limit.subject, limit.purpose, count, since, last, until])?;
    Ok(())
}
