//! Results on their way out: JSON and CSV, money as decimal text, customers by name.

use std::collections::{BTreeMap, BTreeSet};

use aws::{
    athena::{ResultColumn, ResultPage},
    customers::Customers,
    store::StoreError,
};
use domain::{Currency, id::CustomerId};
use edge::http::csv;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::catalogue::Report;

/// Columns of this name, or ending so, hold customers.
const CUSTOMER: &str = "customer_id";

/// A column as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnView {
    /// Its name.
    pub name: String,
    /// `string`, `integer`, `decimal`, `boolean`, `day`, `timestamp` or the engine's own word.
    pub r#type: String,
}

/// A page of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<ColumnView>,
    /// The rows, each as long as the columns.
    pub rows: Vec<Vec<Value>>,
}

/// A row as an object whose members stand in the order of the columns.
struct Row<'t>(&'t [ColumnView], &'t [Value]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(Some(self.0.len()))?;
        for (column, value) in self.0.iter().zip(self.1) {
            row.serialize_entry(&column.name, value)?;
        }
        row.end()
    }
}

/// The rows alone, as an array of objects.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| Row(&self.columns, row)))
    }
}

impl Table {
    /// From a page of results. Amounts of a report have as many decimals as their currency at least.
    pub fn new(page: &ResultPage, report: Option<&Report>) -> Self {
        let columns: Vec<_> = page.columns.iter().map(view).collect();
        let row = |row: &Vec<Option<String>>| {
            let cell = |name: &str| {
                columns.iter().position(|column| column.name == name).and_then(|at| row.get(at)?.as_deref())
            };
            let values = columns.iter().zip(row).map(|(column, text)| {
                let beside = report.and_then(|report| report.currency_of(&column.name)).and_then(cell);
                let decimals = beside.and_then(Currency::parse).map_or(0, Currency::decimals);
                text.as_ref().map_or(Value::Null, |text| value(&column.r#type, text, decimals))
            });
            values.collect()
        };
        let rows = page.rows.iter().map(row).collect();
        Self { columns, rows }
    }

    /// The same with a column of names beside each column of customers. The lake knows no names: they are read now, and of
    /// customers that are no more there are none.
    pub async fn with_names(self, customers: &Customers) -> Result<Self, StoreError> {
        let holds: Vec<_> = self.columns.iter().map(|column| column.name.ends_with(CUSTOMER)).collect();
        let of = |row: &Vec<Value>| {
            row.iter().zip(&holds).filter(|(_, holds)| **holds).filter_map(|(id, _)| customer(id)).collect::<Vec<_>>()
        };
        let ids: BTreeSet<CustomerId> = self.rows.iter().flat_map(of).collect();
        let names = if ids.is_empty() { BTreeMap::new() } else { customers.names(&ids).await? };
        let columns = self.columns.into_iter().flat_map(|column| {
            let named = column
                .name
                .strip_suffix(CUSTOMER)
                .map(|of| ColumnView { name: format!("{of}customer_name"), r#type: "string".into() });
            std::iter::once(column).chain(named)
        });
        let rows = self.rows.into_iter().map(|row| {
            let cells = row.into_iter().zip(&holds).flat_map(|(value, holds)| {
                let name =
                    || customer(&value).and_then(|id| names.get(&id)).map_or(Value::Null, |name| name.as_str().into());
                let name = holds.then(name);
                std::iter::once(value).chain(name)
            });
            cells.collect()
        });
        Ok(Self { columns: columns.collect(), rows: rows.collect() })
    }

    /// The rows as CSV; nothing stands for null.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        csv::write(&mut text, self.columns.iter().map(|column| csv::harmless(&column.name)));
        for row in &self.rows {
            csv::write(
                &mut text,
                self.columns.iter().zip(row).map(|(column, value)| match value {
                    Value::Null => String::new(),
                    Value::String(text) if column.r#type == "string" => csv::harmless(text),
                    Value::String(text) => text.clone(),
                    value => value.to_string(),
                }),
            );
        }
        text
    }
}

fn customer(id: &Value) -> Option<CustomerId> {
    id.as_str().and_then(CustomerId::parse)
}

fn view(column: &ResultColumn) -> ColumnView {
    let kind = match column.kind.as_str() {
        "varchar" | "char" | "string" => "string",
        "tinyint" | "smallint" | "integer" | "bigint" => "integer",
        "date" => "day",
        kind => kind.split_once('(').map_or(kind, |(kind, _)| kind),
    };
    ColumnView { name: column.name.clone(), r#type: kind.to_owned() }
}

/// A value as JSON. Whole numbers and flags are what they are; everything else is text, so that nothing is ever a float.
fn value(kind: &str, text: &str, decimals: u32) -> Value {
    match kind {
        "integer" => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        "boolean" => text.parse::<bool>().map_or_else(|_| text.into(), Value::from),
        "decimal" => decimal(text, decimals).into(),
        "timestamp" => moment(text).into(),
        _ => text.into(),
    }
}

/// Without the zeros at its end, but with so many decimals at least.
fn decimal(text: &str, decimals: u32) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let decimals = usize::try_from(decimals).unwrap_or_default();
    match (fraction, decimals) {
        ("", 0) => whole.to_owned(),
        (fraction, decimals) => format!("{whole}.{fraction:0<decimals$}"),
    }
}

/// RFC 3339, in UTC and to the millisecond.
fn moment(text: &str) -> String {
    let (day, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    format!("{day}T{seconds}.{millis}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency_and_moments_are_rfc_3339() {
        for (text, decimals, expected) in [
            ("12.50000000", 2, "12.50"),
            ("12.00000000", 2, "12.00"),
            ("12.00000000", 0, "12"),
            ("-0.12345678", 2, "-0.12345678"),
            ("7", 3, "7.000"),
            ("100", 0, "100"),
            ("33.33333333", 0, "33.33333333"),
        ] {
            assert_eq!(decimal(text, decimals), expected);
        }
        for (text, expected) in [
            ("2024-02-29 23:59:59.999", "2024-02-29T23:59:59.999Z"),
            ("2024-02-29 00:00:00.000000", "2024-02-29T00:00:00.000Z"),
            ("2024-02-29 12:00:00", "2024-02-29T12:00:00.000Z"),
        ] {
            assert_eq!(moment(text), expected);
        }
    }

    #[test]
    fn csv_quotes_and_defuses_text_and_leaves_numbers() {
        let column = |name: &str, kind: &str| ColumnView { name: name.into(), r#type: kind.into() };
        let table = Table {
            columns: vec![column("name", "string"), column("amount", "decimal"), column("number", "integer")],
            rows: vec![vec!["=1+1".into(), "-5.00".into(), 3.into()], vec!["a,\"b\"".into(), Value::Null, Value::Null]],
        };
        assert_eq!(table.csv(), "name,amount,number\r\n'=1+1,-5.00,3\r\n\"a,\"\"b\"\"\",,\r\n");
    }
}
