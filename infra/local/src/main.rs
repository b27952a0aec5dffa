//! Composition: arguments, log, runner, signals.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use local::{Arguments, Runner, screen, signals};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    screen::log_own_errors();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo local: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let config = arguments.config()?;
    let mut stop = signals::Stop::listen()?;
    let runner = tokio::select! {
        runner = Runner::start(config) => runner?,
        () = stop.requested() => return Ok(()),
    };
    print!("{}", screen::start(&runner, began.elapsed()));
    stop.requested().await;
    eprintln!("\nstopping …");
    tokio::select! {
        () = runner.shutdown() => {}
        () = stop.requested() => eprintln!("stopped in a hurry"),
    }
    Ok(())
}
