//! `cargo xtask seed`: fills a bank, and has the ledger audited when it is full.
//!
//! What is written is [`seed`]'s business; here is only where to, and how it looks meanwhile.

mod place;
mod progress;

use std::time::Instant;

use ::seed::{
    Population, Size,
    calendar::{day_of, start_of},
    write::{Found, known_or_new, write},
};
use anyhow::{Context, Result, bail, ensure};
use domain::Timestamp;

use crate::Workspace;

use place::Place;
use progress::Shown;

/// What is asked for on the command line. Customers are rows only: none gets a user in the user pool or can sign in.
/// Twenty thousand password hashes are not the point; staff see and serve all of them.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// How many customers. They get no user in the user pool: nobody can sign in as one of them
    #[arg(long, default_value_t = 20_000)]
    customers: u64,
    /// How many accounts, of all of them together
    #[arg(long, default_value_t = 20_000)]
    accounts: u64,
    /// How many transfers: movements, holds, reversals, refused attempts
    #[arg(long, default_value_t = 20_000)]
    transfers: u64,
    /// The same seed and the same numbers, the same rows: what is there already stays as it is
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The day on which the year of movements ends, not included; today if nothing of it is there yet
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    until: Option<Timestamp>,
    /// Where all AWS services are; http://localhost:4566 when neither this nor a stack is named
    #[arg(long, value_name = "URL")]
    aws_url: Option<String>,
    /// Whose tables; without --aws-url a stack on AWS, reached with the credentials of the environment
    #[arg(long, value_name = "NAME")]
    stack_name: Option<String>,
}

fn day(text: &str) -> Result<Timestamp, String> {
    format!("{text}T00:00:00Z").parse().map_err(|_| "must be a day such as 2026-02-28".to_owned())
}

/// Fills the bank and audits it; an error unless its books are right.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(fill(workspace, arguments))
}

async fn fill(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let place = Place::find(workspace, arguments.aws_url.as_deref(), arguments.stack_name.as_deref()).await?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
    let today = start_of(day_of(Timestamp::from_millis(i64::try_from(now)?)));
    let end = arguments.until.unwrap_or(today);
    ensure!(end <= today, "the year of movements cannot end in the future");
    let Arguments { customers, accounts, transfers, seed, .. } = *arguments;
    let size = Size { customers, accounts, transfers };
    let population = match known_or_new(&place.stores(), seed, size, end).await? {
        Found::Impossible(error) => bail!("{error}"),
        Found::New(population) => population,
        Found::Known(population) => {
            let asked = arguments.until.filter(|asked| *asked != population.end());
            if let Some(asked) = asked {
                bail!("this seed is there already, with a year that ends {}, not {asked}", population.end());
            }
            population
        }
    };
    println!("{}", headline(&population, seed, &place));
    let started = Instant::now();
    let shown = Shown::new();
    write(&place.stores(), &population, &shown)
        .await
        .context("what is not there yet follows when this is run again")?;
    if shown.nothing_written() {
        println!("already there: nothing was written");
    }
    println!("filled in {:.1} s; the audit recomputes the ledger …", started.elapsed().as_secs_f64());
    place.audit().await
}

fn headline(population: &Population, seed: u64, place: &Place) -> String {
    let Size { customers, accounts, transfers } = population.size();
    let (start, end) = (population.start().to_string(), population.end().to_string());
    let day = |moment: &str| moment.split('T').next().unwrap_or_default().to_owned();
    format!(
        "seed {seed}: {customers} customers, {accounts} accounts, {transfers} transfers from {} to before {}, into {place}",
        day(&start),
        day(&end),
    )
}
