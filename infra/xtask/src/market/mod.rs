//! `cargo xtask market`: traders who are not there, at markets that are.
//!
//! They sign up, quote around a price that walks by chance, take and cancel, all through the public API, so that the
//! markets of a running Florin have life. The bench drives the exchange with the same traders.

pub(crate) mod floor;
mod random;
pub(crate) mod tally;
pub(crate) mod trader;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use tokio::{sync::watch, task::JoinSet};

use crate::{bench::report::table, client::Client, people};

use floor::{Floor, Plan};
use tally::Tally;
use trader::{Style, Trader};

/// Who lists instruments and gives things away: a demo user.
const ADMIN: &str = "admin@example.com";
/// Traders get so long to take back what they have quoted.
const GOING_HOME: Duration = Duration::from_secs(10);

/// What is asked for on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// How many instruments: SIM1-USD, SIM2-USD and so on
    #[arg(long, default_value_t = 3)]
    symbols: usize,
    /// How many traders, two at least
    #[arg(long, default_value_t = 12)]
    traders: usize,
    /// Requests a second, of all traders together
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// How long; until Ctrl-C when it is not said
    #[arg(long)]
    seconds: Option<u64>,
    /// The same seed, the same wishes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A running Florin with its demo users
    #[arg(long, default_value = "http://localhost:3000/v1")]
    api: String,
    /// Prices stand still; of four orders two rest and two meet, so that half of them trade
    #[arg(long)]
    half_trading: bool,
}

/// Arranges everything, trades until the time is over or somebody says so, and sums up.
pub fn run_all(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (end, stop) = watch::channel(false);
        let mut ended = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                end.send_replace(true);
            }
            // Whoever insists does not wait for anybody to go home.
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
        let floor = tokio::select! {
            floor = open(arguments) => floor?,
            _ = ended.wait_for(|ended| *ended) => return Ok(()),
        };
        trade(arguments, &floor, ended).await
    })
}

async fn open(arguments: &Arguments) -> Result<Floor> {
    let Arguments { symbols, traders, seed, .. } = *arguments;
    println!("{traders} traders come to {symbols} markets of {}", arguments.api);
    let admin = people::sign_in(&arguments.api, ADMIN, local::DEMO_PASSWORD).await.context("is it running?")?;
    let plan = Plan { name: "SIM", symbols, traders, seed, still: arguments.half_trading };
    Floor::open(&arguments.api, &admin.token, plan).await
}

async fn trade(arguments: &Arguments, floor: &Floor, ended: watch::Receiver<bool>) -> Result<()> {
    let style = if arguments.half_trading { Style::Half { wait: false } } else { Style::Lively };
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let tally = Arc::<Tally>::default();
    let traders = Trader::all(floor, style, &format!("market {run}"), &tally).await?;
    let started = Instant::now();
    let watching = tokio::spawn(watch_each_second(tally.clone(), started));
    let time = arguments.seconds.map(Duration::from_secs);
    let traders = drive(traders, arguments.rate, time, ended).await;
    let took = started.elapsed();
    watching.abort();
    let all = tally.all();
    println!("\n{} orders, {} cancellations in {:.0} s", all.orders, all.cancels, took.as_secs_f64());
    println!("{}", all.line(took.as_secs_f64()));
    tokio::select! {
        () = together(traders) => {}
        () = tokio::time::sleep(GOING_HOME) => {}
    }
    prices(floor).await
}

/// Lets traders trade at this rate, all together, until the time is over or the end is told.
pub(crate) async fn drive(
    traders: Vec<Trader>,
    rate: f64,
    time: Option<Duration>,
    mut ended: watch::Receiver<bool>,
) -> Vec<Trader> {
    let (end, stop) = watch::channel(false);
    let each = rate / traders.len().max(1) as f64;
    let mut tasks: JoinSet<Trader> = traders.into_iter().map(|trader| trader.trade(each, stop.clone())).collect();
    let time = async {
        match time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time => {}
        told = ended.wait_for(|ended| *ended) => {
            if told.is_err() {
                // Nobody is left who could tell.
                eprintln!("error: the end can no longer be told");
            }
        }
    }
    end.send_replace(true);
    let mut traders = Vec::new();
    while let Some(trader) = tasks.join_next().await {
        traders.extend(trader.ok());
    }
    traders
}

async fn together(traders: Vec<Trader>) {
    let mut tasks: JoinSet<()> = traders.into_iter().map(Trader::go_home).collect();
    while tasks.join_next().await.is_some() {}
}

async fn watch_each_second(tally: Arc<Tally>, started: Instant) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.tick().await;
    loop {
        second.tick().await;
        println!("{:>6.0} s  {}", started.elapsed().as_secs_f64(), tally.lap().line(1.0));
    }
}

/// What the markets show.
async fn prices(floor: &Floor) -> Result<()> {
    let mut client = Client::connect(&floor.api, None).await?;
    let mut rows = Vec::new();
    for market in &floor.markets {
        let ticker = client.get(&format!("/markets/{}/ticker", market.symbol)).await?.expect(200)?;
        let shown = |name: &str| ticker[name].as_str().unwrap_or("–").to_owned();
        let figures = ["last_price", "best_bid", "best_ask", "high_24h", "low_24h", "volume_24h"].map(shown);
        rows.push([vec![market.symbol.clone()], figures.to_vec()].concat());
    }
    table(&["market", "last", "bid", "ask", "high 24 h", "low 24 h", "volume 24 h"], &rows);
    Ok(())
}
