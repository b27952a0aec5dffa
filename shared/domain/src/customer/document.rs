//! The papers that prove who somebody is.

use std::fmt;

use time::{Date, Month};

use super::DocumentNumber;

/// What kind of paper a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// National identity card.
    Dni,
    /// Passport.
    Passport,
    /// Tax register of companies and the self-employed.
    Ruc,
    /// Identity card of a foreign resident.
    ForeignerCard,
}

impl DocumentKind {
    const ALL: [Self; 4] = [Self::Dni, Self::Passport, Self::Ruc, Self::ForeignerCard];
    /// What [`DocumentKind::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be one of dni, passport, ruc, foreigner_card";

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dni => "dni",
            Self::Passport => "passport",
            Self::Ruc => "ruc",
            Self::ForeignerCard => "foreigner_card",
        }
    }

    /// Reads what [`DocumentKind::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A day of the calendar, without time or zone. Its text (`2026-02-28`) sorts as days do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarDate(Date);

impl CalendarDate {
    /// What [`CalendarDate::parse`] takes, in words.
    pub const EXPECTED: &'static str = "must be a day of the calendar, such as \"2026-02-28\"";

    /// Reads `YYYY-MM-DD`; `None` if there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            let part = text.get(range)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u16>().ok())?
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let month = Month::try_from(u8::try_from(digits(5..7)?).ok()?).ok()?;
        let day = u8::try_from(digits(8..10)?).ok()?;
        Date::from_calendar_date(i32::from(digits(0..4)?), month, day).ok().map(Self)
    }
}

impl fmt::Display for CalendarDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl serde::Serialize for CalendarDate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A document would have expired before it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiresBeforeIssued;

/// A paper that proves who somebody is. Its number is unique in the bank, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Document {
    /// What kind of paper.
    #[serde(rename = "type")]
    pub kind: DocumentKind,
    /// Its number.
    pub number: DocumentNumber,
    /// When it was issued.
    pub issued_on: Option<CalendarDate>,
    /// The last day it is valid.
    pub expires_on: Option<CalendarDate>,
}

impl Document {
    /// A document; both days may be unknown, but it cannot expire before it is issued.
    pub fn new(
        kind: DocumentKind,
        number: DocumentNumber,
        issued_on: Option<CalendarDate>,
        expires_on: Option<CalendarDate>,
    ) -> Result<Self, ExpiresBeforeIssued> {
        match (issued_on, expires_on) {
            (Some(issued), Some(expires)) if expires < issued => Err(ExpiresBeforeIssued),
            _ => Ok(Self { kind, number, issued_on, expires_on }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_real() {
        for text in ["2024-02-29", "2026-12-31", "0001-01-01"] {
            assert_eq!(CalendarDate::parse(text).map(|day| day.to_string()).as_deref(), Some(text));
        }
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-01",
            "2026-01-32",
            "20260101",
            "2026-01-01T00",
            "+026-01-01",
            "2026-é-1",
            "",
        ] {
            assert_eq!(CalendarDate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_document_cannot_expire_before_it_is_issued() {
        let number = || DocumentNumber::parse("1").expect("a number");
        let day = CalendarDate::parse;
        for (issued, expires, fits) in [
            (None, None, true),
            (day("2026-01-02"), None, true),
            (None, day("2020-01-01"), true),
            (day("2026-01-02"), day("2026-01-02"), true),
            (day("2026-01-02"), day("2026-01-01"), false),
        ] {
            assert_eq!(
                Document::new(DocumentKind::Ruc, number(), issued, expires).is_ok(),
                fits,
                "{issued:?} {expires:?}"
            );
        }
    }
}
