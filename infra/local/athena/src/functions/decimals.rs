//! Division and averages of decimals. Trino's quotient has the larger scale of both and is rounded half up; the engine's own
//! has four digits more and is cut off.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, i256};
use datafusion::error::Result;

use crate::failure::Failure;
use crate::functions::{Function, wrong};

pub(super) const DIVIDE: &str = "trino_divide";
pub(super) const AVERAGE: &str = "trino_average";

const MOST_DIGITS: u8 = 38;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::new(DIVIDE, 2, |kinds| quotient(kinds).ok_or_else(|| wrong("/", kinds)), divide),
        Function::new(AVERAGE, 2, average_type, average),
    ]
}

/// Precision and scale of a decimal or of what becomes one beside it.
pub(super) fn decimal(kind: &DataType) -> Option<(u8, i8)> {
    Some(match kind {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => (*precision, *scale),
        DataType::Int8 => (3, 0),
        DataType::Int16 | DataType::UInt8 => (5, 0),
        DataType::Int32 | DataType::UInt16 => (10, 0),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => (19, 0),
        _ => return None,
    })
}

fn quotient(kinds: &[DataType]) -> Option<DataType> {
    let [left, right] = kinds else { return None };
    let ((left_precision, left_scale), (_, right_scale)) = match (decimal(left), decimal(right)) {
        (Some(left), Some(right)) => (left, right),
        (None, Some(right)) if left == &DataType::Null => ((1, 0), right),
        (Some(left), None) if right == &DataType::Null => (left, (1, 0)),
        _ => return None,
    };
    let scale = left_scale.max(right_scale);
    let precision = i16::from(left_precision) + i16::from(right_scale) + i16::from((right_scale - left_scale).max(0));
    Some(DataType::Decimal128(u8::try_from(precision).unwrap_or(MOST_DIGITS).min(MOST_DIGITS), scale))
}

fn divide(arguments: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let as_decimal = |array: &ArrayRef| {
        let (precision, scale) = decimal(array.data_type()).unwrap_or((MOST_DIGITS, 0));
        cast(array, &DataType::Decimal128(precision, scale))
    };
    let (left, right) = (as_decimal(&arguments[0])?, as_decimal(&arguments[1])?);
    let (_, left_scale) = decimal(left.data_type()).unwrap_or_default();
    let (_, right_scale) = decimal(right.data_type()).unwrap_or_default();
    let (precision, scale) = decimal(to).unwrap_or_default();
    // left / 10^ls ÷ right / 10^rs × 10^s
    let shift = power(scale - left_scale + right_scale);
    let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
    let rows = left.iter().zip(right.iter()).map(|pair| match pair {
        (Some(_), Some(0)) => Err(Failure::new("DIVISION_BY_ZERO", "Division by zero").into()),
        (Some(left), Some(right)) => {
            let numerator = i256::from_i128(left).wrapping_mul(shift);
            rounded(numerator, i256::from_i128(right), precision).map(Some)
        }
        _ => Ok(None),
    });
    let quotients: Decimal128Array = rows.collect::<Result<Vec<_>>>()?.into();
    Ok(Arc::new(quotients.with_precision_and_scale(precision, scale)?))
}

fn average_type(kinds: &[DataType]) -> Result<DataType> {
    Ok(match kinds {
        [DataType::Decimal128(_, scale), _] => DataType::Decimal128(MOST_DIGITS, *scale),
        _ => DataType::Float64,
    })
}

/// Of a sum and a count. Of nothing there is none.
fn average(arguments: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let counts = cast(&arguments[1], &DataType::Decimal128(MOST_DIGITS, 0))?;
    let counts = counts.as_primitive::<Decimal128Type>();
    let DataType::Decimal128(precision, scale) = to else {
        let sums = cast(&arguments[0], &DataType::Float64)?;
        let sums = sums.as_primitive::<Float64Type>();
        let averages: Float64Array = sums
            .iter()
            .zip(counts.iter())
            .map(|(sum, count)| Some(sum? / count.filter(|count| *count > 0)? as f64))
            .collect();
        return Ok(Arc::new(averages));
    };
    let rows = arguments[0].as_primitive::<Decimal128Type>().iter().zip(counts.iter()).map(|pair| match pair {
        (Some(sum), Some(count)) if count > 0 => {
            rounded(i256::from_i128(sum), i256::from_i128(count), *precision).map(Some)
        }
        _ => Ok(None),
    });
    let averages: Decimal128Array = rows.collect::<Result<Vec<_>>>()?.into();
    Ok(Arc::new(averages.with_precision_and_scale(*precision, *scale)?))
}

/// The quotient, halves away from zero.
fn rounded(numerator: i256, denominator: i256, precision: u8) -> Result<i128> {
    let (zero, one) = (i256::ZERO, i256::ONE);
    let overflow = || Failure::new("NUMERIC_VALUE_OUT_OF_RANGE", "Decimal overflow");
    let quotient = numerator.checked_div(denominator).ok_or_else(overflow)?;
    let rest = numerator.wrapping_sub(quotient.wrapping_mul(denominator));
    let magnitude = |value: i256| if value < zero { value.wrapping_neg() } else { value };
    let up = magnitude(rest).wrapping_add(magnitude(rest)) >= magnitude(denominator);
    let away = if (numerator < zero) == (denominator < zero) { one } else { one.wrapping_neg() };
    let quotient = if up { quotient.wrapping_add(away) } else { quotient };
    let fits = magnitude(quotient) < power(i8::try_from(precision).unwrap_or(i8::MAX));
    Ok(quotient.to_i128().filter(|_| fits).ok_or_else(overflow)?)
}

fn power(exponent: i8) -> i256 {
    let ten = i256::from_i128(10);
    (0..exponent.max(0)).fold(i256::ONE, |power, _| power.wrapping_mul(ten))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_have_the_larger_scale_and_are_rounded_half_up() {
        let kind = |precision, scale| DataType::Decimal128(precision, scale);
        for (left, right, expected) in [
            (kind(38, 8), kind(38, 8), kind(38, 8)),
            (kind(10, 2), kind(5, 4), kind(16, 4)),
            (kind(10, 2), DataType::Int64, kind(10, 2)),
            (DataType::Int64, kind(38, 8), kind(35, 8)),
        ] {
            assert_eq!(quotient(&[left, right]), Some(expected));
        }
        let whole = i256::from_i128;
        for (numerator, denominator, expected) in
            [(7, 2, 4), (-7, 2, -4), (7, -2, -4), (-7, -2, 4), (1, 3, 0), (2, 3, 1), (-1, 3, 0), (0, 5, 0)]
        {
            assert_eq!(rounded(whole(numerator), whole(denominator), 38).expect("a quotient"), expected);
        }
        assert!(rounded(whole(1000), whole(1), 3).is_err());
    }
}
