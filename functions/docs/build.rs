//! Turns `infra/api/openapi.yaml` into the JSON that the function serves, once, at build time.

use std::{env, error::Error, fs, path::Path};

use serde_json::{Value, json};

const SOURCE: &str = "../../infra/api/openapi.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=build.rs");
    let mut document: Value = serde_yaml_ng::from_str(&fs::read_to_string(SOURCE)?)?;
    // Relative to the document itself: right for the local runner, every stage and every domain.
    document["servers"] = json!([{"url": "./", "description": "where this document comes from"}]);
    let target = Path::new(&env::var("OUT_DIR")?).join("openapi.json");
    fs::write(target, serde_json::to_vec(&document)?)?;
    Ok(())
}
