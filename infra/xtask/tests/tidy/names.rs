//! One name for folder, package, binary, event file, function, role and log group.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::repository::{Repository, pascal, root};
use crate::{dependencies, layout};

pub fn one_name_everywhere(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let folders = Repository::function_folders();
    let packages = dependencies::packages();
    let stack = &repository.full;
    for folder in &folders {
        let id = pascal(folder);
        match packages.iter().find(|package| package.folder == format!("functions/{folder}")) {
            None => broken.push(format!("functions/{folder} is no package of the workspace")),
            Some(package) => {
                if package.name != *folder {
                    broken.push(format!("functions/{folder}: the package is called {}", package.name));
                }
                if package.binaries != [folder.clone()] {
                    broken.push(format!("functions/{folder}: the binaries are {:?}", package.binaries));
                }
            }
        }
        let Some(function) = stack.functions().iter().find(|function| function.logical_id == id) else {
            broken.push(format!("functions/{folder}: the template has no function {id}"));
            continue;
        };
        let properties = &stack.resources[&id].properties;
        for (what, found, expected) in [
            ("FunctionName", function.name.clone(), format!("{}-{folder}", stack.name)),
            ("CodeUri", text(&properties["CodeUri"]), format!("target/lambda/{folder}/")),
            ("LoggingConfig.LogGroup", function.log_group.clone(), format!("/{}/{folder}", stack.name)),
        ] {
            if found != expected {
                broken.push(format!("{id}: {what} is {found} and not {expected}"));
            }
        }
        for (suffix, kind, expected) in
            [("Logs", "AWS::Logs::LogGroup", Some(function.log_group.clone())), ("Role", "AWS::IAM::Role", None)]
        {
            match stack.resources.get(&format!("{id}{suffix}")) {
                Some(resource) if resource.kind == kind => {
                    if expected.is_some_and(|expected| expected != resource.ref_value) {
                        broken.push(format!("{id} does not log to {id}{suffix}"));
                    }
                }
                _ => broken.push(format!("{id} has no {id}{suffix} of type {kind}")),
            }
        }
    }
    for function in stack.functions() {
        if !folders.contains(&function.folder) {
            broken.push(format!("{}: there is no functions/{}", function.logical_id, function.folder));
        }
    }
    broken
}

pub fn every_function_has_its_events(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    let mut covered = BTreeSet::new();
    let folder = root().join("events");
    for entry in std::fs::read_dir(&folder).expect("events/").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".json") else {
            broken.push(format!("events/{name} is no .json"));
            continue;
        };
        let function = stem.split('.').next().unwrap_or_default();
        if repository.full.functions().iter().all(|known| known.folder != function) {
            broken.push(format!("events/{name} belongs to no function"));
        }
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        if let Err(error) = serde_json::from_str::<Value>(&text) {
            broken.push(format!("events/{name}: {error}"));
        }
        covered.insert(function.to_owned());
    }
    for function in repository.full.functions() {
        if !covered.contains(&function.folder) {
            broken.push(format!("{0}: there is no events/{0}.json or events/{0}.<case>.json", function.folder));
        }
    }
    broken
}

/// The variables a function reads are the ones the template gives it. Names stand in full, so that they can be found.
pub fn variables_are_given_and_read(repository: &Repository) -> Vec<String> {
    let mut broken = Vec::new();
    for function in repository.full.functions() {
        let folder = &function.folder;
        let sources = layout::sources(&format!("functions/{folder}"));
        let text: String = sources.iter().map(|(_, text)| text.as_str()).collect();
        let main: String =
            sources.iter().filter(|(path, _)| path.ends_with("/main.rs")).map(|(_, text)| text.as_str()).collect();
        for name in variables_read(&text).into_iter().chain(names_in_calls(&main)) {
            if !function.environment.contains_key(&name) {
                broken.push(format!("{folder} reads {name}, which the template does not give it"));
            }
        }
        let own = repository.template.resources[&function.logical_id].properties.get("Environment");
        let all = repository.template.document.pointer("/Globals/Function/Environment/Variables");
        let given = own.and_then(|environment| environment.get("Variables")).and_then(Value::as_object);
        for name in given.into_iter().flat_map(|given| given.keys()) {
            let for_all = all.and_then(|all| all.get(name)).is_some();
            if !for_all && !text.contains(&format!("\"{name}\"")) {
                broken.push(format!("{folder} is given {name}, which it does not read"));
            }
        }
    }
    broken
}

/// Names in `variable::required("…")` and its like.
pub fn variables_read(source: &str) -> BTreeSet<String> {
    let calls = source.split("variable::").skip(1);
    let arguments = calls.filter_map(|call| call.split_once("(\"").filter(|(kind, _)| !kind.contains(['(', ';'])));
    arguments.filter_map(|(_, rest)| rest.split('"').next()).map(str::to_owned).collect()
}

/// Names in any call of `main.rs`, where a number may be read through a function of its own.
fn names_in_calls(main: &str) -> BTreeSet<String> {
    let names = main.split("(\"").skip(1).filter_map(|rest| rest.split_once("\")")).map(|(name, _)| name);
    let loud = |name: &str| name.contains('_') && name.chars().all(|c| matches!(c, 'A'..='Z' | '0'..='9' | '_'));
    names.filter(|name| loud(name)).map(str::to_owned).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
