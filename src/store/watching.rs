//! Changes as they happen.

use super::Store;
use crate::{
    backend::Backend,
    error::{Error, ErrorKind, Result},
    watch::{self, Ear, WatchOptions, Watcher},
};
use std::sync::Arc;

impl<B: Backend> Store<B> {
    /// Watches the keys that match `pattern` from now on: each change of a key is one event, also
    /// within a batch, in order per key. What has expired is told when it is cleaned up or written
    /// over. A consumer who is too slow gets [`Watched::Overflow`](crate::Watched::Overflow) in the
    /// place of what its buffer did not hold. The watcher ends when it is dropped or the store closed.
    ///
    /// ```
    /// # use dataknobs_kv::{EventKind, Store, Watched, WatchOptions};
    /// # pollster::block_on(async {
    /// # let store = Store::memory();
    /// let changes = store.watch("users.*.name", WatchOptions::default())?;
    /// store.set("users.1.name", "Ada").await?;
    /// let Some(Watched::Event(event)) = changes.next().await? else { panic!() };
    /// assert_eq!((event.kind, &*event.key), (EventKind::Set, "users.1.name"));
    /// # Ok::<(), dataknobs_kv::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `invalid-pattern`; `invalid-argument`: a buffer of 0; `unsupported`: the backend cannot tell;
    /// `closed`.
    pub fn watch(&self, pattern: &str, options: WatchOptions) -> Result<Watcher> {
        let ops = self.ops();
        ops.check_open()?;
        let pattern = ops.compiled(pattern)?;
        if options.buffer == 0 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "the buffer of a watch holds at least 1 event",
            ));
        }
        let (watcher, ear) = watch::pair(&pattern, options);
        if !ops.backend.dyn_watch(ops.namespace, ear.clone()) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this backend cannot tell of changes: read again from time to time",
            ));
        }
        ops.common.watchers.with(|watchers| {
            watchers.retain(|(_, ear)| ear.listens());
            watchers.push((Arc::clone(&self.closed), ear));
        });
        Ok(watcher)
    }

    /// Ends the watchers of this handle, or of all.
    pub(super) fn end_watchers(&self, all: bool) {
        let ears: Vec<Ear> = self.shared.common.watchers.with(|watchers| {
            let ours = |(handle, _): &mut (_, Ear)| all || Arc::ptr_eq(handle, &self.closed);
            watchers.extract_if(.., ours).map(|(_, ear)| ear).collect()
        });
        for ear in ears {
            ear.end();
        }
    }
}
