//! The ends of processes: rest, rebuild, shutdown, and the death of the runner.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use local_lambda::{InvokeError, LambdaOptions};

use crate::support::{Subject, alive, example, exists, spec, until};

#[tokio::test]
async fn a_process_that_rests_too_long_is_ended() {
    let options = LambdaOptions { idle_limit: Duration::from_millis(50), ..LambdaOptions::default() };
    let mut quick = spec();
    quick.timeout = Duration::from_millis(500); // checks come at least that often
    let subject = Subject::with(quick, options);
    let pid = subject.pid().await;
    until("the process is gone", || !exists(pid)).await;
    assert_ne!(subject.pid().await, pid);
}

#[tokio::test]
async fn a_rebuilt_bootstrap_replaces_the_processes_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = folder.path().join("bootstrap");
    std::fs::copy(example("bootstrap"), &bootstrap).unwrap();
    let mut rebuilt = spec();
    rebuilt.bootstrap = bootstrap.clone();
    let subject = Subject::new(rebuilt);
    let pid = subject.pid().await;
    assert!(subject.lambda.reload().is_empty(), "nothing has changed");
    assert_eq!(subject.pid().await, pid);

    let new = folder.path().join("new");
    std::fs::copy(example("bootstrap"), &new).unwrap();
    std::fs::rename(new, &bootstrap).unwrap();
    assert_eq!(subject.lambda.reload(), ["subject"]);
    assert_ne!(subject.pid().await, pid);
    until("the old one is gone", || !exists(pid)).await;
}

#[tokio::test]
async fn a_busy_process_of_an_old_bootstrap_finishes_first() {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = folder.path().join("bootstrap");
    std::fs::copy(example("bootstrap"), &bootstrap).unwrap();
    let mut rebuilt = spec();
    rebuilt.bootstrap = bootstrap.clone();
    let subject = Subject::new(rebuilt);
    let pid = subject.pid().await;
    let busy = subject.invoke(r#"{"print": "busy now", "sleep_ms": 200}"#);
    let replace = async {
        subject.logged("busy now").await;
        let new = folder.path().join("new");
        std::fs::copy(example("bootstrap"), &new).unwrap();
        std::fs::rename(new, &bootstrap).unwrap();
        subject.lambda.reload()
    };
    let (busy, replaced) = tokio::join!(busy, replace);
    assert_eq!(busy.unwrap()["pid"], pid);
    assert_eq!(replaced, ["subject"]);
    assert_ne!(subject.pid().await, pid);
}

#[tokio::test]
async fn shutdown_lets_running_calls_finish_refuses_new_ones_and_leaves_no_process() {
    let subject = Subject::new(spec());
    let idle = subject.pid().await;
    let running = subject.invoke(r#"{"print": "busy now", "sleep_ms": 200}"#);
    let shutdown = async {
        subject.logged("busy now").await;
        subject.lambda.shutdown().await;
    };
    let (running, ()) = tokio::join!(running, shutdown);
    running.unwrap();
    assert!(!exists(idle));
    assert_eq!(subject.lambda.instances()["subject"], 0);
    assert_eq!(subject.invoke("{}").await, Err(InvokeError::ShuttingDown));
}

#[tokio::test]
async fn a_dropped_pool_leaves_no_process() {
    let subject = Subject::new(spec());
    let pid = subject.pid().await;
    drop(subject);
    until("the process is gone", || !exists(pid)).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn functions_die_with_a_runner_that_is_killed() {
    let mut host = Command::new(example("host")).arg(example("bootstrap")).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid: u64 = line.trim().parse().unwrap();
    assert!(alive(pid));
    host.kill().unwrap(); // SIGKILL: the runner can do nothing any more
    host.wait().unwrap();
    until("the function is dead", || !alive(pid)).await;
}
