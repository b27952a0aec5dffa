//! CloudFormation's YAML as JSON: the short tags (`!Sub`) become the long forms (`{"Fn::Sub": …}`), nothing is evaluated.

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use crate::error::{Place, TemplateError};

/// Parses a document. Duplicate keys and unknown tags are errors. Beside it, the logical ids in the order of the file: JSON objects
/// forget it, and readers of the runner's pages expect it.
pub(crate) fn parse(text: &str) -> Result<(Value, Vec<String>), TemplateError> {
    let yaml: Yaml = serde_yaml_ng::from_str(text).map_err(|error| Place::default().error(error.to_string()))?;
    let resources = yaml.get("Resources").and_then(Yaml::as_mapping);
    let order = resources
        .into_iter()
        .flat_map(|resources| resources.keys())
        .filter_map(|key| key.as_str().map(str::to_owned))
        .collect();
    Ok((json(yaml, &Place::default())?, order))
}

fn json(yaml: Yaml, place: &Place) -> Result<Value, TemplateError> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => Value::Bool(bool),
        Yaml::Number(number) => {
            if let Some(whole) = number.as_i64() {
                whole.into()
            } else if let Some(whole) = number.as_u64() {
                whole.into()
            } else {
                number
                    .as_f64()
                    .and_then(serde_json::Number::from_f64)
                    .map(Value::Number)
                    .ok_or_else(|| place.error("a number that JSON cannot hold"))?
            }
        }
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| json(item, &place.at(index)))
                .collect::<Result<_, _>>()?,
        ),
        Yaml::Mapping(mapping) => {
            let mut object = Map::new();
            for (key, value) in mapping {
                let key = match key {
                    Yaml::String(key) => key,
                    Yaml::Number(key) => key.to_string(),
                    Yaml::Bool(key) => key.to_string(),
                    _ => return Err(place.error("a key that is not text")),
                };
                let value = json(value, &place.at(&key))?;
                object.insert(key, value);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let argument = json(tagged.value, place)?;
            let (long, argument) = match name {
                "Ref" | "Condition" => (name.to_owned(), argument),
                "GetAtt" => ("Fn::GetAtt".to_owned(), attribute(argument, place)?),
                "And" | "Base64" | "Cidr" | "Equals" | "FindInMap" | "GetAZs" | "If" | "ImportValue" | "Join"
                | "Not" | "Or" | "Select" | "Split" | "Sub" | "Transform" => (format!("Fn::{name}"), argument),
                _ => return Err(place.error(format!("unknown tag {tag}"))),
            };
            Value::Object(Map::from_iter([(long, argument)]))
        }
    })
}

/// `!GetAtt Table.StreamArn` in the list form of the long function.
fn attribute(argument: Value, place: &Place) -> Result<Value, TemplateError> {
    match argument {
        Value::String(text) => {
            let (resource, attribute) =
                text.split_once('.').ok_or_else(|| place.error(format!("!GetAtt {text} names no attribute")))?;
            Ok(Value::from(vec![resource, attribute]))
        }
        other => Ok(other),
    }
}
