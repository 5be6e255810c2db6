//! What the store makes of the backend. One file per group of checks.

mod change;
mod clock;
mod expiry;
mod many;
mod point;
mod together;
mod whole;

pub(super) use change::{compare_and_swap, metadata, numbers_and_text};
pub(super) use clock::{changes_read_the_clock, times_to_live_begin};
pub(super) use expiry::{garbage, time_to_live};
pub(super) use many::{many, pages, patterns};
pub(super) use point::{conditions, one_key, rename_and_copy};
pub(super) use together::{atomic, interleaved_changes};
pub(super) use whole::{closed, namespaces};

use super::bench::{Bench, Fault, Found, ensure};
use crate::{
    backend::Backend,
    record::Metadata,
    store::{Entry, SetOptions, Ttl},
    value::Value,
};

async fn entry<B: Backend>(t: &Bench<B>, key: &str) -> Found<Entry> {
    match t.store.get_entry(key).await? {
        Some(entry) => Ok(entry),
        None => Err(Fault(format!("there is no entry under {key:?}"))),
    }
}

async fn has<B: Backend>(t: &Bench<B>, key: &str, value: impl Into<Value>) -> Found {
    let (found, value) = (t.store.get(key).await?, Some(value.into()));
    ensure!(found == value, "under {key:?} is {found:?}, not {value:?}");
    Ok(())
}

async fn has_not<B: Backend>(t: &Bench<B>, key: &str) -> Found {
    let found = t.store.get(key).await?;
    ensure!(found.is_none(), "under {key:?} is {found:?}, not nothing");
    Ok(())
}

fn fields(pairs: &[(&str, i32)]) -> Metadata {
    pairs.iter().map(|(n, v)| (*n, Value::from(*v))).collect()
}

fn with(ttl: Option<f64>, metadata: &[(&str, i32)]) -> Found<SetOptions> {
    Ok(SetOptions {
        ttl: ttl.map(Ttl::seconds).transpose()?,
        metadata: Some(fields(metadata)),
        ..SetOptions::default()
    })
}

/// Metadata compares as values do.
fn alike(a: &Metadata, b: &Metadata) -> bool {
    Value::from(a.clone()).same(&Value::from(b.clone()))
}
