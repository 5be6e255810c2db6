//! The closures that a backend is given, as objects.

use super::{Decision, Found};
use crate::{error::Result, maybe_send::MaybeSend, record::StoredRef};
use std::ops::ControlFlow;

/// A closure for [`Backend::visit`](crate::backend::Backend::visit).
pub trait Look: MaybeSend {
    /// Looks at the record of a key, by the key's place.
    fn look(&mut self, at: usize, stored: Option<StoredRef<'_>>);
}

impl<F: FnMut(usize, Option<StoredRef<'_>>) + MaybeSend> Look for F {
    fn look(&mut self, at: usize, stored: Option<StoredRef<'_>>) {
        self(at, stored);
    }
}

/// A closure for [`Backend::update`](crate::backend::Backend::update).
pub trait Decide: MaybeSend {
    /// Says what to do with what is there.
    fn decide(&mut self, stored: Option<StoredRef<'_>>) -> Result<Decision>;
}

impl<F: FnMut(Option<StoredRef<'_>>) -> Result<Decision> + MaybeSend> Decide for F {
    fn decide(&mut self, stored: Option<StoredRef<'_>>) -> Result<Decision> {
        self(stored)
    }
}

/// A closure for [`Backend::walk`](crate::backend::Backend::walk).
pub trait Step: MaybeSend {
    /// Looks at a key, and says whether to go on.
    fn step(&mut self, found: &Found<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&Found<'_>) -> ControlFlow<()> + MaybeSend> Step for F {
    fn step(&mut self, found: &Found<'_>) -> ControlFlow<()> {
        self(found)
    }
}
