//! Where things are, and what a file of ours may not say.

use std::path::Path;

use crate::repository::root;

/// A file by its path from the top, with its text.
pub type Source = (String, String);

const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "events",
    "functions",
    "infra",
    "samconfig.toml",
    "shared",
    "template.yaml",
];
/// May be there or not.
const TOP_LEVEL_OPTIONAL: &[&str] = &["rust-toolchain.toml", "target"];
const INFRA: &[&str] = &["api", "console", "decisions.md", "load", "local", "runbook.md", "seed", "stacks", "xtask"];

/// Visible names in a folder.
pub fn entries(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).expect("the folder");
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.')).collect()
}

pub fn top_level(entries: &[String]) -> Vec<String> {
    let known = |name: &str| TOP_LEVEL.contains(&name) || TOP_LEVEL_OPTIONAL.contains(&name);
    let strangers = entries.iter().filter(|name| !known(name)).map(|name| format!("{name} does not belong at the top"));
    let missing = TOP_LEVEL
        .iter()
        .filter(|name| !entries.iter().any(|entry| entry == *name))
        .map(|name| format!("{name} is missing"));
    strangers.chain(missing).collect()
}

pub fn infra_level(entries: &[String]) -> Vec<String> {
    entries
        .iter()
        .filter(|name| !INFRA.contains(&name.as_str()))
        .map(|name| format!("infra/{name} does not belong there"))
        .collect()
}

/// All `src/**/*.rs` below a folder.
pub fn sources(folder: &str) -> Vec<Source> {
    let all = files(&root().join(folder));
    all.into_iter().filter(|(path, _)| path.ends_with(".rs") && path.contains("/src/")).collect()
}

/// All files of text below the top, less what is built.
pub fn texts() -> Vec<Source> {
    files(&root())
}

fn files(folder: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let top = root();
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // In a linked work tree .git is a file.
        if ["target", ".git", ".local", ".aws-sam", "node_modules"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path.strip_prefix(&top).unwrap_or(&path).to_string_lossy().into_owned(), text));
        }
    }
    found.sort();
    found
}

/// Lines of code: no comments, as far as a line tells (`//` alone may be an address).
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code =
        |line: &'_ str| if line.trim_start().starts_with("//") { 0 } else { line.find(" // ").unwrap_or(line.len()) };
    text.lines().enumerate().map(move |(number, line)| (number + 1, &line[..code(line)]))
}

fn lines_with(sources: &[Source], words: &[&str], why: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in sources {
        for (number, line) in code(text) {
            for word in words.iter().filter(|word| line.contains(**word)) {
                broken.push(format!("{path}:{number}: {word}: {why}"));
            }
        }
    }
    broken
}

/// What ships: files of tests do not.
fn shipped(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|(path, _)| !path.ends_with("tests.rs") && !path.contains("/tests/"))
}

pub fn domain_is_pure(sources: &[Source]) -> Vec<String> {
    let sources: Vec<Source> = shipped(sources).cloned().collect();
    let words = [
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant::now",
        "now_utc",
        "now_local",
        "Utc::now",
        "async fn",
        "async move",
        ".await",
        "getrandom",
        "rand::",
        "fastrand",
        "aws_sdk",
        "lambda_",
        "println!",
        "tracing::",
    ];
    lines_with(&sources, &words, "the domain knows no AWS, async, clock, randomness or environment")
}

pub fn no_local_mode(sources: &[Source]) -> Vec<String> {
    let words = ["localhost", "127.0.0.1", ":4566", ":3000", "LOCAL_MODE", "IS_LOCAL", "AWS_SAM_LOCAL", "/_local"];
    // What stands behind #[cfg(test)] ships nowhere.
    let shipped: Vec<Source> = shipped(sources)
        .map(|(path, text)| (path.clone(), text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()))
        .collect();
    lines_with(&shipped, &words, "functions see the endpoint as any SDK does, and nothing else of a laptop")
}

pub fn modules_are_introduced(sources: &[Source]) -> Vec<String> {
    let silent = sources.iter().filter(|(path, text)| !text.starts_with("//!") && !path.ends_with("/tests.rs"));
    silent.map(|(path, _)| format!("{path} does not begin with //! and what it is for")).collect()
}

pub fn no_machine_paths(texts: &[Source]) -> Vec<String> {
    // Written in parts, or this file would break its own rule.
    let homes = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("C:\\", "Users"),
    ];
    let mut broken = Vec::new();
    for (path, text) in texts {
        for (number, line) in text.lines().enumerate() {
            for home in homes.iter().filter(|home| machine_path(line, home)) {
                broken.push(format!("{path}:{}: {home}", number + 1));
            }
        }
    }
    broken
}

/// Whether the line names an absolute path there, and not merely a longer one that contains the word (`infra/work/`).
fn machine_path(line: &str, home: &str) -> bool {
    line.match_indices(home)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "-_.}$~/".contains(c)))
}
