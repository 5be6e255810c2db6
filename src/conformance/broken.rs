//! Backends that are broken on purpose, one fault each.

use crate::{
    backend::{
        Applied, Backend, Change, Commit, Expect, Freshness, Item, Limits, Mutation, Page, Scan,
        Was,
    },
    error::{Error, ErrorKind, Result},
    key::{Key, Namespace},
    maybe_send::Lock,
    record::{Record, Stored, Version},
    value::{Object, Value},
};
use std::{collections::BTreeMap, num::NonZeroU64};

macro_rules! defects {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What is wrong with a [`Broken`] backend.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect {
            $($(#[$doc])* $name,)*
        }

        impl Defect {
            /// Every one.
            pub const ALL: &[Defect] = &[$(Defect::$name),*];
        }
    };
}

defects! {
    /// Every third write is acknowledged and not made.
    LosesWrites,
    /// Every condition holds.
    IgnoresExpectations,
    /// A condition on a version holds wherever there is a record.
    ExpectsAnyVersion,
    /// An expired record counts as absent.
    ForgetsExpired,
    /// Equal bytes have equal versions, as ETags do.
    VersionsByContent,
    /// A key that is written again after a delete begins with version 1 again.
    VersionsPerKey,
    /// The version that a commit tells is not the one that is stored.
    TellsAnotherVersion,
    /// A check without a change makes a new version.
    ChecksWrite,
    /// A delete is acknowledged; every second one is not made.
    ResurrectsDeleted,
    /// A delete always tells that there was nothing.
    DeletesTellNothing,
    /// What goes before a conflict in a batch is done.
    HalfAppliesBatches,
    /// A conflict is always told as the first mutation's.
    TellsTheWrongConflict,
    /// `write` stops at the first conflict.
    WriteStopsEarly,
    /// Records come in another order than was asked.
    ReadsOutOfOrder,
    /// Keys are cut at 255 bytes.
    TruncatesKeys,
    /// Keys are lowered.
    FoldsKeys,
    /// A blank at a key's end is cut.
    TrimsKeys,
    /// Keys come in the order of their UTF-16 units.
    SortsByUtf16,
    /// Keys come in the order of their segments.
    SortsBySegments,
    /// The first key of every further page is missing.
    SkipsAtPageBorders,
    /// The key at a page's border comes twice.
    RepeatsAtPageBorders,
    /// Only the first page comes.
    EndsScansEarly,
    /// A scan goes on for ever.
    NeverEndsScans,
    /// A page holds more than was asked for.
    OverfillsPages,
    /// `reverse` is ignored.
    IgnoresReverse,
    /// `**` does not match no segments at all, and keys are left out.
    FiltersWrongly,
    /// A scan does not see the last write.
    ScansLate,
    /// A scan does not tell when keys expire.
    ScansWithoutExpiry,
    /// Namespaces are lowered.
    FoldsNamespaces,
    /// The namespace and the key are joined with a colon, and names may hold one.
    JoinsNamespaces,
    /// Only the default namespace is listed.
    ForgetsNamespaces,
    /// A sweep takes every namespace.
    SweepsEverything,
    /// A sweep takes what has a minute left.
    SweepsTooEarly,
    /// Metadata is lost.
    DropsMetadata,
    /// Names in metadata come back sorted.
    SortsMetadata,
    /// Times are rounded to seconds.
    RoundsTimes,
    /// The time of creation is that of the last write.
    ForgetsCreation,
    /// The ids of writes are lost.
    ForgetsWriteIds,
    /// Integers are doubles, as JSON has them.
    FloatsIntegers,
    /// Whole doubles are integers.
    RoundsWholeDoubles,
    /// Negative zero is zero.
    LosesNegativeZero,
    /// Bytes come back as text.
    BytesAsText,
    /// Text ends at a NUL.
    CutsTextAtNul,
    /// Long values are cut.
    CutsLongText,
    /// More is refused than the limits say.
    RefusesWithinLimits,
    /// More is done at once than the limits say.
    AcceptsBeyondLimits,
    /// A batch beyond the limits is refused after its first mutations were made.
    WritesBeforeItRefuses,
}

/// A backend with one [`Defect`] over one that works.
pub struct Broken<B> {
    inner: B,
    defect: Defect,
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    requests: u64,
    last_written: Option<String>,
    /// The number of the write of each key since it was created, and the version it stands for.
    numbers: BTreeMap<(Namespace, String), (u64, Version)>,
}

/// The batch that the defects about limits claim.
const CLAIMED: usize = 10;

impl<B: Backend> Broken<B> {
    /// `inner` with this defect.
    pub fn new(inner: B, defect: Defect) -> Broken<B> {
        Broken {
            inner,
            defect,
            state: Lock::default(),
        }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn count(&self) -> u64 {
        self.state.with(|state| {
            state.requests += 1;
            state.requests
        })
    }

    /// The key that the defect makes of one.
    fn place(&self, space: &Namespace, key: &str) -> Result<(Namespace, String)> {
        let (mut name, mut key) = (space.as_str().to_owned(), key.to_owned());
        match self.defect {
            Defect::TruncatesKeys => {
                let mut end = key.len().min(255);
                while !key.is_char_boundary(end) {
                    end -= 1;
                }
                key.truncate(end);
            }
            Defect::FoldsKeys => key = key.to_lowercase(),
            Defect::TrimsKeys if key.len() > 1 => key = key.trim_end().to_owned(),
            Defect::FoldsNamespaces => name = name.to_lowercase(),
            Defect::JoinsNamespaces => {
                let joined = format!("{name}:{key}");
                let (one, other) = joined.split_once(':').unwrap_or_default();
                (name, key) = (one.to_owned(), other.to_owned());
            }
            _ => {}
        }
        Ok((Namespace::new(&name)?, key))
    }

    /// The record that the defect makes of one.
    fn spoil(&self, mut record: Record) -> Record {
        let seconds = |at: u64| at / 1000 * 1000;
        match self.defect {
            Defect::DropsMetadata => record.metadata = None,
            Defect::SortsMetadata => {
                if let Some(fields) = &mut record.metadata {
                    let sorted: BTreeMap<String, Value> = fields
                        .iter()
                        .map(|(n, v)| (n.to_owned(), v.clone()))
                        .collect();
                    **fields = sorted.into_iter().collect::<Object>();
                }
            }
            Defect::RoundsTimes => {
                record.created_at = seconds(record.created_at);
                record.updated_at = seconds(record.updated_at);
                record.expires_at = record
                    .expires_at
                    .and_then(|at| NonZeroU64::new(seconds(at.get())));
            }
            Defect::ForgetsCreation => record.created_at = record.updated_at,
            Defect::ForgetsWriteIds => record.writes.clear(),
            _ => record.value = self.spoil_value(record.value),
        }
        record
    }

    fn spoil_value(&self, value: Value) -> Value {
        match (self.defect, value) {
            (Defect::FloatsIntegers, Value::Int(n)) => Value::Float(n as f64),
            (Defect::RoundsWholeDoubles, Value::Float(n))
                if n.trunc() == n && n.abs() < 1e15 && !(n == 0.0 && n.is_sign_negative()) =>
            {
                Value::Int(n as i64)
            }
            (Defect::LosesNegativeZero, Value::Float(0.0)) => Value::Float(0.0),
            (Defect::BytesAsText, Value::Bytes(bytes)) => {
                Value::Text(String::from_utf8_lossy(&bytes).into())
            }
            (Defect::CutsTextAtNul, Value::Text(text)) => {
                Value::Text(text.split('\0').next().unwrap_or_default().into())
            }
            (Defect::CutsLongText, Value::Text(text)) if text.len() > 65_536 => {
                Value::Text(text.chars().take(10_000).collect::<String>().into())
            }
            (_, Value::Array(items)) => Value::Array(Box::new(
                items
                    .into_iter()
                    .map(|item| self.spoil_value(item))
                    .collect(),
            )),
            (_, Value::Object(fields)) => {
                let fields = fields.iter().map(|(n, v)| (n, self.spoil_value(v.clone())));
                fields.collect::<Object>().into()
            }
            (_, value) => value,
        }
    }

    /// The version that the defect shows.
    fn shown(&self, space: &Namespace, key: &str, record: &Record, version: &Version) -> Version {
        match self.defect {
            Defect::VersionsByContent => {
                let bytes = record.encode().unwrap_or_default();
                let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
                });
                Version::Number(hash)
            }
            Defect::VersionsPerKey => self.state.with(|state| {
                let numbers = &mut state.numbers;
                let entry = numbers
                    .entry((space.clone(), key.to_owned()))
                    .or_insert_with(|| (1, version.clone()));
                if entry.1 != *version {
                    *entry = (entry.0 + 1, version.clone());
                }
                Version::Number(entry.0)
            }),
            _ => version.clone(),
        }
    }

    fn show(&self, space: &Namespace, key: &str, stored: Stored) -> Stored {
        let version = self.shown(space, key, &stored.record, &stored.version);
        Stored {
            record: self.spoil(stored.record),
            version,
        }
    }

    async fn stored(&self, space: &Namespace, key: &str) -> Result<Option<Stored>> {
        let key = Key::new(space, key)?;
        Ok(self
            .inner
            .read(&[key], Freshness::Latest)
            .await?
            .pop()
            .flatten())
    }

    /// The condition that the defect makes of one, in the versions of the backend below.
    async fn expected(&self, m: &Mutation<'_>, space: &Namespace, key: &str) -> Result<Wanted> {
        let stored = self.stored(space, key).await?;
        let there = stored.as_ref().map(|s| s.version.clone());
        Ok(match m.expect {
            Expect::Any => Wanted::Any,
            _ if self.is(Defect::IgnoresExpectations) => Wanted::Any,
            Expect::Absent => match stored {
                Some(s) if self.is(Defect::ForgetsExpired) && s.record.expires_at.is_some() => {
                    Wanted::Any
                }
                _ => Wanted::Absent,
            },
            Expect::At(version) => match &stored {
                Some(s) => {
                    let fits = self.is(Defect::ExpectsAnyVersion)
                        || self.shown(space, key, &s.record, &s.version) == *version;
                    match (fits, there) {
                        (true, Some(there)) => Wanted::At(there),
                        _ => Wanted::At(Version::Token("never".into())),
                    }
                }
                None => Wanted::At(version.clone()),
            },
        })
    }

    async fn make(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        let mut places = Vec::new();
        let mut wanted = Vec::new();
        let mut kept = Vec::new();
        for m in batch {
            let (space, key) = self.place(m.key.namespace(), m.key.as_str())?;
            wanted.push(self.expected(m, &space, &key).await?);
            kept.push(self.stored(&space, &key).await?.map(|s| s.record));
            places.push((space, key));
        }
        let mut below = Vec::new();
        for (at, m) in batch.iter().enumerate() {
            let (Some((space, key)), Some(expect), Some(kept)) =
                (places.get(at), wanted.get(at), kept.get(at))
            else {
                continue;
            };
            let skipped = match m.change {
                Change::Put(_) => self.is(Defect::LosesWrites) && self.count().is_multiple_of(3),
                Change::Delete => {
                    self.is(Defect::ResurrectsDeleted) && self.count().is_multiple_of(2)
                }
                Change::Keep => false,
            };
            below.push(Mutation {
                key: Key::new(space, key)?,
                expect: expect.lend(),
                change: match (m.change, kept) {
                    _ if skipped => Change::Keep,
                    (Change::Keep, Some(kept)) if self.is(Defect::ChecksWrite) => Change::Put(kept),
                    (change, _) => change,
                },
            });
        }
        let commit = self.inner.commit(&below).await?;
        let mut applied = match commit {
            Commit::Conflict { index } => return self.conflict(&below, index).await,
            Commit::Done(applied) => applied,
        };
        for ((m, (space, key)), done) in batch.iter().zip(&places).zip(&mut applied) {
            match (m.change, &mut *done) {
                (Change::Put(record), Applied::Written(version)) => {
                    *version = self.shown(space, key, record, version);
                    if self.is(Defect::TellsAnotherVersion) {
                        *version = Version::Number((1 << 40) + self.count());
                    }
                    self.state.with(|s| s.last_written = Some(key.clone()));
                }
                (Change::Put(_), other) => *other = Applied::Written(Version::Number(u64::MAX)),
                (Change::Delete, other) => {
                    if self.is(Defect::DeletesTellNothing) {
                        *other = Applied::Deleted(Was::Absent);
                    } else if matches!(other, Applied::Checked) {
                        *other = Applied::Deleted(Was::Unknown);
                    }
                    self.state
                        .with(|s| s.numbers.remove(&(space.clone(), key.clone())));
                }
                (Change::Keep, other) => *other = Applied::Checked,
            }
        }
        Ok(Commit::Done(applied))
    }

    async fn conflict(&self, batch: &[Mutation<'_>], index: usize) -> Result<Commit> {
        if self.is(Defect::HalfAppliesBatches)
            && let Some(before) = batch.get(..index)
        {
            self.inner.commit(before).await?;
        }
        let index = if self.is(Defect::TellsTheWrongConflict) {
            0
        } else {
            index
        };
        Ok(Commit::Conflict { index })
    }

    /// Every key of a namespace.
    async fn everything(&self, query: &Scan<'_>) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut after: Option<Box<str>> = None;
        let (space, _) = self.place(query.namespace, "x")?;
        loop {
            let page = self
                .inner
                .scan(&Scan {
                    namespace: &space,
                    after: after.as_deref(),
                    limit: 1000,
                    reverse: false,
                    ..*query
                })
                .await?;
            items.extend(page.items);
            match page.resume {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        if self.is(Defect::JoinsNamespaces)
            && let Some((_, rest)) = query.namespace.as_str().split_once(':')
        {
            let prefix = format!("{rest}:");
            items.retain_mut(|item| match item.key.strip_prefix(&*prefix) {
                Some(key) => {
                    item.key = key.into();
                    true
                }
                None => false,
            });
        }
        Ok(items)
    }
}

/// A condition of its own.
enum Wanted {
    Any,
    Absent,
    At(Version),
}

impl Wanted {
    fn lend(&self) -> Expect<'_> {
        match self {
            Wanted::Any => Expect::Any,
            Wanted::Absent => Expect::Absent,
            Wanted::At(version) => Expect::At(version),
        }
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        "too many mutations: make fewer at once",
    )
}

impl<B: Backend> Backend for Broken<B> {
    fn limits(&self) -> Limits {
        let mut limits = self.inner.limits();
        if matches!(
            self.defect,
            Defect::RefusesWithinLimits
                | Defect::AcceptsBeyondLimits
                | Defect::WritesBeforeItRefuses
        ) {
            limits.max_batch = CLAIMED;
        }
        limits
    }

    async fn read(&self, keys: &[Key<'_>], fresh: Freshness) -> Result<Vec<Option<Stored>>> {
        let mut places = Vec::new();
        for key in keys {
            places.push(self.place(key.namespace(), key.as_str())?);
        }
        let mut below = Vec::new();
        for (space, key) in &places {
            below.push(Key::new(space, key)?);
        }
        let found = self.inner.read(&below, fresh).await?;
        let mut found: Vec<Option<Stored>> = found
            .into_iter()
            .zip(&places)
            .map(|(stored, (space, key))| Some(self.show(space, key, stored?)))
            .collect();
        if self.is(Defect::ReadsOutOfOrder) {
            found.reverse();
        }
        Ok(found)
    }

    async fn commit(&self, batch: &[Mutation<'_>]) -> Result<Commit> {
        match self.defect {
            Defect::RefusesWithinLimits if batch.len() == CLAIMED => return Err(too_many()),
            Defect::RefusesWithinLimits if batch.len() > CLAIMED => return Err(too_many()),
            Defect::WritesBeforeItRefuses if batch.len() > CLAIMED => {
                if let Some(some) = batch.get(..CLAIMED) {
                    self.make(some).await?;
                }
                return Err(too_many());
            }
            _ => {}
        }
        self.make(batch).await
    }

    async fn write(&self, batch: &[Mutation<'_>]) -> Vec<Result<Commit>> {
        let mut results: Vec<Result<Commit>> = Vec::with_capacity(batch.len());
        let mut stopped = false;
        for one in batch {
            let result = if stopped {
                Ok(Commit::Conflict { index: 0 })
            } else {
                self.make(std::slice::from_ref(one)).await
            };
            stopped = self.is(Defect::WriteStopsEarly)
                && (stopped || matches!(result, Ok(Commit::Conflict { .. })));
            results.push(result);
        }
        results
    }

    async fn scan(&self, query: &Scan<'_>) -> Result<Page> {
        let mut items = self.everything(query).await?;
        let mut sorted_by_bytes = true;
        match self.defect {
            Defect::SortsByUtf16 => {
                items.sort_by_cached_key(|item| item.key.encode_utf16().collect::<Vec<_>>());
                sorted_by_bytes = false;
            }
            Defect::SortsBySegments => {
                items.sort_by_cached_key(|item| {
                    item.key.split('.').map(str::to_owned).collect::<Vec<_>>()
                });
                sorted_by_bytes = false;
            }
            Defect::ScansLate => {
                let last = self.state.with(|s| s.last_written.take());
                items.retain(|item| last.as_deref() != Some(&*item.key));
            }
            Defect::FiltersWrongly if query.pattern.is_some() => {
                let text = query.pattern.map_or("", crate::pattern::Pattern::as_str);
                items.retain(|item| !text.starts_with("**.") || item.key.contains('.'));
            }
            _ => {}
        }
        let reverse = query.reverse && !self.is(Defect::IgnoresReverse);
        if reverse {
            items.reverse();
        }
        if let Some(after) = query.after {
            if sorted_by_bytes {
                items.retain(|item| {
                    let key = &*item.key;
                    let beyond = if reverse { key < after } else { key > after };
                    beyond || (self.is(Defect::RepeatsAtPageBorders) && key == after)
                });
            } else if let Some(at) = items.iter().position(|item| &*item.key == after) {
                items.drain(..=at);
            }
            if self.is(Defect::SkipsAtPageBorders) && !items.is_empty() {
                items.remove(0);
            }
        }
        let most = match self.defect {
            Defect::OverfillsPages => query.limit.saturating_add(1),
            _ => query.limit,
        };
        let more = items.len() > most;
        items.truncate(most);
        let last = items.last().map(|item| item.key.clone());
        for item in &mut items {
            if self.is(Defect::ScansWithoutExpiry) {
                item.expires_at = None;
            }
            if let Some(stored) = item.stored.take() {
                let (space, _) = self.place(query.namespace, "x")?;
                let shown = self.show(&space, &item.key, stored);
                if !self.is(Defect::ScansWithoutExpiry) {
                    item.expires_at = shown.record.expires_at;
                }
                item.stored = Some(shown);
            }
        }
        let resume = match self.defect {
            Defect::EndsScansEarly => None,
            Defect::NeverEndsScans => last.or_else(|| query.after.map(Into::into)),
            _ => last.filter(|_| more),
        };
        Ok(Page { items, resume })
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>> {
        let mut names = self.inner.namespaces().await?;
        if self.is(Defect::ForgetsNamespaces) {
            names.retain(|name| name.as_str().is_empty());
        }
        Ok(names)
    }

    async fn sweep(&self, namespace: &Namespace, before: u64) -> Result<Option<u64>> {
        let (space, _) = self.place(namespace, "x")?;
        match self.defect {
            Defect::SweepsEverything => {
                let mut count = 0;
                for name in self.inner.namespaces().await? {
                    count += self.inner.sweep(&name, before).await?.unwrap_or(0);
                }
                Ok(Some(count))
            }
            Defect::SweepsTooEarly => self.inner.sweep(&space, before + 60_000).await,
            _ => self.inner.sweep(&space, before).await,
        }
    }
}
