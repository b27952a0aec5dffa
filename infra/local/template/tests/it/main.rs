//! The template language by tables, what is refused, and the repository's own template.

mod events;
mod language;
mod refusals;
mod repository;

use std::collections::BTreeMap;
use std::path::Path;

use local_template::{Options, Stack, Template, TemplateError};

/// A stack `bank` from a template's text, with these parameters.
fn resolve(text: &str, parameters: &[(&str, &str)]) -> Result<Stack, TemplateError> {
    let parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
    let options = Options { stack_name: "bank".to_owned(), parameters, ..Options::local("http://localhost:4566") };
    Template::parse(text, Path::new("template.yaml"))?.resolve(&options)
}

/// The message of a template that must not resolve.
fn refusal(text: &str) -> String {
    match resolve(text, &[]) {
        Ok(_) => panic!("resolved:\n{text}"),
        Err(error) => error.to_string(),
    }
}
