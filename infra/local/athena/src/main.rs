//! The process beside the runner: engine and port, until it is killed or whoever started it is gone.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use local_athena::{Catalogue, Engine, serve};
use tokio::net::TcpListener;

/// Athena and Glue on this machine.
#[derive(Parser)]
struct Arguments {
    /// The catalogue, as JSON.
    #[arg(long)]
    catalogue: PathBuf,
    /// The folder of the buckets.
    #[arg(long)]
    objects: PathBuf,
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// End when standard input does: when whoever started it is gone, whatever ended them.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.until_stdin_closes {
        std::thread::Builder::new().name("stdin".to_owned()).spawn(|| {
            // Nobody writes to it. An error is an end as well.
            drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
            std::process::exit(0);
        })?;
    }
    let text = std::fs::read(&arguments.catalogue).with_context(|| arguments.catalogue.display().to_string())?;
    let catalogue: Catalogue = serde_json::from_slice(&text).context("reading the catalogue")?;
    let engine = Engine::new(catalogue, &arguments.objects)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await.context("taking the port")?;
    // The one line that whoever started it waits for.
    println!("listening on {}", listener.local_addr()?);
    serve(listener, engine).await;
    Ok(())
}
