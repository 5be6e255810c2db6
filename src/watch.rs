//! Changes as they happen: a bounded queue between a backend that tells and somebody who watches.

use crate::{
    error::Result,
    key::Namespace,
    maybe_send::Lock,
    pattern::{Matcher, Pattern, Verdict},
    record::Version,
    value::Value,
};
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It has a new entry, or its entry was changed.
    Set,
    /// Its entry was removed.
    Delete,
    /// Its entry had expired, and was cleaned up or written over.
    Expire,
}

/// One change of one key.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To which key.
    pub key: String,
    /// The version of the entry: the one that was written, or the one that went.
    pub version: Version,
    /// The value that was written, where [`WatchOptions::values`] asks for it.
    pub value: Option<Value>,
}

/// What a [`Watcher`] gets.
#[derive(Clone, Debug)]
pub enum Watched {
    /// A change.
    Event(Event),
    /// Here changes are missing: more came than the buffer holds. Read what you need again.
    Overflow,
}

/// How to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchOptions {
    /// Does an event of a set hold the value?
    pub values: bool,
    /// How many events wait for a slow consumer, at least 1.
    pub buffer: usize,
}

impl Default for WatchOptions {
    /// Without values; 1,024 events.
    fn default() -> Self {
        WatchOptions {
            values: false,
            buffer: 1024,
        }
    }
}

/// The queue of one watcher.
struct Queue {
    matcher: Matcher,
    options: WatchOptions,
    waiting: VecDeque<Event>,
    /// Something did not fit. Nothing more is taken until the consumer has been told.
    overflown: bool,
    ended: bool,
    /// Who waits, each at a place of their own.
    wakers: Vec<(u64, Waker)>,
    /// The last place that was given; [`FIRST`] is never given.
    places: u64,
}

/// The place of whoever polls without waiting in [`Watcher::next`].
const FIRST: u64 = 0;

type Shared = Arc<Lock<Queue>>;

/// Changes of keys, in order per key: see [`Store::watch`](crate::Store::watch). Dropped, it ends.
pub struct Watcher(Shared);

impl Watcher {
    /// What happened next; `None` once the store is closed and all is read. Several may wait at once: each event
    /// goes to one of them, and the end to all.
    ///
    /// # Errors
    /// None yet: a backend that watches from afar may lose its connection.
    pub async fn next(&self) -> Result<Option<Watched>> {
        let place = Place::new(&self.0);
        poll_fn(|context| self.poll_at(place.number, context)).await
    }

    /// The same, for one who polls by themselves: the waker of the last call is the one that is woken.
    ///
    /// # Errors
    /// As of [`next`](Watcher::next).
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Result<Option<Watched>>> {
        self.poll_at(FIRST, context)
    }

    /// What has happened already, or `None`.
    #[must_use]
    pub fn try_next(&self) -> Option<Watched> {
        self.0.with(Queue::take)
    }

    /// Ends it: what waits is still given out.
    pub fn end(&self) {
        end(&self.0);
    }

    fn poll_at(&self, place: u64, context: &mut Context<'_>) -> Poll<Result<Option<Watched>>> {
        self.0.with(|queue| match queue.take() {
            Some(watched) => Poll::Ready(Ok(Some(watched))),
            None if queue.ended => Poll::Ready(Ok(None)),
            None => {
                queue.wait(place, context.waker());
                Poll::Pending
            }
        })
    }
}

impl Queue {
    fn take(&mut self) -> Option<Watched> {
        if let Some(event) = self.waiting.pop_front() {
            return Some(Watched::Event(event));
        }
        std::mem::take(&mut self.overflown).then_some(Watched::Overflow)
    }

    fn wait(&mut self, place: u64, waker: &Waker) {
        match self.wakers.iter_mut().find(|(one, _)| *one == place) {
            Some((_, known)) => known.clone_from(waker),
            None => self.wakers.push((place, waker.clone())),
        }
    }

    /// All who wait: who of them comes first gets what there is, and the others wait again.
    fn woken(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.wakers)
            .into_iter()
            .map(|(_, waker)| waker)
    }
}

/// Where somebody waits, until they have what they wait for or do so no longer.
struct Place<'q> {
    queue: &'q Shared,
    number: u64,
}

impl<'q> Place<'q> {
    fn new(queue: &'q Shared) -> Self {
        let number = queue.with(|queue| {
            queue.places += 1;
            queue.places
        });
        Place { queue, number }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let ours = |(place, _): &mut (u64, Waker)| *place == self.number;
        // A waker may run anything when it is dropped: under no lock.
        let gone: Vec<_> = self
            .queue
            .with(|queue| queue.wakers.extract_if(.., ours).collect());
        drop(gone);
    }
}

fn end(queue: &Shared) {
    let woken = queue.with(|queue| {
        queue.ended = true;
        queue.woken()
    });
    woken.for_each(Waker::wake);
}

/// A watcher as a backend knows it: see [`Ears`].
#[derive(Clone)]
pub struct Ear(Weak<Lock<Queue>>);

impl Ear {
    /// Ends the watcher.
    pub(crate) fn end(&self) {
        if let Some(queue) = self.0.upgrade() {
            end(&queue);
        }
    }

    /// Is there still somebody?
    pub(crate) fn listens(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// A watcher, and its other end.
// On wasm there is one thread, and the lock is a cell.
#[cfg_attr(target_family = "wasm", allow(clippy::arc_with_non_send_sync))]
pub(crate) fn pair(pattern: &Pattern, options: WatchOptions) -> (Watcher, Ear) {
    let queue = Arc::new(Lock::new(Queue {
        matcher: pattern.matcher(),
        options,
        waiting: VecDeque::new(),
        overflown: false,
        ended: false,
        wakers: Vec::new(),
        places: FIRST,
    }));
    let ear = Ear(Arc::downgrade(&queue));
    (Watcher(queue), ear)
}

/// Those who watch a backend, for a backend that can tell of changes: it keeps one of these, adds to
/// it what [`Backend::watch`](crate::backend::Backend::watch) hands over, and tells of every change.
#[derive(Default)]
pub struct Ears {
    ears: Vec<(Namespace, Ear)>,
    /// Who is to be woken once the backend's lock is free: a waker may run anything.
    woken: Vec<Waker>,
}

impl Ears {
    /// Adds a watcher of a namespace.
    pub fn add(&mut self, namespace: Namespace, ear: Ear) {
        self.ears.retain(|(_, ear)| ear.listens());
        self.ears.push((namespace, ear));
    }

    /// Does nobody watch?
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ears.is_empty()
    }

    /// Tells all whom a change concerns. `value` is asked for only where somebody wants it.
    #[cold]
    pub fn tell(
        &mut self,
        namespace: &Namespace,
        kind: EventKind,
        key: &str,
        version: &Version,
        value: &Value,
    ) {
        let woken = &mut self.woken;
        self.ears.retain(|(name, ear)| {
            let Some(queue) = ear.0.upgrade() else {
                return false;
            };
            if name != namespace {
                return true;
            }
            queue.with(|queue| {
                if queue.overflown || queue.ended {
                    return;
                }
                if !matches!(queue.matcher.check(key), Verdict::Match) {
                    return;
                }
                if queue.waiting.len() >= queue.options.buffer {
                    queue.overflown = true;
                } else {
                    let wanted = queue.options.values && kind == EventKind::Set;
                    queue.waiting.push_back(Event {
                        kind,
                        key: key.to_owned(),
                        version: version.clone(),
                        value: wanted.then(|| value.clone()),
                    });
                }
                woken.extend(queue.woken());
            });
            true
        });
    }

    /// Tells all that changes are missing.
    #[cold]
    pub fn overflow(&mut self) {
        let woken = &mut self.woken;
        self.ears.retain(|(_, ear)| {
            let queue = ear.0.upgrade();
            if let Some(queue) = &queue {
                queue.with(|queue| {
                    queue.overflown = !queue.ended;
                    woken.extend(queue.woken());
                });
            }
            queue.is_some()
        });
    }

    /// Is somebody to be woken?
    #[inline]
    #[must_use]
    pub fn told(&self) -> bool {
        !self.woken.is_empty()
    }

    /// Who is to be woken, by the caller and under no lock.
    #[must_use]
    pub fn woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }
}
