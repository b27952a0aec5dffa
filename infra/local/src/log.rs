//! Where log lines go: functions' and the runner's own, one per line, after who said it.

use std::sync::Arc;

use local_lambda::{LogKind, LogLine, LogSink};

/// A log; `Log::default()` drops everything.
#[derive(Clone, Default)]
pub struct Log(Option<LogSink>);

impl Log {
    /// A log that writes to this sink.
    pub fn new(sink: Option<LogSink>) -> Self {
        Self(sink)
    }

    /// The sink, for the functions.
    pub fn sink(&self) -> Option<LogSink> {
        self.0.clone()
    }

    /// A line of the runner's own.
    pub fn line(&self, who: &str, text: impl Into<String>) {
        if let Some(sink) = &self.0 {
            sink(LogLine {
                function: Arc::from(who),
                log_stream: Arc::from("local"),
                kind: LogKind::Platform,
                text: text.into(),
            });
        }
    }
}
