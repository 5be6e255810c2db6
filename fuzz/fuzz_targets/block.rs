//! Run `cargo +nightly fuzz run block` in the folder above. What is checked is in `checks/`.
#![no_main]

#[allow(unused)]
#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::block(input));
