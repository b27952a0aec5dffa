//! Reads the resolved properties of one thing and remembers which were read, so that the rest is an error and not silence.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::catalogue;
use crate::document::scalar;
use crate::error::{Place, TemplateError};

/// The properties of `kind` at `place`. CloudFormation takes `"5"` for 5 and `true` for `"true"`; so does this.
pub(crate) struct Fields {
    kind: &'static str,
    place: Place,
    values: Map<String, Value>,
}

impl Fields {
    pub(crate) fn new(kind: &'static str, value: &Value, place: Place) -> Result<Self, TemplateError> {
        match value {
            Value::Object(values) => Ok(Self { kind, values: values.clone(), place }),
            Value::Null => Ok(Self { kind, values: Map::new(), place }),
            _ => Err(place.error("must be a mapping")),
        }
    }

    pub(crate) fn place(&self, name: &str) -> Place {
        self.place.at(name)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, TemplateError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(_) | Value::Array(_)) => Err(self.place(name).error("must be text")),
            Some(plain) => Ok(Some(scalar(&plain))),
        }
    }

    pub(crate) fn required_text(&mut self, name: &str) -> Result<String, TemplateError> {
        self.text(name)?.ok_or_else(|| self.place(name).error("is missing"))
    }

    pub(crate) fn number<N: std::str::FromStr>(&mut self, name: &str) -> Result<Option<N>, TemplateError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.place(name).error(format!("{text:?} is not a number in range")))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, TemplateError> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(self.place(name).error(format!("{other:?} is neither true nor false"))),
        }
    }

    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<Value>, TemplateError> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.place(name).error("must be a list")),
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>, TemplateError> {
        Ok(self.list(name)?.iter().map(scalar).collect())
    }

    /// A mapping of text to text.
    pub(crate) fn pairs(&mut self, name: &str) -> Result<BTreeMap<String, String>, TemplateError> {
        match self.take(name) {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(entries)) => entries
                .into_iter()
                .map(|(key, value)| match value {
                    Value::Object(_) | Value::Array(_) => Err(self.place(name).at(&key).error("must be text")),
                    plain => Ok((key, scalar(&plain))),
                })
                .collect(),
            Some(_) => Err(self.place(name).error("must be a mapping")),
        }
    }

    /// The properties inside a property; empty ones where it is missing.
    pub(crate) fn inner(&mut self, name: &str, kind: &'static str) -> Result<Self, TemplateError> {
        let value = self.take(name).unwrap_or_default();
        Self::new(kind, &value, self.place(name))
    }

    /// A mapping of named things, each with its place.
    pub(crate) fn entries(&mut self, name: &str) -> Result<Vec<(String, Value, Place)>, TemplateError> {
        let place = self.place(name);
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(entries)) => {
                Ok(entries.into_iter().map(|(key, value)| (key.clone(), value, place.at(&key))).collect())
            }
            Some(_) => Err(place.error("must be a mapping")),
        }
    }

    /// Ends the reading: whatever is left is neither served nor listed as ignored.
    pub(crate) fn finish(self) -> Result<(), TemplateError> {
        match self.values.keys().find(|name| !catalogue::is_ignored_property(self.kind, name)) {
            Some(unknown) => {
                Err(self.place.at(unknown).error(format!("{} with {unknown} is not served locally", self.kind)))
            }
            None => Ok(()),
        }
    }
}
