//! Glue's catalogue, to be read: databases, tables, and partitions as the folders have them.

use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::http::ServiceError;
use crate::{Database, Table, location};

pub(crate) fn handle(engine: &Engine, operation: &str, body: Value) -> Result<Value, ServiceError> {
    let catalogue = &engine.inner.catalogue;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    match operation {
        "GetDatabase" => {
            Ok(json!({"Database": database(&text("Name"), known(engine, &text("Name"))?, &catalogue.account)}))
        }
        "GetDatabases" => {
            let databases = catalogue.databases.iter();
            Ok(
                json!({"DatabaseList": databases.map(|(name, found)| database(name, found, &catalogue.account)).collect::<Vec<_>>()}),
            )
        }
        "GetTable" => {
            let (database, name) = (text("DatabaseName"), text("Name"));
            Ok(json!({"Table": table(&database, known_table(engine, &database, &name)?, &catalogue.account)}))
        }
        "GetTables" => {
            let name = text("DatabaseName");
            let tables = known(engine, &name)?.tables.values();
            Ok(json!({"TableList": tables.map(|found| table(&name, found, &catalogue.account)).collect::<Vec<_>>()}))
        }
        "GetPartitions" => {
            let (database, name) = (text("DatabaseName"), text("TableName"));
            let found = known_table(engine, &database, &name)?;
            Ok(json!({"Partitions": partitions(engine, &database, &name, found)}))
        }
        other => Err(ServiceError::new(
            "UnknownOperationException",
            format!("{other} is not served locally: the catalogue is the template's"),
        )),
    }
}

fn known<'e>(engine: &'e Engine, name: &str) -> Result<&'e Database, ServiceError> {
    let missing = || ServiceError::new("EntityNotFoundException", format!("Database {name} not found."));
    engine.inner.catalogue.databases.get(name).ok_or_else(missing)
}

fn known_table<'e>(engine: &'e Engine, database: &str, name: &str) -> Result<&'e Table, ServiceError> {
    let missing = || ServiceError::new("EntityNotFoundException", format!("Table {name} not found."));
    known(engine, database)?.tables.get(name).ok_or_else(missing)
}

fn database(name: &str, database: &Database, account: &str) -> Value {
    let mut answer = json!({"Name": name, "CatalogId": account, "CreateTime": 0, "Parameters": {}});
    if let Some(description) = &database.description {
        answer["Description"] = description.as_str().into();
    }
    answer
}

fn table(database: &str, table: &Table, account: &str) -> Value {
    let mut answer = table.input.as_object().cloned().unwrap_or_default();
    answer.insert("DatabaseName".to_owned(), database.into());
    answer.insert("CatalogId".to_owned(), account.into());
    answer.insert("CreateTime".to_owned(), 0.into());
    // Templates write true for "true"; the API knows text only.
    if let Some(Value::Object(parameters)) = answer.get_mut("Parameters") {
        for value in parameters.values_mut().filter(|value| !value.is_string()) {
            *value = value.to_string().into();
        }
    }
    Value::Object(answer)
}

/// Of a table with one partition key, a partition for each of its folders.
fn partitions(engine: &Engine, database: &str, name: &str, table: &Table) -> Vec<Value> {
    let ([key], Some(folder)) =
        (table.partition_keys.as_slice(), location::folder(&engine.inner.objects, &table.location))
    else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut values: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix(&key.name)?.strip_prefix('=').map(str::to_owned))
        .collect();
    values.sort_unstable();
    let storage = table.input.get("StorageDescriptor").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    let partition = |value: &String| {
        let mut storage = storage.clone();
        storage.insert("Location".to_owned(), format!("{}{}={value}/", table.location, key.name).into());
        json!({"DatabaseName": database, "TableName": name, "Values": [value], "StorageDescriptor": storage})
    };
    values.iter().map(partition).collect()
}
