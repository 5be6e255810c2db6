//! The exported resource of those who watch.

use crate::{
    api::{self, GuestWatcher},
    convert::{Result, value_out},
    types,
};
use dataknobs_kv::{EventKind, WatchOptions, Watched, Watcher};

/// A watcher that the host holds.
pub(crate) struct Watching(Watcher);

impl Watching {
    pub(crate) fn exported(watcher: Watcher) -> api::Watcher {
        api::Watcher::new(Watching(watcher))
    }
}

pub(crate) fn watch_options(options: Option<types::WatchOptions>) -> WatchOptions {
    let default = WatchOptions::default();
    match options {
        None => default,
        Some(options) => WatchOptions {
            values: options.values,
            buffer: options.buffer.map_or(default.buffer, |n| n as usize),
        },
    }
}

impl GuestWatcher for Watching {
    fn take(&self, max: u32) -> Result<Vec<types::Watched>> {
        let waiting = std::iter::from_fn(|| self.0.try_next());
        waiting.take(max as usize).map(watched).collect()
    }
}

fn watched(watched: Watched) -> Result<types::Watched> {
    let event = match watched {
        Watched::Overflow => return Ok(types::Watched::Overflow),
        Watched::Event(event) => event,
    };
    Ok(types::Watched::Event(types::Event {
        kind: match event.kind {
            EventKind::Set => types::EventKind::Set,
            EventKind::Delete => types::EventKind::Delete,
            EventKind::Expire => types::EventKind::Expire,
        },
        key: event.key,
        version: event.version.to_string(),
        value: event.value.map(value_out).transpose()?,
    }))
}
