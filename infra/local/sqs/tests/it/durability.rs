//! What was acknowledged outlives the process, however it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use local_sqs::{SendOptions, Sqs};

const FILE_VARIABLE: &str = "LOCAL_SQS_SENDER_FILE";

fn open(file: &Path) -> Sqs {
    let sqs = Sqs::open(file, "http://localhost", "000000000000", "eu-central-1").unwrap();
    sqs.ensure_queue("q.fifo", &[("FifoQueue".to_owned(), "true".to_owned())].into()).unwrap();
    sqs
}

fn options(number: usize) -> SendOptions {
    SendOptions { group_id: Some("a".to_owned()), deduplication_id: Some(number.to_string()), ..SendOptions::default() }
}

/// Not a test of its own: the child of the next one. It sends for ever and prints what was acknowledged.
#[test]
fn sender_process() {
    let Ok(file) = std::env::var(FILE_VARIABLE) else {
        return;
    };
    let sqs = open(Path::new(&file));
    for number in 0.. {
        let sent = sqs.send("q.fifo", &number.to_string(), &options(number)).unwrap();
        println!("acknowledged {number} {}", sent.message_id);
    }
}

#[tokio::test]
async fn an_acknowledged_send_survives_a_kill_in_the_middle_of_sending() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sqs.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::sender_process", "--nocapture", "--test-threads=1"])
        .env(FILE_VARIABLE, &file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut note = |line: String| {
        // The test harness may have begun the first line.
        if let Some((_, rest)) = line.split_once("acknowledged ") {
            acknowledged.push(rest.split_once(' ').unwrap().1.to_owned());
        }
        acknowledged.len()
    };
    while note(lines.next().expect("the sender ended").unwrap()) < 500 {}
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    // What it said before it died counts too, but for a line cut short.
    for line in lines.map_while(Result::ok).filter(|line| line.len() >= 36) {
        note(line);
    }

    let sqs = open(&file);
    let mut found = Vec::new();
    loop {
        let batch = sqs.receive("q.fifo", 10, Duration::ZERO).await.unwrap();
        if batch.is_empty() {
            break;
        }
        for message in batch {
            assert_eq!(message.body, found.len().to_string(), "order is kept");
            sqs.delete("q.fifo", &message.receipt_handle).unwrap();
            found.push(message.message_id);
        }
    }
    assert!(acknowledged.len() >= 500);
    assert_eq!(found[..acknowledged.len() - 1], acknowledged[..acknowledged.len() - 1]);
    assert!(found.len() >= acknowledged.len() - 1);

    // The deduplication window is on file as well.
    let repeated = sqs.send("q.fifo", "0", &options(0)).unwrap();
    assert_eq!(repeated.message_id, acknowledged[0]);
}

#[tokio::test]
async fn a_file_reopened_while_still_open_elsewhere_shows_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sqs.db");
    let first = open(&file);
    first.send("q.fifo", "a", &options(1)).unwrap();
    let second = open(&file);
    let received = second.receive("q.fifo", 1, Duration::ZERO).await.unwrap();
    assert_eq!(received[0].body, "a");
    assert_eq!(first.receive("q.fifo", 1, Duration::ZERO).await.unwrap(), []);
}
