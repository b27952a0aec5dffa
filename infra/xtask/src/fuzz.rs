//! `cargo xtask fuzz`: every fuzz target of `shared/edge/fuzz` for a while. What a target finds is kept by libFuzzer
//! under `target/fuzz-artifacts` and printed; the corpus grows in `target/fuzz-corpus`.

use std::fs;

use anyhow::{Result, bail, ensure};

use crate::{Workspace, workspace::run};

/// Runs each target so many seconds.
pub fn run_all(workspace: &Workspace, seconds: u64) -> Result<()> {
    ensure!(
        workspace.tool("cargo-fuzz".as_ref()).is_some(),
        "cargo-fuzz is not installed: cargo install cargo-fuzz --root target/tools"
    );
    let mut targets: Vec<_> = fs::read_dir(workspace.path("shared/edge/fuzz/targets"))?
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    targets.sort();
    let mut broken = Vec::new();
    for target in targets {
        let corpus = workspace.target("fuzz-corpus").join(&target);
        let artifacts = workspace.target("fuzz-artifacts").join(&target);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&artifacts)?;
        println!("-- {target}");
        let outcome = run(workspace
            .command("cargo")
            .args(["+nightly", "fuzz", "run", "--fuzz-dir", "shared/edge/fuzz", "--target-dir"])
            .arg(workspace.target("fuzz"))
            .arg(&target)
            .arg(&corpus)
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg("-print_final_stats=1"));
        if let Err(error) = outcome {
            println!("{error:#}");
            broken.push(target);
        }
    }
    if broken.is_empty() { Ok(()) } else { bail!("found something: {}", broken.join(", ")) }
}
