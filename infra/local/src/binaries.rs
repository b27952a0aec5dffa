//! The functions' binaries: built by cargo for the whole workspace, found by folder name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use local_template::Function;
use tokio::process::Command;

use crate::athena;

/// Builds the functions.
///
/// By the names of their binaries and without `-p`: cargo then unifies features over the workspace as `cargo test` and
/// `cargo local` do, and everything shares one set of artifacts. Athena's engine is left out, which takes as long as all of
/// them; [`crate::athena`] has it built when the rest runs.
pub async fn build(root: &Path, profile: &str, quiet: bool) -> Result<()> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("functions")).context("looking for the functions")? {
        let folder = entry?;
        if folder.path().join("Cargo.toml").is_file() {
            names.push(folder.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    let mut command = cargo(root, profile, &names);
    if quiet {
        command.arg("--quiet");
    }
    let status = command.status().await.context("running cargo")?;
    if !status.success() {
        bail!("the functions do not build; cargo has said why");
    }
    Ok(())
}

/// Builds Athena's engine.
pub async fn build_engine(root: &Path, profile: &str) -> Result<()> {
    let status = cargo(root, profile, &[athena::BINARY.to_owned()]).arg("--quiet").status().await;
    if !status.context("running cargo")?.success() {
        bail!("Athena's engine does not build; cargo has said why");
    }
    Ok(())
}

/// A cargo that builds these binaries, and ends with whoever waits for it.
pub fn cargo(root: &Path, profile: &str, binaries: &[String]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["build", "--profile", profile]).kill_on_drop(true);
    for binary in binaries {
        command.args(["--bin", binary]);
    }
    // What `cargo run` and `cargo test` set for this process is not meant for another cargo: build scripts that watch these
    // variables would run again, and everything after them.
    for (name, _) in std::env::vars_os() {
        let of_our_package = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
                || matches!(
                    name,
                    "CARGO_CRATE_NAME"
                        | "CARGO_PRIMARY_PACKAGE"
                        | "CARGO_TARGET_TMPDIR"
                        | "OUT_DIR"
                        | "CARGO_MAKEFLAGS"
                )
        });
        if of_our_package {
            command.env_remove(name);
        }
    }
    command
}

/// Where the binaries of a profile are.
pub fn directory(root: &Path, profile: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |given| root.join(given));
    target.join(if profile == "dev" { "debug" } else { profile })
}

/// The binary of a function.
pub fn find(directory: &Path, function: &Function) -> Result<PathBuf> {
    let binary = directory.join(&function.folder);
    if !binary.is_file() {
        bail!(
            "function {} has no binary at {}; its folder, package and binary must all be named {}, and be built (leave --no-build out)",
            function.logical_id,
            binary.display(),
            function.folder
        );
    }
    Ok(binary)
}
