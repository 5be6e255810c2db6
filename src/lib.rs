//! DataKnobs KV: one key/value store for every place where WebAssembly runs.

#![forbid(unsafe_code)]

pub mod backend;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod host;
#[cfg(feature = "json")]
pub mod json;
mod key;
mod maybe_send;
mod pattern;
mod record;
mod sorted;
mod store;
mod value;

pub use error::{Error, ErrorKind, Result};
pub use host::Host;
#[cfg(feature = "system")]
pub use host::System;
pub use key::{Key, MAX_KEY_BYTES, MAX_NAMESPACE_BYTES, Namespace, check_key};
pub use maybe_send::{BoxFuture, MaybeSend, MaybeSync};
pub use pattern::{Matcher, Pattern, Verdict, escape as escape_pattern};
pub use record::{
    FORMAT_VERSION, Metadata, REMEMBERED_WRITES, Record, Stored, StoredRef, Version, VersionRef,
};
pub use store::*;
pub use value::{BIGINT_TAG, HostValue, HostValues, MAX_DEPTH, Object, Tagged, Value};
