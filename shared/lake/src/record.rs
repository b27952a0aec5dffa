//! A version of a row, as files hold it.

use domain::Timestamp;
use rust_decimal::Decimal;

use crate::schema::{Kind, Table};

/// What stands in a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Of a [`Kind::Text`].
    Text(String),
    /// Of a [`Kind::Whole`].
    Whole(i64),
    /// Of a [`Kind::Decimal`].
    Decimal(Decimal),
    /// Of a [`Kind::Moment`].
    Moment(Timestamp),
    /// Of a [`Kind::Flag`].
    Flag(bool),
}

impl Value {
    /// Which columns take it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Whole(_) => Kind::Whole,
            Self::Decimal(_) => Kind::Decimal,
            Self::Moment(_) => Kind::Moment,
            Self::Flag(_) => Kind::Flag,
        }
    }
}

/// A version of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Of which table.
    pub table: &'static Table,
    /// One for each of the table's own columns, in their order.
    pub values: Vec<Option<Value>>,
    /// Grows with each change of the row.
    pub version: i64,
    /// Whether the row ceased to be with this version.
    pub deleted: bool,
    /// When the change was made, as well as the source knows it.
    pub changed_at: Timestamp,
}

impl Record {
    /// What stands in the column of this name.
    pub fn value(&self, column: &str) -> Option<&Value> {
        let place = self.table.columns.iter().position(|own| own.name == column)?;
        self.values.get(place)?.as_ref()
    }

    /// What makes two records versions of the same row: the values of the table's key.
    pub fn key(&self) -> Vec<Option<&Value>> {
        self.table.key.iter().map(|column| self.value(column)).collect()
    }

    /// The row ceased to be after this version, at this moment.
    pub fn removed(self, at: Timestamp) -> Self {
        Self { version: self.version.saturating_add(1), deleted: true, changed_at: at, ..self }
    }

    /// The partition it belongs to: the day of its change, `YYYY-MM-DD`.
    pub fn day(&self) -> String {
        crate::keys::day(self.changed_at)
    }
}
