//! AWS's cron expressions: minutes, hours, day of month, month, day of week, year; in UTC.
//!
//! Pure: from one moment to the next. One of the two day fields is `?`.

use time::{Date, Duration, Month, OffsetDateTime, Time, Weekday};

/// When a cron schedule fires.
#[derive(Debug, Clone)]
pub struct Cron {
    minutes: Set,
    hours: Set,
    days: Days,
    months: Set,
    years: Set,
}

/// Why an expression is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cron({expression}): {field} {reason}")]
pub struct CronError {
    expression: String,
    field: &'static str,
    reason: String,
}

/// The numbers of one field, in order.
#[derive(Debug, Clone)]
struct Set(Vec<u16>);

#[derive(Debug, Clone)]
enum Days {
    OfMonth(Vec<DayOfMonth>),
    OfWeek(Vec<DayOfWeek>),
}

#[derive(Debug, Clone)]
enum DayOfMonth {
    Days(Set),
    /// `L`
    Last,
    /// `LW`
    LastWeekday,
    /// `15W`: the weekday nearest to the 15th, within the month.
    NearestWeekday(u8),
}

/// Sunday is 1.
#[derive(Debug, Clone)]
enum DayOfWeek {
    Days(Set),
    /// `6L`, and `L` alone for Saturday.
    Last(u8),
    /// `6#3`: the third Friday.
    Nth(u8, u8),
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const LAST_YEAR: u16 = 2199;

impl Cron {
    /// Reads the six fields.
    pub fn parse(expression: &str) -> Result<Cron, CronError> {
        let refuse = |field, reason: String| CronError { expression: expression.to_owned(), field, reason };
        let fields: Vec<String> = expression.split_whitespace().map(str::to_uppercase).collect();
        let [minutes, hours, of_month, months, of_week, years] = fields.as_slice() else {
            return Err(refuse("expression", format!("has {} fields instead of six", fields.len())));
        };
        let set = |name, text: &str, low, high, names: &[&str]| {
            Set::parse(text, low, high, names).ok_or_else(|| refuse(name, format!("cannot be {text}")))
        };
        let days = match (of_month.as_str(), of_week.as_str()) {
            ("?", "?") => return Err(refuse("day", "must be given of month or of week".to_owned())),
            (of_month, "?") => days_of_month(of_month).map(Days::OfMonth),
            ("?", of_week) => days_of_week(of_week).map(Days::OfWeek),
            _ => return Err(refuse("day", "is given of month and of week: one of them must be ?".to_owned())),
        };
        Ok(Cron {
            minutes: set("minutes", minutes, 0, 59, &[])?,
            hours: set("hours", hours, 0, 23, &[])?,
            days: days.ok_or_else(|| refuse("day", format!("cannot be {of_month} {of_week}")))?,
            months: set("month", months, 1, 12, &MONTHS)?,
            years: set("year", years, 1970, LAST_YEAR, &[])?,
        })
    }

    /// The first moment after `after` at which it fires; none if it never does again.
    pub fn next_after(&self, after: OffsetDateTime) -> Option<OffsetDateTime> {
        let start = after.checked_add(Duration::MINUTE)?;
        let mut date = start.date();
        let mut from = (start.hour(), start.minute());
        while date.year() <= i32::from(LAST_YEAR) {
            if self.fires_on(date)
                && let Some((hour, minute)) = self.time_from(from)
            {
                return Some(date.with_time(Time::from_hms(hour, minute, 0).ok()?).assume_utc());
            }
            date = date.next_day()?;
            from = (0, 0);
        }
        None
    }

    fn fires_on(&self, date: Date) -> bool {
        let year = u16::try_from(date.year()).unwrap_or(0);
        self.years.has(year) && self.months.has(u16::from(u8::from(date.month()))) && self.days.have(date)
    }

    fn time_from(&self, (hour, minute): (u8, u8)) -> Option<(u8, u8)> {
        let first = |set: &Set, from: u8| set.0.iter().copied().find(|n| *n >= u16::from(from)).map(|n| n as u8);
        if self.hours.has(u16::from(hour))
            && let Some(minute) = first(&self.minutes, minute)
        {
            return Some((hour, minute));
        }
        Some((first(&self.hours, hour + 1)?, first(&self.minutes, 0)?))
    }
}

impl Set {
    /// A list of numbers, names, ranges, `*`, each with an optional `/step`.
    fn parse(text: &str, low: u16, high: u16, names: &[&str]) -> Option<Set> {
        let number = |text: &str| {
            let named = names.iter().position(|name| *name == text).map(|at| low + at as u16);
            named.or_else(|| text.parse().ok()).filter(|number| (low..=high).contains(number))
        };
        let mut numbers = Vec::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step.parse().ok().filter(|step| *step > 0_usize)?)),
                None => (part, None),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (low, high),
                Some((first, last)) => (number(first)?, number(last)?),
                // `5/15` begins at five and goes on to the end.
                None => (number(range)?, if step.is_some() { high } else { number(range)? }),
            };
            let step = step.unwrap_or(1);
            if first <= last {
                numbers.extend((first..=last).step_by(step));
            } else {
                // FRI-MON goes round.
                numbers.extend((first..=high).chain(low..=last).step_by(step));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Some(Set(numbers))
    }

    fn has(&self, number: u16) -> bool {
        self.0.binary_search(&number).is_ok()
    }
}

fn days_of_month(text: &str) -> Option<Vec<DayOfMonth>> {
    let day = |part: &str| match part {
        "L" => Some(DayOfMonth::Last),
        "LW" => Some(DayOfMonth::LastWeekday),
        part => match part.strip_suffix('W') {
            Some(day) => {
                let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
                Some(DayOfMonth::NearestWeekday(day))
            }
            None => Set::parse(part, 1, 31, &[]).map(DayOfMonth::Days),
        },
    };
    text.split(',').map(day).collect()
}

fn days_of_week(text: &str) -> Option<Vec<DayOfWeek>> {
    let one = |text: &str| {
        Set::parse(text, 1, 7, &WEEKDAYS).and_then(|set| <[u16; 1]>::try_from(set.0).ok()).map(|[day]| day as u8)
    };
    let day = |part: &str| match (part.split_once('#'), part.strip_suffix('L')) {
        (Some((day, nth)), _) => {
            let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth))?;
            Some(DayOfWeek::Nth(one(day)?, nth))
        }
        (None, Some("")) => Some(DayOfWeek::Last(7)),
        (None, Some(day)) => one(day).map(DayOfWeek::Last),
        (None, None) => Set::parse(part, 1, 7, &WEEKDAYS).map(DayOfWeek::Days),
    };
    text.split(',').map(day).collect()
}

impl Days {
    fn have(&self, date: Date) -> bool {
        let (day, last) = (date.day(), date.month().length(date.year()));
        match self {
            Days::OfMonth(days) => days.iter().any(|wanted| match wanted {
                DayOfMonth::Days(set) => set.has(u16::from(day)),
                DayOfMonth::Last => day == last,
                DayOfMonth::LastWeekday => day == nearest_weekday(date.year(), date.month(), last),
                DayOfMonth::NearestWeekday(wanted) => {
                    *wanted <= last && day == nearest_weekday(date.year(), date.month(), *wanted)
                }
            }),
            Days::OfWeek(days) => {
                let weekday = date.weekday().number_from_sunday();
                days.iter().any(|wanted| match wanted {
                    DayOfWeek::Days(set) => set.has(u16::from(weekday)),
                    DayOfWeek::Last(wanted) => weekday == *wanted && day + 7 > last,
                    DayOfWeek::Nth(wanted, nth) => weekday == *wanted && day.div_ceil(7) == *nth,
                })
            }
        }
    }
}

/// The Monday-to-Friday day nearest to `day`, never in another month.
fn nearest_weekday(year: i32, month: Month, day: u8) -> u8 {
    let last = month.length(year);
    match Date::from_calendar_date(year, month, day).map(Date::weekday) {
        Ok(Weekday::Saturday) if day == 1 => 3,
        Ok(Weekday::Saturday) => day - 1,
        Ok(Weekday::Sunday) if day == last => day - 2,
        Ok(Weekday::Sunday) => day + 1,
        _ => day,
    }
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;

    #[track_caller]
    fn check(expression: &str, after: &str, expected: &[&str]) {
        let cron = Cron::parse(expression).unwrap();
        let mut at = OffsetDateTime::parse(after, &Rfc3339).unwrap();
        for expected in expected {
            at = cron.next_after(at).unwrap();
            assert_eq!(at.format(&Rfc3339).unwrap(), *expected, "cron({expression})");
        }
    }

    #[test]
    fn fires_at_the_next_matching_minute() {
        check("0 6 * * ? *", "2026-11-20T06:00:00Z", &["2026-11-21T06:00:00Z", "2026-11-22T06:00:00Z"]);
        check("0 6 * * ? *", "2026-11-20T05:59:59Z", &["2026-11-20T06:00:00Z"]);
        check("0/15 8-9 * * ? *", "2026-11-20T09:40:00Z", &["2026-11-20T09:45:00Z", "2026-11-21T08:00:00Z"]);
        check("59 23 31 12 ? 2026-2027", "2026-12-31T23:59:00Z", &["2027-12-31T23:59:00Z"]);
    }

    #[test]
    fn knows_weekdays_by_number_and_by_name() {
        // 2026-11-20 is a Friday.
        check("0 10 ? * MON-FRI *", "2026-11-20T10:00:00Z", &["2026-11-23T10:00:00Z"]);
        check("0 10 ? * 1 *", "2026-11-20T10:00:00Z", &["2026-11-22T10:00:00Z"]);
        check("0 10 ? * FRI-MON *", "2026-11-20T09:00:00Z", &["2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"]);
    }

    #[test]
    fn knows_last_nearest_and_nth_days() {
        check("0 0 L * ? *", "2027-02-01T00:00:00Z", &["2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"]);
        check("0 0 LW * ? *", "2027-02-01T00:00:00Z", &["2027-02-26T00:00:00Z"]); // the 28th is a Sunday
        check("0 0 1W * ? *", "2026-07-31T00:00:00Z", &["2026-08-03T00:00:00Z"]); // the 1st is a Saturday
        check("0 0 ? * 6#3 *", "2026-11-01T00:00:00Z", &["2026-11-20T00:00:00Z"]);
        check("0 0 ? * FRIL *", "2026-11-01T00:00:00Z", &["2026-11-27T00:00:00Z"]);
    }

    #[test]
    fn leap_days_come_and_past_years_never() {
        check("0 0 29 2 ? *", "2026-11-20T00:00:00Z", &["2028-02-29T00:00:00Z"]);
        let never = Cron::parse("0 0 1 1 ? 2020").unwrap();
        assert_eq!(never.next_after(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()), None);
    }

    #[test]
    fn mistakes_name_their_field() {
        for (expression, field) in [
            ("0 6 * * *", "expression"),
            ("60 6 * * ? *", "minutes"),
            ("0 24 * * ? *", "hours"),
            ("0 6 * * * *", "day"),
            ("0 6 ? * ? *", "day"),
            ("0 6 32 * ? *", "day"),
            ("0 6 * FOO ? *", "month"),
            ("0 6 * * ? 1960", "year"),
        ] {
            assert_eq!(Cron::parse(expression).unwrap_err().field, field, "{expression}");
        }
    }
}
