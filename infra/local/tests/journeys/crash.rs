//! The runner is killed in the middle of it all: nothing a client was told is lost, nothing happens twice, no function
//! process is left behind.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::app::{Http, alone, root};

const TRANSFERS: usize = 1000;

#[test]
fn a_kill_during_1000_transfers_loses_no_answer_and_repeats_nothing() {
    alone(async {
        let data = tempfile::tempdir().expect("a folder");
        let (first, api) = start(data.path()).await;
        let token = sign_in(&api).await;
        let accounts = accounts(&api, &token).await;
        let (confirmed, first) = transfer_until_killed(&api, &token, &accounts, first).await;
        let killed = first.0.id();
        drop(first);
        assert!(!confirmed.is_empty() && confirmed.len() < TRANSFERS, "{} confirmed", confirmed.len());
        assert_no_children_of(killed).await;

        let (mut second, api) = start(data.path()).await;
        // Every 201 that a client saw is there, as it was.
        for (index, id) in &confirmed {
            let shown = get(&api, &token, &format!("/transfers/{id}")).await;
            assert_eq!(
                (shown["status"].as_str(), shown["transfer_id"].as_str()),
                (Some("completed"), Some(id.as_str())),
                "{index}"
            );
        }
        // All of them once more with the same keys: in the end each has happened exactly once.
        let repeated: Vec<(usize, u16, Value)> = stream::iter(0..TRANSFERS)
            .map(|index| {
                let (api, token, accounts) = (&api, &token, &accounts);
                async move {
                    let (status, body) = transfer(api, token, accounts, index).await.expect("an answer");
                    (index, status, body)
                }
            })
            .buffer_unordered(8)
            .collect()
            .await;
        for (index, status, body) in &repeated {
            assert_eq!(*status, 201, "{body}");
            if let Some((_, id)) = confirmed.iter().find(|(confirmed, _)| confirmed == index) {
                assert_eq!(body["transfer_id"].as_str(), Some(id.as_str()));
            }
        }
        let receiver = get(&api, &token, &format!("/accounts/{}", accounts[1])).await;
        assert_eq!(receiver["balance"]["posted"], format!("{TRANSFERS}.00"));
        second.kill();
    });
}

/// A runner as a process of its own, which does not outlive the test.
pub struct Running(Child);

impl Running {
    /// SIGKILL.
    pub fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the binary as a user would and waits until it answers.
async fn start(data: &Path) -> (Running, Http) {
    start_with(data, &[]).await
}

/// The same with further arguments. `FLORIN_LOG=file` keeps what its functions log.
pub async fn start_with(data: &Path, arguments: &[&str]) -> (Running, Http) {
    let log = std::env::var_os("FLORIN_LOG")
        .map(|file| fs::OpenOptions::new().create(true).append(true).open(file).expect("a file for the log"));
    let mut child = Running(
        Command::new(env!("CARGO_BIN_EXE_local"))
            .args(["--port", "0", "--aws-port", "0", "--supplier-port", "0", "--data"])
            .arg(data.join("state"))
            .arg("--root")
            .arg(root())
            .args(log.is_none().then_some("--quiet"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log.map_or_else(Stdio::inherit, Stdio::from))
            .spawn()
            .expect("the runner starts"),
    );
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_secs(300), "the runner does not answer");
        let ended = child.0.try_wait().expect("a process");
        assert!(ended.is_none(), "the runner does not start: {ended:?}");
        if let Some(http) = answering(data).await {
            return (child, http);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The API, once its demo users can sign in.
async fn answering(data: &Path) -> Option<Http> {
    let ports: Value = serde_json::from_slice(&fs::read(data.join("state/ports.json")).ok()?).ok()?;
    let http = Http::new(format!("http://127.0.0.1:{}/v1", ports["api"]));
    let body = json!({"email": "demo@example.com", "password": "Florin-demo-1"}).to_string();
    let answer = http.send(Method::POST, "/auth/sign-in", &[], body).await.ok()?;
    (answer.status == 200).then_some(http)
}

async fn sign_in(api: &Http) -> String {
    let body = json!({"email": "demo@example.com", "password": "Florin-demo-1"}).to_string();
    api.send(Method::POST, "/auth/sign-in", &[], body).await.expect("an answer").text("access_token")
}

async fn get(api: &Http, token: &str, path: &str) -> Value {
    let answer = api.send(Method::GET, path, &[("authorization", token)], "").await.expect("an answer");
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    answer.body
}

/// A full account and an empty one.
async fn accounts(api: &Http, token: &str) -> [String; 2] {
    let mut ids = Vec::new();
    for index in 0..2 {
        let body = json!({"type": "savings", "currency": "USD"}).to_string();
        let answer = api.send(Method::POST, "/accounts", &[("authorization", token)], body).await.expect("an answer");
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.text);
        ids.push(answer.text("account_id"));
        if index == 0 {
            let deposit = json!({"type": "deposit", "amount": "5000", "currency": "USD", "to_account": ids[0]});
            let headers = [("authorization", token), ("idempotency-key", "start")];
            let answer = api.send(Method::POST, "/transfers", &headers, deposit.to_string()).await.expect("an answer");
            assert_eq!(answer.status.as_u16(), 201, "{}", answer.text);
        }
    }
    ids.try_into().expect("two")
}

async fn transfer(api: &Http, token: &str, accounts: &[String; 2], index: usize) -> Result<(u16, Value), String> {
    let body = json!({"type": "transfer", "amount": "1", "currency": "USD", "from_account": accounts[0], "to_account": accounts[1]});
    let key = format!("t{index}");
    let headers = [("authorization", token), ("idempotency-key", key.as_str())];
    let answer = api.send(Method::POST, "/transfers", &headers, body.to_string()).await?;
    Ok((answer.status.as_u16(), answer.body))
}

/// Eight clients at a time; the runner is killed when about half of the answers are in.
async fn transfer_until_killed(
    api: &Http,
    token: &str,
    accounts: &[String; 2],
    mut runner: Running,
) -> (Vec<(usize, String)>, Running) {
    let places = Arc::new(Semaphore::new(8));
    let (answers, mut told) = tokio::sync::mpsc::unbounded_channel();
    for index in 0..TRANSFERS {
        let (api, token, accounts) = (api.clone(), token.to_owned(), accounts.clone());
        let (places, answers) = (places.clone(), answers.clone());
        tokio::spawn(async move {
            let _place = places.acquire().await;
            if let Ok((201, body)) = transfer(&api, &token, &accounts, index).await {
                drop(answers.send((index, body["transfer_id"].as_str().unwrap_or_default().to_owned())));
            }
        });
    }
    drop(answers);
    let mut confirmed = Vec::new();
    while let Some(answer) = told.recv().await {
        confirmed.push(answer);
        if confirmed.len() == TRANSFERS / 2 {
            runner.kill();
        }
    }
    (confirmed, runner)
}

/// Children are given to init (or the nearest subreaper) when their parent dies; the kernel was asked to kill them then.
async fn assert_no_children_of(runner: u32) {
    let started = Instant::now();
    loop {
        let left: Vec<_> =
            functions_running().into_iter().filter(|(_, parent)| *parent == runner || *parent == 1).collect();
        if left.is_empty() {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "functions are left behind: {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Processes of `transfers` with their parents.
fn functions_running() -> Vec<(u32, u32)> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            let (head, tail) = stat.rsplit_once(')')?;
            let mut fields = tail.split_whitespace();
            let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
            (head.ends_with("(transfers") && state != "Z").then_some((pid, parent))
        })
        .collect()
}
