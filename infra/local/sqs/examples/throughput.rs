//! Sends per second in-process: `cargo run --profile bench-local -p local-sqs --example throughput`.

use std::time::{Duration, Instant};

use local_sqs::{SendOptions, Sqs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::temp_dir().join(format!("local-sqs-throughput-{}.db", std::process::id()));
    let sqs = Sqs::open(&file, "http://localhost:4566", "000000000000", "eu-central-1")?;
    sqs.ensure_queue("standard", &Default::default())?;
    sqs.ensure_queue("ordered.fifo", &[("FifoQueue".to_owned(), "true".to_owned())].into())?;
    let body = "x".repeat(500);
    for queue in ["standard", "ordered.fifo"] {
        let began = Instant::now();
        let mut sent = 0_u32;
        while began.elapsed() < Duration::from_secs(3) {
            let fifo = queue.ends_with(".fifo");
            let options = SendOptions {
                group_id: fifo.then(|| (sent % 16).to_string()),
                deduplication_id: fifo.then(|| sent.to_string()),
                ..SendOptions::default()
            };
            sqs.send(queue, &body, &options)?;
            sent += 1;
        }
        println!("{queue}: {:.0} sends per second", f64::from(sent) / began.elapsed().as_secs_f64());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for queue in ["standard", "ordered.fifo"] {
        let began = Instant::now();
        let mut handled = 0_usize;
        while began.elapsed() < Duration::from_secs(3) {
            let batch = runtime.block_on(sqs.receive(queue, 10, Duration::ZERO))?;
            for message in &batch {
                sqs.delete(queue, &message.receipt_handle)?;
            }
            if batch.is_empty() {
                break;
            }
            handled += batch.len();
        }
        println!("{queue}: {:.0} received and deleted per second", handled as f64 / began.elapsed().as_secs_f64());
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
    Ok(())
}
