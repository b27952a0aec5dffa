//! Why a query failed, in Athena's words.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::sql::Sql;

/// The reason of a failed query: `COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved or requester is not authorized to
/// access requested resources`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub String);

impl Failure {
    pub(crate) fn new(code: &str, message: impl std::fmt::Display) -> Self {
        Self(format!("{code}: {message}"))
    }

    /// Of an error of the engine in a query.
    pub(crate) fn of(error: &DataFusionError, sql: &Sql) -> Self {
        match error.find_root() {
            DataFusionError::External(external) => match external.downcast_ref::<Self>() {
                Some(failure) => failure.clone(),
                None => Self::new("GENERIC_INTERNAL_ERROR", external),
            },
            DataFusionError::SchemaError(error, _) => match error.as_ref() {
                SchemaError::FieldNotFound { field, .. } => {
                    let message = format!(
                        "{}: Column '{}' cannot be resolved or requester is not authorized to access requested resources",
                        sql.place_of(&field.name),
                        field.name
                    );
                    Self::new("COLUMN_NOT_FOUND", message)
                }
                SchemaError::AmbiguousReference { field } => {
                    let message = format!("{}: Column '{}' is ambiguous", sql.place_of(&field.name), field.name);
                    Self::new("AMBIGUOUS_NAME", message)
                }
                other => Self::new("SYNTAX_ERROR", other),
            },
            DataFusionError::Plan(message) => match message.strip_prefix("Invalid function '") {
                Some(rest) => {
                    let name = rest.split('\'').next().unwrap_or_default();
                    let place = sql.place_of(name);
                    Self::new("FUNCTION_NOT_FOUND", format!("{place}: Function '{name}' not registered"))
                }
                None => Self::new("SYNTAX_ERROR", message),
            },
            DataFusionError::NotImplemented(message) => Self::new("NOT_SUPPORTED", message),
            DataFusionError::SQL(error, _) => Self::new("SYNTAX_ERROR", error),
            DataFusionError::ResourcesExhausted(_) => {
                Self::new("EXCEEDED_MEMORY_LIMIT", "Query exhausted resources at this scale factor")
            }
            DataFusionError::ArrowError(error, _) => Self::arrow(error),
            DataFusionError::ObjectStore(error) => Self::new("HIVE_CANNOT_OPEN_SPLIT", error),
            DataFusionError::ParquetError(error) => Self::new("HIVE_BAD_DATA", error),
            DataFusionError::IoError(error) => Self::new("HIVE_CANNOT_OPEN_SPLIT", error),
            other => Self::new("GENERIC_INTERNAL_ERROR", other.strip_backtrace()),
        }
    }

    fn arrow(error: &ArrowError) -> Self {
        match error {
            ArrowError::DivideByZero => Self::new("DIVISION_BY_ZERO", "Division by zero"),
            ArrowError::ArithmeticOverflow(message) => Self::new("NUMERIC_VALUE_OUT_OF_RANGE", message),
            ArrowError::CastError(message) | ArrowError::ParseError(message) => {
                Self::new("INVALID_CAST_ARGUMENT", message)
            }
            ArrowError::ParquetError(message) => Self::new("HIVE_BAD_DATA", message),
            ArrowError::ExternalError(error) => match error.downcast_ref::<Self>() {
                Some(failure) => failure.clone(),
                None => Self::new("GENERIC_INTERNAL_ERROR", error),
            },
            ArrowError::InvalidArgumentError(message) if message.contains("too large to store in a Decimal") => {
                Self::new("NUMERIC_VALUE_OUT_OF_RANGE", message)
            }
            other => Self::new("GENERIC_INTERNAL_ERROR", other),
        }
    }
}

impl From<Failure> for DataFusionError {
    fn from(failure: Failure) -> Self {
        Self::External(Box::new(failure))
    }
}
