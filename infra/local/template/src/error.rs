//! Why a template cannot be served, with the place to look at.

use std::fmt;

/// A template that the runner cannot serve as it stands. Names the resource and the property wherever there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Logical id of the resource (or parameter, condition, output) at fault.
    pub resource: Option<String>,
    /// Path of the property inside it, `Events.Create.Properties.Path`.
    pub property: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.resource, &self.property) {
            (Some(resource), Some(property)) => write!(out, "{resource}, property {property}: {}", self.message),
            (Some(resource), None) => write!(out, "{resource}: {}", self.message),
            (None, Some(property)) => write!(out, "{property}: {}", self.message),
            (None, None) => write!(out, "{}", self.message),
        }
    }
}

/// A place in the template, carried along so that every error can name it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    resource: Option<String>,
    property: String,
}

impl Place {
    pub(crate) fn resource(logical_id: &str) -> Self {
        Self { resource: Some(logical_id.to_owned()), property: String::new() }
    }

    /// The place of a property (or list element) below this one.
    pub(crate) fn at(&self, name: impl fmt::Display) -> Self {
        let property = if self.property.is_empty() { name.to_string() } else { format!("{}.{name}", self.property) };
        Self { resource: self.resource.clone(), property }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError {
            resource: self.resource.clone(),
            property: Some(self.property.clone()).filter(|property| !property.is_empty()),
            message: message.into(),
        }
    }
}
