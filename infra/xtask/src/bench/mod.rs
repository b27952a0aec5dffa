//! `cargo xtask bench`: one run that says how large, how quick and how dear everything is.
//!
//! The functions are those that are deployed (release, static musl), the runner and the clients are built in the
//! profile `bench-local`. `cargo xtask bench exchange` alone takes the functions of that profile too, which are built far
//! sooner; it says so. Nothing here changes what it measures, and nothing leaves this machine.

mod book;
mod ceiling;
mod cold;
mod cost;
mod counter;
mod event;
mod exchange;
pub(crate) mod load;
mod path;
mod prices;
mod process;
pub(crate) mod report;
mod runtime_api;
mod stage;

use std::fs;

use anyhow::{Context, Result};

use crate::{Architecture, Workspace, package, workspace::run};

/// What is asked for on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Seconds of load for each number of clients
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measure what was built before
    #[arg(long)]
    no_build: bool,
    /// Only measure; this is the process that was built for it
    #[arg(long, hide = true)]
    measure: bool,
    /// This section alone; all of them when none is named
    #[arg(value_enum)]
    section: Option<Section>,
}

/// A part of the bench that can be run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Section {
    /// The order book alone, orderbook-rs beside it
    Book,
    /// Orders through the whole path: on one symbol and on twenty
    Exchange,
}

/// Builds what is measured and the one who measures, and starts the latter.
pub fn run_all(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if arguments.measure {
        return measure(workspace, arguments);
    }
    if arguments.section == Some(Section::Book) {
        machine();
        return book::report(workspace, !arguments.no_build);
    }
    let exchange = arguments.section == Some(Section::Exchange);
    if !arguments.no_build && exchange {
        run(workspace.command("cargo").args(["build", "--profile", stage::QUICK, "--bins"]))?;
    } else if !arguments.no_build {
        let folder = workspace.target(stage::PROFILE);
        let packages = package::build(workspace, Architecture::native()?, &[], &folder.join("lambda"))?;
        for package in packages {
            // The runner looks for binaries by name, as cargo leaves them.
            fs::copy(&package.bootstrap, folder.join(&package.function))?;
        }
        run(workspace.command("cargo").args(["build", "--profile", stage::QUICK, "--bin", "xtask"]))?;
    }
    let measurer = workspace.target(stage::QUICK).join("xtask");
    let seconds = arguments.seconds.to_string();
    let mut measurer = workspace.command(measurer);
    measurer.args(["bench", "--measure", "--seconds", &seconds]);
    if exchange {
        return run(measurer.arg("exchange"));
    }
    run(&mut measurer)?;
    book::report(workspace, !arguments.no_build)
}

fn measure(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let root = workspace.path("");
        if arguments.section == Some(Section::Exchange) {
            machine();
            println!("functions, runner and clients in the profile {}: opt-level 3, not linked as one", stage::QUICK);
            return exchange::report(&root, &workspace.target(stage::QUICK), stage::QUICK, arguments.seconds).await;
        }
        let binaries = workspace.target(stage::PROFILE);
        let stage = stage::Stage::start(&root, &binaries).await?;
        let outcome = sections(workspace, &stage, arguments.seconds).await;
        stage.stop().await;
        outcome?;
        exchange::report(&root, &binaries, stage::PROFILE, arguments.seconds).await
    })
}

async fn sections(workspace: &Workspace, stage: &stage::Stage, seconds: u64) -> Result<()> {
    let limits = package::limits(workspace)?;
    machine();
    for function in stage.functions() {
        let size = fs::metadata(stage.bootstrap(function))?.len();
        if let Some(limit) = limits.get(&function.folder).filter(|limit| size > **limit) {
            println!("bar missed by {}: {size} bytes, {limit} allowed", function.folder);
        }
    }
    let customer = stage.customer("bench").await.context("a customer")?;
    cold::report(stage, &workspace.path(""), &limits.into_keys().collect::<Vec<_>>(), &customer).await?;
    cost::report(stage, &customer).await?;
    path::report(stage, seconds).await
}

fn machine() {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    println!("# Florin bench: {} · {cores} cores · load {load} before the start", model.unwrap_or("unknown processor"));
}
