//! One key/value store for every place where WebAssembly runs: hierarchical keys, glob patterns,
//! metadata, time to live, atomic operations, batches and namespaces, over any backend.
//!
//! ```
//! use dataknobs_kv::{Check, SetOptions, Store, Ttl};
//!
//! # pollster::block_on(async {
//! let store = Store::memory();
//! store.set("users.1.name", "Ada").await?;
//! let minute = SetOptions { ttl: Some(Ttl::seconds(60.0)?), ..SetOptions::default() };
//! store.set_with("users.1.session", "s3cr3t", minute).await?;
//! assert_eq!(store.keys("users.1.*").await?, ["users.1.name", "users.1.session"]);
//! assert_eq!(store.increment("visits", 1).await?, 1.into());
//! store.atomic().check("seat.12", Check::Absent).set("seat.12", "Ada").commit().await?;
//! # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
//! ```
//!
//! [`Store`] is the way in. A backend of your own implements [`backend::Backend`] and is tested by
//! the suite under the feature `conformance`.

#![forbid(unsafe_code)]

#[macro_use]
mod wait;

pub mod backend;
mod cbor;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod host;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "json")]
pub mod json;
mod key;
mod maybe_send;
mod pattern;
mod record;
mod sorted;
mod store;
mod value;
mod watch;

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
pub use watch::{Ear, Ears, Event, EventKind, WatchOptions, Watched, Watcher};

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "system"))]
#[doc = include_str!("../README.md")]
struct Readme;
