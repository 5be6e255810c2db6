//! The store as the npm package's JavaScript half calls it. Keys and batches cross in one scratch
//! buffer, values stay in JavaScript under numbers, and what is ready at once makes no promise.

#[macro_use]
mod wire;

mod convert;
#[cfg(feature = "later")]
mod custom;
#[cfg(feature = "disk")]
mod disk;
mod hooks;
mod hot;
mod journal;
#[cfg(feature = "kept")]
mod kept;
#[cfg(feature = "file")]
mod ledger;
mod op;
mod open;
mod run;
mod store;
mod timer;
mod watch;
