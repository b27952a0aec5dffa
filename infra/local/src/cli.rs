//! The command line of `cargo local`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use crate::config::Config;
use crate::faults::FaultPlan;
use crate::log::Log;

/// Runs Florin on this machine: the API, the functions, and the AWS services they use. State stays in a folder.
#[derive(Debug, Parser)]
#[command(name = "cargo local", version)]
pub struct Arguments {
    /// Port of the API (0: a free one)
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Port of the AWS services (0: a free one)
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// Port of the simulated supplier of vouchers (0: a free one)
    #[arg(long, default_value_t = 4567)]
    supplier_port: u16,
    /// Folder of the state [default: .local in the repository]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Forget the state first
    #[arg(long)]
    fresh: bool,
    /// Run the binaries that are there
    #[arg(long)]
    no_build: bool,
    /// No log lines of the functions
    #[arg(long)]
    quiet: bool,
    /// No demo users
    #[arg(long)]
    no_demo: bool,
    /// A value for a parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Optimised functions
    #[arg(long, conflicts_with = "profile")]
    release: bool,
    /// Cargo's profile for the functions
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Most processes of one function at a time
    #[arg(long, value_name = "COUNT")]
    instances: Option<usize>,
    /// Faults from the start, such as '{"seed":1,"dynamodb":{"transaction_conflict":0.1},"sqs":{"duplicate":0.1}}'
    #[arg(long, value_name = "JSON", value_parser = faults, default_value = "{}", hide_default_value = true)]
    faults: FaultPlan,
    /// The repository [default: this folder or the nearest above it with a template.yaml]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Arguments {
    /// What they ask for.
    pub fn config(self) -> Result<Config> {
        let root = match self.root {
            Some(root) => root,
            None => repository()?,
        };
        let mut config = Config::new(root);
        config.port = self.port;
        config.aws_port = self.aws_port;
        config.supplier_port = self.supplier_port;
        if let Some(data) = self.data {
            config.data = data;
        }
        config.fresh = self.fresh;
        config.build = !self.no_build;
        config.quiet = self.quiet;
        config.demo = !self.no_demo;
        config.parameters.extend(self.parameters);
        if let Some(profile) = self.profile.or(self.release.then(|| "release".to_owned())) {
            config.profile = profile;
        }
        if let Some(instances) = self.instances {
            config.max_instances = instances.max(1);
        }
        config.faults = Some(self.faults);
        config.log = Log::new((!self.quiet).then(crate::screen::log_sink));
        Ok(config)
    }
}

/// The folder we are in, or the nearest above it, that has a template.
fn repository() -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|folder| folder.join("template.yaml").is_file());
    found.map(PathBuf::from).context("there is no template.yaml here or above; name the repository with --root")
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn faults(text: &str) -> Result<FaultPlan, String> {
    FaultPlan::parse(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_well_formed_and_reach_the_config() {
        Arguments::command().debug_assert();
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().to_str().expect("text");
        let parse = |arguments: &[&str]| {
            let always = ["cargo local", "--root", root, "--quiet"];
            let parsed =
                Arguments::try_parse_from(always.iter().chain(arguments)).map_err(|error| error.to_string())?;
            parsed.config().map_err(|error| error.to_string())
        };
        let config = parse(&[]).expect("defaults");
        assert_eq!((config.port, config.aws_port, config.build), (3000, 4566, true));
        assert_eq!(config.faults, Some(FaultPlan::default()));
        assert_eq!(config.data, folder.path().join(".local"));
        let config = parse(&["--release", "--parameter", "Stage=prod", "--parameter", "A=b=c", "--no-build"]);
        let config = config.expect("given");
        assert_eq!((config.profile.as_str(), config.build), ("release", false));
        assert_eq!(config.parameters["A"], "b=c");
        let config = parse(&["--faults", r#"{"seed":7}"#]).expect("given");
        assert_eq!(config.faults, Some(FaultPlan { seed: 7, ..FaultPlan::default() }));
        assert!(parse(&["--parameter", "Stage"]).is_err());
        assert!(parse(&["--faults", "{\"x\":1}"]).is_err());
    }
}
