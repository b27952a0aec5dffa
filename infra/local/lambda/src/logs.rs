//! Log lines of one process: what it prints, between the START, END and REPORT lines of the platform.
//!
//! Everything goes through one channel per process, in the order in which it happened: an invocation's
//! start is put in before the process has it, and its end behind all that is in the pipe by then. The
//! writing is a task's, so no invocation waits for a log line.

use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::record::{History, InvocationRecord, Status, timestamp};

/// Longest line passed on in one piece, in bytes (AWS: 256 KB).
const LINE_LIMIT: usize = 256 * 1024;
/// How old a memory figure may be: reading it costs more than the rest of a log line.
const MEMORY_AGE: Duration = Duration::from_millis(100);
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
enum Event {
    Start(Arc<str>),
    Platform(String),
    Output(Vec<u8>),
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

/// The log of one process. It ends when the last clone is dropped and the pipe is closed.
#[derive(Clone)]
pub(crate) struct ProcessLog {
    events: UnboundedSender<Event>,
    /// The reading end of the pipe, without waiting. Locked while what was read is put into the channel.
    output: Arc<Mutex<PipeReader>>,
}

impl ProcessLog {
    /// Follows the output of a process.
    pub(crate) fn follow(source: Source, output: PipeReader) -> io::Result<ProcessLog> {
        let direct = output.try_clone()?;
        let awaited = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?; // non-blocking from here, both ends
        let (events, queue) = unbounded_channel();
        let log = ProcessLog { events, output: Arc::new(Mutex::new(direct)) };
        tokio::spawn(write(source, queue));
        tokio::spawn(log.clone().read(awaited));
        Ok(log)
    }

    /// An invocation is about to be handed to the process.
    pub(crate) fn start(&self, request_id: Arc<str>) {
        self.send(Event::Start(request_id));
    }

    /// An invocation is over: what it printed comes before.
    pub(crate) fn finish(&self, record: Box<InvocationRecord>, platform: Option<String>) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        self.pump(|buffer| output.read(buffer));
        if let Some(line) = platform {
            self.send(Event::Platform(line));
        }
        self.send(Event::Finish(record));
    }

    /// Passes output on as it comes, until the pipe is closed.
    async fn read(self, awaited: pipe::Receiver) {
        while awaited.readable().await.is_ok() {
            let _in_order = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            if self.pump(|buffer| awaited.try_read(buffer)) {
                return;
            }
        }
    }

    /// Passes on what is in the pipe now; true at its end.
    fn pump(&self, mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> bool {
        let mut buffer = [0; 8192];
        loop {
            match read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => self.send(Event::Output(buffer[..count].to_vec())),
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    fn send(&self, event: Event) {
        drop(self.events.send(event)); // the task is there as long as a sender is
    }
}

async fn write(source: Source, mut events: UnboundedReceiver<Event>) {
    let mut memory = Memory::default();
    let mut lines = Lines::default();
    while let Some(event) = events.recv().await {
        match event {
            Event::Start(id) => source.emit(LogKind::Platform, format!("START RequestId: {id} Version: $LATEST")),
            Event::Platform(text) => source.emit(LogKind::Platform, text),
            Event::Output(bytes) => {
                lines.take(&bytes).into_iter().for_each(|line| source.emit(LogKind::Function, line))
            }
            Event::Finish(record) => source.finish(*record, &mut memory),
        }
    }
    lines.remainder().into_iter().for_each(|line| source.emit(LogKind::Function, line));
}

impl Source {
    fn emit(&self, kind: LogKind, text: String) {
        if let Some(sink) = &self.sink {
            sink(LogLine { function: self.function.clone(), log_stream: self.log_stream.clone(), kind, text });
        }
    }

    fn finish(&self, mut record: InvocationRecord, memory: &mut Memory) {
        if record.max_memory_used_mb.is_none() {
            record.max_memory_used_mb = memory.of(self.pid);
        }
        if self.sink.is_some() {
            self.emit(LogKind::Platform, format!("END RequestId: {}", record.request_id));
            self.emit(LogKind::Platform, report(&record, self.memory_mb));
        }
        self.history.push(record);
    }

    /// Logs an invocation of a process that never started and so has no log of its own.
    pub(crate) fn never_started(&self, record: InvocationRecord) {
        self.emit(LogKind::Platform, format!("START RequestId: {} Version: $LATEST", record.request_id));
        self.finish(record, &mut Memory::default());
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

/// Cuts output into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// Adds output and takes the lines that are complete.
    fn take(&mut self, output: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(output);
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(length) = self.0[start..].iter().position(|byte| *byte == b'\n') {
            lines.push(text(&self.0[start..start + length]));
            start += length + 1;
        }
        self.0.drain(..start);
        if self.0.len() >= LINE_LIMIT {
            lines.extend(self.remainder());
        }
        lines
    }

    /// What is left without a line break.
    fn remainder(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| text(&rest))
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
    fn output_is_cut_at_line_breaks_wherever_it_was_read() {
        let mut lines = Lines::default();
        assert!(lines.take(b"on").is_empty());
        assert_eq!(lines.take(b"e\r\n\ntwo\nthr"), ["one", "", "two"]);
        assert_eq!(lines.remainder().as_deref(), Some("thr"));
        assert_eq!(lines.take(&vec![b'x'; LINE_LIMIT]).len(), 1, "a line without an end is passed on in pieces");
    }

    #[test]
    fn a_report_names_the_errors_of_the_platform_only() {
        let status = |error_type: &str| Status::Error { error_type: error_type.into(), message: String::new() };
        let report = |error_type| report(&record(status(error_type), None), 128);
        assert!(report("Runtime.ExitError").ends_with("Status: error\tError Type: Runtime.ExitError"));
        assert!(report("InsufficientFunds").ends_with("MB\t"));
    }
}
