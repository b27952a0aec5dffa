//! Log lines of one process: what it prints, between the START, END and REPORT lines of the platform.
//!
//! One task per process reads the pipe and is told of invocations, so that the order is right and no
//! invocation waits for a log line.

use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::record::{History, InvocationRecord, Status, timestamp};

/// Longest line passed on in one piece, in bytes (AWS: 256 KB).
const LINE_LIMIT: usize = 256 * 1024;
/// How old a memory figure may be: reading it costs more than the rest of a log line.
const MEMORY_AGE: Duration = Duration::from_millis(100);
/// How long output is awaited after the end of a process, should a grandchild hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// Lambda: START, END, REPORT, timeouts, ends of processes.
    Platform,
    /// The function, on standard output or standard error.
    Function,
}

/// One line, without its line break.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// Physical name of the function.
    pub function: Arc<str>,
    /// Log stream: one per process.
    pub log_stream: Arc<str>,
    /// Who wrote it.
    pub kind: LogKind,
    /// What it says.
    pub text: String,
}

/// Takes the lines of all functions. Called from tokio tasks: it must not block for long.
pub type LogSink = Arc<dyn Fn(LogLine) + Send + Sync>;

/// A sink that writes `function | line` to standard error from a thread of its own.
pub fn stderr_sink() -> LogSink {
    let (lines, queue) = std::sync::mpsc::channel::<LogLine>();
    let thread = std::thread::Builder::new().name("lambda-logs".to_owned());
    drop(thread.spawn(move || {
        for line in queue {
            eprintln!("{} | {}", line.function, line.text);
        }
    }));
    // A closed channel means the process ends: nobody is left to read it.
    Arc::new(move |line| drop(lines.send(line)))
}

/// What the log task is told.
pub(crate) enum Event {
    /// An invocation begins.
    Start(Arc<str>),
    /// A line of the platform.
    Platform(String),
    /// An invocation is over.
    Finish(Box<InvocationRecord>),
}

/// Where one process's lines come from and go to.
pub(crate) struct Source {
    pub(crate) function: Arc<str>,
    pub(crate) log_stream: Arc<str>,
    pub(crate) memory_mb: u32,
    pub(crate) pid: Option<u32>,
    pub(crate) sink: Option<LogSink>,
    pub(crate) history: Arc<History>,
}

/// Starts the log task of a process. It ends when the sender is dropped and the pipe is empty.
pub(crate) fn follow(source: Source, output: PipeReader) -> io::Result<UnboundedSender<Event>> {
    let output = Output::new(output)?;
    let (events, queue) = unbounded_channel();
    tokio::spawn(run(source, output, queue));
    Ok(events)
}

async fn run(source: Source, mut output: Output, mut events: UnboundedReceiver<Event>) {
    let mut memory = Memory::default();
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            read = output.read(), if open => open = matches!(read, Ok(count) if count > 0),
            event = events.recv() => {
                let Some(event) = event else { break };
                output.catch_up(); // what was printed before belongs before
                source.function_lines(output.lines());
                source.event(event, &mut memory);
            }
        }
        source.function_lines(output.lines());
    }
    if open {
        let rest = async { while matches!(output.read().await, Ok(count) if count > 0) {} };
        drop(tokio::time::timeout(LAST_WORDS, rest).await);
    }
    source.function_lines(output.lines());
    source.function_lines(output.remainder());
}

impl Source {
    fn emit(&self, kind: LogKind, text: String) {
        if let Some(sink) = &self.sink {
            sink(LogLine { function: self.function.clone(), log_stream: self.log_stream.clone(), kind, text });
        }
    }

    fn function_lines(&self, lines: Vec<String>) {
        for line in lines {
            self.emit(LogKind::Function, line);
        }
    }

    /// Writes one event without a task, for a process that has none because it never started.
    pub(crate) fn write(&self, event: Event) {
        self.event(event, &mut Memory::default());
    }

    fn event(&self, event: Event, memory: &mut Memory) {
        match event {
            Event::Start(id) => {
                self.emit(LogKind::Platform, format!("START RequestId: {id} Version: $LATEST"));
            }
            Event::Platform(text) => self.emit(LogKind::Platform, text),
            Event::Finish(mut record) => {
                if record.max_memory_used_mb.is_none() {
                    record.max_memory_used_mb = memory.of(self.pid);
                }
                if self.sink.is_some() {
                    let end = format!("END RequestId: {}", record.request_id);
                    self.emit(LogKind::Platform, end);
                    self.emit(LogKind::Platform, report(&record, self.memory_mb));
                }
                self.history.push(*record);
            }
        }
    }
}

/// The line a timeout leaves in the log.
pub(crate) fn timed_out(request_id: &str, after: Duration) -> String {
    let now = timestamp(std::time::SystemTime::now());
    let seconds = after.as_secs_f64();
    format!("{now} {request_id} Task timed out after {seconds:.2} seconds")
}

/// The REPORT line. Init is billed for OS-only runtimes, in whole milliseconds.
fn report(record: &InvocationRecord, memory_mb: u32) -> String {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let duration = millis(record.duration);
    let init = record.init_duration.map(millis);
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {duration:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {memory_mb} MB\tMax Memory Used: {} MB\t",
        record.request_id,
        (duration + init.unwrap_or_default()).ceil(),
        record.max_memory_used_mb.unwrap_or_default(),
    );
    if let Some(init) = init {
        line += &format!("Init Duration: {init:.2} ms\t");
    }
    match &record.status {
        Status::Success => {}
        Status::Timeout => line += "Status: timeout",
        // An error the function reported itself is no error of the platform and is not named here.
        Status::Error { error_type, .. } if error_type.starts_with("Runtime.") => {
            line += &format!("Status: error\tError Type: {error_type}");
        }
        Status::Error { .. } => {}
    }
    line
}

/// Peak resident memory of a process in megabytes, rounded up.
pub(crate) fn peak_memory_mb(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes.div_ceil(1024))
}

/// The last figure read and when.
#[derive(Default)]
struct Memory(Option<(Instant, u64)>);

impl Memory {
    fn of(&mut self, pid: Option<u32>) -> Option<u64> {
        let fresh = matches!(self.0, Some((read_at, _)) if read_at.elapsed() < MEMORY_AGE);
        if !fresh && let Some(peak) = pid.and_then(peak_memory_mb) {
            self.0 = Some((Instant::now(), peak));
        }
        self.0.map(|(_, peak)| peak)
    }
}

/// The reading end of the pipe: awaited through tokio, and read directly to catch up.
struct Output {
    awaited: pipe::Receiver,
    direct: PipeReader,
    buffer: Vec<u8>,
}

impl Output {
    fn new(output: PipeReader) -> io::Result<Output> {
        let direct = output.try_clone()?;
        let awaited = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?; // non-blocking from here, both
        Ok(Output { awaited, direct, buffer: Vec::new() })
    }

    /// Waits for output and takes what is there; zero at its end. Loses nothing when cancelled.
    async fn read(&mut self) -> io::Result<usize> {
        loop {
            self.awaited.readable().await?;
            let mut chunk = [0; 8192];
            match self.awaited.try_read(&mut chunk) {
                Ok(count) => {
                    self.buffer.extend_from_slice(&chunk[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what has been written by now, without asking tokio, which may not have noticed yet.
    fn catch_up(&mut self) {
        let mut chunk = [0; 8192];
        while let Ok(count @ 1..) = self.direct.read(&mut chunk) {
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }

    /// The complete lines read so far.
    fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(length) = self.buffer[start..].iter().position(|byte| *byte == b'\n') {
            lines.push(text(&self.buffer[start..start + length]));
            start += length + 1;
        }
        self.buffer.drain(..start);
        if self.buffer.len() >= LINE_LIMIT {
            lines.extend(self.remainder());
        }
        lines
    }

    /// What is left without a line break.
    fn remainder(&mut self) -> Vec<String> {
        let rest = std::mem::take(&mut self.buffer);
        (!rest.is_empty()).then(|| text(&rest)).into_iter().collect()
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn record(status: Status, init: Option<f64>) -> InvocationRecord {
        InvocationRecord {
            request_id: "id".into(),
            function: "florin-health".into(),
            started_at: SystemTime::UNIX_EPOCH,
            duration: Duration::from_secs_f64(0.001_44),
            queued: Duration::ZERO,
            init_duration: init.map(Duration::from_secs_f64),
            max_memory_used_mb: Some(16),
            status,
            request_bytes: 2,
        }
    }

    #[test]
    fn a_report_reads_as_on_aws_and_bills_the_init() {
        assert_eq!(
            report(&record(Status::Success, Some(0.018_45)), 128),
            "REPORT RequestId: id\tDuration: 1.44 ms\tBilled Duration: 20 ms\tMemory Size: 128 MB\tMax Memory Used: 16 MB\tInit Duration: 18.45 ms\t"
        );
        assert_eq!(
            report(&record(Status::Timeout, None), 128),
            "REPORT RequestId: id\tDuration: 1.44 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 16 MB\tStatus: timeout"
        );
    }

    #[test]
    fn a_report_names_the_errors_of_the_platform_only() {
        let status = |error_type: &str| Status::Error { error_type: error_type.into(), message: String::new() };
        let report = |error_type| report(&record(status(error_type), None), 128);
        assert!(report("Runtime.ExitError").ends_with("Status: error\tError Type: Runtime.ExitError"));
        assert!(report("InsufficientFunds").ends_with("MB\t"));
    }
}
