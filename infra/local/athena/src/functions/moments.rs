//! Functions of dates and moments. Inside they are all moments in UTC, to the microsecond.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result;

use crate::failure::Failure;
use crate::functions::{Function, as_text, format, wrong};
use crate::values::moment_text;

/// What a moment is as text.
pub(super) const TEXT: &str = "trino_text";

type Field = fn(NaiveDateTime) -> i64;

/// The parts of a moment under each of their names; the first is the function's own.
pub(super) const FIELDS: &[(&[&str], Field)] = &[
    (&["year"], |moment| moment.year().into()),
    (&["quarter"], |moment| moment.quarter().into()),
    (&["month"], |moment| moment.month().into()),
    (&["week", "week_of_year"], |moment| moment.iso_week().week().into()),
    (&["day", "day_of_month"], |moment| moment.day().into()),
    (&["day_of_week", "dow"], |moment| moment.weekday().number_from_monday().into()),
    (&["day_of_year", "doy"], |moment| moment.ordinal().into()),
    (&["year_of_week", "yow"], |moment| moment.iso_week().year().into()),
    (&["hour"], |moment| moment.hour().into()),
    (&["minute"], |moment| moment.minute().into()),
    (&["second"], |moment| moment.second().into()),
    (&["millisecond"], |moment| (moment.nanosecond() / 1_000_000).into()),
];

pub(super) fn all() -> Vec<Function> {
    let mut functions = vec![
        Function::new("date_trunc", 2, |kinds| same_as("date_trunc", kinds, 1), truncate),
        Function::new("date_add", 3, |kinds| same_as("date_add", kinds, 2), add),
        Function::new("date_diff", 3, |_| Ok(DataType::Int64), difference),
        Function::new("date_format", 2, |_| Ok(DataType::Utf8), formatted),
        Function::new("date_parse", 2, |_| Ok(DataType::Timestamp(TimeUnit::Millisecond, None)), parsed),
        Function::new("date", 1, |_| Ok(DataType::Date32), |arguments, to| Ok(cast(&arguments[0], to)?)),
        Function::new("from_iso8601_date", 1, |_| Ok(DataType::Date32), from_iso),
        Function::new("from_iso8601_timestamp", 1, |_| Ok(zoned()), from_iso),
        Function::new("to_iso8601", 1, |_| Ok(DataType::Utf8), to_iso),
        Function::new("from_unixtime", 1, |_| Ok(zoned()), from_unix),
        Function::new("to_unixtime", 1, |_| Ok(DataType::Float64), to_unix),
        Function::new(TEXT, 1, |_| Ok(DataType::Utf8), text),
    ];
    for (names, field) in FIELDS {
        functions.extend(names.iter().map(|name| {
            let field = *field;
            Function::new(
                name,
                1,
                |_| Ok(DataType::Int64),
                move |arguments, _| {
                    let parts: Int64Array = moments(&arguments[0])?.map(|moment| moment.map(field)).collect();
                    Ok(Arc::new(parts))
                },
            )
        }));
    }
    functions
}

fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()))
}

fn same_as(name: &str, kinds: &[DataType], index: usize) -> Result<DataType> {
    match kinds.get(index) {
        Some(kind @ (DataType::Date32 | DataType::Timestamp(..))) => Ok(kind.clone()),
        _ => Err(wrong(name, kinds)),
    }
}

/// The moments of an array; null where there is none, or none that a calendar has.
fn moments(array: &ArrayRef) -> Result<std::vec::IntoIter<Option<NaiveDateTime>>> {
    if matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        return Err(wrong("of a moment", &[array.data_type().clone()]));
    }
    let utc = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())))?;
    let utc = utc.as_primitive::<TimestampMicrosecondType>();
    let moment = |value: Option<i64>| DateTime::from_timestamp_micros(value?).map(|moment| moment.naive_utc());
    Ok(utc.iter().map(moment).collect::<Vec<_>>().into_iter())
}

/// Moments as an array of a type.
fn array(moments: impl Iterator<Item = Result<Option<NaiveDateTime>>>, to: &DataType) -> Result<ArrayRef> {
    let micros = moments.map(|moment| Ok(moment?.map(|moment| moment.and_utc().timestamp_micros())));
    let micros: TimestampMicrosecondArray = micros.collect::<Result<Vec<_>>>()?.into();
    let micros: ArrayRef = match to {
        DataType::Timestamp(_, Some(_)) => Arc::new(micros.with_timezone("+00:00")),
        _ => Arc::new(micros),
    };
    Ok(cast(&micros, to)?)
}

fn truncate(arguments: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let units = as_text(&arguments[0])?;
    let rows = moments(&arguments[1])?.zip(units.as_string::<i32>()).map(|pair| match pair {
        (Some(moment), Some(unit)) => truncated(moment, unit),
        _ => Ok(None),
    });
    array(rows, to)
}

fn truncated(moment: NaiveDateTime, unit: &str) -> Result<Option<NaiveDateTime>> {
    let date = moment.date();
    let day = |date: Option<NaiveDate>| date?.and_hms_opt(0, 0, 0);
    let clock = |hour, minute, second| date.and_hms_opt(hour, minute, second);
    Ok(match unit.to_lowercase().as_str() {
        "millisecond" => moment.with_nanosecond(moment.nanosecond() / 1_000_000 * 1_000_000),
        "second" => clock(moment.hour(), moment.minute(), moment.second()),
        "minute" => clock(moment.hour(), moment.minute(), 0),
        "hour" => clock(moment.hour(), 0, 0),
        "day" => day(Some(date)),
        "week" => day(date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))),
        "month" => day(date.with_day(1)),
        "quarter" => day(NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)),
        "year" => day(NaiveDate::from_ymd_opt(date.year(), 1, 1)),
        _ => return Err(no_unit(unit)),
    })
}

fn no_unit(unit: &str) -> datafusion::error::DataFusionError {
    Failure::new("INVALID_FUNCTION_ARGUMENT", format!("'{unit}' is not a valid DATE field")).into()
}

fn add(arguments: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let (units, counts) = (as_text(&arguments[0])?, cast(&arguments[1], &DataType::Int64)?);
    let counts = counts.as_primitive::<Int64Type>().iter();
    let rows = moments(&arguments[2])?.zip(counts).zip(units.as_string::<i32>()).map(|row| match row {
        ((Some(moment), Some(count)), Some(unit)) => match added(moment, count, unit)? {
            Some(moment) => Ok(Some(moment)),
            None => Err(Failure::new("INVALID_FUNCTION_ARGUMENT", "the date is out of range").into()),
        },
        _ => Ok(None),
    });
    array(rows, to)
}

fn added(moment: NaiveDateTime, count: i64, unit: &str) -> Result<Option<NaiveDateTime>> {
    let unit = unit.to_lowercase();
    let months = match unit.as_str() {
        "month" => Some(1),
        "quarter" => Some(3),
        "year" => Some(12),
        _ => None,
    };
    if let Some(months) = months {
        let months = count.unsigned_abs().checked_mul(months).and_then(|months| u32::try_from(months).ok());
        return Ok(months.map(Months::new).and_then(|months| {
            if count < 0 { moment.checked_sub_months(months) } else { moment.checked_add_months(months) }
        }));
    }
    let length = length(&unit).ok_or_else(|| no_unit(&unit))?;
    let delta = count.checked_mul(length).and_then(TimeDelta::try_milliseconds);
    Ok(delta.and_then(|delta| moment.checked_add_signed(delta)))
}

/// Of the units that are always as long, in milliseconds.
fn length(unit: &str) -> Option<i64> {
    Some(match unit {
        "millisecond" => 1,
        "second" => 1_000,
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        "week" => 604_800_000,
        _ => return None,
    })
}

fn difference(arguments: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let units = as_text(&arguments[0])?;
    let pairs = moments(&arguments[1])?.zip(moments(&arguments[2])?);
    let rows = pairs.zip(units.as_string::<i32>()).map(|row| match row {
        ((Some(from), Some(to)), Some(unit)) => between(from, to, &unit.to_lowercase()).map(Some),
        _ => Ok(None),
    });
    Ok(Arc::new(Int64Array::from(rows.collect::<Result<Vec<_>>>()?)))
}

/// Whole units from one moment to another, negative if the other is earlier.
fn between(from: NaiveDateTime, to: NaiveDateTime, unit: &str) -> Result<i64> {
    let months = || {
        let rough = i64::from(to.year() - from.year()) * 12 + i64::from(to.month()) - i64::from(from.month());
        let reached = added(from, rough, "month").ok().flatten().unwrap_or(from);
        match rough.signum() {
            1 if reached > to => rough - 1,
            -1 if reached < to => rough + 1,
            _ => rough,
        }
    };
    Ok(match unit {
        "month" => months(),
        "quarter" => months() / 3,
        "year" => months() / 12,
        _ => (to - from).num_milliseconds() / length(unit).ok_or_else(|| no_unit(unit))?,
    })
}

fn formatted(arguments: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let patterns = as_text(&arguments[1])?;
    let rows = moments(&arguments[0])?.zip(patterns.as_string::<i32>()).map(|pair| match pair {
        (Some(moment), Some(pattern)) => match format::format(moment, pattern) {
            Ok(text) => Ok(Some(text)),
            Err(unsupported) => Err(no_pattern(unsupported)),
        },
        _ => Ok(None),
    });
    Ok(Arc::new(StringArray::from(rows.collect::<Result<Vec<_>>>()?)))
}

fn no_pattern(unsupported: format::Unsupported) -> datafusion::error::DataFusionError {
    let message = format!("%{} not supported in date format string", unsupported.0);
    Failure::new("INVALID_FUNCTION_ARGUMENT", message).into()
}

fn parsed(arguments: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let (texts, patterns) = (as_text(&arguments[0])?, as_text(&arguments[1])?);
    let rows = texts.as_string::<i32>().iter().zip(patterns.as_string::<i32>()).map(|pair| match pair {
        (Some(text), Some(pattern)) => match format::parse(text, pattern) {
            Ok(Some(moment)) => Ok(Some(moment)),
            Ok(None) => Err(Failure::new("INVALID_FUNCTION_ARGUMENT", format!("Invalid format: \"{text}\"")).into()),
            Err(unsupported) => Err(no_pattern(unsupported)),
        },
        _ => Ok(None),
    });
    array(rows, to)
}

fn from_iso(arguments: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let texts = as_text(&arguments[0])?;
    let rows = texts.as_string::<i32>().iter().map(|text| match text {
        None => Ok(None),
        Some(text) => match iso(text) {
            Some(moment) => Ok(Some(moment)),
            None => Err(Failure::new("INVALID_FUNCTION_ARGUMENT", format!("Invalid format: \"{text}\"")).into()),
        },
    });
    array(rows, to)
}

/// `2026-11-30`, `2026-11-30T19:04:15.070Z`, `2026-11-30T20:04+01:00`; without a zone it is UTC.
fn iso(text: &str) -> Option<NaiveDateTime> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.naive_utc());
    }
    for pattern in ["%Y-%m-%dT%H:%M%:z", "%Y-%m-%dT%H:%M:%S%.f%#z"] {
        if let Ok(moment) = DateTime::parse_from_str(text, pattern) {
            return Some(moment.naive_utc());
        }
    }
    for pattern in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text, pattern) {
            return Some(moment);
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)
}

fn to_iso(arguments: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let pattern = match arguments[0].data_type() {
        DataType::Date32 => "%Y-%m-%d",
        DataType::Timestamp(_, None) => "%Y-%m-%dT%H:%M:%S%.3f",
        _ => "%Y-%m-%dT%H:%M:%S%.3fZ",
    };
    let texts = moments(&arguments[0])?.map(|moment| moment.map(|moment| moment.format(pattern).to_string()));
    Ok(Arc::new(texts.collect::<StringArray>()))
}

fn from_unix(arguments: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let seconds = cast(&arguments[0], &DataType::Float64)?;
    let moment = |seconds: f64| DateTime::from_timestamp_millis((seconds * 1_000.0).round() as i64);
    let rows = seconds.as_primitive::<Float64Type>().iter();
    array(rows.map(|seconds| Ok(seconds.and_then(moment).map(|moment| moment.naive_utc()))), to)
}

fn to_unix(arguments: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let seconds = |moment: NaiveDateTime| moment.and_utc().timestamp_micros() as f64 / 1_000_000.0;
    Ok(Arc::new(moments(&arguments[0])?.map(|moment| moment.map(seconds)).collect::<Float64Array>()))
}

fn text(arguments: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let zone = if matches!(arguments[0].data_type(), DataType::Timestamp(_, Some(_))) { " UTC" } else { "" };
    let text = |moment: NaiveDateTime| format!("{}{zone}", moment_text(moment.and_utc().timestamp_millis()));
    Ok(Arc::new(moments(&arguments[0])?.map(|moment| moment.map(text)).collect::<StringArray>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> NaiveDateTime {
        iso(text).expect(text)
    }

    #[test]
    fn iso_texts_are_read_in_every_length() {
        for (text, expected) in [
            ("2026-11-30", "2026-11-30T00:00:00"),
            ("2026-11-30T19:04:15.070Z", "2026-11-30T19:04:15.070"),
            ("2026-11-30T20:04:15+01:00", "2026-11-30T19:04:15"),
            ("2026-11-30T20:04+01:00", "2026-11-30T19:04:00"),
            ("2026-11-30T19:04", "2026-11-30T19:04:00"),
        ] {
            assert_eq!(moment(text), moment(expected), "{text}");
        }
        assert_eq!(iso("yesterday"), None);
    }

    #[test]
    fn moments_are_cut_off_at_the_unit() {
        for (unit, expected) in [
            ("second", "2026-11-26T19:04:15"),
            ("hour", "2026-11-26T19:00:00"),
            ("DAY", "2026-11-26"),
            ("week", "2026-11-23"),
            ("month", "2026-11-01"),
            ("quarter", "2026-10-01"),
            ("year", "2026-01-01"),
        ] {
            let cut = truncated(moment("2026-11-26T19:04:15.070"), unit).expect("a unit");
            assert_eq!(cut, Some(moment(expected)), "{unit}");
        }
        assert!(truncated(moment("2026-11-26"), "fortnight").is_err());
    }

    #[test]
    fn differences_are_whole_units() {
        for (unit, from, to, expected) in [
            ("second", "2026-11-30T00:00:00.900", "2026-11-30T00:00:02", 1),
            ("day", "2026-11-30T23:00", "2026-12-01T22:00", 0),
            ("day", "2026-12-02", "2026-11-30", -2),
            ("month", "2026-01-31", "2026-02-28", 1),
            ("month", "2026-01-15", "2026-03-14", 1),
            ("month", "2026-03-15", "2026-01-16", -1),
            ("year", "2024-02-29", "2026-02-27", 1),
        ] {
            assert_eq!(between(moment(from), moment(to), unit).expect("a unit"), expected, "{unit} {from} {to}");
        }
        assert_eq!(added(moment("2026-01-31"), 1, "month").expect("a unit"), Some(moment("2026-02-28")));
        assert_eq!(added(moment("2026-01-31"), i64::MAX, "day").expect("a unit"), None);
        assert_eq!(added(moment("2026-01-31"), i64::MIN, "year").expect("a unit"), None);
    }
}
