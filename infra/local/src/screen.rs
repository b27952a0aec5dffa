//! What a person sees: one start screen, then log lines.

use std::io::{IsTerminal, Write as _};
use std::sync::Arc;
use std::time::Duration;

use local_lambda::{LogKind, LogSink};

use crate::demo::{PASSWORD, USERS};
use crate::runner::Runner;

/// Where everything is and what to try.
pub fn start(runner: &Runner, took: Duration) -> String {
    let api = runner.api_url().replace("127.0.0.1", "localhost");
    let (root, aws) =
        (runner.url().replace("127.0.0.1", "localhost"), runner.aws_url().replace("127.0.0.1", "localhost"));
    let supplier = runner.supplier().url().replace("127.0.0.1", "localhost");
    let functions = runner.stack().functions().len();
    let mut text = format!(
        "
  Florin runs: {functions} functions, ready after {:.1} s. Ctrl-C stops it; state stays in {}.

    API           {api}          documentation {root}/docs
    AWS services  {aws}             e.g. aws --endpoint-url {aws} dynamodb list-tables
    supplier      {supplier}             the simulated one of vouchers; PUT {root}/_local/supplier changes its mode
    pages         {root}/_local/mail · sms · supplier · queues · invocations · clients · health
",
        took.as_secs_f64(),
        shown(runner.data()),
    );
    match runner.demo_problems() {
        [] => {
            let names: Vec<&str> = USERS.iter().map(|user| user.email).collect();
            text += &format!(
                "    demo users    {}    password {PASSWORD}

  Try:
    curl -s {api}/health
    TOKEN=$(curl -s {api}/auth/sign-in -H 'content-type: application/json' \\
      -d '{{\"email\":\"{}\",\"password\":\"{PASSWORD}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
    curl -s {api}/accounts -H \"authorization: Bearer $TOKEN\"
    curl -s {api}/voucher-products
",
                names.join(", "),
                names[0],
            );
        }
        problems => {
            for problem in problems {
                text += &format!("    the demo users are not complete: {problem}\n");
            }
            text += "    (tried again at the next start)\n\n";
        }
    }
    text
}

/// Relative to where we are, if that is shorter.
fn shown(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok().map(|path| path.display().to_string()));
    relative.filter(|path| !path.is_empty()).unwrap_or_else(|| path.display().to_string())
}

/// Log lines on standard error, one per line after the name of who wrote it, from a thread of their own: a slow terminal
/// must not slow a function.
pub fn log_sink() -> LogSink {
    let (lines, queue) = std::sync::mpsc::channel::<local_lambda::LogLine>();
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let spawned = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        let mut output = std::io::LineWriter::new(std::io::stderr());
        for line in queue {
            let dim = colours && line.kind == LogKind::Platform;
            let (on, off) = if dim { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
            // Nobody is left to tell if standard error is gone.
            drop(writeln!(output, "{on}{:<26} | {}{off}", line.function, line.text.trim_end()));
        }
    });
    let alive = spawned.is_ok();
    Arc::new(move |line| {
        if alive {
            drop(lines.send(line));
        }
    })
}

/// Errors of the runner itself, which some modules report by `tracing`; DynamoDB's refusals are none of them.
pub fn log_own_errors() {
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let ours = tracing_subscriber::filter::filter_fn(|metadata| {
        metadata.target().starts_with("local") && *metadata.level() <= tracing::Level::WARN
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time().with_target(false);
    // A second subscriber in one process is refused; then the first one has them.
    drop(tracing_subscriber::registry().with(lines.with_filter(ours)).try_init());
}
