//! The stack that is measured: the runner as a library, with the functions as they are deployed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use local::{Config, Runner};
use local_template::Function as Declared;
use serde_json::{Value, json};

use crate::client::Client;
pub use crate::people::Customer;
use crate::people::{self, origin};

/// The runner takes the functions from `target/<profile>`; this is where the bench puts those it built for Lambda.
pub const PROFILE: &str = "bench";
/// The profile of the runner and the clients, and of functions that are not those that are deployed.
pub const QUICK: &str = "bench-local";
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A running stack.
pub struct Stage {
    runner: Runner,
    binaries: PathBuf,
}

impl Stage {
    /// Starts on free ports with a fresh state.
    pub async fn start(root: &Path, binaries: &Path) -> Result<Self> {
        Self::start_with(root, binaries, |_| {}).await
    }

    /// The same with some of it changed.
    pub async fn start_with(root: &Path, binaries: &Path, change: impl FnOnce(&mut Config)) -> Result<Self> {
        let mut config = Config::new(root);
        (config.port, config.aws_port, config.supplier_port) = (0, 0, 0);
        config.data = binaries.join("data");
        config.fresh = true;
        config.build = false;
        config.demo = false;
        config.quiet = true;
        config.faults = None; // functions straight at DynamoDB
        PROFILE.clone_into(&mut config.profile);
        change(&mut config);
        let runner = Runner::start(config).await.context("starting the runner")?;
        Ok(Self { runner, binaries: binaries.to_owned() })
    }

    /// Stops it.
    pub async fn stop(self) {
        self.runner.shutdown().await;
    }

    /// The API with its stage.
    pub fn api_url(&self) -> String {
        self.runner.api_url()
    }

    /// DynamoDB as the functions reach it.
    pub fn dynamodb_url(&self) -> String {
        self.runner.dynamodb_url()
    }

    /// The region of everything.
    pub fn region(&self) -> &str {
        &self.runner.stack().region
    }

    /// The functions of the template.
    pub fn functions(&self) -> &[Declared] {
        self.runner.stack().functions()
    }

    /// One of them, by its folder.
    pub fn function(&self, folder: &str) -> Result<&Declared> {
        let found = self.functions().iter().find(|function| function.folder == folder);
        found.with_context(|| format!("the template has no function {folder}"))
    }

    /// The id of the user pool.
    pub fn user_pool(&self) -> Result<&str> {
        Ok(&self.runner.stack().user_pools().first().context("the template has no user pool")?.id)
    }

    /// The physical name of the ledger's table.
    pub fn ledger_table(&self) -> Result<&str> {
        let found = self.runner.stack().tables().iter().find(|table| table.logical_id == "LedgerTable");
        Ok(&found.context("the template has no LedgerTable")?.name)
    }

    /// Where its binary is.
    pub fn bootstrap(&self, function: &Declared) -> PathBuf {
        self.binaries.join(&function.folder)
    }

    /// The environment Lambda would give it, with DynamoDB at this address.
    pub fn environment(&self, function: &Declared, dynamodb: &str) -> BTreeMap<String, String> {
        let stack = self.runner.stack();
        let mut environment: BTreeMap<String, String> = [
            ("AWS_REGION", stack.region.clone()),
            ("AWS_DEFAULT_REGION", stack.region.clone()),
            ("AWS_ACCESS_KEY_ID", "AKIALOCALLOCALLOCAL0".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_SESSION_TOKEN", "local".to_owned()),
            ("AWS_ENDPOINT_URL", self.runner.aws_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.to_owned()),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group.clone()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21/[$LATEST]bench".to_owned()),
            ("LAMBDA_TASK_ROOT", self.binaries.display().to_string()),
            ("TZ", ":UTC".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        // Lambda's image keeps its trusted roots in one file. Debian also has a file for each, and reading those would be
        // measured as the function's own time.
        if Path::new(ROOTS).is_file() {
            environment.insert("SSL_CERT_FILE".to_owned(), ROOTS.to_owned());
        }
        environment.extend(function.environment.clone());
        environment
    }

    /// Signs a customer up and in, through the API and the mail that the user pool sends.
    pub async fn customer(&self, name: &str) -> Result<Customer> {
        people::sign_up(&self.api_url(), &format!("{name}@example.com")).await
    }

    /// Signs somebody up who belongs to this group of the user pool.
    pub async fn employ(&self, name: &str, group: &str) -> Result<Customer> {
        let email = format!("{name}@example.com");
        people::sign_up(&self.api_url(), &email).await?;
        let body = json!({"UserPoolId": self.user_pool()?, "Username": email, "GroupName": group});
        let headers = [
            ("x-amz-target", "AWSCognitoIdentityProviderService.AdminAddUserToGroup"),
            ("content-type", "application/x-amz-json-1.1"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=local"),
        ];
        Client::connect(&self.runner.aws_url(), None).await?.post_with("/", &headers, &body).await?.expect(200)?;
        people::sign_in(&self.api_url(), &email, people::PASSWORD).await
    }

    /// The functions' processes.
    pub fn lambda(&self) -> &local_lambda::Lambda {
        self.runner.lambda()
    }

    /// A page at the root, outside the stage.
    pub async fn page(&self, path: &str) -> Result<Value> {
        Client::connect(&origin(&self.api_url())?, None).await?.get(path).await?.expect(200)
    }

    /// Opens an account for the customer and puts money on it.
    pub async fn account(&self, client: &mut Client, amount: &str) -> Result<String> {
        let body = json!({"type": "checking", "currency": "USD"});
        let account = client.post("/accounts", None, &body).await?.expect(201)?;
        let id = account["account_id"].as_str().context("no account_id")?.to_owned();
        let deposit = json!({"type": "deposit", "amount": amount, "currency": "USD", "to_account": id});
        client.post("/transfers", Some(&format!("open {id}")), &deposit).await?.expect(201)?;
        Ok(id)
    }

    /// Runs the audit; an error unless the ledger is in order. Answers its report.
    pub async fn audit(&self) -> Result<Value> {
        let name = &self.function("ledger-audit")?.name;
        let answer = self.runner.lambda().invoke(name, Bytes::from_static(b"{}"), None).await?;
        let report: Value = serde_json::from_slice(&answer)?;
        ensure!(report["clean"] == true, "the audit found differences: {report}");
        Ok(report)
    }
}
