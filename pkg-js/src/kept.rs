//! A memory whose changes JavaScript writes down (IndexedDB, files): what its half needs of it.

use crate::{
    hooks::{Js, clear_stale, thrown},
    journal::Journal,
};
use dataknobs_kv::{
    Result,
    backend::{journal, memory::Memory},
};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

/// So many changes are a block. IndexedDB stores one while the next is made: 10,000 changes in five take four fifths of
/// the time of one.
const AT_ONCE: usize = 2048;

fn js<T>(result: Result<T>) -> Result<T, JsValue> {
    result.map_err(|error| thrown(&error))
}

fn place<'a>(namespace: &'a Option<String>, key: &'a Option<String>) -> Option<(&'a str, &'a str)> {
    Some((namespace.as_deref()?, key.as_deref()?))
}

#[wasm_bindgen]
impl Journal {
    /// An empty memory.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Journal {
        Journal(Memory::new(Default::default(), std::sync::Arc::new(Js)))
    }

    /// Another handle on the same memory.
    pub fn share(&self) -> Journal {
        Journal(self.0.clone())
    }

    /// From now on changes are noted.
    pub fn begin(&self) {
        self.0.begin();
    }

    /// The next of what has changed since.
    pub fn changes(&self) -> Result<Option<Vec<u8>>, JsValue> {
        js(self.0.next_changes(AT_ONCE))
    }

    /// The changes stand.
    pub fn keep(&self) {
        self.0.keep();
        clear_stale(false);
    }

    /// Takes them back.
    pub fn roll_back(&self) {
        self.0.roll_back();
        clear_stale(false);
    }

    /// Makes changes that were made elsewhere.
    pub fn replay(&self, block: &[u8]) -> Result<(), JsValue> {
        let replayed = js(self.0.replay(block));
        clear_stale(false);
        replayed
    }

    /// Forgets every entry.
    pub fn forget(&self) {
        self.0.forget();
        clear_stale(true);
    }

    /// A block without entries, which holds the counter of versions.
    pub fn head(&self) -> Result<Vec<u8>, JsValue> {
        js(self.0.dump(None, None, 0)).map(|dump| dump.block)
    }

    /// `[block, namespace, key]` of the entries beyond `after` and up to `through`, some `bytes` of them:
    /// the last two say how far it goes where there are more.
    pub fn dump(
        &self,
        after_namespace: Option<String>,
        after_key: Option<String>,
        through_namespace: Option<String>,
        through_key: Option<String>,
        bytes: usize,
    ) -> Result<Array, JsValue> {
        let after = place(&after_namespace, &after_key);
        let through = place(&through_namespace, &through_key);
        let dump = js(self.0.dump(after, through, bytes))?;
        let result = Array::of1(&Uint8Array::from(&*dump.block));
        if dump.entries == 0 {
            result.set(0, JsValue::UNDEFINED);
        }
        if let Some((namespace, key)) = dump.through {
            result.push(&namespace.into());
            result.push(&key.into());
        }
        Ok(result)
    }
}

/// One block in the place of several.
#[wasm_bindgen]
pub fn merge_blocks(blocks: Vec<Uint8Array>) -> Result<Vec<u8>, JsValue> {
    let blocks: Vec<Vec<u8>> = blocks.iter().map(Uint8Array::to_vec).collect();
    let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    js(journal::merge(&blocks))
}

/// For each page, whether keys of a block are in it. A page goes up to a namespace and key, one after the other in
/// `ends`; the last to the end.
#[wasm_bindgen]
pub fn pages_of(block: &[u8], ends: Vec<String>) -> Result<Vec<u8>, JsValue> {
    let (ends, _) = ends.as_chunks::<2>();
    let mut pages = vec![0; ends.len() + 1];
    js(journal::read(block, |change| {
        let place = (change.namespace, change.key);
        let page = ends.partition_point(|[namespace, key]| (&**namespace, &**key) < place);
        if let Some(page) = pages.get_mut(page) {
            *page = 1;
        }
        Ok(())
    }))?;
    Ok(pages)
}
