//! The engine as a program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::world::catalogue;

#[test]
fn it_says_where_it_listens_and_ends_with_whoever_started_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("catalogue.json");
    std::fs::write(&file, serde_json::to_vec(&catalogue()).expect("JSON")).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-athena"));
    command.arg("--catalogue").arg(&file).arg("--objects").arg(folder.path().join("s3")).arg("--until-stdin-closes");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on ").expect("an address");
    std::net::TcpStream::connect(address).expect("it listens");
    drop(child.stdin.take()); // as when its parent is killed
    assert!(child.wait().expect("it ends").success());
}
