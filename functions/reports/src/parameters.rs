//! What a report is asked for: typed, bounded, with defaults. Values travel beside the SQL and are never pasted into it.

use aws::athena::Parameter as Bound;
use domain::{Timestamp, id::AccountId};
use edge::http::{Code, Problem, Request};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use time::{Date, Duration, Month, OffsetDateTime, macros::format_description};

/// Days outside of these are a slip, and engines need not agree about them.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2199;

/// A parameter of a report.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the query string.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it does, in words.
    pub meaning: &'static str,
}

/// What a parameter may be. Its values are bound in the order of the parameters.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// How many rows: one value.
    Top {
        /// When nothing is asked.
        default: i64,
        /// At most.
        most: i64,
    },
    /// More than so much, in each currency by itself: one value.
    Threshold {
        /// When nothing is asked.
        default: i64,
    },
    /// From this day on; by default the first of the month eleven months ago: one value.
    Since,
    /// Up to, but not including, this day; by default tomorrow: one value.
    Before,
    /// A calendar month, by default the present one: its first day and the next month's.
    Month,
    /// So many calendar months up to the present one: the first day of the first, and of the month after the last.
    Months {
        /// When nothing is asked.
        default: i64,
        /// At most.
        most: i64,
    },
    /// So many days up to today: the first, and tomorrow.
    Days {
        /// When nothing is asked.
        default: i64,
        /// At most.
        most: i64,
    },
    /// An account, which must be named: one value.
    Account,
}

/// All parameters of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// As they go to the engine.
    pub bound: Vec<Bound>,
    /// As they are told: by name, defaults filled in.
    pub told: Vec<(&'static str, Value)>,
}

impl Parameter {
    /// How the catalogue describes it, at this moment.
    pub fn describe(&self, now: Timestamp) -> Value {
        let today = day(now);
        let (kind, least, most, default) = match self.kind {
            Kind::Top { default, most } | Kind::Months { default, most } | Kind::Days { default, most } => {
                ("integer", json!(1), json!(most), json!(default))
            }
            Kind::Threshold { default } => ("amount", json!("0"), Value::Null, json!(default.to_string())),
            Kind::Since => ("day", Value::Null, Value::Null, json!(first_of_year_back(today).to_string())),
            Kind::Before => ("day", Value::Null, Value::Null, json!(plus_days(today, 1).to_string())),
            Kind::Month => ("month", Value::Null, Value::Null, json!(month_name(first_of_month(today)))),
            Kind::Account => ("account_id", Value::Null, Value::Null, Value::Null),
        };
        json!({
            "name": self.name,
            "type": kind,
            "meaning": self.meaning,
            "default": default,
            "minimum": least,
            "maximum": most,
            "required": matches!(self.kind, Kind::Account),
        })
    }
}

/// Reads the parameters of a report from a request.
pub fn read(parameters: &[Parameter], request: &Request, now: Timestamp) -> Result<Asked, Problem> {
    let mut known = vec!["limit", "cursor"];
    known.extend(parameters.iter().map(|parameter| parameter.name));
    request.only_query(&known)?;
    let (mut asked, today) = (Asked::default(), day(now));
    let (mut since, mut before) = (None, None);
    for parameter in parameters {
        let name = parameter.name;
        let whole = |default, most| {
            let parse = |text: &str| text.parse::<i64>().ok().filter(|number| (1..=most).contains(number));
            let number = request.query_as(name, &format!("a whole number from 1 to {most}"), parse)?;
            Ok::<_, Problem>(number.unwrap_or(default))
        };
        let a_day = || request.query_as(name, "a day, YYYY-MM-DD, of the years 2000 to 2199", parse_day);
        match parameter.kind {
            Kind::Top { default, most } => {
                let number = whole(default, most)?;
                asked.add(name, json!(number), [Bound::Whole(number)]);
            }
            Kind::Threshold { default } => {
                let amount = request.query_as(name, "an amount, such as 10000 or 99.50", parse_amount)?;
                let amount = amount.unwrap_or_else(|| Decimal::from(default));
                asked.add(name, json!(amount.to_string()), [Bound::Decimal(amount)]);
            }
            Kind::Since => {
                let first = a_day()?.unwrap_or_else(|| first_of_year_back(today));
                since = Some(first);
                asked.add(name, json!(first.to_string()), [bound(first)]);
            }
            Kind::Before => {
                let end = a_day()?.unwrap_or_else(|| plus_days(today, 1));
                before = Some(end);
                asked.add(name, json!(end.to_string()), [bound(end)]);
            }
            Kind::Month => {
                let first = request.query_as(name, "a month, YYYY-MM, of the years 2000 to 2199", parse_month)?;
                let first = first.unwrap_or_else(|| first_of_month(today));
                asked.add(name, json!(month_name(first)), [bound(first), bound(plus_months(first, 1))]);
            }
            Kind::Months { default, most } => {
                let (number, present) = (whole(default, most)?, first_of_month(today));
                asked.add(
                    name,
                    json!(number),
                    [bound(plus_months(present, 1 - number)), bound(plus_months(present, 1))],
                );
            }
            Kind::Days { default, most } => {
                let number = whole(default, most)?;
                asked.add(name, json!(number), [bound(plus_days(today, 1 - number)), bound(plus_days(today, 1))]);
            }
            Kind::Account => {
                let id = request.query_as(name, "the id of an account", AccountId::parse)?;
                let id = id.ok_or_else(|| Problem::field(Code::InvalidParameter, name, "is missing"))?;
                asked.add(name, json!(id.as_str()), [Bound::Text(id.as_str().to_owned())]);
            }
        }
    }
    if let (Some(since), Some(before)) = (since, before)
        && before <= since
    {
        return Err(Problem::field(Code::InvalidParameter, "before", "must be a day after since"));
    }
    Ok(asked)
}

impl Asked {
    fn add<const N: usize>(&mut self, name: &'static str, told: Value, bound: [Bound; N]) {
        self.told.push((name, told));
        self.bound.extend(bound);
    }

    /// All of them in one text: no two requests of different meaning share it.
    pub fn spelled(&self) -> String {
        format!("{:?}", self.bound)
    }
}

fn bound(day: Date) -> Bound {
    Bound::Day(day.to_string())
}

/// The day of a moment, in UTC.
pub(crate) fn day(now: Timestamp) -> Date {
    OffsetDateTime::from_unix_timestamp(now.seconds()).map_or(Date::MIN, OffsetDateTime::date)
}

fn first_of_month(day: Date) -> Date {
    plus_days(day, 1 - i64::from(day.day()))
}

fn first_of_year_back(today: Date) -> Date {
    plus_months(first_of_month(today), -11)
}

fn plus_days(day: Date, days: i64) -> Date {
    day.saturating_add(Duration::days(days))
}

/// Of the first of a month.
fn plus_months(first: Date, months: i64) -> Date {
    let index = i64::from(first.year()) * 12 + i64::from(u8::from(first.month())) - 1 + months;
    let month = u8::try_from(index.rem_euclid(12) + 1).ok().and_then(|month| Month::try_from(month).ok());
    let year = i32::try_from(index.div_euclid(12)).ok();
    let made = year.zip(month).and_then(|(year, month)| Date::from_calendar_date(year, month, 1).ok());
    made.unwrap_or(first)
}

fn month_name(first: Date) -> String {
    format!("{:04}-{:02}", first.year(), u8::from(first.month()))
}

fn parse_day(text: &str) -> Option<Date> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    // Signs and more digits are read as well.
    (text.len() == 10 && YEARS.contains(&day.year())).then_some(day)
}

fn parse_month(text: &str) -> Option<Date> {
    parse_day(&format!("{text}-01"))
}

/// Zero or more, with eight digits behind the point at most.
fn parse_amount(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit());
    let amount = Decimal::from_str_exact(text).ok().filter(|_| plain && text.len() <= 28)?;
    (amount.scale() <= lake::schema::SCALE).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_over_the_ends_of_years() {
        for (first, months, expected) in [
            ("2024-01-01", -1, "2023-12-01"),
            ("2024-12-01", 1, "2025-01-01"),
            ("2024-02-01", -11, "2023-03-01"),
            ("2024-03-01", 0, "2024-03-01"),
        ] {
            let first = parse_day(first).expect("a day");
            assert_eq!(plus_months(first, months).to_string(), expected);
        }
        assert_eq!(first_of_month(parse_day("2024-02-29").expect("a day")).to_string(), "2024-02-01");
    }

    #[test]
    fn days_months_and_amounts_are_exactly_that() {
        for day in ["2024-02-29", "2000-01-01", "2199-12-31"] {
            assert!(parse_day(day).is_some(), "{day}");
        }
        for day in [
            "2023-02-29",
            "1999-12-31",
            "2200-01-01",
            "2024-1-1",
            "20240101",
            "2024-01-01 ",
            "+2024-01-01",
            "2024-01-01' OR '1",
            "",
        ] {
            assert!(parse_day(day).is_none(), "{day}");
        }
        for month in ["2024-13", "2024", "2024-1", "2024-01-01", ""] {
            assert!(parse_month(month).is_none(), "{month}");
        }
        for amount in ["0", "10000", "99.50", "0.00000001"] {
            assert!(parse_amount(amount).is_some(), "{amount}");
        }
        for amount in ["-1", "+1", "1e3", "", ".5", "1.000000001", "1,5", "NaN", "1 ", "99999999999999999999999999999"]
        {
            assert!(parse_amount(amount).is_none(), "{amount}");
        }
    }
}
