//! A statement as CSV (RFC 4180), safe to open in a spreadsheet.

use aws::ledger::history::Direction;
use domain::account::Account;
use edge::http::{Answer, Page};

use crate::statement::EntryView;

/// The lines of one file when the caller does not say how many: some 1.5 MB, well under the 6 MB a function may answer.
pub(crate) const MAX_LINES: usize = 5_000;

const HEADER: [&str; 10] = [
    "entry_id",
    "transfer_id",
    "type",
    "direction",
    "amount",
    "currency",
    "balance_after",
    "counterparty",
    "description",
    "created_at",
];

/// Whether an `Accept` header prefers CSV to JSON: it names it before any type that JSON fits.
pub(crate) fn is_wanted(accept: Option<&str>) -> bool {
    let types = accept.unwrap_or_default().split(',').filter_map(|part| {
        let mut parameters = part.split(';').map(str::trim);
        let media = parameters.next()?.to_ascii_lowercase();
        let refused = parameters.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        (!refused).then_some(media)
    });
    types.into_iter().find(|media| ["text/csv", "application/json", "application/*", "*/*"].contains(&media.as_str()))
        == Some("text/csv".to_owned())
}

/// A page as a file. What did not fit follows at the address of the `Link` header, told relative to the present one.
pub(crate) fn answer(account: &Account, page: &Page<EntryView>) -> Answer {
    let answer = file(account.id.as_str(), text(&page.items));
    match &page.next_cursor {
        Some(cursor) => answer.header("Link", format!("<?cursor={cursor}>; rel=\"next\"")),
        None => answer,
    }
}

/// A file of this name.
pub(crate) fn file(name: &str, text: String) -> Answer {
    Answer::raw("text/csv; charset=utf-8; header=present", text.into_bytes())
        .header("Content-Disposition", format!("attachment; filename=\"{name}.csv\""))
        .header("Vary", "Accept")
}

/// The header line and a line for each entry.
pub(crate) fn text(entries: &[EntryView]) -> String {
    let mut text = String::new();
    write(&mut text, HEADER.map(str::to_owned));
    for entry in entries {
        write(
            &mut text,
            [
                entry.entry_id.clone(),
                entry.transfer_id.to_string(),
                entry.r#type.as_str().to_owned(),
                direction(entry.direction).to_owned(),
                entry.amount.clone(),
                entry.currency.to_owned(),
                entry.balance_after.clone(),
                entry.counterparty.clone(),
                entry.description.as_deref().map(harmless).unwrap_or_default(),
                entry.created_at.to_string(),
            ],
        );
    }
    text
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Credit => "credit",
        Direction::Debit => "debit",
    }
}

/// One record: fields with a comma, a quote or a line break stand in quotes, quotes in them are doubled.
fn write(text: &mut String, fields: [String; HEADER.len()]) {
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
    }
    text.push_str("\r\n");
}

/// Free text that a spreadsheet will not take for a formula (OWASP, CSV injection): an apostrophe goes before it.
/// Amounts are ours and stay numbers, also negative ones.
fn harmless(text: &str) -> String {
    let formula = text.starts_with(['\t', '\r', '\n'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_answered_to_whoever_names_it_before_json() {
        for (accept, wanted) in [
            (None, false),
            (Some(""), false),
            (Some("text/csv"), true),
            (Some("TEXT/CSV; charset=utf-8"), true),
            (Some("text/csv, */*"), true),
            (Some("text/csv;q=0.9, application/json;q=0.1"), true),
            (Some("application/json, text/csv"), false),
            (Some("*/*"), false),
            (Some("text/csv;q=0, */*"), false),
            (Some("text/html, text/csv"), true),
            (Some("text/html"), false),
        ] {
            assert_eq!(is_wanted(accept), wanted, "{accept:?}");
        }
    }

    #[test]
    fn what_would_be_a_formula_becomes_text() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("rent", "rent"),
            ("1 = 1", "1 = 1"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_commas_and_line_breaks_stay_inside_their_field() {
        let mut text = String::new();
        let mut fields: [String; HEADER.len()] = Default::default();
        fields[0] = "a,b".into();
        fields[1] = "say \"hi\"".into();
        fields[2] = "two\r\nlines".into();
        write(&mut text, fields);
        assert_eq!(text, "\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",,,,,,,\r\n");
    }
}
