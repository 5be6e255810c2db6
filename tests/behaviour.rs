//! The behaviour table (`tests/behaviour/*.json`) through the crate's own door: a `Store` over memory, and
//! one over a file, on a clock that only the table moves. One line a case; name a part of a case to run
//! only those.

#[path = "crate_door/door.rs"]
mod door;
#[path = "file/folder.rs"]
#[allow(dead_code)]
mod folder;
#[path = "crate_door/matching.rs"]
mod matching;
#[path = "crate_door/text.rs"]
mod text;

use dataknobs_kv::{
    backend::{
        Any, Erased,
        file::{Disk, File, FileOptions},
        memory::{Memory, MemoryOptions},
    },
    conformance::ManualHost,
};
use door::{Door, Failed};
use folder::Folder;
use matching::{matches, short};
use serde_json::{Value as Json, json};
use std::{collections::HashMap, fmt::Write, path::Path, process::ExitCode, sync::Arc};
use text::expand;

fn main() -> ExitCode {
    // Some values nest thousands deep; the stack of the main thread is the system's choice.
    let work = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(run_all);
    work.expect("a thread").join().expect("no panic")
}

fn run_all() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("tests/behaviour")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    let (mut passed, mut elsewhere, mut steps) = (0, 0, 0);
    let mut failures = String::new();
    for path in files {
        let file = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let cases: Vec<Json> = serde_json::from_str(&text).expect(&file);
        for case in &cases {
            let name = case["name"].as_str().expect("a name");
            let line = format!("{file}: {name}");
            if !wanted.is_empty() && !wanted.iter().any(|w| line.contains(&**w)) {
                continue;
            }
            if let Some(fault) = malformed(case) {
                let _ = writeln!(failures, "{line}\n  {fault}");
                continue;
            }
            if let Some(doors) = case["doors"].as_array()
                && !doors.contains(&json!("crate"))
            {
                elsewhere += 1;
                continue;
            }
            for over in ["memory", "file"] {
                let faults = pollster::block_on(run_case(case, over, &mut steps));
                let verdict = if faults.is_empty() { "ok" } else { "FAILED" };
                println!("{line} ({over}) ... {verdict}");
                if faults.is_empty() {
                    passed += 1;
                } else {
                    let _ = writeln!(failures, "{line} ({over})\n  {}", faults.join("\n  "));
                }
            }
        }
    }
    println!("\n{passed} cases passed ({steps} steps), {elsewhere} are for other doors");
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nFAILED:\n{failures}");
    ExitCode::FAILURE
}

/// What every door relies on in the form of a case.
fn malformed(case: &Json) -> Option<String> {
    let case = case.as_object()?;
    let known = ["name", "doors", "why", "steps"];
    if let Some(name) = case.keys().find(|k| !known.contains(&&***k)) {
        return Some(format!("unknown field {name}"));
    }
    if case.contains_key("doors") != case.contains_key("why") {
        return Some("doors and why go together".into());
    }
    case["steps"].as_array()?.iter().find_map(|step| {
        let step = step.as_object()?;
        let known = ["do", "is", "fails", "key", "wait", "as"];
        let fine = step.keys().all(|k| known.contains(&&**k))
            && step.contains_key("do") != step.contains_key("wait")
            && !(step.contains_key("is") && step.contains_key("fails"))
            && (step.contains_key("fails") || !step.contains_key("key"));
        (!fine).then(|| format!("malformed step {step:?}"))
    })
}

/// A case's failures: the first ends it where what follows would build on it.
async fn run_case(case: &Json, over: &str, count: &mut usize) -> Vec<String> {
    let host = ManualHost::new(1_700_000_000_000);
    let folder = Folder::new();
    let backend = if over == "file" {
        let path = folder.path("store.json");
        let file = File::open(&path, FileOptions::default(), Disk, host.clone());
        Any::Dyn(Erased::new(file.expect("it opens")))
    } else {
        Any::Memory(Memory::new(MemoryOptions::default(), host.clone()))
    };
    let mut door = Door::new(backend, Arc::clone(&host));
    let mut names = HashMap::new();
    let mut faults = Vec::new();
    for (at, step) in case["steps"].as_array().expect("steps").iter().enumerate() {
        *count += 1;
        let mut fault = |what: String| {
            let mut step = step["do"].to_string();
            if let Some((cut, _)) = step.char_indices().nth(200) {
                step.truncate(cut);
            }
            faults.push(format!("step {}: {step}\n    {what}", at + 1));
        };
        if let Some(ms) = step["wait"].as_u64() {
            host.advance(ms);
            continue;
        }
        let call = match expand(&step["do"], &names) {
            Ok(call) => call,
            Err(what) => {
                fault(what);
                break;
            }
        };
        let result = match door.call(call.as_array().expect("a call")).await {
            Ok(result) => result,
            Err(Failed::Inexpressible(what)) => {
                fault(format!("this door cannot say it: {what}"));
                break;
            }
            Err(Failed::Error(error)) => {
                match step["fails"].as_str() {
                    Some(code) if code == error.kind().code() => {}
                    Some(code) => fault(format!("should fail with {code}, not {error}")),
                    None => fault(format!("failed: {error}")),
                }
                if let Some(key) = step.get("key")
                    && key.as_str() != error.key()
                {
                    fault(format!("is about the key {:?}, not {key}", error.key()));
                }
                if error.message().is_empty() {
                    fault("the error says nothing".into());
                }
                continue;
            }
        };
        if let Some(code) = step["fails"].as_str() {
            fault(format!("should fail with {code}; gave {}", short(&result)));
        }
        if let Some(expected) = step.get("is") {
            match expand(expected, &names) {
                Ok(expected) => {
                    if let Err(what) = matches(&expected, &result) {
                        fault(what);
                    }
                }
                Err(what) => fault(what),
            }
        }
        if let Some(name) = step["as"].as_str() {
            names.insert(name.to_owned(), result);
        }
    }
    faults
}
