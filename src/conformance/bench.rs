//! What the checks share.

use crate::{
    backend::{
        Applied, Backend, Change, Commit, Expect, Freshness, Item, Mutation, Scan, Want, Was,
    },
    error::{Error, ErrorKind},
    host::Host,
    key::{Key, Namespace},
    record::{Record, Stored, Version},
    store::Store,
    value::Value,
};
use std::{num::NonZeroU64, sync::Arc};

/// Why a check failed.
#[derive(Debug)]
pub(super) struct Fault(pub(super) String);

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault(error.to_string())
    }
}

/// What a check found.
pub(super) type Found<T = ()> = Result<T, Fault>;

macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($crate::conformance::bench::Fault(format!($($why)+)));
        }
    };
}
pub(super) use ensure;

/// A backend under test, in two namespaces.
pub(super) struct Bench<B: Backend> {
    pub(super) store: Store<B>,
    pub(super) host: Arc<dyn Host>,
    pub(super) space: Namespace,
    /// The time that records have, so that the same record can be made twice.
    now: u64,
}

impl<B: Backend> Bench<B> {
    pub(super) fn new(backend: B, host: Arc<dyn Host>) -> Bench<B> {
        Bench {
            store: Store::new(backend, Arc::clone(&host)),
            now: host.now(),
            host,
            space: Namespace::default(),
        }
    }

    pub(super) fn backend(&self) -> &B {
        self.store.backend()
    }

    pub(super) async fn wait(&self, milliseconds: u64) {
        self.host.sleep(milliseconds).await;
    }

    /// A record with this value and times of its own.
    pub(super) fn record(&self, value: impl Into<Value>) -> Record {
        Record {
            value: value.into(),
            created_at: self.now,
            updated_at: self.now,
            ..Record::default()
        }
    }

    pub(super) async fn commit(
        &self,
        space: &Namespace,
        key: &str,
        expect: Expect<'_>,
        change: Change<'_>,
    ) -> Found<Commit> {
        let key = Key::new(space, key)?;
        let batch = [Mutation {
            key,
            expect,
            change,
        }];
        let commit = self.backend().commit(&batch).await?;
        if let Commit::Done(applied) = &commit {
            ensure!(
                applied.len() == 1,
                "a commit of one mutation answered {}",
                applied.len()
            );
        }
        Ok(commit)
    }

    pub(super) async fn put_in(
        &self,
        space: &Namespace,
        key: &str,
        record: &Record,
    ) -> Found<Version> {
        let commit = self
            .commit(space, key, Expect::Any, Change::Put(record))
            .await?;
        written(commit)
    }

    pub(super) async fn put(&self, key: &str, record: &Record) -> Found<Version> {
        self.put_in(&self.space, key, record).await
    }

    /// A plain entry under each of the keys: the value is the key.
    pub(super) async fn fill<S: AsRef<str>>(&self, keys: &[S]) -> Found {
        let records: Vec<Record> = keys.iter().map(|k| self.record(k.as_ref())).collect();
        let mut batch = Vec::new();
        for (key, record) in keys.iter().zip(&records) {
            batch.push(Mutation {
                key: Key::new(&self.space, key.as_ref())?,
                expect: Expect::Any,
                change: Change::Put(record),
            });
        }
        for commit in self.backend().write(&batch).await {
            written(commit?)?;
        }
        Ok(())
    }

    pub(super) async fn delete(&self, key: &str) -> Found<Was> {
        match self
            .commit(&self.space, key, Expect::Any, Change::Delete)
            .await?
        {
            Commit::Done(applied) => match applied.first() {
                Some(Applied::Deleted(was)) => Ok(*was),
                other => Err(Fault(format!("a delete answered {other:?}"))),
            },
            conflict => Err(Fault(format!("a blind delete answered {conflict:?}"))),
        }
    }

    pub(super) async fn read_in(&self, space: &Namespace, key: &str) -> Found<Option<Stored>> {
        let key = Key::new(space, key)?;
        let mut found = self.backend().read(&[key], Freshness::Latest).await?;
        ensure!(
            found.len() == 1,
            "a read of one key answered {}",
            found.len()
        );
        Ok(found.pop().flatten())
    }

    pub(super) async fn read(&self, key: &str) -> Found<Option<Stored>> {
        self.read_in(&self.space, key).await
    }

    /// Is exactly this stored under the key?
    pub(super) async fn holds(&self, key: &str, record: &Record) -> Found {
        self.holds_in(&self.space, key, record).await
    }

    pub(super) async fn holds_in(&self, space: &Namespace, key: &str, record: &Record) -> Found {
        let found = self.read_in(space, key).await?;
        let Some(found) = found else {
            return Err(Fault(format!("nothing is stored under {key:?}")));
        };
        same(key, &found.record, record)
    }

    pub(super) async fn lacks(&self, key: &str) -> Found {
        ensure!(
            self.read(key).await?.is_none(),
            "something is stored under {key:?}"
        );
        Ok(())
    }

    /// A scan of everything.
    pub(super) fn all(&self) -> Scan<'_> {
        Scan {
            namespace: &self.space,
            prefix: "",
            after: None,
            limit: 1000,
            reverse: false,
            pattern: None,
            want: Want::Keys,
            ids: false,
        }
    }

    /// Every item that a scan finds, page by page.
    pub(super) async fn scan(&self, query: Scan<'_>) -> Found<Vec<Item>> {
        let mut items: Vec<Item> = Vec::new();
        let mut after = query.after.map(Box::<str>::from);
        for _ in 0..20_000 {
            let query = Scan {
                after: after.as_deref(),
                ..query
            };
            let page = self.backend().scan(&query).await?;
            ensure!(
                page.items.len() <= query.limit,
                "a page of at most {} holds {}",
                query.limit,
                page.items.len()
            );
            let last = page.items.last().map(|item| item.key.clone());
            items.extend(page.items);
            let Some(next) = page.resume else {
                return Ok(items);
            };
            ensure!(
                last.is_none_or(|last| {
                    if query.reverse {
                        next <= last
                    } else {
                        next >= last
                    }
                }),
                "a page resumes at {next:?}, before its own last key"
            );
            ensure!(
                query.after.is_none_or(|before| {
                    if query.reverse {
                        *next < *before
                    } else {
                        *next > *before
                    }
                }),
                "a scan does not move on: it resumes at {next:?} again"
            );
            after = Some(next);
        }
        Err(Fault("a scan does not end".into()))
    }

    /// The keys that a scan finds.
    pub(super) async fn keys(&self, query: Scan<'_>) -> Found<Vec<String>> {
        let items = self.scan(query).await?;
        Ok(items.into_iter().map(|item| item.key.into()).collect())
    }
}

/// The version of what one mutation wrote.
pub(super) fn written(commit: Commit) -> Found<Version> {
    match commit {
        Commit::Done(applied) => match <[Applied; 1]>::try_from(applied) {
            Ok([Applied::Written(version)]) => Ok(version),
            other => Err(Fault(format!("a write answered {other:?}"))),
        },
        conflict => Err(Fault(format!("a write answered {conflict:?}"))),
    }
}

/// Are two records the same, to the type of every number?
pub(super) fn same(key: &str, found: &Record, record: &Record) -> Found {
    let (found, record) = (format!("{found:?}"), format!("{record:?}"));
    if found == record {
        return Ok(());
    }
    let at = found
        .bytes()
        .zip(record.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let cut = |text: &str| -> String {
        let from = text
            .char_indices()
            .rev()
            .map(|(i, _)| i)
            .find(|i| *i <= at.saturating_sub(30))
            .unwrap_or(0);
        text.get(from..)
            .unwrap_or_default()
            .chars()
            .take(120)
            .collect()
    };
    Err(Fault(format!(
        "under {key:?} is …{}…, not …{}…",
        cut(&found),
        cut(&record)
    )))
}

pub(super) fn same_list<A: PartialEq<C> + std::fmt::Debug, C: std::fmt::Debug>(
    what: &str,
    found: &[A],
    wanted: &[C],
) -> Found {
    let at = found.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    ensure!(
        at == found.len() && at == wanted.len(),
        "{what}: {} items, not {}; at {at} is {:?}, not {:?}",
        found.len(),
        wanted.len(),
        found.get(at),
        wanted.get(at)
    );
    Ok(())
}

/// Must be refused with one of `kinds`.
pub(super) fn refused<T: std::fmt::Debug>(
    what: &str,
    result: Result<T, Error>,
    kinds: &[ErrorKind],
) -> Found {
    match result {
        Err(error) if kinds.contains(&error.kind()) => Ok(()),
        Err(error) => Err(Fault(format!("{what} fails with {error}"))),
        Ok(done) => Err(Fault(format!("{what} is not refused: {done:?}"))),
    }
}

/// Now and some more, as an expiry.
pub(super) fn after(now: u64, milliseconds: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(now + milliseconds)
}
