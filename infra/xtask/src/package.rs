//! `cargo xtask package`: the functions as Lambda takes them, with cargo-lambda, and their sizes.
//!
//! The profile is `[profile.release]` of the workspace, so that `cargo build --release` and this agree. All functions
//! are built in one go: their features do unify over the selection, but every member names the same features of every
//! shared dependency, and fat LTO drops what a function does not reach (measured: `transfers` has 5,147,136 bytes alone and 5,148,224 with all).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{Architecture, Workspace, elf::Elf, workspace::run};

/// The largest a function with one AWS client may be, in bytes.
pub const SIZE_LIMIT: u64 = 5_000_000;
/// What each further client may add.
pub const SIZE_OF_A_CLIENT: u64 = 500_000;
/// The features of `aws` that are clients.
const CLIENTS: &[&str] = &["cognito", "dynamodb", "secrets", "sns", "sqs"];

/// A function that was built.
#[derive(Clone, Debug)]
pub struct Packaged {
    /// Its name.
    pub function: String,
    /// The executable.
    pub bootstrap: PathBuf,
    /// Bytes of the executable.
    pub size: u64,
    /// The largest it may be, by the clients it links.
    pub limit: Option<u64>,
}

/// Builds these functions (all, if none is named) into `<folder>/<function>/bootstrap`.
pub fn build(workspace: &Workspace, arch: Architecture, only: &[String], folder: &Path) -> Result<Vec<Packaged>> {
    let all = workspace.functions()?;
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        bail!("there is no functions/{unknown}; there are {}", all.join(", "));
    }
    let functions = if only.is_empty() { all } else { only.to_vec() };
    ensure!(
        workspace.tool(Path::new("cargo-lambda")).is_some(),
        "cargo-lambda is not installed. Either of these does it:\n  \
         pip install cargo-lambda==1.9.2 ziglang==0.17.0\n  \
         python3 -m venv target/tools && target/tools/bin/pip install cargo-lambda==1.9.2 ziglang==0.17.0"
    );
    need_target(workspace, arch)?;

    let mut command = workspace.command("cargo-lambda");
    command.args(["lambda", "build", "--release", "--target", arch.target(), "--lambda-dir"]).arg(folder);
    for function in &functions {
        command.args(["--package", function]);
    }
    run(&mut command)?;

    let limits = limits(workspace)?;
    functions
        .into_iter()
        .map(|function| {
            let bootstrap = folder.join(&function).join("bootstrap");
            let bytes = fs::read(&bootstrap).with_context(|| bootstrap.display().to_string())?;
            fits(&function, arch, &bytes)?;
            Ok(Packaged { size: bytes.len() as u64, limit: limits.get(&function).copied(), bootstrap, function })
        })
        .collect()
}

/// Prints the sizes; an error if one is over its limit.
pub fn print(packages: &[Packaged]) -> Result<()> {
    println!("{:<22} {:>10}", "function", "bytes");
    for package in packages {
        let limit = package.limit.map_or_else(|| "no limit".to_owned(), |limit| format!("of {limit}"));
        println!("{:<22} {:>10} {limit}", package.function, package.size);
    }
    let over: Vec<_> =
        packages.iter().filter(|package| package.limit.is_some_and(|limit| package.size > limit)).collect();
    ensure!(
        over.is_empty(),
        "over the limit: {}",
        over.iter().map(|package| package.function.as_str()).collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

fn fits(function: &str, arch: Architecture, bytes: &[u8]) -> Result<()> {
    let elf = Elf::read(bytes).with_context(|| format!("{function}: the bootstrap is no ELF file"))?;
    let machine = match arch {
        Architecture::Arm64 => 183,
        Architecture::X86_64 => 62,
    };
    ensure!(elf.machine == machine, "{function}: built for another processor ({})", elf.machine);
    ensure!(elf.is_static, "{function}: needs a dynamic loader, so its cold start is twice as long");
    Ok(())
}

fn need_target(workspace: &Workspace, arch: Architecture) -> Result<()> {
    let Ok(output) = workspace.command("rustc").args(["--print", "target-libdir", "--target", arch.target()]).output()
    else {
        bail!("rustc is not on the path");
    };
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    ensure!(
        folder.is_dir(),
        "the standard library for {target} is missing: rustup target add {target}",
        target = arch.target()
    );
    Ok(())
}

/// How large the functions may be whose manifests ask for an AWS client.
pub fn limits(workspace: &Workspace) -> Result<BTreeMap<String, u64>> {
    let output = workspace.command("cargo").args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let uses = |package: &Value, client: &str| {
        list(package, "dependencies").iter().any(|dependency| {
            dependency["name"] == "aws"
                && dependency["kind"].is_null()
                && list(dependency, "features").iter().any(|feature| feature == client)
        })
    };
    let packages = list(&metadata, "packages");
    let limit = |package: &Value| {
        let further = CLIENTS.iter().filter(|client| uses(package, client)).count().checked_sub(1)?;
        Some(SIZE_LIMIT + SIZE_OF_A_CLIENT * further as u64)
    };
    Ok(packages.iter().filter_map(|package| Some((package["name"].as_str()?.to_owned(), limit(package)?))).collect())
}
