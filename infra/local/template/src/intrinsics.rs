//! Evaluates `Ref`, `Fn::…` and conditions. What a function answers depends on the template and the options alone.

use std::cell::RefCell;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::document::{Template, scalar};
use crate::error::{Place, TemplateError};
use crate::physical;
use crate::stack::{Options, Stack};

/// What is known while a template is resolved.
pub(crate) struct Scope<'a> {
    pub(crate) template: &'a Template,
    pub(crate) options: &'a Options,
    pub(crate) parameters: IndexMap<String, Value>,
    /// Nested stacks by logical id, resolved when first asked for.
    pub(crate) nested: RefCell<IndexMap<String, Stack>>,
    /// What is being worked out, to tell a circle from a long way.
    pending: RefCell<Vec<String>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(template: &'a Template, options: &'a Options, parameters: IndexMap<String, Value>) -> Self {
        Self { template, options, parameters, nested: RefCell::default(), pending: RefCell::default() }
    }

    /// Evaluates a value. `None` is `AWS::NoValue`: the property is not there.
    pub(crate) fn value(&self, value: &Value, place: &Place) -> Result<Option<Value>, TemplateError> {
        match value {
            Value::Object(object) => {
                if let Some((name, argument)) = single(object) {
                    if name == "Ref" {
                        return self.reference(argument, place);
                    }
                    if let Some(function) = name.strip_prefix("Fn::") {
                        return self.function(function, argument, place);
                    }
                }
                let mut resolved = Map::new();
                for (name, value) in object {
                    if let Some(value) = self.value(value, &place.at(name))? {
                        resolved.insert(name.clone(), value);
                    }
                }
                Ok(Some(Value::Object(resolved)))
            }
            Value::Array(items) => {
                let mut resolved = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    resolved.extend(self.value(item, &place.at(index))?);
                }
                Ok(Some(Value::Array(resolved)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    /// Evaluates to text; numbers and booleans are printed.
    pub(crate) fn text(&self, value: &Value, place: &Place) -> Result<String, TemplateError> {
        match self.value(value, place)? {
            Some(Value::Object(_) | Value::Array(_) | Value::Null) | None => Err(place.error("must be text here")),
            Some(plain) => Ok(scalar(&plain)),
        }
    }

    /// Whether a condition of the template holds.
    pub(crate) fn condition(&self, name: &str, place: &Place) -> Result<bool, TemplateError> {
        let condition =
            self.template.conditions.get(name).ok_or_else(|| place.error(format!("there is no condition {name}")))?;
        self.guarded(&format!("condition {name}"), place, || self.holds(condition, &Place::resource(name)))
    }

    /// Whether a resource is part of the stack.
    pub(crate) fn exists(&self, logical_id: &str, place: &Place) -> Result<bool, TemplateError> {
        let resource = self
            .template
            .resources
            .get(logical_id)
            .ok_or_else(|| place.error(format!("there is no resource {logical_id}")))?;
        resource.condition.as_deref().map_or(Ok(true), |condition| self.condition(condition, place))
    }

    /// Runs `work` unless it is already under way further up: then it waits for itself.
    pub(crate) fn guarded<T>(
        &self,
        key: &str,
        place: &Place,
        work: impl FnOnce() -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        if self.pending.borrow().iter().any(|pending| pending == key) {
            return Err(place.error(format!("a circle: {key} depends on itself")));
        }
        self.pending.borrow_mut().push(key.to_owned());
        let outcome = work();
        self.pending.borrow_mut().pop();
        outcome
    }

    fn holds(&self, condition: &Value, place: &Place) -> Result<bool, TemplateError> {
        let object = condition.as_object().and_then(single);
        let Some((name, argument)) = object else { return Err(place.error("is not a condition")) };
        let several = || argument.as_array().ok_or_else(|| place.error(format!("{name} takes a list")));
        match name {
            "Condition" => self.condition(&scalar(argument), place),
            "Fn::Equals" => match several()?.as_slice() {
                [left, right] => Ok(self.text(left, place)? == self.text(right, place)?),
                _ => Err(place.error("Fn::Equals compares two values")),
            },
            "Fn::Not" => match several()?.as_slice() {
                [only] => Ok(!self.holds(only, place)?),
                _ => Err(place.error("Fn::Not takes one condition")),
            },
            "Fn::And" | "Fn::Or" => {
                let mut all = true;
                let mut any = false;
                for part in several()? {
                    let holds = self.holds(part, place)?;
                    all &= holds;
                    any |= holds;
                }
                Ok(if name == "Fn::And" { all } else { any })
            }
            _ => Err(place.error(format!("{name} is no condition function"))),
        }
    }

    fn reference(&self, argument: &Value, place: &Place) -> Result<Option<Value>, TemplateError> {
        let name = argument.as_str().ok_or_else(|| place.error("Ref takes a name"))?;
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        self.named(name, place).map(Some)
    }

    /// What `Ref` answers for a pseudo parameter, a parameter or a resource.
    fn named(&self, name: &str, place: &Place) -> Result<Value, TemplateError> {
        if let Some(pseudo) = physical::pseudo_parameter(name, self.options) {
            return Ok(Value::from(pseudo));
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        self.present(name, place)?;
        physical::reference(self, name, place).map(Value::from)
    }

    fn present(&self, logical_id: &str, place: &Place) -> Result<(), TemplateError> {
        if !self.template.resources.contains_key(logical_id) {
            return Err(place.error(format!("refers to {logical_id}, which is neither a parameter nor a resource")));
        }
        if !self.exists(logical_id, place)? {
            return Err(place.error(format!("refers to {logical_id}, which its condition leaves out")));
        }
        Ok(())
    }

    fn attribute(&self, logical_id: &str, attribute: &str, place: &Place) -> Result<String, TemplateError> {
        self.present(logical_id, place)?;
        physical::attribute(self, logical_id, attribute, place)
    }

    fn function(&self, name: &str, argument: &Value, place: &Place) -> Result<Option<Value>, TemplateError> {
        let several =
            || argument.as_array().map(Vec::as_slice).ok_or_else(|| place.error(format!("Fn::{name} takes a list")));
        match name {
            "If" => match several()? {
                [condition, yes, no] => {
                    let holds = self.condition(&scalar(condition), place)?;
                    self.value(if holds { yes } else { no }, place)
                }
                _ => Err(place.error("Fn::If takes a condition and two values")),
            },
            "GetAtt" => match several()? {
                [resource, attribute] => self
                    .attribute(&scalar(resource), &self.text(attribute, place)?, place)
                    .map(|text| Some(Value::from(text))),
                _ => Err(place.error("Fn::GetAtt takes a resource and an attribute")),
            },
            "Sub" => self.substitute(argument, place).map(|text| Some(Value::from(text))),
            "Join" => match several()? {
                [delimiter, list] => {
                    let parts = self.list(list, place)?;
                    Ok(Some(Value::from(parts.iter().map(scalar).collect::<Vec<_>>().join(&scalar(delimiter)))))
                }
                _ => Err(place.error("Fn::Join takes a delimiter and a list")),
            },
            "Split" => match several()? {
                [delimiter, text] => {
                    Ok(Some(self.text(text, place)?.split(&scalar(delimiter)).map(Value::from).collect()))
                }
                _ => Err(place.error("Fn::Split takes a delimiter and a text")),
            },
            "Select" => match several()? {
                [index, list] => {
                    let index: usize =
                        self.text(index, place)?.parse().map_err(|_| place.error("Fn::Select takes an index"))?;
                    let list = self.list(list, place)?;
                    list.get(index)
                        .cloned()
                        .map(Some)
                        .ok_or_else(|| place.error(format!("Fn::Select: there is no element {index}")))
                }
                _ => Err(place.error("Fn::Select takes an index and a list")),
            },
            "FindInMap" => match several()? {
                [map, first, second] => {
                    let (map, first, second) =
                        (self.text(map, place)?, self.text(first, place)?, self.text(second, place)?);
                    let found = self
                        .template
                        .mappings
                        .get(&map)
                        .and_then(|map| map.get(&first))
                        .and_then(|map| map.get(&second));
                    found
                        .cloned()
                        .map(Some)
                        .ok_or_else(|| place.error(format!("there is no {map}.{first}.{second} in the mappings")))
                }
                _ => Err(place.error("Fn::FindInMap takes a map and two keys")),
            },
            _ => Err(place.error(format!("Fn::{name} is not served"))),
        }
    }

    fn list(&self, value: &Value, place: &Place) -> Result<Vec<Value>, TemplateError> {
        match self.value(value, place)? {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(place.error("must be a list here")),
        }
    }

    fn substitute(&self, argument: &Value, place: &Place) -> Result<String, TemplateError> {
        let (text, own) = match argument {
            Value::String(text) => (text, None),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(text), Value::Object(own)] => (text, Some(own)),
                _ => return Err(place.error("Fn::Sub takes a text and a mapping")),
            },
            _ => return Err(place.error("Fn::Sub takes a text")),
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(start) = rest.find("${") {
            out.push_str(&rest[..start]);
            let end = rest[start..].find('}').ok_or_else(|| place.error("Fn::Sub: a ${ without its }"))? + start;
            let name = rest[start + 2..end].trim();
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str(&format!("${{{literal}}}"));
            } else if let Some(value) = own.and_then(|own| own.get(name)) {
                out.push_str(&self.text(value, place)?);
            } else if let Some((resource, attribute)) = name.split_once('.') {
                out.push_str(&self.attribute(resource, attribute, place)?);
            } else {
                match self.named(name, place)? {
                    Value::Array(_) => return Err(place.error(format!("Fn::Sub: {name} is a list"))),
                    plain => out.push_str(&scalar(&plain)),
                }
            }
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }
}

fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}
