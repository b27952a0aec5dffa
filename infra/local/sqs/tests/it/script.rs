//! Scripts of queue operations, one a line, with what they must answer after `->`.
//!
//! ```text
//! queue NAME [Attribute=value …]
//! send QUEUE BODY [group=G] [dedup=D] [delay=SECONDS]   -> ok | same as BODY | <error>
//! receive QUEUE [MAX]                                   -> bodies in order | nothing
//! delete QUEUE BODY                                     -> ok | <error>    (by the latest receipt of BODY)
//! delete-first QUEUE BODY                               -> ok | <error>    (by the first receipt of BODY)
//! visibility QUEUE BODY SECONDS                         -> ok | <error>
//! put-back QUEUE BODY SECONDS                           -> ok
//! repeat QUEUE BODY SECONDS                             -> ok    (deletes it; it comes again nevertheless)
//! advance SECONDS
//! depth QUEUE                                           -> available, in flight, delayed
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use local_sqs::{ManualClock, Message, SendOptions, Sent, Sqs, SqsError};

pub const START: i64 = 1_800_000_000_000;

pub struct Bench {
    pub sqs: Sqs,
    pub clock: Arc<ManualClock>,
    /// Holds the file; gone with the bench.
    _folder: tempfile::TempDir,
}

pub fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(START));
    let sqs = Sqs::open_with_clock(
        &folder.path().join("sqs.db"),
        "http://localhost:4566",
        "000000000000",
        "eu-central-1",
        clock.clone(),
    )
    .unwrap();
    Bench { sqs, clock, _folder: folder }
}

#[derive(Default)]
struct Memory {
    sends: usize,
    sent: HashMap<String, Sent>,
    receipts: HashMap<String, Vec<String>>,
}

pub fn check(script: &str) {
    let bench = bench();
    let mut memory = Memory::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (number, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (command, expected) = line.split_once("->").map_or((line, "ok"), |(c, e)| (c, e.trim()));
        let words: Vec<&str> = command.split_whitespace().collect();
        let answer = runtime.block_on(run(&bench, &mut memory, &words));
        assert_eq!(answer, expected, "line {}: {line}", number + 1);
    }
}

async fn run(bench: &Bench, memory: &mut Memory, words: &[&str]) -> String {
    let sqs = &bench.sqs;
    match words {
        ["queue", name, attributes @ ..] => {
            let mut attributes: HashMap<_, _> = attributes.iter().map(|pair| pair.split_once('=').unwrap()).collect();
            if name.ends_with(".fifo") {
                attributes.insert("FifoQueue", "true");
            }
            let attributes = attributes.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            done(sqs.ensure_queue(name, &attributes).map(|_| ()))
        }
        ["send", queue, body, options @ ..] => {
            memory.sends += 1;
            let options: HashMap<_, _> = options.iter().map(|pair| pair.split_once('=').unwrap()).collect();
            let unique = format!("dedup-{}", memory.sends);
            let fifo = queue.ends_with(".fifo");
            let dedup = match options.get("dedup") {
                Some(&"none") => None,
                Some(id) => Some((*id).to_owned()),
                None => fifo.then_some(unique),
            };
            let options = SendOptions {
                group_id: options.get("group").map(|g| (*g).to_owned()),
                deduplication_id: dedup,
                delay_seconds: options.get("delay").map(|d| d.parse().unwrap()),
                ..SendOptions::default()
            };
            match sqs.send(queue, body, &options) {
                Err(error) => code(&error),
                Ok(sent) => {
                    let twin = memory.sent.iter().find(|(_, earlier)| {
                        earlier.message_id == sent.message_id && earlier.sequence_number == sent.sequence_number
                    });
                    let answer = twin.map_or("ok".to_owned(), |(body, _)| format!("same as {body}"));
                    if answer == "ok" {
                        memory.sent.insert((*body).to_owned(), sent);
                    }
                    answer
                }
            }
        }
        ["receive", queue, rest @ ..] => {
            let max = rest.first().map_or(10, |max| max.parse().unwrap());
            let messages = sqs.receive(queue, max, Duration::ZERO).await.unwrap();
            let bodies: Vec<_> = messages.iter().map(|message| message.body.clone()).collect();
            for Message { body, receipt_handle, .. } in messages {
                memory.receipts.entry(body).or_default().push(receipt_handle);
            }
            if bodies.is_empty() { "nothing".to_owned() } else { bodies.join(" ") }
        }
        ["delete", queue, body] => done(sqs.delete(queue, memory.receipts[*body].last().unwrap())),
        ["delete-first", queue, body] => done(sqs.delete(queue, &memory.receipts[*body][0])),
        ["visibility", queue, body, seconds] => {
            let timeout = Duration::from_secs(seconds.parse().unwrap());
            done(sqs.change_visibility(queue, memory.receipts[*body].last().unwrap(), timeout))
        }
        ["put-back", queue, body, seconds] => {
            let after = Duration::from_secs(seconds.parse().unwrap());
            done(sqs.put_back(queue, memory.receipts[*body].last().unwrap(), after))
        }
        ["repeat", queue, body, seconds] => {
            let after = Duration::from_secs(seconds.parse().unwrap());
            done(sqs.delete_but_repeat(queue, memory.receipts[*body].last().unwrap(), after))
        }
        ["advance", seconds] => {
            bench.clock.advance(Duration::from_millis((seconds.parse::<f64>().unwrap() * 1_000.0) as u64));
            "ok".to_owned()
        }
        ["depth", queue] => {
            let queues = sqs.queues().unwrap();
            let stats = queues.iter().find(|stats| stats.name == *queue).unwrap();
            format!("{} {} {}", stats.available, stats.in_flight, stats.delayed)
        }
        other => panic!("not a command: {other:?}"),
    }
}

fn done(result: Result<(), SqsError>) -> String {
    result.map_or_else(|error| code(&error), |()| "ok".to_owned())
}

fn code(error: &SqsError) -> String {
    error.kind.shape().to_owned()
}
