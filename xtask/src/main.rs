//! The project's own build steps: `cargo run -p xtask -- bindgen IN.wasm OUT_DIR`.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match *words {
        ["bindgen", input, out] => bindgen(input, out),
        _ => {
            eprintln!("usage: xtask bindgen IN.wasm OUT_DIR");
            ExitCode::from(2)
        }
    }
}

/// The JavaScript half of a wasm-bindgen module. The `web` target runs in every runtime that the
/// package supports; the other targets each fail somewhere.
fn bindgen(input: &str, out: &str) -> ExitCode {
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    let result = bindgen
        .input_path(input)
        .out_name("dataknobs_kv")
        .typescript(true)
        .web(true)
        .and_then(|b| b.remove_name_section(true).remove_producers_section(true).generate(out));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{input}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
