//! What the supplier answers, read as the text of a stranger.

use std::fmt;

use domain::{
    id::VoucherId,
    voucher::{Report, SUPPLIER_SAYS, VoucherCode},
};
use serde::Deserialize;

use crate::Cause;

/// Longest number of an order at the supplier.
const ORDER_LEN: usize = 64;
/// Longest reason, in characters.
const REASON_LEN: usize = 200;

/// What the supplier surely says about an order.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// Carried out.
    Delivered {
        /// The voucher.
        code: VoucherCode,
        /// The supplier's own number of the order; `None` if it has none of at most 64 printable ASCII characters.
        order: Option<String>,
    },
    /// Not carried out, and never will be.
    Refused {
        /// Why, in the supplier's words: at most 200 printable characters, perhaps none.
        reason: String,
    },
    /// Taken, and still under way.
    Processing,
    /// No order of this reference is known. Only [`crate::Supplier::status`] answers it.
    NotFound,
}

impl Answer {
    /// The outcome it is, if it is one. Its reason is marked as the supplier's.
    pub fn report(&self) -> Option<Report> {
        match self {
            Self::Delivered { code, order } => {
                Some(Report::Delivered { code: code.clone(), supplier_order: order.clone() })
            }
            Self::Refused { reason } => Some(Report::Refused { reason: format!("{SUPPLIER_SAYS}{reason}") }),
            Self::Processing | Self::NotFound => None,
        }
    }
}

/// Leaves out what is worth money, and what a stranger wrote.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delivered { .. } => "Delivered(***)",
            Self::Refused { .. } => "Refused(***)",
            Self::Processing => "Processing",
            Self::NotFound => "NotFound",
        })
    }
}

/// Which of the protocol's two questions is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Order,
    Status,
}

/// Members that are not listed say nothing. A member that comes twice makes the document malformed.
#[derive(Deserialize)]
struct Document {
    reference: String,
    status: String,
    code: Option<String>,
    order_id: Option<String>,
    reason: Option<String>,
}

impl Document {
    fn parse(body: &[u8]) -> Option<Self> {
        // serde_json takes a list for a struct, and bytes it passes over for text.
        let text = std::str::from_utf8(body).ok()?;
        let object = text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
        object.then(|| serde_json::from_str(text).ok()).flatten()
    }

    fn delivered(self) -> Result<Answer, Cause> {
        let code = self.code.as_deref().and_then(VoucherCode::parse).ok_or(Cause::UnusableCode)?;
        let printable = |id: &String| {
            (1..=ORDER_LEN).contains(&id.len()) && id.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        };
        Ok(Answer::Delivered { code, order: self.order_id.filter(printable) })
    }

    /// Who refuses and hands out a voucher all the same is not sure.
    fn refused(self) -> Result<Answer, Cause> {
        match self.code {
            Some(_) => Err(Cause::Malformed),
            None => Ok(Answer::Refused { reason: printable(&self.reason.unwrap_or_default()) }),
        }
    }
}

/// Reads an answer about `reference`. Every pair of status line and document that the protocol does not have is an error.
pub(crate) fn read(question: Question, status: u16, body: &[u8], reference: &VoucherId) -> Result<Answer, Cause> {
    match (question, status) {
        (Question::Order, 200 | 202 | 422) | (Question::Status, 200 | 404) => {}
        _ => return Err(Cause::Status(status)),
    }
    let document = Document::parse(body).ok_or(Cause::Malformed)?;
    if document.reference != reference.as_str() {
        return Err(Cause::WrongReference);
    }
    match (question, status, document.status.as_str()) {
        (_, 200, "delivered") => document.delivered(),
        (_, 200, "refused") | (Question::Order, 422, "refused") => document.refused(),
        (Question::Order, 202, "processing") | (Question::Status, 200, "processing") => Ok(Answer::Processing),
        (Question::Status, 404, "not_found") => Ok(Answer::NotFound),
        _ => Err(Cause::Malformed),
    }
}

/// One line of what can be seen, cut to [`REASON_LEN`] characters.
fn printable(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c)).map(|c| if c.is_control() { ' ' } else { c });
    let seen: String = seen.collect();
    let line = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(REASON_LEN).collect();
    cut.trim_end().to_owned()
}

/// Characters that show nothing but turn, join or hide others (Unicode's format characters and private use).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests;
