//! Types under their three names: Hive's in the catalogue, Arrow's in the engine, Trino's in answers.

use anyhow::{Result, bail};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// A column of a result, as `GetQueryResults` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResultColumn {
    pub name: String,
    pub kind: String,
    pub precision: u32,
    pub scale: i32,
}

impl ResultColumn {
    /// A column of text.
    pub(crate) fn text(name: &str) -> Self {
        Self { name: name.to_owned(), kind: "varchar".to_owned(), precision: i32::MAX as u32, scale: 0 }
    }

    /// A column of the engine. What Trino has no type for is text.
    pub(crate) fn of(name: &str, kind: &DataType) -> Self {
        let (kind, precision, scale) = match kind {
            DataType::Boolean => ("boolean", 0, 0),
            DataType::Int8 => ("tinyint", 3, 0),
            DataType::Int16 | DataType::UInt8 => ("smallint", 5, 0),
            DataType::Int32 | DataType::UInt16 => ("integer", 10, 0),
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ("bigint", 19, 0),
            DataType::Float16 | DataType::Float32 => ("float", 17, 0),
            DataType::Float64 => ("double", 17, 0),
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => ("decimal", u32::from(*precision), i32::from(*scale)),
            DataType::Date32 | DataType::Date64 => ("date", 0, 0),
            DataType::Timestamp(_, None) => ("timestamp", 3, 0),
            DataType::Timestamp(_, Some(_)) => ("timestamp with time zone", 3, 0),
            DataType::Null => ("unknown", 0, 0),
            _ => return Self::text(name),
        };
        Self { name: name.to_owned(), kind: kind.to_owned(), precision, scale }
    }
}

/// The engine's type of a column in the catalogue, in Hive's words or Trino's.
pub(crate) fn arrow(kind: &str) -> Result<DataType> {
    let kind = kind.trim().to_lowercase();
    let (name, arguments) = match kind.split_once('(') {
        Some((name, rest)) => (name.trim_end(), rest.split_once(')').map_or(rest, |(arguments, _)| arguments)),
        None => (kind.as_str(), ""),
    };
    Ok(match name {
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::Int8,
        "smallint" => DataType::Int16,
        "int" | "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "float" | "real" => DataType::Float32,
        "double" => DataType::Float64,
        "string" | "varchar" | "char" => DataType::Utf8,
        "date" => DataType::Date32,
        "timestamp" if kind.contains("with time zone") => {
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
        }
        "timestamp" => DataType::Timestamp(TimeUnit::Millisecond, None),
        "decimal" => {
            let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
            match (precision.trim().parse(), scale.trim().parse()) {
                (Ok(precision), Ok(scale)) if precision <= 38 && scale <= precision as i8 => {
                    DataType::Decimal128(precision, scale)
                }
                _ => bail!("{kind} is no decimal type"),
            }
        }
        _ => bail!("columns of type {kind} are not served locally"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_of_the_catalogue_is_known_and_others_are_named() {
        for (kind, expected) in [
            ("string", DataType::Utf8),
            ("varchar", DataType::Utf8),
            ("bigint", DataType::Int64),
            ("decimal(38,8)", DataType::Decimal128(38, 8)),
            ("DECIMAL(10, 2)", DataType::Decimal128(10, 2)),
            ("timestamp", DataType::Timestamp(TimeUnit::Millisecond, None)),
            ("timestamp(3)", DataType::Timestamp(TimeUnit::Millisecond, None)),
            ("boolean", DataType::Boolean),
        ] {
            assert_eq!(arrow(kind).expect(kind), expected);
        }
        for kind in ["map<string,string>", "decimal(39,1)", "decimal(x)", ""] {
            assert!(arrow(kind).is_err(), "{kind}");
        }
    }
}
