//! Files of versions in Parquet: dictionary and Snappy, one row group, written column by column.
//!
//! Decimals are DECIMAL(38,8) in 16 bytes, moments INT64 milliseconds of UTC's wall clock (`isAdjustedToUTC` is false,
//! which is what Trino and so Athena write for a timestamp without a zone, and read whatever it says). A decimal that does
//! not fit is an error and never rounded. The same records make the same bytes.

use std::{collections::HashMap, fmt, sync::Arc};

use bytes::Bytes;
use domain::Timestamp;
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType},
    column::{reader::get_typed_column_reader, writer::ColumnWriterImpl},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
        reader::{FileReader, RowGroupReader},
        serialized_reader::SerializedFileReader,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::{Type, TypePtr},
};
use rust_decimal::Decimal;

use crate::{
    record::{Record, Value},
    schema::{Column, Kind, PRECISION, SCALE, Table, VERSIONING},
};

/// Bytes of a decimal.
const DECIMAL_BYTES: i32 = 16;
/// Under which a merged file names the files it was made from, one a line.
const MADE_FROM: &str = "florin.made_from";

/// Why records make no file, or a file no records.
#[derive(Debug)]
pub enum FileError {
    /// This column has a value that it cannot hold: of another kind, missing in a key, or a decimal with more digits.
    Unfit(&'static str),
    /// This is no file of the table.
    Unreadable(String),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit(column) => write!(f, "a value that does not fit column {column}"),
            Self::Unreadable(cause) => write!(f, "unreadable file: {cause}"),
        }
    }
}

impl std::error::Error for FileError {}

impl From<ParquetError> for FileError {
    fn from(error: ParquetError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// A file of these records, all of this table.
pub fn encode(table: &Table, records: &[Record]) -> Result<Vec<u8>, FileError> {
    encode_merged(table, records, &[])
}

/// The same, which names the keys of the files it was made from.
pub fn encode_merged(table: &Table, records: &[Record], made_from: &[String]) -> Result<Vec<u8>, FileError> {
    let note = |keys: &[String]| vec![KeyValue::new(MADE_FROM.to_owned(), keys.join("\n"))];
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by("florin".to_owned())
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(true)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata((!made_from.is_empty()).then(|| note(made_from)))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), message(table)?, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (place, column) in table.file_columns().enumerate() {
        let cells = records.iter().map(|record| cell(table, record, place));
        let required = is_required(table, column);
        write_column(&mut group, column, required, cells)?;
    }
    group.close()?;
    writer.finish()?;
    Ok(std::mem::take(writer.inner_mut()))
}

/// The records of a file. Columns that the file does not know are null, those that the table does not know are left out.
pub fn decode(table: &'static Table, file: impl Into<Bytes>) -> Result<Vec<Record>, FileError> {
    let reader = SerializedFileReader::new(file.into())?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let places: HashMap<&str, usize> =
        schema.columns().iter().enumerate().map(|(place, column)| (column.name(), place)).collect();
    let mut records = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        let mut columns = Vec::new();
        for column in table.file_columns() {
            columns.push(match places.get(column.name) {
                Some(place) => read_column(group.as_ref(), *place, column, rows)?.into_iter(),
                None => vec![None; rows].into_iter(),
            });
        }
        for _ in 0..rows {
            let mut values: Vec<_> = columns.iter_mut().map(|column| column.next().flatten()).collect();
            let versioning = values.split_off(table.columns.len());
            let [Some(Value::Whole(version)), Some(Value::Flag(deleted)), Some(Value::Moment(changed_at))] =
                versioning[..]
            else {
                return Err(FileError::Unreadable("a version without its number, flag and moment".to_owned()));
            };
            records.push(Record { table, values, version, deleted, changed_at });
        }
    }
    Ok(records)
}

/// The keys of the files that a merged one was made from; none of any other.
pub fn made_from(file: impl Into<Bytes>) -> Result<Vec<String>, FileError> {
    let reader = SerializedFileReader::new(file.into())?;
    let notes = reader.metadata().file_metadata().key_value_metadata();
    let note = notes.into_iter().flatten().find(|note| note.key == MADE_FROM);
    let keys = note.and_then(|note| note.value.as_deref()).unwrap_or_default();
    Ok(keys.lines().map(str::to_owned).collect())
}

/// The Parquet schema of a table.
fn message(table: &Table) -> Result<TypePtr, FileError> {
    let mut fields = Vec::new();
    for column in table.file_columns() {
        let repetition = if is_required(table, column) { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let (physical, logical) = match column.kind {
            Kind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Whole => (PhysicalType::INT64, None),
            Kind::Decimal => {
                (PhysicalType::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(SCALE as i32, PRECISION as i32)))
            }
            Kind::Moment => (PhysicalType::INT64, Some(LogicalType::timestamp(false, TimeUnit::MILLIS))),
            Kind::Flag => (PhysicalType::BOOLEAN, None),
        };
        let mut field =
            Type::primitive_type_builder(column.name, physical).with_repetition(repetition).with_logical_type(logical);
        if column.kind == Kind::Decimal {
            field = field.with_length(DECIMAL_BYTES).with_precision(PRECISION as i32).with_scale(SCALE as i32);
        }
        fields.push(Arc::new(field.build()?));
    }
    Ok(Arc::new(Type::group_type_builder(table.name).with_fields(fields).build()?))
}

fn is_required(table: &Table, column: Column) -> bool {
    table.key.contains(&column.name) || VERSIONING.contains(&column)
}

/// What stands in the column at this place of a file.
fn cell(table: &Table, record: &Record, place: usize) -> Option<Value> {
    match place.checked_sub(table.columns.len()) {
        None => record.values.get(place).cloned().flatten(),
        Some(0) => Some(Value::Whole(record.version)),
        Some(1) => Some(Value::Flag(record.deleted)),
        Some(_) => Some(Value::Moment(record.changed_at)),
    }
}

fn write_column(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    column: Column,
    required: bool,
    cells: impl Iterator<Item = Option<Value>>,
) -> Result<(), FileError> {
    let unfit = || FileError::Unfit(column.name);
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        if cell.as_ref().map_or(required, |value| value.kind() != column.kind) {
            return Err(unfit());
        }
        levels.push(i16::from(cell.is_some()));
        present.extend(cell);
    }
    let levels = (!required).then_some(&levels[..]);
    let Some(mut writer) = group.next_column()? else { return Err(unfit()) };
    match column.kind {
        Kind::Text => {
            let text =
                |value| if let Value::Text(text) = value { Some(ByteArray::from(text.into_bytes())) } else { None };
            write(writer.typed::<ByteArrayType>(), present, text, levels)
        }
        Kind::Whole => {
            let whole = |value| if let Value::Whole(whole) = value { Some(whole) } else { None };
            write(writer.typed::<Int64Type>(), present, whole, levels)
        }
        Kind::Decimal => {
            let decimal = |value| if let Value::Decimal(decimal) = value { units(decimal) } else { None };
            let bytes = |value| Some(FixedLenByteArray::from(decimal(value)?.to_be_bytes().to_vec()));
            write(writer.typed::<FixedLenByteArrayType>(), present, bytes, levels)
        }
        Kind::Moment => {
            let millis = |value| if let Value::Moment(at) = value { Some(at.millis()) } else { None };
            write(writer.typed::<Int64Type>(), present, millis, levels)
        }
        Kind::Flag => {
            let flag = |value| if let Value::Flag(flag) = value { Some(flag) } else { None };
            write(writer.typed::<BoolType>(), present, flag, levels)
        }
    }?
    .ok_or_else(unfit)?;
    Ok(writer.close()?)
}

/// `None` if a value is none of this type.
fn write<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    values: Vec<Value>,
    convert: impl Fn(Value) -> Option<T::T>,
    levels: Option<&[i16]>,
) -> Result<Option<()>, FileError> {
    let Some(values) = values.into_iter().map(convert).collect::<Option<Vec<_>>>() else { return Ok(None) };
    writer.write_batch(&values, levels, None)?;
    Ok(Some(()))
}

fn read_column(
    group: &dyn RowGroupReader,
    place: usize,
    column: Column,
    rows: usize,
) -> Result<Vec<Option<Value>>, FileError> {
    let unfit = || FileError::Unreadable(format!("column {} holds something else", column.name));
    match (column.kind, group.metadata().column(place).column_type()) {
        (Kind::Text, PhysicalType::BYTE_ARRAY) => {
            read::<ByteArrayType>(group, place, rows, |bytes| Some(Value::Text(bytes.as_utf8().ok()?.to_owned())))
        }
        (Kind::Whole, PhysicalType::INT64) => read::<Int64Type>(group, place, rows, |whole| Some(Value::Whole(whole))),
        (Kind::Decimal, PhysicalType::FIXED_LEN_BYTE_ARRAY) => {
            read::<FixedLenByteArrayType>(group, place, rows, |bytes| {
                let units = i128::from_be_bytes(bytes.data().try_into().ok()?);
                decimal(units).map(Value::Decimal)
            })
        }
        (Kind::Moment, PhysicalType::INT64) => {
            read::<Int64Type>(group, place, rows, |millis| Some(Value::Moment(Timestamp::from_millis(millis))))
        }
        (Kind::Flag, PhysicalType::BOOLEAN) => read::<BoolType>(group, place, rows, |flag| Some(Value::Flag(flag))),
        _ => Ok(None),
    }?
    .ok_or_else(unfit)
}

/// `None` if a value is none of its column.
fn read<T: DataType>(
    group: &dyn RowGroupReader,
    place: usize,
    rows: usize,
    convert: impl Fn(T::T) -> Option<Value>,
) -> Result<Option<Vec<Option<Value>>>, FileError> {
    let is_optional = group.metadata().column(place).column_descr().max_def_level() > 0;
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(place)?);
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (some, _, _) = reader.read_records(rows - read, Some(&mut levels), None, &mut values)?;
        if some == 0 {
            return Err(FileError::Unreadable("a column ends before its rows".to_owned()));
        }
        read += some;
    }
    let mut values = values.into_iter();
    let mut cells = Vec::with_capacity(rows);
    for row in 0..rows {
        let is_there = !is_optional || levels.get(row).is_some_and(|level| *level > 0);
        let cell = if is_there { values.next().map(&convert) } else { None };
        match cell {
            Some(None) => return Ok(None),
            cell => cells.push(cell.flatten()),
        }
    }
    Ok(Some(cells))
}

/// A decimal in steps of [`SCALE`]; `None` if that is not exact.
fn units(decimal: Decimal) -> Option<i128> {
    let decimal = decimal.normalize();
    let units = decimal.mantissa().checked_mul(10i128.checked_pow(SCALE.checked_sub(decimal.scale())?)?)?;
    (units.unsigned_abs() < 10u128.pow(PRECISION)).then_some(units)
}

/// Steps of [`SCALE`] as a decimal; `None` if it has more digits than a [`Decimal`].
fn decimal(units: i128) -> Option<Decimal> {
    let (mut units, mut scale) = (units, SCALE);
    while scale > 0 && units % 10 == 0 {
        (units, scale) = (units / 10, scale - 1);
    }
    Decimal::try_from_i128_with_scale(units, scale).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::TABLES;

    fn decimal_of(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    fn grants() -> &'static Table {
        Table::named("grants").expect("a table")
    }

    fn grant(id: Option<&str>, quantity: Decimal) -> Record {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        Record {
            table: grants(),
            values: vec![id.and_then(text), text("cus_1"), text("BTC"), Some(Value::Decimal(quantity)), None],
            version: 1,
            deleted: false,
            changed_at: Timestamp::from_millis(1),
        }
    }

    fn value(kind: Kind) -> BoxedStrategy<Value> {
        match kind {
            Kind::Text => "\\PC{0,12}".prop_map(Value::Text).boxed(),
            Kind::Whole => any::<i64>().prop_map(Value::Whole).boxed(),
            Kind::Decimal => (any::<i128>(), 0u32..=SCALE)
                .prop_map(|(mantissa, scale)| {
                    let most = Decimal::MAX.mantissa();
                    Value::Decimal(Decimal::from_i128_with_scale(mantissa % most, scale))
                })
                .boxed(),
            Kind::Moment => any::<i64>().prop_map(|millis| Value::Moment(Timestamp::from_millis(millis))).boxed(),
            Kind::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        }
    }

    fn record(table: &'static Table) -> impl Strategy<Value = Record> {
        let values: Vec<_> = table
            .columns
            .iter()
            .map(|column| match table.key.contains(&column.name) {
                true => value(column.kind).prop_map(Some).boxed(),
                false => proptest::option::of(value(column.kind)).boxed(),
            })
            .collect();
        (values, any::<i64>(), any::<bool>(), any::<i64>()).prop_map(move |(values, version, deleted, at)| Record {
            table,
            values,
            version,
            deleted,
            changed_at: Timestamp::from_millis(at),
        })
    }

    fn records() -> impl Strategy<Value = (&'static Table, Vec<Record>)> {
        (0..TABLES.len())
            .prop_flat_map(|table| (Just(&TABLES[table]), proptest::collection::vec(record(&TABLES[table]), 0..40)))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_exactly((table, records) in records()) {
            let file = encode(table, &records).expect("a file");
            prop_assert_eq!(&encode(table, &records).expect("a file"), &file);
            prop_assert_eq!(decode(table, file).expect("records"), records);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(grants(), bytes.clone());
            let _ = made_from(bytes);
        }
    }

    #[test]
    fn decimals_are_exact_at_their_extremes_and_never_rounded() {
        for text in
            ["0", "-0.00000001", "0.00000001", "79228162514264337593543950335", "-79228162514264337593543950335"]
        {
            let records = [grant(Some("grt_1"), decimal_of(text))];
            let read = decode(grants(), encode(grants(), &records).expect(text)).expect(text);
            assert_eq!(read, records, "{text}");
        }
        let trailing = [grant(Some("grt_1"), decimal_of("1.5000000000"))];
        assert_eq!(decode(grants(), encode(grants(), &trailing).expect("fits")).expect("reads"), trailing);
        for text in ["0.000000001", "-1.123456789", "0.0000000000000000000000000001"] {
            let error = encode(grants(), &[grant(Some("grt_1"), decimal_of(text))]).expect_err(text);
            assert!(matches!(error, FileError::Unfit("quantity")), "{text}: {error}");
        }
    }

    #[test]
    fn a_key_is_never_null_and_kinds_are_kept() {
        let error = encode(grants(), &[grant(None, Decimal::ONE)]).expect_err("no key");
        assert!(matches!(error, FileError::Unfit("grant_id")), "{error}");
        let mut other = grant(Some("grt_1"), Decimal::ONE);
        other.values[3] = Some(Value::Whole(1));
        let error = encode(grants(), &[other]).expect_err("a whole number");
        assert!(matches!(error, FileError::Unfit("quantity")), "{error}");
        let mut short = grant(Some("grt_1"), Decimal::ONE);
        short.values.clear();
        assert!(encode(grants(), &[short]).is_err());
    }

    #[test]
    fn a_file_that_is_cut_off_or_of_another_table_is_refused_or_null_but_never_wrong() {
        let file = encode(grants(), &[grant(Some("grt_1"), Decimal::ONE)]).expect("a file");
        assert!(decode(grants(), file[..file.len() - 1].to_vec()).is_err());
        let wallets = Table::named("wallets").expect("a table");
        let read = decode(wallets, file).expect("columns in common");
        assert_eq!((read[0].value("asset"), read[0].value("free")), (Some(&Value::Text("BTC".into())), None));
    }

    #[test]
    fn a_merged_file_names_what_it_was_made_from() {
        let keys = ["a".to_owned(), "b".to_owned()];
        let records = [grant(Some("grt_1"), Decimal::ONE)];
        let merged = encode_merged(grants(), &records, &keys).expect("a file");
        assert_eq!(made_from(merged.clone()).expect("reads"), keys);
        assert_eq!(decode(grants(), merged).expect("reads"), records);
        assert_eq!(made_from(encode(grants(), &records).expect("a file")).expect("reads"), [""; 0]);
    }
}
