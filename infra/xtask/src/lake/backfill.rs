//! `cargo xtask lake-backfill`: all rows of the tables into the lake, through the same readers as the stream's. It may run
//! at any time, as often as one likes, and beside the stream: versions count once.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow};
use aws::{client::Environment, lake::Scan, objects::Bucket};
use domain::Timestamp;
use local_template::Options;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::Workspace;

/// The tables whose streams fill the lake. The exchange has a cursor of its own: deleted, it fills the lake anew.
const TABLES: [&str; 3] = ["LedgerTable", "CustomersTable", "VouchersTable"];

/// Where from and where to.
#[derive(clap::Args)]
pub struct Arguments {
    /// A running Florin's AWS port, such as http://localhost:4566; its names are those of the template
    #[arg(long, conflicts_with = "outputs", required_unless_present = "outputs")]
    endpoint: Option<String>,
    /// The stack's outputs as JSON, `-` for standard input: aws cloudformation describe-stacks --query Stacks[0].Outputs.
    /// Region and credentials come from the environment
    #[arg(long)]
    outputs: Option<PathBuf>,
    /// How many parts of a table are read at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..=64))]
    segments: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

/// Fills the lake.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let (environment, names) = match (&arguments.endpoint, &arguments.outputs) {
        (Some(endpoint), _) => (Environment::at(endpoint, "eu-west-1"), of_template(workspace, endpoint)?),
        (None, Some(outputs)) => (Environment::read(), of_outputs(outputs)?),
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let environment = environment.map_err(|error| anyhow!(error))?;
    let name = |id: &str| names.get(id).cloned().with_context(|| format!("no output {id}"));
    let bucket = Bucket::new(environment.s3(), name("LakeBucket")?);
    let millis = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now = Timestamp::from_millis(i64::try_from(millis)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for table in TABLES {
            let (mut parts, segments) = (JoinSet::new(), arguments.segments);
            for segment in 0..segments {
                let scan = Scan::new(environment.dynamodb(), name(table)?, segment, segments);
                let bucket = bucket.clone();
                parts.spawn(async move { scan.write(&bucket, now).await });
            }
            let mut records = 0;
            while let Some(part) = parts.join_next().await {
                records += part?.with_context(|| table.to_owned())?;
            }
            println!("{table}: {records} records");
        }
        Ok(())
    })
}

fn of_template(workspace: &Workspace, endpoint: &str) -> Result<BTreeMap<String, String>> {
    let stack = local_template::load(&workspace.path("template.yaml"), &Options::local(endpoint))?;
    Ok(stack.resources.values().map(|found| (found.logical_id.clone(), found.ref_value.clone())).collect())
}

fn of_outputs(file: &PathBuf) -> Result<BTreeMap<String, String>> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    }
    let outputs: Vec<Output> = serde_json::from_str(&text).context("these are no outputs of a stack")?;
    Ok(outputs.into_iter().map(|output| (output.output_key, output.output_value)).collect())
}
