//! `cargo xtask …`: what a person or CI does with this repository beyond `cargo test` and `cargo local`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{Architecture, Workspace, bench, check, fuzz, market, package, seed};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, check and measure Florin")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the functions for Lambda into target/lambda/<function>/bootstrap and print their sizes
    Package {
        /// What they are to run on; the template's Architecture parameter says the same
        #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
        arch: Architecture,
        /// Which functions; all of them when none is named
        functions: Vec<String>,
    },
    /// Formatting, clippy, and the lint of template and OpenAPI document as far as their tools are there
    Check,
    /// Measure sizes, cold starts, costs, transfers through the whole path, the exchange and its book
    Bench(bench::Arguments),
    /// Trade through the public API of a running Florin until Ctrl-C, so that its markets have life
    Market(market::Arguments),
    /// Fill a bank with customers, accounts and a year of movements that never were; the same seed, the same rows
    Seed(seed::Arguments),
    /// Run every fuzz target for a while (nightly and cargo-fuzz)
    Fuzz {
        /// Seconds for each
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Package { arch, functions } => {
            let folder = workspace.path("target/lambda");
            package::print(&package::build(&workspace, arch, &functions, &folder)?)
        }
        Command::Check => check::run_all(&workspace),
        Command::Bench(arguments) => bench::run_all(&workspace, &arguments),
        Command::Market(arguments) => market::run_all(&arguments),
        Command::Seed(arguments) => seed::run(&workspace, &arguments),
        Command::Fuzz { seconds } => fuzz::run_all(&workspace, seconds),
    }
}
