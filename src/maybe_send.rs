//! `Send` natively, nothing on wasm, where one thread is all there is.

use std::{future::Future, pin::Pin};

#[cfg(not(target_family = "wasm"))]
mod bounds {
    /// `Send` natively; every type on wasm.
    pub trait MaybeSend: Send {}
    impl<T: Send + ?Sized> MaybeSend for T {}
    /// `Sync` natively; every type on wasm.
    pub trait MaybeSync: Sync {}
    impl<T: Sync + ?Sized> MaybeSync for T {}
    /// A boxed future, `Send` natively.
    pub type BoxFuture<'a, T> = super::Pin<Box<dyn super::Future<Output = T> + Send + 'a>>;
}

#[cfg(target_family = "wasm")]
mod bounds {
    /// `Send` natively; every type on wasm.
    pub trait MaybeSend {}
    impl<T: ?Sized> MaybeSend for T {}
    /// `Sync` natively; every type on wasm.
    pub trait MaybeSync {}
    impl<T: ?Sized> MaybeSync for T {}
    /// A boxed future, `Send` natively.
    pub type BoxFuture<'a, T> = super::Pin<Box<dyn super::Future<Output = T> + 'a>>;
}

pub use bounds::{BoxFuture, MaybeSend, MaybeSync};

/// A lock that costs nothing where there is one thread: a `Mutex` natively, a `RefCell` on wasm.
///
/// Held only for the length of a closure that awaits nothing and runs no user code, so the borrow
/// on wasm can't be met twice and the mutex can't be poisoned by a caller.
#[derive(Default)]
pub(crate) struct Lock<T> {
    #[cfg(not(target_family = "wasm"))]
    inner: std::sync::Mutex<T>,
    #[cfg(target_family = "wasm")]
    inner: std::cell::RefCell<T>,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock {
            inner: value.into(),
        }
    }

    #[cfg(not(target_family = "wasm"))]
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self
            .inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// For what may run code of the user's, which may come back here: then there is nothing to be had.
    /// Natively another thread's turn is waited for.
    #[cfg(all(feature = "later", not(target_family = "wasm")))]
    pub(crate) fn unless_busy<R>(&self, f: impl FnOnce(Option<&mut T>) -> R) -> R {
        self.with(|inner| f(Some(inner)))
    }

    /// For what may run code of the user's, which may come back here: then there is nothing to be had.
    #[cfg(all(feature = "later", target_family = "wasm"))]
    pub(crate) fn unless_busy<R>(&self, f: impl FnOnce(Option<&mut T>) -> R) -> R {
        match self.inner.try_borrow_mut() {
            Ok(mut inner) => f(Some(&mut inner)),
            Err(_) => f(None),
        }
    }

    #[cfg(target_family = "wasm")]
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.inner.borrow_mut())
    }
}
