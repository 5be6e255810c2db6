//! Operations on all keys that match a pattern; `scan` is the streaming form of them all.

use super::{Entry, ScanOptions, Store};
use crate::{
    backend::{Backend, Found, Scan, Want},
    error::Result,
    maybe_send::MaybeSend,
    pattern::{Matcher, Pattern, Verdict},
    value::Value,
};
use std::ops::ControlFlow;

/// How many entries a scan fetches at a time.
const PAGE: usize = 1000;

impl<B: Backend> Store<B> {
    /// The keys that match `pattern`, in byte order.
    ///
    /// # Errors
    /// `invalid-pattern`, `closed`, and what the backend says.
    pub async fn keys(&self, pattern: &str) -> Result<Vec<String>> {
        self.keys_with(pattern, &ScanOptions::default()).await
    }

    /// The keys that match `pattern`, as `options` say.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn keys_with(&self, pattern: &str, options: &ScanOptions) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        self.walk(pattern, options, Want::Keys, false, |found| {
            keys.push(found.key.to_owned());
        })
        .await?;
        Ok(keys)
    }

    /// Keys and values that match `pattern`, in the order of the keys.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn get_pattern(&self, pattern: &str) -> Result<Vec<(String, Value)>> {
        let mut entries = Vec::new();
        self.walk(
            pattern,
            &ScanOptions::default(),
            Want::Records,
            false,
            |found| {
                if let Some(stored) = found.stored {
                    entries.push((found.key.to_owned(), stored.value.clone()));
                }
            },
        )
        .await?;
        Ok(entries)
    }

    /// The entries that match `pattern`, as `options` say, in the order of their keys.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn entries(&self, pattern: &str, options: &ScanOptions) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.walk(pattern, options, Want::Records, false, |found| {
            if let Some(stored) = found.stored {
                entries.push(Entry::new(found.key, stored));
            }
        })
        .await?;
        Ok(entries)
    }

    /// How many keys match `pattern`.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn count_pattern(&self, pattern: &str) -> Result<u64> {
        let mut count = 0;
        self.walk(pattern, &ScanOptions::default(), Want::Keys, false, |_| {
            count += 1
        })
        .await?;
        Ok(count)
    }

    /// Removes the entries whose keys match `pattern`. How many there were.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn delete_pattern(&self, pattern: &str) -> Result<u64> {
        let mut options = ScanOptions {
            limit: Some(PAGE),
            ..ScanOptions::default()
        };
        let mut count = 0;
        loop {
            let keys = self.keys_with(pattern, &options).await?;
            count += self.delete_many(&keys).await?;
            if keys.len() < PAGE {
                return Ok(count);
            }
            options.after = keys.last().cloned();
        }
    }

    /// The entries that match `pattern`, page by page: a million keys never sit in memory at once.
    /// A key that nobody touches during the scan appears exactly once.
    ///
    /// ```
    /// # use dataknobs_kv::{ScanOptions, Store};
    /// # pollster::block_on(async {
    /// # let store = Store::memory();
    /// # store.set("logs.1", "x").await?;
    /// let mut scan = store.scan("logs.*", ScanOptions::default())?;
    /// while let Some(entry) = scan.next().await? {
    ///     println!("{} {:?}", entry.key, entry.value);
    /// }
    /// # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `invalid-pattern`, `invalid-key` (in `after`), `closed`.
    pub fn scan(&self, pattern: &str, options: ScanOptions) -> Result<Scanner<B>> {
        self.check_open()?;
        let pattern = self.compiled(pattern)?;
        if let Some(after) = &options.after {
            self.key(after)?;
        }
        Ok(Scanner {
            store: self.clone(),
            pattern,
            left: options.limit.unwrap_or(usize::MAX),
            after: options.after,
            reverse: options.reverse,
            page: Vec::new().into_iter(),
            done: false,
        })
    }

    /// Lends each key that matches `pattern`, with its record where `want` says so, without a copy.
    /// `f` may run under the backend's lock and must not use the store. `ids`: does the caller keep
    /// key texts under [`Found::id`]?
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn walk(
        &self,
        pattern: &str,
        options: &ScanOptions,
        want: Want,
        ids: bool,
        mut f: impl FnMut(&Found<'_>) + MaybeSend,
    ) -> Result<()> {
        self.walk_dyn(pattern, options, want, ids, &mut f).await
    }

    /// [`walk`](Store::walk) once for all: a copy for each operation is 10 KB of wasm.
    async fn walk_dyn(
        &self,
        pattern: &str,
        options: &ScanOptions,
        want: Want,
        ids: bool,
        f: &mut dyn Each,
    ) -> Result<()> {
        self.check_open()?;
        let pattern = self.compiled(pattern)?;
        if let Some(after) = &options.after {
            self.key(after)?;
        }
        let limit = options.limit.unwrap_or(usize::MAX);
        self.walk_pattern(
            &pattern,
            options.after.as_deref(),
            limit,
            options.reverse,
            (want, ids),
            f,
        )
        .await
    }

    async fn walk_pattern(
        &self,
        pattern: &Pattern,
        after: Option<&str>,
        limit: usize,
        reverse: bool,
        (want, ids): (Want, bool),
        f: &mut dyn Each,
    ) -> Result<()> {
        let mut left = limit;
        if left == 0 {
            return Ok(());
        }
        let mut now = self.now();
        // Made for the first page that the backend did not match itself.
        let mut matcher: Option<Matcher> = None;
        let mut resume: Option<Box<str>> = after.map(Into::into);
        loop {
            let query = Scan {
                namespace: &self.namespace,
                prefix: pattern.literal_prefix(),
                after: resume.as_deref(),
                limit: if self.shared.backend.immediate() {
                    usize::MAX
                } else {
                    left.min(PAGE)
                },
                reverse,
                pattern: Some(pattern),
                want,
                ids,
            };
            let next = self
                .walk_page(&query, &mut |found: Found<'_>| {
                    if let Some(at) = found.expires_at
                        && now.get() >= at.get()
                    {
                        return ControlFlow::Continue(());
                    }
                    if !found.matched {
                        let matcher = matcher.get_or_insert_with(|| pattern.matcher());
                        if !matches!(matcher.check(found.key), Verdict::Match) {
                            return ControlFlow::Continue(());
                        }
                    }
                    f.each(&found);
                    left -= 1;
                    if left == 0 {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                })
                .await?;
            match next {
                // A backend that does not move on would be asked for ever.
                Some(next) if left > 0 && moves_on(resume.as_deref(), &next, reverse) => {
                    resume = Some(next);
                }
                Some(_) if left > 0 => {
                    return Err(crate::Error::new(
                        crate::ErrorKind::Corrupt,
                        "the backend's scan does not move on: it is broken",
                    ));
                }
                _ => return Ok(()),
            }
        }
    }
}

/// How many compiled patterns a store keeps: parsing takes microseconds, most programs use few.
const KEPT: usize = 16;

/// The patterns that were used last, the last one at the end.
#[derive(Default)]
pub(super) struct Compiled(Vec<Pattern>);

impl Compiled {
    fn get(&mut self, text: &str) -> Result<Pattern> {
        if let Some(at) = self.0.iter().rposition(|kept| kept.as_str() == text) {
            if let Some(later) = self.0.get_mut(at..) {
                later.rotate_left(1);
            }
        } else {
            let pattern = Pattern::parse(text)?;
            if self.0.len() >= KEPT {
                self.0.remove(0);
            }
            self.0.push(pattern);
        }
        // The one asked for is at the end now.
        self.0
            .last()
            .map_or_else(|| Pattern::parse(text), |kept| Ok(kept.clone()))
    }
}

impl<B: Backend> Store<B> {
    fn compiled(&self, text: &str) -> Result<Pattern> {
        self.shared.compiled.with(|compiled| compiled.get(text))
    }

    /// [`Backend::walk`] once for all who walk.
    pub(super) async fn walk_page(
        &self,
        query: &Scan<'_>,
        step: &mut dyn Step,
    ) -> Result<Option<Box<str>>> {
        self.shared
            .backend
            .walk(query, |found| step.step(found))
            .await
    }
}

/// What is done with each key of a page, and whether to go on.
pub(super) trait Step: MaybeSend {
    fn step(&mut self, found: Found<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(Found<'_>) -> ControlFlow<()> + MaybeSend> Step for F {
    fn step(&mut self, found: Found<'_>) -> ControlFlow<()> {
        self(found)
    }
}

/// What is done with each key of a walk.
trait Each: MaybeSend {
    fn each(&mut self, found: &Found<'_>);
}

impl<F: FnMut(&Found<'_>) + MaybeSend> Each for F {
    fn each(&mut self, found: &Found<'_>) {
        self(found);
    }
}

fn moves_on(before: Option<&str>, next: &str, reverse: bool) -> bool {
    before.is_none_or(|before| {
        if reverse {
            next < before
        } else {
            next > before
        }
    })
}

/// Entries that match a pattern, fetched page by page.
pub struct Scanner<B: Backend> {
    store: Store<B>,
    pattern: Pattern,
    left: usize,
    after: Option<String>,
    reverse: bool,
    page: std::vec::IntoIter<Entry>,
    done: bool,
}

impl<B: Backend> Scanner<B> {
    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// `closed`, and what the backend says.
    pub async fn next(&mut self) -> Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.page.next() {
                return Ok(Some(entry));
            }
            if self.done {
                return Ok(None);
            }
            self.page = self.next_page(PAGE).await?.into_iter();
        }
    }

    /// Up to `size` more entries; fewer only at the end.
    ///
    /// # Errors
    /// As [`next`](Scanner::next).
    pub async fn next_page(&mut self, size: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        if self.done {
            return Ok(entries);
        }
        self.store.check_open()?;
        let limit = size.min(self.left);
        self.store
            .walk_pattern(
                &self.pattern,
                self.after.as_deref(),
                limit,
                self.reverse,
                (Want::Records, false),
                &mut |found: &Found<'_>| {
                    if let Some(stored) = found.stored {
                        entries.push(Entry::new(found.key, stored));
                    }
                },
            )
            .await?;
        self.left -= entries.len().min(self.left);
        self.done = entries.len() < limit || self.left == 0;
        if let Some(last) = entries.last() {
            self.after = Some(last.key.clone());
        }
        Ok(entries)
    }
}
