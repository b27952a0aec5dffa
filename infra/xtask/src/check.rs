//! `cargo xtask check`: what must hold before a commit, short of the tests.

use std::{fs, path::Path};

use anyhow::{Result, bail};

use crate::{Workspace, workspace::run};

/// Runs every check that can run here, names those that cannot, and fails if one failed.
pub fn run_all(workspace: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    let mut step = |name: &str, tool: &str, arguments: &[String]| {
        if workspace.tool(Path::new(tool)).is_none() {
            println!("-- {name}: skipped, {tool} is not installed (`.ci/run` installs it into target/tools)");
            return;
        }
        println!("-- {name}");
        if let Err(error) = run(workspace.command(tool).args(arguments)) {
            println!("{error:#}");
            failed.push(name.to_owned());
        }
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();

    step("format", "cargo", &words("fmt --all --check"));
    step("clippy", "cargo", &words("clippy --workspace --all-targets --quiet -- -D warnings"));
    let mut templates = vec!["template.yaml".to_owned()];
    templates.extend(stacks(workspace)?);
    step("template", "cfn-lint", &templates);
    step("template as SAM sees it", "sam", &words("validate --lint --region us-east-1"));
    step("openapi.yaml", "openapi-spec-validator", &words("infra/api/openapi.yaml"));

    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn stacks(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.path("infra/stacks");
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".yaml") {
                files.push(format!("infra/stacks/{name}"));
            }
        }
    }
    files.sort();
    Ok(files)
}
