//! What a runner is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::faults::FaultPlan;
use crate::log::Log;

/// How a runner is to run. [`Config::new`] has the defaults of `cargo local`.
#[derive(Clone)]
pub struct Config {
    /// The repository: the folder with `template.yaml`.
    pub root: PathBuf,
    /// Port of the API; 0 takes a free one.
    pub port: u16,
    /// Port of the AWS services; 0 takes a free one.
    pub aws_port: u16,
    /// Port of the simulated supplier of vouchers; 0 takes a free one.
    pub supplier_port: u16,
    /// Where the state lives. With free ports it also remembers which ones it had, so that tokens stay valid.
    pub data: PathBuf,
    /// Forget the state first.
    pub fresh: bool,
    /// Build the functions first.
    pub build: bool,
    /// Cargo's profile: `dev`, `release` or one of the workspace's own.
    pub profile: String,
    /// Say nothing while building.
    pub quiet: bool,
    /// Values for the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Most processes of one function at a time, where the template reserves none and its event sources need no more.
    pub max_instances: usize,
    /// Faults at the start; others can be set while it runs. `None` leads the functions' DynamoDB traffic past them, for
    /// measurements.
    pub faults: Option<FaultPlan>,
    /// Where functions are told that DynamoDB is, if something stands before it that measures.
    pub dynamodb: Option<String>,
    /// Create the demo users in a new data directory.
    pub demo: bool,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// The defaults, for the repository at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            port: 3000,
            aws_port: 4566,
            supplier_port: 4567,
            data: root.join(".local"),
            root,
            fresh: false,
            build: true,
            profile: if cfg!(debug_assertions) { "dev" } else { "release" }.to_owned(),
            quiet: false,
            parameters: BTreeMap::new(),
            // The first sixteen start at once, more only for calls that stay waiting: 5 MB each.
            max_instances: 100,
            faults: Some(FaultPlan::default()),
            dynamodb: None,
            demo: true,
            log: Log::default(),
        }
    }
}
