//! The data directory: whose it is, what is in it, and how it is forgotten.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Marks a directory as a runner's own, and carries the lock.
const LOCK: &str = "runner.lock";
const PORTS: &str = "ports.json";
const DEMO: &str = "demo.done";

/// A data directory that this process holds.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Held as long as the runner lives; the system lets go of it however the process ends.
    _lock: File,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Ports {
    api: u16,
    aws: u16,
}

impl DataDirectory {
    /// Takes the directory for this process; makes it if need be, and empties it if `fresh`.
    pub fn open(path: &Path, fresh: bool) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("making the data directory {}", path.display()))?;
        let path = path.canonicalize()?;
        let ours = path.join(LOCK).exists();
        if !ours && fs::read_dir(&path)?.next().is_some() {
            bail!(
                "{} holds something that is not a runner's state; give --data another, or an empty, directory",
                path.display()
            );
        }
        let mut lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another runner is using {}; stop it, or give this one another directory with --data",
                path.display()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
        lock.set_len(0)?;
        write!(lock, "{}", std::process::id())?;
        let directory = Self { path, _lock: lock };
        if fresh {
            directory.forget()?;
        }
        Ok(directory)
    }

    /// A file of the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the demo has been set up completely.
    pub fn has_demo(&self) -> bool {
        self.file(DEMO).exists()
    }

    /// Remembers that it has.
    pub fn set_demo(&self) -> Result<()> {
        Ok(fs::write(self.file(DEMO), "")?)
    }

    /// Takes the ports of the API and of AWS. For 0 it takes the one that this directory had before if it is free, so that
    /// tokens and queue URLs made before a restart stay good.
    pub fn bind(&self, port: u16, aws_port: u16) -> Result<(TcpListener, TcpListener)> {
        let before: Ports =
            fs::read(self.file(PORTS)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let api = listen(port, before.api, "--port")?;
        let aws = listen(aws_port, before.aws, "--aws-port")?;
        let ports = Ports { api: api.local_addr()?.port(), aws: aws.local_addr()?.port() };
        fs::write(self.file(PORTS), serde_json::to_vec(&ports)?)?;
        Ok((api, aws))
    }

    fn forget(&self) -> Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() == LOCK {
                continue;
            }
            let path = entry.path();
            let removed = if entry.file_type()?.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }
}

fn listen(port: u16, before: u16, flag: &str) -> Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match port {
        0 => bind(before).or_else(|_| bind(0)).context("a free port")?,
        port => bind(port).with_context(|| format!("port {port} cannot be used; choose another with {flag}"))?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_runner_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let first = DataDirectory::open(&path, false).expect("opened");
        let error = DataDirectory::open(&path, true).expect_err("refused").to_string();
        assert!(error.contains("another runner is using"), "{error}");
        drop(first);
        DataDirectory::open(&path, false).expect("opened again");
    }

    #[test]
    fn fresh_forgets_the_runners_state_and_never_anything_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let first = DataDirectory::open(&path, false).expect("opened");
        std::fs::write(first.file("tables.db"), "x").expect("written");
        drop(first);
        let second = DataDirectory::open(&path, true).expect("opened");
        assert!(!second.file("tables.db").exists());
        let foreign = folder.path().join("documents");
        std::fs::create_dir(&foreign).expect("made");
        std::fs::write(foreign.join("thesis.txt"), "x").expect("written");
        assert!(DataDirectory::open(&foreign, true).is_err());
        assert!(foreign.join("thesis.txt").exists());
    }

    #[test]
    fn a_port_that_is_taken_is_named_with_its_flag_and_free_ones_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = DataDirectory::open(folder.path(), false).expect("opened");
        let addresses = |bound: &(TcpListener, TcpListener)| {
            (bound.0.local_addr().expect("bound"), bound.1.local_addr().expect("bound"))
        };
        let first = directory.bind(0, 0).expect("free ports");
        let before = addresses(&first);
        drop(first);
        let held = directory.bind(0, 0).expect("the same ports");
        assert_eq!(addresses(&held), before);
        let (api, aws) = before;
        let error = directory.bind(api.port(), 0).expect_err("taken").to_string();
        assert!(error.contains(&api.port().to_string()) && error.contains("--port"), "{error}");
        let error = directory.bind(0, aws.port()).expect_err("taken").to_string();
        assert!(error.contains("--aws-port"), "{error}");
    }
}
