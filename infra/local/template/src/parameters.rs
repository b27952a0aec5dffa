//! The values of the parameters: what was given, else the default, held to the declaration.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::document::{Parameter, Template};
use crate::error::{Place, TemplateError};

/// Values by parameter name. A number arrives as a JSON number, a comma-delimited list as an array.
pub(crate) fn values(
    template: &Template,
    given: &BTreeMap<String, String>,
) -> Result<IndexMap<String, Value>, TemplateError> {
    if let Some(unknown) = given.keys().find(|name| !template.parameters.contains_key(*name)) {
        return Err(Place::resource(unknown).error("the template has no parameter of this name"));
    }
    template
        .parameters
        .iter()
        .map(|(name, declared)| {
            let text = given
                .get(name)
                .or(declared.default.as_ref())
                .ok_or_else(|| Place::resource(name).error("needs a value: it has no default"))?;
            Ok((name.clone(), value(name, declared, text)?))
        })
        .collect()
}

fn value(name: &str, declared: &Parameter, text: &str) -> Result<Value, TemplateError> {
    let place = Place::resource(name);
    if !declared.allowed_values.is_empty() && !declared.allowed_values.iter().any(|allowed| allowed == text) {
        return Err(place.error(format!("{text:?} is not one of {}", declared.allowed_values.join(", "))));
    }
    match declared.kind.as_str() {
        "Number" => {
            let number: serde_json::Number =
                serde_json::from_str(text).map_err(|_| place.error(format!("{text:?} is not a number")))?;
            let size = number.as_f64().unwrap_or(f64::NAN);
            if declared.min_value.is_some_and(|least| size < least)
                || declared.max_value.is_some_and(|most| size > most)
            {
                return Err(place.error(format!("{text} is outside of its range")));
            }
            Ok(Value::Number(number))
        }
        "CommaDelimitedList" => Ok(text.split(',').map(|part| Value::from(part.trim())).collect()),
        _ => Ok(Value::from(text)),
    }
}
