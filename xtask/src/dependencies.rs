//! Which licences the dependencies have, and whether one is there in two versions.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::Command,
};

/// Licences that ask for nothing but their text.
const ALLOWED: [&str; 11] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    // Data: the root certificates of TLS.
    "CDLA-Permissive-2.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// What ships. (Build and test tools may bring a crate twice: that is their choice.)
const SHIPPED: [&str; 3] = ["dataknobs-kv", "dataknobs-kv-js", "dataknobs-kv-component"];

/// Declarations of the operating system's functions, of which each crate pins its own; they are no code.
const DECLARATIONS: [&str; 1] = ["windows-sys"];

/// Checks every package of the lock file, and what each shipped one is made of.
pub fn check() -> Result<(), String> {
    let text = cargo(&[
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--all-features",
    ])?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata gave no packages")?;
    let mut faults: Vec<String> = packages
        .iter()
        .map(|package| {
            (
                &package["name"],
                package["license"].as_str().unwrap_or_default(),
            )
        })
        .filter(|(_, licence)| !allowed(licence))
        .map(|(name, licence)| format!("{name}: the licence is {licence:?}"))
        .collect();
    for package in SHIPPED {
        faults.extend(twice(package)?);
    }
    println!("dependencies: {} packages", packages.len());
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

fn cargo(args: &[&str]) -> Result<String, String> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(args)
        .output()
        .map_err(|error| format!("cargo {}: {error}", args.join(" ")))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Crates that one shipped package holds in two versions.
fn twice(package: &str) -> Result<Vec<String>, String> {
    let edges = "normal,no-proc-macro";
    let tree = cargo(&[
        "tree",
        "--locked",
        "-p",
        package,
        "-e",
        edges,
        "--all-features",
        "--prefix",
        "none",
        "--target",
        "all",
    ])?;
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name).or_default().insert(version);
        }
    }
    Ok(versions
        .into_iter()
        .filter(|(name, found)| found.len() > 1 && !DECLARATIONS.contains(name))
        .map(|(name, found)| {
            let found: Vec<&str> = found.into_iter().collect();
            format!(
                "{package} holds {name} in {} versions: {}",
                found.len(),
                found.join(", ")
            )
        })
        .collect())
}

/// Is one choice of a licence expression allowed whole? `OR` binds weaker than `AND`.
fn allowed(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" OR ").any(|choice| {
        choice
            .split(" AND ")
            .all(|one| ALLOWED.contains(&one.trim()))
    })
}
