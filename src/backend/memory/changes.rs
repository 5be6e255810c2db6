//! What has changed since a recording began, as a block.

use super::{
    Memory,
    recording::{Recording, number},
    state::State,
};
use crate::{
    backend::journal::{Block, Change},
    error::{Error, ErrorKind, Result},
    key::Namespace,
    record::{Stored, StoredRef},
    sorted::last_of_each,
    value::{Value, bring_texts, lend_texts},
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

impl Changed<'_> {
    fn to_owned(&self) -> Owned {
        let stored = self.stored.map(|stored| stored.to_stored());
        (self.namespace.clone(), self.key.into(), stored)
    }
}

impl State {
    /// What has been changed, each key once. `places`: where their namespaces are.
    fn changed<'s>(
        &'s self,
        recording: &'s Recording,
        places: &[Option<usize>],
    ) -> Vec<Changed<'s>> {
        let mut changed = Vec::with_capacity(places.len());
        let mut gone = Vec::new();
        for (before, place) in recording.before.iter().zip(places) {
            let stored = self.get_in(*place, &before.key);
            // Where it is not what this change made of it, there is a later one.
            if stored.map(|stored| number(&stored.version)) != before.after {
                continue;
            }
            let (namespace, key) = (&before.namespace, &*before.key);
            if stored.is_none() {
                gone.push((namespace.as_str(), key));
            }
            changed.push(Changed {
                namespace,
                key,
                stored,
            });
        }
        if gone.len() > 1 {
            // A key may have been deleted more than once.
            let mut last = last_of_each(&gone).into_iter();
            changed.retain(|change| change.stored.is_some() || last.next().unwrap_or(true));
        }
        changed
    }
}

/// A block is copied some times on its way: a larger one might find no memory, of which a wasm module has 4 GiB.
const MAX_BLOCK: usize = 1 << 29;

/// Adds an entry, with `text` for its value, or a deletion, to a block. Not under the lock, where the value is one
/// that the host keeps and there is no text: that may run code of the user's. `envelope` is room for it, so that not
/// each needs its own.
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

/// The block, where the host keeps no value, or all that it keeps are text: they are copied once, into their place.
/// A text that is copied to this side, then into its envelope, then into a block takes twice as long.
fn in_place(counter: u64, changed: &[Changed<'_>]) -> Option<Result<Vec<u8>>> {
    let mut done = None;
    let values = changed
        .iter()
        .filter_map(|change| change.stored.map(|stored| stored.value));
    lend_texts(values, &mut |texts| {
        let room = changed.len() * 80 + texts.iter().map(|text| text.len()).sum::<usize>();
        let mut block = Block::with_room(counter, room.min(MAX_BLOCK));
        let mut envelope = Vec::new();
        let mut texts = texts.iter().copied();
        let written = changed.iter().try_for_each(|change| {
            let text = match change.stored {
                Some(stored) if matches!(stored.value, Value::Host(_)) => texts.next(),
                _ => None,
            };
            let name = (change.namespace.as_str(), change.key);
            push(
                &mut block,
                &mut envelope,
                counter,
                name,
                change.stored,
                text,
            )
        });
        done = Some(written.map(|()| std::mem::replace(&mut block, Block::new(0)).into_bytes()));
    });
    done
}

impl Memory {
    /// What has changed since [`begin`](Memory::begin), as a block; `None`: nothing.
    ///
    /// # Errors
    /// What the host could not express of a value that it keeps.
    pub fn changes(&self) -> Result<Option<Vec<u8>>> {
        let looked = self.state.with(|state| {
            let Some(recording) = state.recording.take() else {
                return Ok(Ok(None));
            };
            let names = recording.before.iter().map(|before| &before.namespace);
            let places: Vec<_> = names.map(|name| state.place(name)).collect();
            let changed = state.changed(&recording, &places);
            let looked = if changed.is_empty() {
                Ok(Ok(None))
            } else {
                let counter = state.version;
                in_place(counter, &changed)
                    .map(|block| block.map(Some))
                    .ok_or_else(|| (counter, changed.iter().map(Changed::to_owned).collect()))
            };
            state.recording = Some(recording);
            looked
        });
        let (counter, mut changed): (u64, Vec<Owned>) = match looked {
            Ok(block) => return block,
            Err(kept) => kept,
        };
        bring_texts(changed.iter_mut().filter_map(|(_, _, stored)| {
            let stored = stored.as_mut()?;
            Some(&mut stored.record.value)
        }));
        let mut block = Block::new(counter);
        let mut envelope = Vec::new();
        for (namespace, key, stored) in &changed {
            let stored = stored.as_ref().map(Stored::lend);
            let name = (namespace.as_str(), &**key);
            push(&mut block, &mut envelope, counter, name, stored, None)?;
        }
        Ok(Some(block.into_bytes()))
    }
}
