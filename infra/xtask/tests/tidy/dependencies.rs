//! Which crate may know which: functions → edge, aws, supplier → domain; the runner knows none of them. And one TLS stack.

use std::process::Command;

use serde_json::Value;

use crate::repository::{Repository, root};

/// A package of the workspace.
pub struct Package {
    pub name: String,
    /// Relative to the top, `functions/auth`.
    pub folder: String,
    pub binaries: Vec<String>,
    /// Normal and build dependencies, by package name.
    pub dependencies: Vec<String>,
    pub lints_are_the_workspaces: bool,
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All members of the workspace.
pub fn packages() -> Vec<Package> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("JSON");
    let top = root();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let manifest = text(&package["manifest_path"]);
            let folder = std::path::Path::new(&manifest).parent().unwrap_or(&top);
            let own = std::fs::read_to_string(&manifest).unwrap_or_default();
            Package {
                name: text(&package["name"]),
                folder: folder.strip_prefix(&top).unwrap_or(folder).to_string_lossy().into_owned(),
                binaries: list(&package["targets"])
                    .iter()
                    .filter(|target| list(&target["kind"]).iter().any(|kind| kind == "bin"))
                    .map(|target| text(&target["name"]))
                    .collect(),
                dependencies: list(&package["dependencies"])
                    .iter()
                    .filter(|dependency| dependency["kind"] != "dev")
                    .map(|dependency| text(&dependency["name"]))
                    .collect(),
                lints_are_the_workspaces: own.contains("[lints]\nworkspace = true"),
            }
        })
        .collect()
}

/// Crates that bring AWS, async, a clock or randomness.
const NOT_IN_THE_DOMAIN: &[&str] = &[
    "async",
    "aws",
    "chrono",
    "edge",
    "fastrand",
    "futures",
    "getrandom",
    "http",
    "hyper",
    "lambda",
    "rand",
    "reqwest",
    "tokio",
    "tower",
    "tracing",
    "uuid",
];

pub fn point_one_way(packages: &[Package]) -> Vec<String> {
    let mut broken = Vec::new();
    let ours = |name: &str| packages.iter().find(|package| package.name == name);
    for package in packages {
        if !package.lints_are_the_workspaces {
            broken.push(format!("{}: [lints] is not the workspace's", package.name));
        }
        let area = package.folder.split('/').next().unwrap_or_default();
        for name in &package.dependencies {
            let other = ours(name);
            let allowed = match (area, package.folder.as_str(), other.map(|other| other.folder.as_str())) {
                (_, "shared/domain", _) => !NOT_IN_THE_DOMAIN.iter().any(|word| {
                    name == word || name.starts_with(&format!("{word}-")) || name.starts_with(&format!("{word}_"))
                }),
                ("functions", _, Some(folder)) => {
                    ["shared/domain", "shared/aws", "shared/edge", "shared/supplier"].contains(&folder)
                }
                (_, "shared/aws" | "shared/edge" | "shared/supplier", Some(folder)) => folder == "shared/domain",
                // Tests run on the template's tables and on the runner's user pool and queues, never on the runner itself.
                (_, "shared/testkit", Some(folder)) => {
                    folder.starts_with("shared/") || folder.starts_with("infra/local/")
                }
                ("infra", folder, Some(other)) if folder.starts_with("infra/local") => {
                    other.starts_with("infra/local/")
                }
                _ => true,
            };
            if !allowed {
                broken.push(format!("{} depends on {name}", package.name));
            }
        }
    }
    broken
}

/// Everything the functions link, one `name vVersion` a line.
pub fn function_tree() -> Vec<String> {
    let mut arguments = vec!["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let folders = Repository::function_folders();
    for folder in &folders {
        arguments.extend(["-p", folder]);
    }
    let mut lines: Vec<_> = cargo(&arguments)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Other TLS stacks than rustls with ring, and other ways to read configuration than the environment.
const NOT_LINKED: &[(&str, &str)] = &[
    ("aws-config", "slow to start; the environment has all"),
    ("aws-lc-fips-sys", "a second TLS stack"),
    ("aws-lc-rs", "24 ms of CPU at the first handshake"),
    ("aws-lc-sys", "a second TLS stack"),
    ("boring", "a second TLS stack"),
    ("native-tls", "a second TLS stack"),
    ("openssl", "a second TLS stack"),
    ("openssl-sys", "a second TLS stack"),
    ("regex", "500 kB; env-filter brings it"),
    ("s2n-tls", "a second TLS stack"),
];

pub fn one_tls_stack(tree: &[String]) -> Vec<String> {
    let mut broken = Vec::new();
    for line in tree {
        let name = line.split(' ').next().unwrap_or_default();
        if let Some((_, why)) = NOT_LINKED.iter().find(|(banned, _)| *banned == name) {
            broken.push(format!("a function links {line}: {why}"));
        }
    }
    for single in ["rustls", "ring", "hyper", "tokio-rustls"] {
        let versions: Vec<_> = tree.iter().filter(|line| line.starts_with(&format!("{single} "))).collect();
        if versions.len() > 1 {
            broken.push(format!("functions link {versions:?}"));
        }
    }
    broken
}
