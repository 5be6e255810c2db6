//! The suite that every backend passes.

mod host;

pub use host::ManualHost;
