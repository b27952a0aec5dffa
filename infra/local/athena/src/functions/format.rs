//! `date_format` and `date_parse`: MySQL's patterns, as Trino has them.

use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

/// What a pattern asks for that Trino does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsupported(pub char);

/// Writes a moment by a pattern.
pub(super) fn format(moment: NaiveDateTime, pattern: &str) -> Result<String, Unsupported> {
    let mut text = String::new();
    let mut rest = pattern.chars();
    while let Some(next) = rest.next() {
        if next != '%' {
            text.push(next);
            continue;
        }
        let Some(field) = rest.next() else { break };
        let hour12 = moment.hour12().1;
        let done = match field {
            'a' => write!(text, "{}", moment.format("%a")),
            'b' => write!(text, "{}", moment.format("%b")),
            'c' => write!(text, "{}", moment.month()),
            'd' => write!(text, "{:02}", moment.day()),
            'e' => write!(text, "{}", moment.day()),
            'f' => write!(text, "{:06}", moment.nanosecond() / 1_000),
            'H' => write!(text, "{:02}", moment.hour()),
            'h' | 'I' => write!(text, "{hour12:02}"),
            'i' => write!(text, "{:02}", moment.minute()),
            'j' => write!(text, "{:03}", moment.ordinal()),
            'k' => write!(text, "{}", moment.hour()),
            'l' => write!(text, "{hour12}"),
            'M' => write!(text, "{}", moment.format("%B")),
            'm' => write!(text, "{:02}", moment.month()),
            'p' => write!(text, "{}", moment.format("%p")),
            'r' => write!(text, "{}", moment.format("%I:%M:%S %p")),
            'S' | 's' => write!(text, "{:02}", moment.second()),
            'T' => write!(text, "{}", moment.format("%H:%M:%S")),
            'v' => write!(text, "{:02}", moment.iso_week().week()),
            'W' => write!(text, "{}", moment.format("%A")),
            'x' => write!(text, "{:04}", moment.iso_week().year()),
            'Y' => write!(text, "{:04}", moment.year()),
            'y' => write!(text, "{:02}", moment.year().rem_euclid(100)),
            'D' | 'U' | 'u' | 'V' | 'w' | 'X' => return Err(Unsupported(field)),
            other => {
                text.push(other);
                Ok(())
            }
        };
        let _ = done; // writing to a string cannot fail
    }
    Ok(text)
}

/// Reads a moment by a pattern; what the pattern lacks is that of 1970-01-01 00:00:00. `None` if the text does not follow it.
pub(super) fn parse(text: &str, pattern: &str) -> Result<Option<NaiveDateTime>, Unsupported> {
    let mut translated = String::new();
    let mut rest = pattern.chars();
    while let Some(next) = rest.next() {
        if next != '%' {
            translated.push(next);
            continue;
        }
        translated.push_str(match rest.next() {
            Some('Y') => "%Y",
            Some('y') => "%y",
            Some('m' | 'c') => "%m",
            Some('d' | 'e') => "%d",
            Some('H' | 'k') => "%H",
            Some('i') => "%M",
            Some('s' | 'S') => "%S",
            Some('T') => "%H:%M:%S",
            Some('f') => "%f",
            Some('b') => "%b",
            Some('M') => "%B",
            Some('p') => "%p",
            Some('h' | 'I' | 'l') => "%I",
            Some('%') | None => "%%",
            Some(other) => return Err(Unsupported(other)),
        });
    }
    let moment = NaiveDateTime::parse_from_str(text, &translated).ok();
    Ok(moment.or_else(|| NaiveDate::parse_from_str(text, &translated).ok()?.and_hms_opt(0, 0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_mysql() {
        let moment = NaiveDate::from_ymd_opt(2026, 11, 3)
            .and_then(|date| date.and_hms_micro_opt(15, 4, 9, 70_000))
            .expect("a moment");
        for (pattern, expected) in [
            ("%Y-%m-%d %H:%i:%s", "2026-11-03 15:04:09"),
            ("%Y-%m", "2026-11"),
            ("%a %b %c %e %W %M", "Tue Nov 11 3 Tuesday November"),
            ("%h:%i %p %f %j %k %l %T", "03:04 PM 070000 307 15 3 15:04:09"),
            ("%x-%v %y %% 100%", "2026-45 26 % 100"),
        ] {
            assert_eq!(format(moment, pattern).as_deref(), Ok(expected), "{pattern}");
        }
        assert_eq!(format(moment, "%U"), Err(Unsupported('U')));
        assert_eq!(
            parse("2026-11-03 15:04", "%Y-%m-%d %H:%i"),
            Ok(moment.with_second(0).and_then(|m| m.with_nanosecond(0)))
        );
        assert_eq!(
            parse("2026-11-03", "%Y-%m-%d"),
            Ok(NaiveDate::from_ymd_opt(2026, 11, 3).and_then(|d| d.and_hms_opt(0, 0, 0)))
        );
        assert_eq!(parse("nonsense", "%Y-%m-%d"), Ok(None));
    }
}
