//! Operations on all keys that match a pattern; `scan` is the streaming form of them all.

use super::{Entry, Ops, ScanOptions, Store};
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
        wait!(self.keys_with(pattern, &ScanOptions::default()))
    }

    /// The keys that match `pattern`, as `options` say.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn keys_with(&self, pattern: &str, options: &ScanOptions) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let mut each = |found: &Found<'_>| keys.push(found.key.to_owned());
        let want = (Want::Keys, false);
        wait!(self.ops().walk(pattern, options, want, &mut each))?;
        Ok(keys)
    }

    /// Keys and values that match `pattern`, in the order of the keys.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn get_pattern(&self, pattern: &str) -> Result<Vec<(String, Value)>> {
        let mut entries = Vec::new();
        let mut each = |found: &Found<'_>| {
            if let Some(stored) = found.stored {
                entries.push((found.key.to_owned(), stored.value.clone()));
            }
        };
        let (all, want) = (ScanOptions::default(), (Want::Records, false));
        wait!(self.ops().walk(pattern, &all, want, &mut each))?;
        Ok(entries)
    }

    /// The entries that match `pattern`, as `options` say, in the order of their keys.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn entries(&self, pattern: &str, options: &ScanOptions) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut each = |found: &Found<'_>| {
            if let Some(stored) = found.stored {
                entries.push(Entry::new(found.key, stored));
            }
        };
        let want = (Want::Records, false);
        wait!(self.ops().walk(pattern, options, want, &mut each))?;
        Ok(entries)
    }

    /// How many keys match `pattern`.
    ///
    /// # Errors
    /// As [`keys`](Store::keys).
    pub async fn count_pattern(&self, pattern: &str) -> Result<u64> {
        let mut count = 0;
        let (all, want) = (ScanOptions::default(), (Want::Keys, false));
        let mut each = |_: &Found<'_>| count += 1;
        wait!(self.ops().walk(pattern, &all, want, &mut each))?;
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
            let keys = wait!(self.keys_with(pattern, &options))?;
            count += wait!(self.delete_many(&keys))?;
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
        let ops = self.ops();
        ops.check_open()?;
        let pattern = ops.compiled(pattern)?;
        if let Some(after) = &options.after {
            ops.key(after)?;
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
        let ops = self.ops();
        wait!(ops.walk(pattern, options, (want, ids), &mut f))
    }
}

impl Ops<'_> {
    /// [`Store::walk`].
    pub(super) async fn walk(
        &self,
        pattern: &str,
        options: &ScanOptions,
        want: (Want, bool),
        each: &mut dyn Each,
    ) -> Result<()> {
        self.check_open()?;
        let pattern = self.compiled(pattern)?;
        if let Some(after) = &options.after {
            self.key(after)?;
        }
        let limit = options.limit.unwrap_or(usize::MAX);
        let after = options.after.as_deref();
        wait!(self.walk_pattern(&pattern, after, limit, options.reverse, want, each))
    }

    async fn walk_pattern(
        &self,
        pattern: &Pattern,
        after: Option<&str>,
        limit: usize,
        reverse: bool,
        (want, ids): (Want, bool),
        each: &mut dyn Each,
    ) -> Result<()> {
        let mut left = limit;
        if left == 0 {
            return Ok(());
        }
        let mut now = self.now();
        // Made for the first page that the backend did not match itself.
        let mut matcher: Option<Matcher> = None;
        let mut resume: Option<Box<str>> = after.map(Into::into);
        // The limit counts keys that match, a page those that may: where the first page was not
        // enough, the next are larger.
        let mut page = left.min(PAGE);
        loop {
            let query = Scan {
                namespace: self.namespace,
                prefix: pattern.literal_prefix(),
                after: resume.as_deref(),
                limit: if self.backend.dyn_immediate() {
                    usize::MAX
                } else {
                    page
                },
                reverse,
                pattern: Some(pattern),
                want,
                ids,
            };
            let mut step = |found: &Found<'_>| {
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
                each.each(found);
                left -= 1;
                if left == 0 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let next = wait!(self.backend.dyn_walk(&query, &mut step))?;
            match next {
                // A backend that does not move on would be asked for ever.
                Some(next) if left > 0 && moves_on(resume.as_deref(), &next, reverse) => {
                    self.check_open()?;
                    resume = Some(next);
                    page = page.saturating_mul(4).clamp(16, PAGE);
                    now = self.now();
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

    pub(super) fn compiled(&self, text: &str) -> Result<Pattern> {
        self.common.compiled.with(|compiled| compiled.get(text))
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

/// What is done with each key of a walk.
pub(super) trait Each: MaybeSend {
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
            self.store.ops().check_open()?;
            if let Some(entry) = self.page.next() {
                return Ok(Some(entry));
            }
            if self.done {
                return Ok(None);
            }
            let mut page = Vec::new();
            wait!(self.fetch(PAGE, &mut page))?;
            self.page = page.into_iter();
        }
    }

    /// Up to `size` more entries; fewer only at the end.
    ///
    /// # Errors
    /// As [`next`](Scanner::next).
    pub async fn next_page(&mut self, size: usize) -> Result<Vec<Entry>> {
        self.store.ops().check_open()?;
        let mut entries: Vec<Entry> = self.page.by_ref().take(size).collect();
        if !self.done && entries.len() < size {
            wait!(self.fetch(size, &mut entries))?;
        }
        Ok(entries)
    }

    /// Fetches what `entries` lack to be `size`.
    async fn fetch(&mut self, size: usize, entries: &mut Vec<Entry>) -> Result<()> {
        let before = entries.len();
        let ops = self.store.ops();
        let limit = (size - before).min(self.left);
        wait!(ops.walk_pattern(
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
        ))?;
        let fetched = entries.len() - before;
        self.left -= fetched.min(self.left);
        self.done = fetched < limit || self.left == 0;
        if let Some(last) = entries.last() {
            self.after = Some(last.key.clone());
        }
        Ok(())
    }
}
