//! A memory whose changes are written down elsewhere: what changed since `begin`, taking it back, and
//! changes that were made elsewhere.

use super::{
    Memory,
    changes::{push, text_of},
    state::State,
};
use crate::{
    backend::{
        Scan, Want,
        journal::{self, Block, Change},
    },
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace},
    record::{Record, Stored, Version, VersionRef},
    sorted::order_of,
    value::{Value, with_texts},
    watch::EventKind,
};
use std::ops::ControlFlow;

/// The state of a key before it was changed.
pub(super) struct Before {
    pub(super) namespace: Namespace,
    pub(super) key: Box<str>,
    stored: Option<Stored>,
    /// The version that it has got; `None`: it was deleted.
    pub(super) after: Option<u64>,
}

/// What those who watch are told once the changes stand.
struct Held {
    namespace: Namespace,
    kind: EventKind,
    key: Box<str>,
    version: Version,
    value: Value,
}

/// What has been changed since `begin`.
pub(super) struct Recording {
    /// The counter then.
    version: u64,
    pub(super) before: Vec<Before>,
    /// So many of them are in blocks already.
    pub(super) written: usize,
    held: Vec<Held>,
}

/// A part of a memory's entries, in the order of their namespaces and keys.
#[derive(Debug)]
pub struct Dump {
    /// A block (see [`journal`](crate::backend::journal)).
    pub block: Vec<u8>,
    /// How many entries it holds.
    pub entries: usize,
    /// The namespace and key of its last entry, where there are more.
    pub through: Option<(String, String)>,
}

pub(super) fn number(version: &VersionRef<'_>) -> u64 {
    match version {
        VersionRef::Number(n) => *n,
        VersionRef::Token(_) => 0,
    }
}

impl State {
    /// Is there somebody to whom changes are to be told, or something to write them down?
    #[inline]
    pub(super) fn is_noted(&self) -> bool {
        self.recording.is_some() || !self.ears.is_empty()
    }

    /// Notes how a key was before it changes.
    pub(super) fn record(
        &mut self,
        namespace: &Namespace,
        key: &str,
        stored: Option<Stored>,
        after: Option<u64>,
    ) {
        if let Some(recording) = &mut self.recording {
            recording.before.push(Before {
                namespace: namespace.clone(),
                key: key.into(),
                stored,
                after,
            });
        }
    }

    /// Tells of a change: now, or once it stands.
    pub(super) fn tell(
        &mut self,
        namespace: &Namespace,
        kind: EventKind,
        key: &str,
        version: Version,
        value: Value,
    ) {
        match &mut self.recording {
            None => self.ears.tell(namespace, kind, key, &version, &value),
            Some(_) if self.ears.is_empty() => {}
            Some(recording) => recording.held.push(Held {
                namespace: namespace.clone(),
                kind,
                key: key.into(),
                version,
                value,
            }),
        }
    }

    /// Puts what was written elsewhere, or earlier, under a key.
    pub(super) fn place_at(
        &mut self,
        key: Key<'_>,
        was: Option<(Record, u64)>,
        host: &dyn Host,
    ) -> Result<()> {
        let Some((record, version)) = was else {
            self.remove(key);
            return Ok(());
        };
        let counter = std::mem::replace(&mut self.version, version.saturating_sub(1));
        let written = self.write(key, record, host);
        self.version = self.version.max(counter);
        written.map(drop)
    }

    fn replay(&mut self, key: Key<'_>, change: &Change<'_>, host: &dyn Host) -> Result<()> {
        let current = self.get_any(key).map(|stored| number(&stored.version));
        let was = match change.envelope {
            Some(_) if current.is_some_and(|version| version >= change.version) => return Ok(()),
            None if current.is_none_or(|version| version > change.version) => return Ok(()),
            Some(envelope) => Some((Record::decode(envelope)?, change.version)),
            None => None,
        };
        self.settle(key, was, host)
    }

    /// Makes one change that was made elsewhere, and tells of it.
    pub(super) fn settle(
        &mut self,
        key: Key<'_>,
        was: Option<(Record, u64)>,
        host: &dyn Host,
    ) -> Result<()> {
        if self.ears.is_empty() {
            return self.place_at(key, was, host);
        }
        let (mut was, mut done) = (Some(was), Ok(()));
        self.heard(key, host, &mut |state| {
            if let Some(was) = was.take() {
                done = state.place_at(key, was, host);
            }
        });
        done
    }

    fn roll_back(&mut self, host: &dyn Host) {
        let Some(recording) = self.recording.take() else {
            return;
        };
        for before in recording.before.into_iter().rev() {
            if let Ok(key) = Key::new(&before.namespace, &before.key) {
                let stored = before.stored.map(|stored| {
                    let version = number(&stored.lend().version);
                    (stored.record, version)
                });
                // There was room for it before.
                let _ = self.place_at(key, stored, host);
            }
        }
        self.version = recording.version;
    }

    fn keep(&mut self) {
        for held in self.recording.take().into_iter().flat_map(|r| r.held) {
            let Held {
                namespace,
                kind,
                key,
                version,
                value,
            } = held;
            self.ears.tell(&namespace, kind, &key, &version, &value);
        }
    }
}

/// For a backend that keeps its entries in memory and writes down what changes. Between
/// [`begin`](Memory::begin) and [`keep`](Memory::keep) or [`roll_back`](Memory::roll_back) changes can
/// be read already, and are not told to those who watch.
impl Memory {
    /// From now on changes are noted.
    pub fn begin(&self) {
        self.state.with(|state| {
            state.recording = Some(Recording {
                version: state.version,
                before: Vec::new(),
                written: 0,
                held: Vec::new(),
            });
        });
    }

    /// The changes stand: who watches is told.
    pub fn keep(&self) {
        self.with(State::keep);
    }

    /// Takes the changes back.
    pub fn roll_back(&self) {
        self.with(|state| state.roll_back(&*self.host));
    }

    /// Makes changes that were made elsewhere; of each, whatever is newer stays.
    ///
    /// # Errors
    /// `corrupt`: no block, a damaged one, or one of a newer format. What was read before stays made.
    pub fn replay(&self, block: &[u8]) -> Result<()> {
        let mut last = Namespace::default();
        self.with(|state| {
            let counter = journal::read(block, |change| {
                if last.as_str() != change.namespace {
                    last = Namespace::new(change.namespace).map_err(foreign)?;
                }
                let key = Key::new(&last, change.key).map_err(foreign)?;
                state.replay(key, &change, &*self.host)
            })?;
            state.version = state.version.max(counter);
            Ok(())
        })
    }

    /// Entries beyond `after` and up to `through` (namespace and key), as a block of some `bytes`.
    ///
    /// # Errors
    /// What the host could not express of a value that it keeps.
    pub fn dump(
        &self,
        after: Option<(&str, &str)>,
        through: Option<(&str, &str)>,
        bytes: usize,
    ) -> Result<Dump> {
        /// So many entries are asked for at once; of the first few nobody knows yet how large they are.
        const AT_ONCE: usize = 256;
        let (counter, names) = self.state.with(|state| (state.version, state.namespaces()));
        let mut block = Block::new(counter);
        let mut envelope = Vec::new();
        let mut entries = 0;
        let mut reached: Option<(String, String)> = None;
        let from = after.map_or("", |(namespace, _)| namespace);
        let order = order_of(&names);
        let sorted = order.iter().filter_map(|at| names.get(*at));
        for name in sorted.filter(|name| name.as_str() >= from) {
            let mut last: Option<String> = after
                .filter(|(namespace, _)| name.as_str() == *namespace)
                .map(|(_, key)| key.to_owned());
            loop {
                let left = bytes.saturating_sub(block.len());
                let fit = left / (block.len() / (entries + 1)).max(1) + 1;
                let mut found = Vec::new();
                let query = Scan {
                    namespace: name,
                    prefix: "",
                    after: last.as_deref(),
                    limit: fit.min(entries * 4 + 1).min(AT_ONCE),
                    reverse: false,
                    pattern: None,
                    want: Want::Records,
                    ids: false,
                };
                let mut beyond = false;
                let more = self.state.with(|state| {
                    state.walk(&query, |item| {
                        beyond = through.is_some_and(|end| (name.as_str(), item.key) > end);
                        if beyond {
                            return ControlFlow::Break(());
                        }
                        let stored = item.stored.map(|stored| stored.to_stored());
                        found.push((item.key.to_owned(), stored));
                        ControlFlow::Continue(())
                    })
                });
                let stored = found.iter().filter_map(|(_, stored)| stored.as_ref());
                let values: Vec<&Value> = stored.map(|stored| &stored.record.value).collect();
                let whole = with_texts(&values, &mut |texts| {
                    let mut texts = texts.iter();
                    for (key, stored) in &found {
                        if block.len() >= bytes {
                            return Ok(false);
                        }
                        let value = stored.as_ref().map(|stored| &stored.record.value);
                        let text = text_of(value, &mut texts);
                        push(
                            &mut block,
                            &mut envelope,
                            counter,
                            (name.as_str(), key),
                            stored.as_ref().map(Stored::lend),
                            text,
                        )?;
                        entries += 1;
                        reached = Some((name.as_str().to_owned(), key.clone()));
                        last = Some(key.clone());
                    }
                    Ok(true)
                })?;
                if !whole {
                    return Ok(Dump {
                        block: block.into_bytes(),
                        entries,
                        through: reached,
                    });
                }
                if beyond || more.is_none() {
                    break;
                }
            }
        }
        Ok(Dump {
            block: block.into_bytes(),
            entries,
            through: None,
        })
    }

    /// Forgets every entry, to read all again: who watches is told that changes are missing.
    pub fn forget(&self) {
        self.with(|state| {
            state.ears.overflow();
            state.clear();
        });
    }
}

fn foreign(error: Error) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "what is stored holds a key that none may have: {}",
            error.message()
        ),
    )
}
