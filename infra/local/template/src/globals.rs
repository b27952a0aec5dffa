//! SAM's `Globals`: mappings are merged, lists put the global entries first, everything else is overridden by the resource.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::document::RawResource;
use crate::error::{Place, TemplateError};

pub(crate) fn merge(
    globals: &Map<String, Value>,
    resources: &mut IndexMap<String, RawResource>,
) -> Result<(), TemplateError> {
    for (section, defaults) in globals {
        let kind = match section.as_str() {
            "Function" => "AWS::Serverless::Function",
            "Api" => "AWS::Serverless::Api",
            _ => return Err(Place::resource("Globals").at(section).error("this section of Globals is not served")),
        };
        let Value::Object(defaults) = defaults else {
            return Err(Place::resource("Globals").at(section).error("must be a mapping"));
        };
        for resource in resources.values_mut().filter(|resource| resource.kind == kind) {
            let own = std::mem::take(&mut resource.properties);
            resource.properties = objects(defaults, own);
        }
    }
    Ok(())
}

fn objects(global: &Map<String, Value>, own: Map<String, Value>) -> Map<String, Value> {
    let mut merged = global.clone();
    for (name, value) in own {
        let value = match merged.remove(&name) {
            Some(default) => values(default, value),
            None => value,
        };
        merged.insert(name, value);
    }
    merged
}

fn values(global: Value, own: Value) -> Value {
    match (global, own) {
        // An intrinsic is a value, not a mapping to merge into.
        (Value::Object(global), Value::Object(own)) if !intrinsic(&global) && !intrinsic(&own) => {
            Value::Object(objects(&global, own))
        }
        (Value::Array(mut global), Value::Array(own)) => {
            global.extend(own);
            Value::Array(global)
        }
        (_, own) => own,
    }
}

fn intrinsic(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
}
