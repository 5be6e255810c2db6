//! The file backend: one JSON document that a person can open, and beside it a journal of what changed
//! since, so that a small write does not rewrite the document.

mod document;
mod frames;
mod ledger;

pub use frames::HEADER_LEN;
pub use ledger::{Fit, LEAST_FOLD, Ledger, Tail};
