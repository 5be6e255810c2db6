//! A memory whose changes JavaScript writes down (IndexedDB, files): what its half needs of the memory,
//! and the memory as a backend whose commits wait until they stand.

use crate::hooks::{caught, clear_stale, thrown};
use dataknobs_kv::{
    Error, ErrorKind, Key, Namespace, Record, Result, Stored, Version,
    backend::{
        Backend, Change, Commit, Expect, Freshness, Limits, Mutation, Page, Scan, journal,
        memory::Memory,
    },
};
use js_sys::{Array, Promise, Uint8Array};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript half's queue of what is to be written down.
    #[derive(Clone)]
    pub type Gate;

    /// A promise of the time when nothing is being written; `undefined`: now.
    #[wasm_bindgen(method)]
    fn wait(this: &Gate) -> JsValue;
    /// Calls `work` in its turn; a promise of what it changed being written down. Where others were
    /// first it is called again.
    #[wasm_bindgen(method)]
    fn write(this: &Gate, work: JsValue) -> Promise;
    /// Removes what has expired.
    #[wasm_bindgen(method)]
    pub fn clean(this: &Gate);
}

/// The memory, for those who write it down: see `dataknobs_kv::backend::memory::Memory`.
#[wasm_bindgen]
pub struct Journal(pub(crate) Memory);

fn js<T>(result: Result<T>) -> Result<T, JsValue> {
    result.map_err(|error| thrown(&error))
}

fn place<'a>(namespace: &'a Option<String>, key: &'a Option<String>) -> Option<(&'a str, &'a str)> {
    Some((namespace.as_deref()?, key.as_deref()?))
}

#[wasm_bindgen]
impl Journal {
    /// From now on changes are noted.
    pub fn begin(&self) {
        self.0.begin();
    }

    /// What has changed since.
    pub fn changes(&self) -> Result<Option<Vec<u8>>, JsValue> {
        js(self.0.changes())
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

/// Which pages hold the keys of a block. A page goes up to a namespace and key, one after the other in
/// `ends`; the last to the end.
#[wasm_bindgen]
pub fn pages_of(block: &[u8], ends: Vec<String>) -> Result<Vec<u32>, JsValue> {
    let (ends, _) = ends.as_chunks::<2>();
    let mut pages = Vec::new();
    js(journal::read(block, |change| {
        let place = (change.namespace, change.key);
        let page = ends.partition_point(|[namespace, key]| (&**namespace, &**key) < place);
        pages.push(page as u32);
        Ok(())
    }))?;
    pages.sort_unstable();
    pages.dedup();
    Ok(pages)
}

/// The memory as a backend whose commits wait until they stand: for what cannot be done in one go.
pub struct Kept {
    memory: Memory,
    gate: Gate,
}

/// A mutation of its own: JavaScript calls when nobody waits any more.
struct Owned {
    namespace: Namespace,
    key: String,
    expect: Option<Option<Version>>,
    change: Option<Option<Record>>,
}

impl Owned {
    fn new(mutation: &Mutation<'_>) -> Owned {
        Owned {
            namespace: mutation.key.namespace().clone(),
            key: mutation.key.as_str().to_owned(),
            expect: match mutation.expect {
                Expect::Any => None,
                Expect::Absent => Some(None),
                Expect::At(version) => Some(Some(version.clone())),
            },
            change: match mutation.change {
                Change::Keep => None,
                Change::Delete => Some(None),
                Change::Put(record) => Some(Some(record.clone())),
            },
        }
    }

    fn lend(&self) -> Result<Mutation<'_>> {
        Ok(Mutation {
            key: Key::new(&self.namespace, &self.key)?,
            expect: match &self.expect {
                None => Expect::Any,
                Some(None) => Expect::Absent,
                Some(Some(version)) => Expect::At(version),
            },
            change: match &self.change {
                None => Change::Keep,
                Some(None) => Change::Delete,
                Some(Some(record)) => Change::Put(record),
            },
        })
    }
}

fn commit(memory: &Memory, batch: &[Owned]) -> Result<Commit> {
    let batch: Vec<Mutation<'_>> = batch.iter().map(Owned::lend).collect::<Result<_>>()?;
    crate::wire::ready(memory.commit(&batch))
}

impl Kept {
    pub fn new(memory: Memory, gate: Gate) -> Kept {
        Kept { memory, gate }
    }

    /// Waits until nothing is being written. What is read then, at once, stands.
    async fn settled(&self) -> Result<()> {
        loop {
            let wait = self.gate.wait();
            if wait.is_undefined() {
                return Ok(());
            }
            settle(wait.unchecked_into()).await?;
        }
    }
}

async fn settle(promise: Promise) -> Result<()> {
    match JsFuture::from(promise).await {
        Ok(_) => Ok(()),
        Err(error) => Err(caught(&error, ErrorKind::Unavailable)),
    }
}

impl Backend for Kept {
    fn limits(&self) -> Limits {
        self.memory.limits()
    }

    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        // Also `Latest`: a commit looks whether others were first.
        self.settled().await?;
        self.memory.read(keys, fresh).await
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        let batch: Vec<Owned> = batch.iter().map(Owned::new).collect();
        let result = Rc::new(RefCell::new(None));
        let memory = self.memory.clone();
        let slot = Rc::clone(&result);
        let work = Closure::<dyn FnMut()>::new(move || {
            *slot.borrow_mut() = Some(commit(&memory, &batch));
        });
        settle(self.gate.write(work.into_js_value())).await?;
        let made = result.borrow_mut().take();
        made.unwrap_or_else(|| Err(Error::new(ErrorKind::Closed, "the store is closed")))
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        self.settled().await?;
        self.memory.scan(query).await
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        self.settled().await?;
        self.memory.namespaces().await
    }
}
