//! A statement as CSV.

use aws::ledger::history::Direction;
use domain::account::Account;
use edge::http::{
    Answer, Page,
    csv::{harmless, write},
};

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
    write(&mut text, HEADER);
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
