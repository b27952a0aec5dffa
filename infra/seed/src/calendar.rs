//! Days and months in UTC, as the bank's year needs them: month ends, leap days, the last moment of a year.

use domain::Timestamp;
use time::{Date, Duration, Month, OffsetDateTime, Time};

/// Milliseconds of a day.
pub const DAY: i64 = 24 * 60 * 60 * 1000;

/// The day of a moment.
pub fn day_of(at: Timestamp) -> Date {
    // A timestamp lies between 1970 and 9999, which every date holds.
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_or(Date::MIN, OffsetDateTime::date)
}

/// The first moment of a day.
pub fn start_of(day: Date) -> Timestamp {
    Timestamp::from_millis(OffsetDateTime::new_utc(day, Time::MIDNIGHT).unix_timestamp().saturating_mul(1000))
}

/// The last day of the month that a day is in.
pub fn month_end(day: Date) -> Date {
    let last = day.month().length(day.year());
    day.replace_day(last).unwrap_or(day)
}

/// The day before.
pub fn day_before(day: Date) -> Date {
    day.checked_sub(Duration::DAY).unwrap_or(day)
}

/// The same day so many years later, or earlier; the 28th for a leap day in a year without one.
pub fn years_later(day: Date, years: i32) -> Date {
    let year = day.year() + years;
    day.replace_year(year).or_else(|_| Date::from_calendar_date(year, Month::February, 28)).unwrap_or(day)
}

/// A day as the bank's documents write it.
pub fn written(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

/// Whether it is the 29th of February.
pub fn is_leap_day(day: Date) -> bool {
    (day.month(), day.day()) == (Month::February, 29)
}

/// The last days of all months of which the last day begins within the period, oldest first.
pub fn month_ends(from: Timestamp, to: Timestamp) -> Vec<Date> {
    let mut ends = Vec::new();
    let mut day = month_end(day_of(from));
    while start_of(day) < to {
        if start_of(day) >= from {
            ends.push(day);
        }
        let Some(next) = day.next_day() else { break };
        day = month_end(next);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn months_end_where_the_calendar_says() {
        let ends = month_ends(moment("2023-12-15T00:00:00Z"), moment("2024-05-01T00:00:00Z"));
        let ends: Vec<_> = ends.into_iter().map(written).collect();
        assert_eq!(ends, ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]);
        assert!(month_ends(moment("2026-11-02T00:00:00Z"), moment("2026-11-29T23:00:00Z")).is_empty());
        let one = month_ends(moment("2027-02-28T00:00:00Z"), moment("2027-02-28T00:00:00.001Z"));
        assert_eq!(one.into_iter().map(written).collect::<Vec<_>>(), ["2027-02-28"]);
    }

    #[test]
    fn a_leap_day_has_an_anniversary_in_every_year() {
        let leap = day_of(moment("2024-02-29T23:59:59.999Z"));
        assert!(is_leap_day(leap));
        assert_eq!(written(years_later(leap, 1)), "2025-02-28");
        assert_eq!(written(years_later(leap, 4)), "2028-02-29");
        assert_eq!(start_of(leap), moment("2024-02-29T00:00:00Z"));
    }
}
