//! GET /accounts/{id}/statement: all that happened in a period, as one document that adds up, in JSON or CSV.

use aws::ledger::{
    Ledger,
    history::{Stated, Statement},
};
use domain::{Timestamp, account::Account, id::AccountId};
use edge::{
    clock::Clock,
    http::{Answer, Code, Problem, Request},
};
use serde::Serialize;

use crate::{answers::failed, csv, find, statement::EntryView};

/// The longest period: a year, leap day included.
const MOST_MILLIS: i64 = 366 * 24 * 60 * 60 * 1000;
/// The most lines of one statement.
const MOST_ENTRIES: usize = 10_000;
/// The most bytes of one statement as a function answers it, inside a JSON string. A function may answer 6 MB, envelope
/// included.
const MOST_BYTES: usize = 5_500_000;

/// What `from` and `to` take, in words.
const EXPECTED: &str = "a day such as \"2026-11-01\" or an RFC 3339 moment such as \"2026-11-21T10:15:30Z\"";

/// A statement as a document.
#[derive(Debug, Serialize)]
struct StatementView<'a> {
    account_id: &'a AccountId,
    number: &'a str,
    currency: &'static str,
    from: Timestamp,
    to: Timestamp,
    opening: String,
    closing: String,
    entries: &'a [EntryView],
}

/// From its first moment on, up to the last one before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    from: Timestamp,
    to: Timestamp,
}

impl Period {
    /// As asked for, and as far as it is over: what is yet to come is in no statement.
    fn read(request: &Request, now: Timestamp) -> Result<Self, Problem> {
        let wanted = |name: &str| {
            let moment = request.query_as(name, EXPECTED, moment)?;
            moment.ok_or_else(|| refuse(name, &format!("is missing: {EXPECTED}")))
        };
        let (from, to) = (wanted("from")?, wanted("to")?);
        if from >= to {
            return Err(refuse("to", "must be later than from"));
        }
        if to.millis() - from.millis() > MOST_MILLIS {
            return Err(refuse("to", "must be within 366 days from from"));
        }
        // What was posted in this very millisecond is over.
        let present = now.plus_millis(1);
        if from >= present {
            return Err(refuse("from", "must not be in the future"));
        }
        Ok(Self { from, to: to.min(present) })
    }
}

/// A day stands for its first moment in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let text = if text.len() == "2026-11-01".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    text.parse().ok()
}

fn refuse(name: &str, detail: &str) -> Problem {
    Problem::field(Code::InvalidParameter, name, detail)
}

fn too_long() -> Problem {
    Problem::new(Code::StatementTooLong, "There is too much in this period for one statement; take a shorter one.")
}

pub(crate) async fn statement(ledger: &Ledger, clock: &impl Clock, request: &Request) -> Result<Answer, Problem> {
    let caller = request.person()?;
    request.only_query(&["from", "to"])?;
    let period = Period::read(request, clock.now())?;
    let account = find::own(ledger, &caller, request).await?;
    let stated = ledger.statement(&account.id, period.from, period.to, MOST_ENTRIES).await.map_err(failed)?;
    let statement = match stated.ok_or_else(Problem::not_found)? {
        Stated::Whole(statement) => statement,
        Stated::TooLong => return Err(too_long()),
    };
    let lines: Vec<_> = statement.entries.iter().map(|entry| EntryView::new(entry, caller.is_staff())).collect();
    let as_csv = csv::is_wanted(request.header("accept"));
    let text = if as_csv { csv::text(&lines) } else { document(&account, period, &statement, &lines)? };
    if inside_json(&text) > MOST_BYTES {
        return Err(too_long());
    }
    let answer = if as_csv {
        let days = format!("{}_{}", day(period.from), day(period.to.plus_millis(-1)));
        csv::file(&format!("{}_{days}", account.id), text)
    } else {
        Answer::raw("application/json", text.into_bytes()).header("Vary", "Accept")
    };
    Ok(answer)
}

fn document(
    account: &Account,
    period: Period,
    statement: &Statement,
    entries: &[EntryView],
) -> Result<String, Problem> {
    let view = StatementView {
        account_id: &account.id,
        number: account.number.as_str(),
        currency: account.currency.code(),
        from: period.from,
        to: period.to,
        opening: statement.opening.to_string(),
        closing: statement.closing.to_string(),
        entries,
    };
    serde_json::to_string(&view).map_err(|error| {
        tracing::error!(%error, "a statement could not be written");
        Problem::from(Code::Internal)
    })
}

/// The day of a moment, as it begins its text.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take("2026-11-01".len()).collect()
}

/// How many bytes a text takes as a JSON string.
fn inside_json(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_first_moment_and_anything_else_a_moment_or_nothing() {
        for (text, expected) in [
            ("2026-11-01", Some("2026-11-01T00:00:00.000Z")),
            ("2028-02-29", Some("2028-02-29T00:00:00.000Z")),
            ("2026-11-01T10:00:00-05:00", Some("2026-11-01T15:00:00.000Z")),
            ("2026-02-29", None),
            ("2026-11-1", None),
            ("20261101T0", None),
            ("today", None),
            ("", None),
        ] {
            assert_eq!(moment(text).map(|at| at.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_size_inside_json_is_what_serde_makes_of_it() {
        let text = "a \"b\" \\ \r\n\t\u{1}ñ🎂";
        let json = serde_json::to_string(text).expect("JSON");
        assert_eq!(inside_json(text), json.len() - 2);
    }
}
