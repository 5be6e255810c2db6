//! The project's own build steps: `cargo run -p xtask -- bindgen IN.wasm OUT_DIR` and
//! `cargo run -p xtask -- dependencies`.

mod dependencies;

use std::{env, process::ExitCode};
use std::{ffi::OsStr, path::Path};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match *words {
        ["bindgen", input, out] => bindgen(input, out),
        ["dependencies"] => dependencies::check(),
        _ => {
            eprintln!("usage: xtask bindgen IN.wasm OUT_DIR | xtask dependencies");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The JavaScript half of a wasm-bindgen module. The `web` target runs in every runtime that the
/// package supports; the other targets each fail somewhere.
fn bindgen(input: &str, out: &str) -> Result<(), String> {
    let name = Path::new(input).file_stem().and_then(OsStr::to_str);
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(input)
        .out_name(name.unwrap_or("dataknobs_kv"))
        .typescript(true)
        .web(true)
        .and_then(|b| {
            b.remove_name_section(true)
                .remove_producers_section(true)
                .generate(out)
        })
        .map_err(|error| format!("{input}: {error:#}"))
}
