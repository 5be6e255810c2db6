//! Operations on a whole store: its namespaces, clearing it, closing it.

use super::{Ops, ScanOptions, Store};
use crate::{
    backend::{Backend, Found, Want},
    error::Result,
    key::Namespace,
    sorted::order_of,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

impl<B: Backend> Store<B> {
    /// The store of another namespace over the same connection: absolute, not nested. Closing it
    /// leaves this one open; `""` is the default namespace.
    ///
    /// # Errors
    /// `invalid-key`: the name breaks a rule. `closed`.
    pub fn namespace(&self, name: &str) -> Result<Store<B>> {
        self.ops().check_open()?;
        Ok(Store {
            shared: Arc::clone(&self.shared),
            namespace: Namespace::new(name)?,
            closed: Arc::new(AtomicBool::new(false)),
        })
    }

    /// The name of this store's namespace; `""` is the default one.
    #[must_use]
    pub fn namespace_name(&self) -> &str {
        self.namespace.as_str()
    }

    /// The namespaces that hold entries, in byte order; the default one is `""`.
    ///
    /// # Errors
    /// `closed`, and what the backend says.
    pub async fn namespaces(&self) -> Result<Vec<String>> {
        wait!(self.ops().namespaces())
    }

    /// Removes every entry of this namespace. How many there were.
    ///
    /// # Errors
    /// `closed`, and what the backend says.
    pub async fn clear(&self) -> Result<u64> {
        let count = wait!(self.delete_pattern("**"))?;
        wait!(self.cleanup_expired())?;
        Ok(count)
    }

    /// Closes the store: every later call is refused with `closed`. Closing the store that was
    /// opened first closes the backend, and with it the stores of its other namespaces; closing
    /// again does nothing.
    ///
    /// # Errors
    /// What the backend says; the store is closed all the same.
    pub async fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let whole = Arc::ptr_eq(&self.closed, &self.shared.common.closed);
        self.end_watchers(whole);
        if !whole {
            return Ok(());
        }
        wait!(self.shared.backend.close())
    }

    /// # Errors
    /// `closed`, where the store is.
    pub fn ensure_open(&self) -> Result<()> {
        self.ops().check_open()
    }

    /// Is the store closed?
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ops().check_open().is_err()
    }
}

impl Ops<'_> {
    async fn namespaces(&self) -> Result<Vec<String>> {
        self.check_open()?;
        let mut names = Vec::new();
        for namespace in &wait!(self.backend.dyn_namespaces())? {
            // What has expired is absent, and so is a namespace that holds nothing else.
            let mut any = false;
            let one = ScanOptions {
                limit: Some(1),
                ..ScanOptions::default()
            };
            wait!(Ops { namespace, ..*self }.walk(
                "**",
                &one,
                (Want::Keys, false),
                &mut |_: &Found<'_>| { any = true }
            ))?;
            if any {
                names.push(namespace.as_str().to_owned());
            }
        }
        let order = order_of(&names);
        Ok(order
            .iter()
            .filter_map(|at| names.get(*at).cloned())
            .collect())
    }
}
