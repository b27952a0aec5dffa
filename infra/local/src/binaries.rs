//! The functions' binaries: built by cargo for the whole workspace, found by folder name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use local_template::Function;
use tokio::process::Command;

/// Builds every binary of the workspace.
///
/// All of them and without `-p`: cargo then unifies features over the workspace as `cargo test` and `cargo local` do, and
/// everything shares one set of artifacts.
pub async fn build(root: &Path, profile: &str, quiet: bool) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["build", "--bins", "--profile", profile]).kill_on_drop(true);
    if quiet {
        command.arg("--quiet");
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
    let status = command.status().await.context("running cargo")?;
    if !status.success() {
        bail!("the functions do not build; cargo has said why");
    }
    Ok(())
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
