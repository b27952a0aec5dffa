//! Values as Athena writes them into results.

use anyhow::Result;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// A column of a batch, ready to be written out.
pub(crate) enum Values {
    Text(ArrayRef),
    Booleans(ArrayRef),
    Integers(ArrayRef),
    Unsigned(ArrayRef),
    Floats(ArrayRef),
    Doubles(ArrayRef),
    Dates(ArrayRef),
    /// With what stands behind the time.
    Moments(ArrayRef, String),
    /// Whatever else prints itself: decimals do so with their scale.
    Printed(ArrayRef),
}

impl Values {
    /// Of an array of any type.
    pub(crate) fn of(array: &ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.clone()),
            DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                Self::Text(cast(array, &DataType::Utf8)?)
            }
            DataType::Boolean => Self::Booleans(array.clone()),
            DataType::UInt64 => Self::Unsigned(array.clone()),
            DataType::Float64 => Self::Doubles(array.clone()),
            DataType::Float16 | DataType::Float32 => Self::Floats(cast(array, &DataType::Float32)?),
            kind if kind.is_integer() => Self::Integers(cast(array, &DataType::Int64)?),
            DataType::Date32 | DataType::Date64 => Self::Dates(cast(array, &DataType::Date32)?),
            DataType::Timestamp(_, zone) => {
                // Whatever the zone is called, the numbers count from 1970 in UTC.
                let zone = zone.as_ref().map_or_else(String::new, |_| " UTC".to_owned());
                let utc = cast(array, &DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into())))?;
                Self::Moments(utc, zone)
            }
            _ => Self::Printed(array.clone()),
        })
    }

    /// The value of a row; `None` is null.
    pub(crate) fn get(&self, row: usize) -> Result<Option<String>> {
        let array = match self {
            Self::Text(array)
            | Self::Booleans(array)
            | Self::Integers(array)
            | Self::Unsigned(array)
            | Self::Floats(array)
            | Self::Doubles(array)
            | Self::Dates(array)
            | Self::Moments(array, _)
            | Self::Printed(array) => array,
        };
        if array.is_null(row) || array.data_type() == &DataType::Null {
            return Ok(None);
        }
        Ok(Some(match self {
            Self::Text(array) => array.as_string::<i32>().value(row).to_owned(),
            Self::Booleans(array) => array.as_boolean().value(row).to_string(),
            Self::Integers(array) => array.as_primitive::<Int64Type>().value(row).to_string(),
            Self::Unsigned(array) => array.as_primitive::<UInt64Type>().value(row).to_string(),
            Self::Floats(array) => float(&array.as_primitive::<Float32Type>().value(row)),
            Self::Doubles(array) => float(&array.as_primitive::<Float64Type>().value(row)),
            Self::Dates(array) => date(array.as_primitive::<Date32Type>().value(row)),
            Self::Moments(array, zone) => {
                let moment = array.as_primitive::<TimestampMillisecondType>().value(row);
                format!("{}{zone}", moment_text(moment))
            }
            Self::Printed(array) => {
                ArrayFormatter::try_new(array, &FormatOptions::new())?.value(row).try_to_string()?
            }
        }))
    }
}

/// `2026-11-30 19:04:15.000`.
pub(crate) fn moment_text(milliseconds: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(milliseconds)
        .map_or_else(|| milliseconds.to_string(), |moment| moment.format("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

fn date(days: i32) -> String {
    NaiveDate::from_epoch_days(days).map_or_else(|| days.to_string(), |date| date.format("%Y-%m-%d").to_string())
}

/// As Java prints it: `1.0`, `0.001`, `1.0E7`, `Infinity`, `NaN`.
fn float<F: Copy + Into<f64> + std::fmt::Display + std::fmt::LowerExp>(value: &F) -> String {
    let wide: f64 = (*value).into();
    if wide.is_nan() {
        return "NaN".to_owned();
    }
    if wide.is_infinite() {
        return if wide > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let with_point = |text: String| if text.contains('.') { text } else { format!("{text}.0") };
    if wide == 0.0 || (1e-3..1e7).contains(&wide.abs()) {
        return with_point(value.to_string());
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    format!("{}E{exponent}", with_point(mantissa.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        Date32Array, Decimal128Array, Float64Array, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
    };

    use super::*;

    fn texts(array: ArrayRef) -> Vec<Option<String>> {
        let values = Values::of(&array).expect("values");
        (0..array.len()).map(|row| values.get(row).expect("a value")).collect()
    }

    fn check(array: ArrayRef, expected: &[&str]) {
        assert_eq!(texts(array), expected.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>());
    }

    #[test]
    fn values_are_written_as_athena_writes_them() {
        let decimals = Decimal128Array::from(vec![1_050_000_000, 1, -150_000_000, 0, 12_345_678_900_000_000_000]);
        let decimals = decimals.with_precision_and_scale(38, 8).expect("decimals");
        check(Arc::new(decimals), &["10.50000000", "0.00000001", "-1.50000000", "0.00000000", "123456789000.00000000"]);
        let moments = vec![1_796_065_455_000, 1_796_065_455_070, -1];
        check(
            Arc::new(TimestampMillisecondArray::from(moments)),
            &["2026-11-30 19:04:15.000", "2026-11-30 19:04:15.070", "1969-12-31 23:59:59.999"],
        );
        let zoned = TimestampNanosecondArray::from(vec![1_796_065_455_123_456_789]).with_timezone("+00:00");
        check(Arc::new(zoned), &["2026-11-30 19:04:15.123 UTC"]);
        check(Arc::new(Date32Array::from(vec![20_787, 0])), &["2026-11-30", "1970-01-01"]);
        check(Arc::new(UInt64Array::from(vec![u64::MAX])), &["18446744073709551615"]);
        let doubles = vec![1.0, 0.1, 1e7, 1.5e-5, 123_456.75, -0.0, f64::INFINITY, f64::NAN, 1e300];
        check(
            Arc::new(Float64Array::from(doubles)),
            &["1.0", "0.1", "1.0E7", "1.5E-5", "123456.75", "-0.0", "Infinity", "NaN", "1.0E300"],
        );
        assert_eq!(texts(Arc::new(Date32Array::from(vec![None]))), [None]);
    }
}
