//! What the rules look at: the template as written, and two stacks made from it.

use std::path::{Path, PathBuf};

use local_template::{Event, Function, Options, Route, Stack, Template};
use serde_json::Value;

/// The repository as the rules see it.
pub struct Repository {
    /// The template's text.
    pub text: String,
    /// The template as written.
    pub template: Template,
    /// The stack with the defaults.
    pub dev: Stack,
    /// The stack with everything switched on.
    pub full: Stack,
}

/// Parameters that switch on everything there is.
const EVERYTHING: &[(&str, &str)] = &[
    ("Stage", "prod"),
    ("AccessLogs", "true"),
    ("Alarms", "true"),
    ("AlarmTopicArn", "arn:aws:sns:eu-west-1:000000000000:alarms"),
    ("WebAcl", "true"),
    ("KmsKeyArn", "arn:aws:kms:eu-west-1:000000000000:key/florin"),
    ("PartnerAccess", "true"),
    ("SesIdentityArn", "arn:aws:ses:eu-west-1:000000000000:identity/example.com"),
    ("HostedUiDomain", "florin-test"),
    ("GoogleClientId", "google"),
    ("FacebookAppId", "facebook"),
    ("GitHubIssuer", "https://github.example.com"),
];

impl Repository {
    /// The repository as it is.
    pub fn here() -> Self {
        Self::read(Self::text_here()).unwrap_or_else(|error| panic!("template.yaml: {error}"))
    }

    /// The template's text as it is.
    pub fn text_here() -> String {
        std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml")
    }

    /// The repository with this text as its template.
    pub fn read(text: String) -> Result<Self, String> {
        let stack = |template: &Template, parameters: &[(&str, &str)]| {
            let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let options = Options { parameters, ..Options::local("http://localhost:4566") };
            template.resolve(&options).map_err(|error| error.to_string())
        };
        let template = Template::parse(&text, &root().join("template.yaml")).map_err(|error| error.to_string())?;
        let (dev, full) = (stack(&template, &[])?, stack(&template, EVERYTHING)?);
        Ok(Self { text, template, dev, full })
    }

    /// Every route with its function.
    pub fn routes(&self) -> impl Iterator<Item = (&Function, &Route)> {
        self.full.functions().iter().flat_map(|function| {
            function.events.iter().filter_map(move |event| match event {
                Event::Api(route) => Some((function, route)),
                _ => None,
            })
        })
    }

    /// Names of the folders in `functions/`.
    pub fn function_folders() -> Vec<String> {
        folders("functions")
    }
}

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository's root")
}

/// Names of the folders in a folder, sorted.
pub fn folders(path: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut names: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// `transfers-expire` → `TransfersExpire`.
pub fn pascal(name: &str) -> String {
    name.split('-').map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

/// A value, or the items of a list of values, as text.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}
