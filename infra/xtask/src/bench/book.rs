//! The order book alone, `orderbook-rs` beside it: a crate of its own (`infra/load/book`), outside the workspace, so that
//! nobody waits for it who builds or tests Florin.

use anyhow::Result;

use crate::{Workspace, workspace::run};

const MANIFEST: &str = "infra/load/book/Cargo.toml";

/// Builds the crate in the profile `bench-local` and runs it.
pub fn report(workspace: &Workspace, build: bool) -> Result<()> {
    let folder = workspace.target("book");
    if build {
        let mut cargo = workspace.command("cargo");
        cargo.args(["build", "--locked", "--profile", "bench-local", "--manifest-path", MANIFEST, "--target-dir"]);
        run(cargo.arg(&folder))?;
    }
    run(&mut workspace.command(folder.join("bench-local/book-load")))
}
