//! The runner as a program: one per data directory, clear refusals, an orderly end.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::{Value, json};

use crate::world::{Http, built, root, start_with, until};

/// `local` as a child, killed when dropped.
pub struct Program {
    child: Child,
    /// The API with its stage, from the start screen.
    pub api: String,
}

/// A command line on free ports, without a build.
pub fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.arg("--root").arg(root()).arg("--data").arg(data);
    command.args(["--port", "0", "--aws-port", "0", "--supplier-port", "0", "--no-build", "--quiet"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    /// Starts it and reads the screen up to where the API is.
    pub fn start(data: &Path) -> Program {
        let mut child = command(data).spawn().expect("the runner starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut seen = Vec::new();
        let api = loop {
            let Some(Ok(line)) = lines.next() else {
                let mut error = String::new();
                drop(child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut error)));
                panic!("no start screen: {seen:?} {error}");
            };
            let url = line.trim().strip_prefix("API ").and_then(|rest| rest.split_whitespace().next());
            if let Some(url) = url {
                break url.replace("localhost", "127.0.0.1");
            }
            seen.push(line);
        };
        // The rest of the screen has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Program { child, api }
    }

    /// A page at the root, outside the stage.
    fn root(&self) -> Http {
        Http::new(self.api.trim_end_matches("/v1").to_owned())
    }

    /// Its children, by process id.
    pub fn children(&self) -> Vec<u32> {
        let pid = self.child.id();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether a process still runs; one that only waits to be reaped does not.
pub fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).unwrap_or("X");
    !matches!(state, "Z" | "X")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_every_process_and_is_a_success() {
    built().await;
    let folder = tempfile::tempdir().expect("a folder");
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(&folder.path().join("data"));
        crate::world::Http::new(program.api.clone()).get("/health", None).await.expect_status(200);
        let children = program.children();
        assert!(!children.is_empty());
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(0), "after {signal}");
        until("the functions to be gone", || !children.iter().any(|pid| runs(*pid))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_in_one_line_that_says_what_to_do() {
    built().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let program = Program::start(&data);
    let port = program.api.trim_end_matches("/v1").rsplit(':').next().expect("a port").to_owned();
    let other = folder.path().join("other");
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).expect("made");
    std::fs::write(foreign.join("thesis.txt"), "x").expect("written");
    for (data, arguments, expected) in [
        (&data, &[][..], "another runner is using"),
        (&other, &["--port", &port], "--port"),
        (&other, &["--aws-port", &port], "--aws-port"),
        (&other, &["--supplier-port", &port], "--supplier-port"),
        (&other, &["--parameter", "Nope=1"], "Nope"),
        (&foreign, &["--fresh"], "--data"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.arg("--root").arg(root()).arg("--data").arg(data).args(["--no-build", "--quiet"]);
        for default in ["--port", "--aws-port", "--supplier-port"] {
            if !arguments.contains(&default) {
                command.args([default, "0"]);
            }
        }
        let output = command.args(arguments).stdin(Stdio::null()).output().expect("it ends");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains(expected) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
    assert!(foreign.join("thesis.txt").exists());
}

/// The environment variables of the function that orders vouchers.
fn ordering(world: &crate::world::World) -> (String, String) {
    let functions = world.runner.stack().functions();
    let function = functions.iter().find(|function| function.folder == "vouchers-order").expect("the function");
    let variable = |name: &str| function.environment.get(name).expect(name).clone();
    (variable("SUPPLIER_URL"), variable("SUPPLIER_TOKEN"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_order_from_the_simulated_supplier_unless_another_is_named() {
    let world = start_with(|_| {}).await;
    let supplier = world.runner.supplier();
    assert_eq!(ordering(&world), (supplier.url(), supplier.token().to_owned()));
    assert!(supplier.token().len() > 20);
    let overview = world.root().get("/_local/supplier", None).await.expect_status(200);
    assert_eq!((&overview["url"], &overview["mode"]), (&json!(supplier.url()), &json!("fast")));
    let put = async |change: Value| world.root().send("PUT", "/_local/supplier", &[], change.to_string()).await;
    let changed = put(json!({"mode": "slow", "scale": 0.5, "phone": "+51911111111"})).await.expect_status(200);
    assert_eq!((&changed["mode"], &changed["scale"]), (&json!("fast"), &json!(0.5)));
    assert_eq!(changed["phones"]["+51911111111"]["mode"], "slow");
    let refused = put(json!({"mode": "sleepy"})).await.expect_status(400);
    assert_eq!(refused["code"], "invalid_supplier");
    assert_eq!(world.root().get("/_local/supplier/orders", None).await.expect_status(200), json!([]));
    world.runner.shutdown().await;

    let named = [("VoucherSupplierUrl", "https://supplier.example"), ("VoucherSupplierToken", "secret")];
    let world = start_with(|config| {
        config.parameters.extend(named.map(|(name, value)| (name.to_owned(), value.to_owned())));
    });
    let world = world.await;
    assert_eq!(ordering(&world), ("https://supplier.example".to_owned(), "secret".to_owned()));
    world.runner.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suppliers_orders_survive_a_kill_and_are_carried_out_once() {
    built().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut program = Program::start(&data);
    let slow = json!({"mode": "slow", "seconds": [4, 4]}).to_string();
    let overview = program.root().send("PUT", "/_local/supplier", &[], slow).await.expect_status(200);
    let supplier = |overview: &Value| {
        let text = |name: &str| overview[name].as_str().expect(name).to_owned();
        let (url, token) = (text("url"), text("token"));
        let limit = std::time::Duration::from_secs(1);
        (url.clone(), supplier::Supplier::new(&url, Some(token), limit).expect("a client"))
    };
    let (url, client) = supplier(&overview);
    let (reference, phone) =
        (domain::id::VoucherId::parse("vch_1"), domain::customer::PhoneNumber::parse("+51911111111"));
    let (reference, phone) = (reference.expect("a reference"), phone.expect("a phone"));
    let price = domain::Money::parse("5", domain::Currency::parse("USD").expect("dollars")).expect("a price");
    let order = supplier::Order { reference: &reference, product: "p", phone: &phone, price };
    assert_eq!(client.order(&order).await, Err(supplier::CallError::Unknown(supplier::Cause::Timeout)));
    assert_eq!(client.status(&reference).await, Ok(supplier::Answer::Processing));
    program.signal("KILL");
    program.wait();

    let program = Program::start(&data);
    let (again, client) = supplier(&program.root().get("/_local/supplier", None).await.expect_status(200));
    assert_eq!(again, url, "where its clients look for it");
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !matches!(client.status(&reference).await, Ok(supplier::Answer::Delivered { .. })) {
        assert!(std::time::Instant::now() < limit, "never carried out");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let orders = program.root().get("/_local/supplier/orders", None).await.expect_status(200);
    let kept = (&orders[0]["status"], &orders[0]["executions"], &orders[0]["code"]);
    let told = client.order(&order).await;
    let Ok(supplier::Answer::Delivered { code, .. }) = told else { panic!("{told:?}") };
    assert_eq!(kept, (&json!("delivered"), &json!(1), &json!(code.as_str())));
    assert_eq!(orders.as_array().map(Vec::len), Some(1));
}
