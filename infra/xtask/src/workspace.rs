//! Where things are, and how other tools are run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

/// What a function is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Architecture {
    /// Graviton: a fifth cheaper per second.
    #[value(name = "arm64")]
    Arm64,
    /// What most laptops and CI machines can also run.
    #[value(name = "x86_64")]
    X86_64,
}

impl Architecture {
    /// The Rust target. Static musl halves the CPU time of a cold start.
    pub fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-musl",
            Self::X86_64 => "x86_64-unknown-linux-musl",
        }
    }

    /// What this machine runs, if functions can be run here at all.
    pub fn native() -> Result<Self> {
        match env::consts::ARCH {
            "aarch64" => Ok(Self::Arm64),
            "x86_64" => Ok(Self::X86_64),
            other => bail!("functions are built for arm64 and x86_64 and do not run on {other}"),
        }
    }
}

/// The checked-out repository.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Where this was started from, or where it was built.
    pub fn find() -> Result<Self> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root =
            manifest.ancestors().find(|folder| folder.join("template.yaml").is_file() || folder.join(".git").exists());
        Ok(Self { root: root.context("run this through `cargo xtask` inside the repository")?.to_owned() })
    }

    /// A path below the root.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path below cargo's target folder.
    pub fn target(&self, relative: &str) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), |given| self.root.join(given));
        target.join(relative)
    }

    /// Every function: the folders of `functions/`, in order.
    pub fn functions(&self) -> Result<Vec<String>> {
        let folder = self.path("functions");
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.path().join("Cargo.toml").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A command in the root, with the tools that `.ci/run` has installed (`target/tools`) on its path.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = self.tool(program.as_ref()).unwrap_or_else(|| program.as_ref().to_owned());
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        let mut path = vec![self.tools()];
        path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        if let Ok(path) = env::join_paths(path) {
            command.env("PATH", path);
        }
        command
    }

    /// Where a tool is: in `target/tools` or on the path. Shims that lead nowhere are passed over.
    pub fn tool(&self, name: &Path) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.tools()).chain(env::split_paths(&path));
        let works = |file: &PathBuf| {
            file.is_file() && Command::new(file).arg("--help").output().is_ok_and(|output| output.status.success())
        };
        folders.map(|folder| folder.join(name)).find(works)
    }

    fn tools(&self) -> PathBuf {
        self.path("target/tools/bin")
    }
}

/// Runs a command to its end, its output where ours goes; an error names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = format!("{command:?}").replace('"', "");
    let name =
        name.split_once("PATH=").and_then(|(_, rest)| rest.split_once(' ')).map_or(name.as_str(), |(_, rest)| rest);
    let status = command.status().with_context(|| format!("{name} could not be started"))?;
    ensure!(status.success(), "{name} failed ({status})");
    Ok(())
}
