//! Run `cargo +nightly fuzz run key` in the folder above. What is checked is in `checks/`.
#![no_main]

#[allow(unused)]
#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &str| checks::key(input));
