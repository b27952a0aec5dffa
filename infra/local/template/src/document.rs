//! The template as written: sections and resources, nothing evaluated.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::error::{Place, TemplateError};
use crate::{globals, yaml};

/// A template as written, with `Globals` merged into the functions and the API, before parameters, conditions and functions are evaluated.
#[derive(Debug, Clone)]
pub struct Template {
    /// Where it was read from; nested templates are found beside it.
    pub path: PathBuf,
    /// The whole document, short tags in their long form.
    pub document: Value,
    /// `Parameters`, by name.
    pub parameters: IndexMap<String, Parameter>,
    /// `Mappings` as they stand.
    pub mappings: Map<String, Value>,
    /// `Conditions`, unevaluated.
    pub conditions: IndexMap<String, Value>,
    /// `Resources` in the order of the file.
    pub resources: IndexMap<String, RawResource>,
    /// `Outputs`, unevaluated.
    pub outputs: IndexMap<String, Output>,
}

/// A parameter's declaration.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `String`, `Number` or `CommaDelimitedList`.
    pub kind: String,
    /// The value where none is given.
    pub default: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The values it may take; empty where any will do.
    pub allowed_values: Vec<String>,
    /// Least number, for `Number`.
    pub min_value: Option<f64>,
    /// Greatest number, for `Number`.
    pub max_value: Option<f64>,
    /// Hidden in consoles.
    pub no_echo: bool,
}

/// A resource as written.
#[derive(Debug, Clone)]
pub struct RawResource {
    /// `AWS::DynamoDB::Table`.
    pub kind: String,
    /// The condition that decides whether it exists.
    pub condition: Option<String>,
    /// Logical ids it waits for.
    pub depends_on: Vec<String>,
    /// Properties, with `Globals` merged in, unevaluated.
    pub properties: Map<String, Value>,
    /// `DeletionPolicy`, if any.
    pub deletion_policy: Option<String>,
    /// `UpdateReplacePolicy`, if any.
    pub update_replace_policy: Option<String>,
}

/// An output as written.
#[derive(Debug, Clone)]
pub struct Output {
    /// The condition that decides whether it exists.
    pub condition: Option<String>,
    /// The value, unevaluated.
    pub value: Value,
}

const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
];
const ATTRIBUTES: &[&str] =
    &["Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"];

impl Template {
    /// Reads a template file.
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Place::default().error(format!("{}: {error}", path.display())))?;
        Self::parse(&text, path)
    }

    /// Parses a template's text. `path` is only where nested templates are looked for.
    pub fn parse(text: &str, path: &Path) -> Result<Self, TemplateError> {
        let (document, order) = yaml::parse(text)?;
        let sections = document.as_object().ok_or_else(|| Place::default().error("a template is a mapping"))?;
        if let Some(unknown) = sections.keys().find(|section| !SECTIONS.contains(&section.as_str())) {
            return Err(Place::default().at(unknown).error(format!("the section {unknown} is not served")));
        }
        let section = |name: &str| match sections.get(name) {
            None => Ok(Map::new()),
            Some(Value::Object(entries)) => Ok(entries.clone()),
            Some(_) => Err(Place::resource(name).error("must be a mapping")),
        };
        let mut resources = IndexMap::new();
        let declared = section("Resources")?;
        for logical_id in order.iter().filter(|id| declared.contains_key(*id)) {
            resources.insert(logical_id.clone(), resource(logical_id, &declared[logical_id])?);
        }
        globals::merge(&section("Globals")?, &mut resources)?;
        Ok(Self {
            path: path.to_owned(),
            parameters: section("Parameters")?
                .iter()
                .map(|(name, value)| Ok((name.clone(), parameter(name, value)?)))
                .collect::<Result<_, _>>()?,
            mappings: section("Mappings")?,
            conditions: section("Conditions")?.into_iter().collect(),
            outputs: section("Outputs")?
                .iter()
                .map(|(name, value)| Ok((name.clone(), output(name, value)?)))
                .collect::<Result<_, _>>()?,
            resources,
            document,
        })
    }
}

fn resource(logical_id: &str, value: &Value) -> Result<RawResource, TemplateError> {
    let place = Place::resource(logical_id);
    let attributes = value.as_object().ok_or_else(|| place.error("a resource is a mapping"))?;
    if let Some(unknown) = attributes.keys().find(|name| !ATTRIBUTES.contains(&name.as_str())) {
        return Err(place.at(unknown).error("this attribute of a resource is not served"));
    }
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(RawResource {
        kind: text("Type").ok_or_else(|| place.error("has no Type"))?,
        condition: text("Condition"),
        depends_on: match attributes.get("DependsOn") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        },
        properties: match attributes.get("Properties") {
            None => Map::new(),
            Some(Value::Object(properties)) => properties.clone(),
            Some(_) => return Err(place.error("Properties must be a mapping")),
        },
        deletion_policy: text("DeletionPolicy"),
        update_replace_policy: text("UpdateReplacePolicy"),
    })
}

fn parameter(name: &str, value: &Value) -> Result<Parameter, TemplateError> {
    let place = Place::resource(name);
    let field = |field: &str| value.get(field).map(scalar);
    let kind = field("Type").ok_or_else(|| place.error("a parameter needs a Type"))?;
    if !["String", "Number", "CommaDelimitedList"].contains(&kind.as_str()) {
        return Err(place.at("Type").error(format!("parameters of type {kind} are not served")));
    }
    Ok(Parameter {
        kind,
        default: field("Default"),
        description: field("Description"),
        allowed_values: value
            .get("AllowedValues")
            .and_then(Value::as_array)
            .map(|values| values.iter().map(scalar).collect())
            .unwrap_or_default(),
        min_value: value.get("MinValue").and_then(Value::as_f64),
        max_value: value.get("MaxValue").and_then(Value::as_f64),
        no_echo: value.get("NoEcho").is_some_and(|value| scalar(value) == "true"),
    })
}

fn output(name: &str, value: &Value) -> Result<Output, TemplateError> {
    Ok(Output {
        condition: value.get("Condition").and_then(Value::as_str).map(str::to_owned),
        value: value.get("Value").cloned().ok_or_else(|| Place::resource(name).error("an output needs a Value"))?,
    })
}

/// A scalar as CloudFormation prints it.
pub(crate) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
