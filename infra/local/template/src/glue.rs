//! The catalogue of the lake: Glue's databases, tables and views and Athena's workgroups, of a stack and the stacks nested in it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Place, TemplateError};
use crate::fields::Fields;
use crate::stack::{Resource, Stack};

/// What queries find. Names are in lower case, as Glue keeps them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Twelve digits.
    pub account: String,
    /// Region of the stack.
    pub region: String,
    /// Databases by name.
    pub databases: BTreeMap<String, Database>,
    /// Workgroups by name.
    pub work_groups: BTreeMap<String, WorkGroup>,
}

/// A database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// What it is for.
    pub description: Option<String>,
    /// Its tables and views by name.
    pub tables: BTreeMap<String, Table>,
}

/// A table or a view.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Columns in the files, in order.
    pub columns: Vec<Column>,
    /// Columns that the folders name: `dt=2026-11-30`.
    pub partition_keys: Vec<Column>,
    /// `s3://bucket/prefix/`; empty for a view.
    pub location: String,
    /// The view's query.
    pub view: Option<View>,
    /// `TableInput` in Glue's shape.
    pub input: Value,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: Hive's name in a table, Trino's in a view.
    pub kind: String,
}

/// The query of a view, as Athena keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// One SELECT.
    pub sql: String,
    /// The database in which names without one are looked up.
    pub database: String,
    /// Columns with their types.
    pub columns: Vec<Column>,
}

/// A workgroup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkGroup {
    /// `s3://bucket/prefix/`.
    pub output: Option<String>,
    /// Whether a query's own output location is passed over.
    pub enforced: bool,
    /// A query that reads more is cancelled.
    pub bytes_scanned_cutoff: Option<u64>,
    /// What it is for.
    pub description: Option<String>,
}

/// The JSON in `/* Presto View: … */`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrestoView {
    original_sql: String,
    #[serde(default)]
    schema: Option<String>,
    columns: Vec<PrestoColumn>,
}

#[derive(Deserialize)]
struct PrestoColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Catalogue {
    /// The catalogue of a stack and everything nested in it.
    pub fn of(stack: &Stack) -> Self {
        let mut catalogue = Self { account: stack.account.clone(), region: stack.region.clone(), ..Self::default() };
        catalogue.collect(stack);
        catalogue
    }

    /// Adds a table from Glue's `TableInput`. Its database is made if need be.
    pub fn add_table(&mut self, database: &str, input: &Value) -> Result<(), TemplateError> {
        let (name, table) = table(database, input, Place::resource("TableInput"))?;
        self.databases.entry(database.to_lowercase()).or_default().tables.insert(name, table);
        Ok(())
    }

    fn collect(&mut self, stack: &Stack) {
        for found in &stack.stores.glue {
            match found {
                Found::Database(name, description) => {
                    self.databases.entry(name.clone()).or_default().description.clone_from(description);
                }
                Found::Table(database, name, table) => {
                    self.databases.entry(database.clone()).or_default().tables.insert(name.clone(), (**table).clone());
                }
                Found::WorkGroup(name, group) => drop(self.work_groups.insert(name.clone(), group.clone())),
            }
        }
        stack.nested.values().for_each(|nested| self.collect(nested));
    }
}

/// A resource of the catalogue.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Database(String, Option<String>),
    Table(String, String, Box<Table>),
    WorkGroup(String, WorkGroup),
}

pub(crate) fn read(resource: &Resource) -> Result<Found, TemplateError> {
    let place = Place::resource(&resource.logical_id);
    let properties = &resource.properties;
    match resource.kind.as_str() {
        "AWS::Glue::Database" => {
            let mut fields = Fields::new("AWS::Glue::Database", properties, place)?;
            fields.text("CatalogId")?;
            let mut input = fields.inner("DatabaseInput", "AWS::Glue::Database DatabaseInput")?;
            fields.finish()?;
            let (name, description) = (input.required_text("Name")?.to_lowercase(), input.text("Description")?);
            input.finish()?;
            Ok(Found::Database(name, description))
        }
        "AWS::Glue::Table" => {
            let mut fields = Fields::new("AWS::Glue::Table", properties, place.clone())?;
            fields.text("CatalogId")?;
            let database = fields.required_text("DatabaseName")?.to_lowercase();
            let input = fields.take("TableInput").unwrap_or_default();
            fields.finish()?;
            let (name, table) = table(&database, &input, place.at("TableInput"))?;
            Ok(Found::Table(database, name, Box::new(table)))
        }
        _ => {
            let mut fields = Fields::new("AWS::Athena::WorkGroup", properties, place)?;
            let (name, description) = (fields.required_text("Name")?, fields.text("Description")?);
            let mut settings =
                fields.inner("WorkGroupConfiguration", "AWS::Athena::WorkGroup WorkGroupConfiguration")?;
            fields.finish()?;
            let mut results = settings.inner("ResultConfiguration", "AWS::Athena::WorkGroup ResultConfiguration")?;
            let group = WorkGroup {
                output: results.text("OutputLocation")?,
                enforced: settings.flag("EnforceWorkGroupConfiguration")?.unwrap_or(true),
                bytes_scanned_cutoff: settings.number("BytesScannedCutoffPerQuery")?,
                description,
            };
            results.finish()?;
            settings.finish()?;
            Ok(Found::WorkGroup(name, group))
        }
    }
}

fn table(database: &str, input: &Value, place: Place) -> Result<(String, Table), TemplateError> {
    let mut fields = Fields::new("AWS::Glue::Table TableInput", input, place.clone())?;
    let name = fields.required_text("Name")?.to_lowercase();
    let kind = fields.required_text("TableType")?;
    fields.take("Parameters");
    let partition_keys = columns(&fields.list("PartitionKeys")?, &fields.place("PartitionKeys"))?;
    let mut storage = fields.inner("StorageDescriptor", "AWS::Glue::Table StorageDescriptor")?;
    let columns = columns(&storage.list("Columns")?, &storage.place("Columns"))?;
    let location = storage.text("Location")?.unwrap_or_default();
    let mut serde = storage.inner("SerdeInfo", "AWS::Glue::Table SerdeInfo")?;
    let (library, library_place) = (serde.text("SerializationLibrary")?, serde.place("SerializationLibrary"));
    serde.finish()?;
    storage.finish()?;
    let (text, text_place) = (fields.text("ViewOriginalText")?, fields.place("ViewOriginalText"));
    fields.finish()?;
    let view = match kind.as_str() {
        "VIRTUAL_VIEW" => Some(view(database, text.as_deref(), &text_place)?),
        "EXTERNAL_TABLE" if !library.as_deref().unwrap_or_default().to_lowercase().contains("parquet") => {
            return Err(library_place.error("only Parquet is served locally"));
        }
        "EXTERNAL_TABLE" if !location.starts_with("s3://") => {
            return Err(place.at("StorageDescriptor").at("Location").error("must be s3://bucket/prefix/"));
        }
        "EXTERNAL_TABLE" => None,
        other => return Err(place.at("TableType").error(format!("{other} is not served locally"))),
    };
    Ok((name, Table { columns, partition_keys, location, view, input: input.clone() }))
}

fn columns(list: &[Value], place: &Place) -> Result<Vec<Column>, TemplateError> {
    let column = |(index, value): (usize, &Value)| {
        let mut fields = Fields::new("AWS::Glue::Table Column", value, place.at(index))?;
        fields.text("Comment")?;
        let column = Column { name: fields.required_text("Name")?.to_lowercase(), kind: fields.required_text("Type")? };
        fields.finish()?;
        Ok(column)
    };
    list.iter().enumerate().map(column).collect()
}

fn view(database: &str, text: Option<&str>, place: &Place) -> Result<View, TemplateError> {
    let encoded = text.and_then(|text| text.trim().strip_prefix("/* Presto View: ")?.strip_suffix("*/")).map(str::trim);
    let encoded = encoded.ok_or_else(|| place.error("must be /* Presto View: <base64> */"))?;
    let decoded = STANDARD.decode(encoded).map_err(|error| place.error(format!("base64: {error}")))?;
    let view: PrestoView =
        serde_json::from_slice(&decoded).map_err(|error| place.error(format!("the view's JSON: {error}")))?;
    let column = |column: PrestoColumn| Column { name: column.name.to_lowercase(), kind: column.kind };
    Ok(View {
        sql: view.original_sql,
        database: view.schema.unwrap_or_else(|| database.to_owned()).to_lowercase(),
        columns: view.columns.into_iter().map(column).collect(),
    })
}
