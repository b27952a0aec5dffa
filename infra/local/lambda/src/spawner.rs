//! One thread from which every process is started.
//!
//! The kernel sends the parent-death signal when the *thread* that forked ends, not the process; a
//! runtime's worker threads come and go. This one lives as long as the pool, so a child dies with the
//! pool, whatever ends it.

use std::collections::BTreeMap;
use std::io::{self, PipeReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A started process and the one pipe both of its output streams go to, so that their order is kept.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) output: PipeReader,
}

type Job = Box<dyn FnOnce() + Send>;

/// Hands out starts to the thread.
#[derive(Clone)]
pub(crate) struct Spawner {
    jobs: mpsc::Sender<Job>,
}

impl Spawner {
    pub(crate) fn new() -> Spawner {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("lambda-spawner".to_owned());
        // Without the thread (no memory for it) the channel is closed and every start says so.
        drop(thread.spawn(move || queue.into_iter().for_each(|job| job())));
        Spawner { jobs }
    }

    /// Starts `bootstrap` with exactly this environment, in its own folder and process group.
    pub(crate) async fn start(
        &self,
        bootstrap: &Path,
        task_root: &Path,
        environment: BTreeMap<String, String>,
    ) -> io::Result<Started> {
        let mut command = Command::new(bootstrap);
        command
            .current_dir(task_root)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .process_group(0) // Ctrl-C in the terminal is the runner's to handle, in its order
            .kill_on_drop(true);
        die_with_parent(&mut command);

        let runtime = Handle::current();
        let (reply, started) = oneshot::channel();
        let job: Job = Box::new(move || {
            let _runtime = runtime.enter();
            // Nobody may be waiting any more; dropping the child then kills it.
            drop(reply.send(start(command)));
        });
        let gone = || io::Error::other("the spawner thread has ended");
        self.jobs.send(job).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}

fn start(mut command: Command) -> io::Result<Started> {
    let (output, writer) = io::pipe()?;
    command.stdout(Stdio::from(writer.try_clone()?)).stderr(Stdio::from(writer));
    // A file just written by a build can be busy for a moment: another fork may still hold its descriptor.
    let mut attempts = 0;
    let child = loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempts < 50 => {
                attempts += 1;
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            other => break other?,
        }
    };
    Ok(Started { child, output })
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

    let parent = Some(getpid());
    let arm = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died between fork and here; then the signal would never come.
        if getppid() != parent {
            return Err(rustix::io::Errno::SRCH.into());
        }
        Ok(())
    };
    #[expect(unsafe_code, reason = "runs between fork and exec: system calls only, nothing is allocated")]
    unsafe {
        command.pre_exec(arm);
    }
}

/// Elsewhere there is no such signal: an orphan ends when its next call to the Runtime API fails.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}

/// Identity of the file a process was started from: a rebuild changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<std::time::SystemTime>,
    length: u64,
}

impl Stamp {
    /// Of the file as it is now; `None` if it cannot be read.
    pub(crate) fn of(path: &Path) -> Option<Stamp> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Stamp { modified: metadata.modified().ok(), length: metadata.len() })
    }
}
