//! What each fuzz target checks, as plain functions: `tests/fuzz_corpus.rs` runs the seeds through
//! them without a fuzzer.

mod envelope;
mod kept;
mod key;
mod pattern;

pub use envelope::envelope;
pub use kept::{block, document, journal};
pub use key::key;
pub use pattern::pattern;
