//! What has changed since a recording began, as a block.

use super::{
    Memory,
    recording::{Before, number},
    state::State,
};
use crate::{
    backend::journal::{Block, Change},
    error::{Error, ErrorKind, Result},
    key::Namespace,
    record::{Stored, StoredRef},
    value::{Value, lend_texts},
};

/// A change, lent.
struct Changed<'s> {
    namespace: &'s Namespace,
    key: &'s str,
    /// What is there now.
    stored: Option<StoredRef<'s>>,
}

/// The same of its own.
type Owned = (Namespace, Box<str>, Option<Stored>);

/// They outlive the lock, with `texts` for values that the host keeps.
fn own(changed: &[Changed<'_>], texts: &[Option<&str>]) -> Vec<Owned> {
    let mut texts = texts.iter();
    let owned = changed.iter().map(|change| {
        let mut stored = change.stored.map(|stored| stored.to_stored());
        if let Some(Stored { record, .. }) = &mut stored
            && let Value::Host(_) = record.value
            && let Some(Some(text)) = texts.next()
        {
            record.value = Value::Text((*text).into());
        }
        (change.namespace.clone(), change.key.into(), stored)
    });
    owned.collect()
}

impl State {
    /// Of these changes those that are the last of their keys; of a key that was deleted more than once, each deletion. `places`: where their namespaces are.
    fn changed<'s>(&'s self, part: &'s [Before], places: &[Option<usize>]) -> Vec<Changed<'s>> {
        let mut changed = Vec::with_capacity(places.len());
        for (before, place) in part.iter().zip(places) {
            let stored = self.get_in(*place, &before.key);
            // Where it is not what this change made of it, there is a later one.
            if stored.map(|stored| number(&stored.version)) != before.after {
                continue;
            }
            changed.push(Changed {
                namespace: &before.namespace,
                key: &before.key,
                stored,
            });
        }
        changed
    }
}

/// A block is copied some times on its way: a larger one might find no memory, of which a wasm module has 4 GiB.
const MAX_BLOCK: usize = 1 << 29;

/// Adds an entry, with `text` for its value, or a deletion, to a block. Not under the lock, where the value is one
/// that the host keeps and there is no text: that may run code of the user's. `envelope` is room for it, so that not
/// each needs its own.
#[inline(never)]
pub(super) fn push(
    block: &mut Block,
    envelope: &mut Vec<u8>,
    counter: u64,
    (namespace, key): (&str, &str),
    stored: Option<StoredRef<'_>>,
    text: Option<&str>,
) -> Result<()> {
    envelope.clear();
    if let Some(stored) = stored {
        let encoded = stored.encode_into(text, envelope);
        encoded.map_err(|error| error.with_key(key))?;
    }
    if block.len().saturating_add(envelope.len()) > MAX_BLOCK {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "what is written at once holds at most 512 MiB: write it in several calls",
        )
        .with_key(key));
    }
    block.push(Change {
        namespace,
        key,
        version: stored.map_or(counter, |stored| number(&stored.version)),
        envelope: stored.map(|_| &**envelope),
    });
    Ok(())
}

/// The next of `texts`, where the host keeps the value.
pub(super) fn text_of<'t>(
    value: Option<&Value>,
    texts: &mut std::slice::Iter<'_, Option<&'t str>>,
) -> Option<&'t str> {
    match value {
        Some(Value::Host(_)) => texts.next().copied().flatten(),
        _ => None,
    }
}

/// The block, with `texts` for the values that the host keeps, in their order; without them, each is asked for alone.
fn block_of(counter: u64, changed: &[Changed<'_>], texts: &[Option<&str>]) -> Result<Vec<u8>> {
    let room = changed.len() * 80 + texts.iter().flatten().map(|text| text.len()).sum::<usize>();
    let mut block = Block::with_room(counter, room.min(MAX_BLOCK));
    let mut envelope = Vec::new();
    let mut texts = texts.iter();
    for change in changed {
        let name = (change.namespace.as_str(), change.key);
        let text = text_of(change.stored.map(|stored| stored.value), &mut texts);
        push(
            &mut block,
            &mut envelope,
            counter,
            name,
            change.stored,
            text,
        )?;
    }
    Ok(block.into_bytes())
}

impl Memory {
    /// What has changed since [`begin`](Memory::begin), as a block; `None`: nothing, or it was given already.
    ///
    /// # Errors
    /// What the host could not express of a value that it keeps.
    pub fn changes(&self) -> Result<Option<Vec<u8>>> {
        self.next_changes(usize::MAX)
    }

    /// The next of what has changed since then, as a block of at most so many changes, so that one can be written
    /// down while the next is made; `None`: that was all.
    ///
    /// # Errors
    /// What the host could not express of a value that it keeps.
    pub fn next_changes(&self, at_most: usize) -> Result<Option<Vec<u8>>> {
        let mut kept: Vec<Owned> = Vec::new();
        let mut block = None;
        let counter = self.state.with(|state| {
            let Some(mut recording) = state.recording.take() else {
                return 0;
            };
            while block.is_none() && kept.is_empty() {
                let from = recording.written;
                let rest = recording.before.get(from..).unwrap_or_default();
                let Some(part) = rest.chunks(at_most.max(1)).next() else {
                    break;
                };
                recording.written = from + part.len();
                let names = part.iter().map(|before| &before.namespace);
                let places: Vec<_> = names.map(|name| state.place_of(name)).collect();
                let changed = state.changed(part, &places);
                if changed.is_empty() {
                    continue;
                }
                let values = changed
                    .iter()
                    .filter_map(|change| Some(change.stored?.value));
                // Where the host keeps nothing but texts they are copied once, into their place. Else others' code may
                // run, which is not to be under the lock.
                lend_texts(&values.collect::<Vec<_>>(), &mut |texts| {
                    if texts.iter().all(Option::is_some) {
                        block = Some(block_of(state.version, &changed, texts));
                    } else {
                        kept = own(&changed, texts);
                    }
                });
                if block.is_none() && kept.is_empty() {
                    kept = own(&changed, &[]);
                }
            }
            state.recording = Some(recording);
            state.version
        });
        if kept.is_empty() {
            return block.transpose();
        }
        let changed = kept.iter().map(|(namespace, key, stored)| Changed {
            namespace,
            key,
            stored: stored.as_ref().map(Stored::lend),
        });
        block_of(counter, &changed.collect::<Vec<_>>(), &[]).map(Some)
    }
}
