//! What a backend is: a small trait, and the table of names.
//!
//! A backend only maps `read`, `commit` and `scan` to its engine. What a caller sees (expiry,
//! compare-and-swap, merging, matching) is decided once, in [`Store`](crate::Store).

#[cfg(feature = "later")]
mod any;
mod closures;
#[cfg(feature = "later")]
mod dynamic;
pub mod file;
pub mod journal;
pub mod memory;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod post;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
pub(crate) mod update;
#[cfg(feature = "http")]
mod wire;

#[cfg(feature = "later")]
pub use any::Any;
pub use closures::{Decide, Look, Step};
#[cfg(feature = "later")]
pub use dynamic::{DynBackend, Erased};

#[cfg(feature = "http")]
pub use wire::CLOCK_SKEW;

/// Any backend: there is one.
#[cfg(not(feature = "later"))]
pub type Any = memory::Memory;

/// A backend without its type.
#[cfg(feature = "later")]
pub type Behind<'a> = &'a dyn DynBackend;
/// A backend without its type: there is one.
#[cfg(not(feature = "later"))]
pub type Behind<'a> = &'a memory::Memory;

use crate::{
    error::{Error, ErrorKind, Result},
    host::Host,
    key::{Key, Namespace, Shown},
    maybe_send::{MaybeSend, MaybeSync},
    pattern::Pattern,
    record::{Record, Stored, StoredRef, Version},
    watch::Ear,
};
use std::{num::NonZeroU64, ops::ControlFlow};

/// The backends by name; a build may lack some.
pub const NAMES: [&str; 9] = [
    "memory",
    "indexeddb",
    "file",
    "postgres",
    "redis",
    "elasticsearch",
    "s3",
    "http",
    "wasi-keyvalue",
];

/// The error of opening a backend that this build does not have.
#[must_use]
pub fn not_here(name: &str, here: &str) -> Error {
    if NAMES.contains(&name) {
        let message = format!("this build has no backend `{name}`; it has {here}");
        return Error::new(ErrorKind::Unsupported, message);
    }
    let message = format!("there is no backend {}; here is {here}", Shown(name));
    Error::new(ErrorKind::InvalidArgument, message)
}

/// What a backend can do at most; the conformance suite checks each from both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many mutations one [`commit`](Backend::commit) makes all or nothing.
    pub max_batch: usize,
    /// The longest key, in bytes of UTF-8.
    pub max_key: usize,
    /// The largest envelope, in bytes.
    pub max_value: usize,
    /// How long garbage stays after its expiry, in milliseconds: 0 where the clock is the host's
    /// own, 60,000 where other clients may see another time.
    pub clock_skew: u64,
    /// Can the answer to a commit be lost, so that records must remember who wrote them?
    pub loses_answers: bool,
}

impl Default for Limits {
    /// A backend in this process: no limits.
    fn default() -> Self {
        Limits {
            max_batch: usize::MAX,
            max_key: crate::key::MAX_KEY_BYTES,
            max_value: usize::MAX,
            clock_skew: 0,
            loses_answers: false,
        }
    }
}

/// May a read be answered from a cache?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Yes, where there is one.
    Cached,
    /// No: every read-change-write asks for this.
    Latest,
}

/// What must hold for a mutation to be made.
#[derive(Clone, Copy, Debug)]
pub enum Expect<'a> {
    /// Nothing.
    Any,
    /// There is no record under the key, not even an expired one.
    Absent,
    /// The record is the one of this version, expired or not.
    At(&'a Version),
}

/// What a mutation does.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Writes a record.
    Put(&'a Record),
    /// Removes the record.
    Delete,
    /// Nothing: the mutation is a check only.
    Keep,
}

/// One change of a commit.
#[derive(Clone, Copy, Debug)]
pub struct Mutation<'a> {
    /// The key to change. No key is in one commit twice.
    pub key: Key<'a>,
    /// What must hold.
    pub expect: Expect<'a>,
    /// What to do.
    pub change: Change<'a>,
}

/// What was there before a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// Nothing.
    Absent,
    /// A record that expires then (epoch milliseconds), or never.
    Stored(Option<NonZeroU64>),
    /// The engine does not tell.
    Unknown,
}

/// What one mutation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Wrote a record, which has this version now.
    Written(Version),
    /// Removed what was there.
    Deleted(Was),
    /// Nothing was to be done, and what was expected held.
    Checked,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Everything was done: one item a mutation.
    Done(Vec<Applied>),
    /// Nothing was done: what the mutation at `index` expected did not hold.
    Conflict {
        /// The first mutation whose expectation failed.
        index: usize,
    },
}

/// What a page of a scan holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Keys and when they expire.
    Keys,
    /// Keys and their records.
    Records,
}

/// One page to be read, in the byte order of the keys.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// Whose keys.
    pub namespace: &'a Namespace,
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Only keys beyond this one, in the direction of travel, whether or not it exists.
    pub after: Option<&'a str>,
    /// How many items at most.
    pub limit: usize,
    /// From the last key to the first?
    pub reverse: bool,
    /// A hint: a backend may leave out keys that do not match, and no others.
    pub pattern: Option<&'a Pattern>,
    /// Keys, or records too.
    pub want: Want,
    /// Will the caller keep key texts under [`Found::id`]?
    pub ids: bool,
}

/// One key of a page.
#[derive(Clone, Debug)]
pub struct Item {
    /// The key, without its namespace.
    pub key: Box<str>,
    /// When the entry expires (epoch milliseconds).
    pub expires_at: Option<NonZeroU64>,
    /// The record, where [`Want::Records`] was asked.
    pub stored: Option<Stored>,
}

/// A page of a scan.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The keys found, in the direction of travel.
    pub items: Vec<Item>,
    /// The key after which to go on; `None` when nothing is left.
    pub resume: Option<Box<str>>,
}

/// One key of a walk, lent.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The key, without its namespace.
    pub key: &'a str,
    /// When the entry expires (epoch milliseconds).
    pub expires_at: Option<NonZeroU64>,
    /// The record, where it was asked for or costs nothing.
    pub stored: Option<StoredRef<'a>>,
    /// Was the key already matched with the scan's pattern, by the same matcher that the store uses?
    pub matched: bool,
    /// A number that is this key's for as long as it is stored, where the backend has one.
    pub id: Option<u32>,
    /// Is that number lent for the first time since the key was stored, to a caller who asked with
    /// [`Scan::ids`]?
    pub first: bool,
}

/// What a read-change-write decides to do with what it read.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Write this.
    Put(Record),
    /// Remove it.
    Delete,
    /// Leave it.
    Keep,
}

/// An engine that keeps records under keys.
///
/// Errors of `commit` and `write`: `outcome-unknown` says that the change may have been made and
/// the answer was lost; any other error says that nothing was changed.
pub trait Backend: Sized + MaybeSend + MaybeSync {
    /// What the engine can do at most.
    fn limits(&self) -> Limits;

    /// The records under `keys`, in their order; an expired record is still a record.
    fn read(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
    ) -> impl Future<Output = Result<Vec<Option<Stored>>>> + MaybeSend;

    /// Makes every change of `batch`, or none.
    fn commit(&self, batch: &[Mutation<'_>]) -> impl Future<Output = Result<Commit>> + MaybeSend;

    /// Makes each change of `batch` for itself, in as few requests as the engine allows.
    fn write(
        &self,
        batch: &[Mutation<'_>],
    ) -> impl Future<Output = Vec<Result<Commit>>> + MaybeSend {
        async move {
            let mut results = Vec::with_capacity(batch.len());
            for one in batch {
                results.push(wait!(self.commit(std::slice::from_ref(one))));
            }
            results
        }
    }

    /// A page of keys in byte order. It may hold too much, never too little.
    fn scan(&self, query: &Scan<'_>) -> impl Future<Output = Result<Page>> + MaybeSend;

    /// The namespaces that may hold keys.
    fn namespaces(&self) -> impl Future<Output = Result<Vec<Namespace>>> + MaybeSend;

    /// Removes the entries of a namespace that expired at `before` (epoch milliseconds) or earlier,
    /// and says how many they were; `None` where the engine has no way of its own, and the store
    /// looks for them.
    fn sweep(
        &self,
        namespace: &Namespace,
        before: u64,
    ) -> impl Future<Output = Result<Option<u64>>> + MaybeSend {
        let _ = (namespace, before);
        async { Ok(None) }
    }

    /// Tells a watcher from now on of every change of a namespace, through [`Ears`](crate::Ears);
    /// false where the engine cannot.
    fn watch(&self, namespace: &Namespace, ear: Ear) -> bool {
        let _ = (namespace, ear);
        false
    }

    /// Is every future of this backend ready at its first poll?
    fn immediate(&self) -> bool {
        false
    }

    /// The backend as an object.
    #[cfg(feature = "later")]
    fn erased(&self) -> Behind<'_> {
        self
    }

    /// The backend itself.
    #[cfg(not(feature = "later"))]
    fn erased(&self) -> Behind<'_>;

    /// Lets go of connections and files. Nothing is asked of the backend afterwards.
    fn close(&self) -> impl Future<Output = Result<()>> + MaybeSend {
        async { Ok(()) }
    }

    /// Lends the record under each of `keys` to `f`, with its place.
    fn visit(
        &self,
        keys: &[Key<'_>],
        fresh: Freshness,
        mut f: impl FnMut(usize, Option<StoredRef<'_>>) + MaybeSend,
    ) -> impl Future<Output = Result<()>> + MaybeSend {
        async move {
            let found = wait!(self.read(keys, fresh))?;
            if found.len() != keys.len() {
                return Err(update::wrong_count("read", keys.len(), found.len()));
            }
            for (at, stored) in found.iter().enumerate() {
                f(at, stored.as_ref().map(Stored::lend));
            }
            Ok(())
        }
    }

    /// Writes a record, whatever is there, in one request.
    fn put(
        &self,
        host: &dyn Host,
        key: Key<'_>,
        record: Record,
    ) -> impl Future<Output = Result<Version>> + MaybeSend {
        update::put(self.erased(), host, key, record)
    }

    /// Writes records, each for itself; of a repeated key the last one stays.
    fn put_many<'k>(
        &self,
        host: &dyn Host,
        entries: impl ExactSizeIterator<Item = (Key<'k>, Record)> + MaybeSend,
    ) -> impl Future<Output = Vec<Result<Version>>> + MaybeSend {
        update::put_many(self.erased(), host, entries.collect())
    }

    /// Reads, lets `decide` decide, and writes on the condition that nobody else wrote meanwhile;
    /// again, where somebody did. `decide` must run no user code: it may run under a lock.
    /// The version of what was written, where something was.
    fn update(
        &self,
        host: &dyn Host,
        key: Key<'_>,
        mut decide: impl FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend,
    ) -> impl Future<Output = Result<Option<Version>>> + MaybeSend {
        async move {
            let mut at_once = update::AtOnce(&mut decide);
            wait!(update::read_change_write(
                self.erased(),
                host,
                key,
                &mut at_once
            ))
        }
    }

    /// Lends what a scan finds to `f`, until it breaks off; at least a page. The key after which to
    /// go on, or `None` when nothing is left.
    fn walk(
        &self,
        query: &Scan<'_>,
        mut f: impl FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend,
    ) -> impl Future<Output = Result<Option<Box<str>>>> + MaybeSend {
        async move {
            let page = wait!(self.scan(query))?;
            for item in &page.items {
                let found = Found {
                    key: &item.key,
                    expires_at: item.expires_at,
                    stored: item.stored.as_ref().map(Stored::lend),
                    matched: false,
                    id: None,
                    first: true,
                };
                if f(found).is_break() {
                    return Ok(None);
                }
            }
            Ok(page.resume)
        }
    }
}
