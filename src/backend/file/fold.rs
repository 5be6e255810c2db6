//! The journal of a [`Driver`] folded into its document.

use super::{
    Compression,
    driver::{Driver, Inner},
    files::Files,
    lock::{self, Held},
};
use crate::error::{Error, ErrorKind, Result};

/// So many times too long a journal is folded before a group is acknowledged: who never pauses has no time to
/// [`tidy`](Driver::tidy).
pub(super) const PATIENT: u64 = 8;

impl<F: Files> Driver<F> {
    /// Where the journal is `times` too long.
    pub(super) fn fold_by_size(&self, inner: &mut Inner<F::Handle>, held: &mut Held, times: u64) {
        let length = inner.ledger.length();
        if !inner.ledger.exceeds(times) || length < inner.fold_from {
            return;
        }
        inner.fold_from = match self.fold(inner, held) {
            Ok(()) => 0,
            // What was acknowledged is in the journal.
            Err(_) => length.saturating_mul(2),
        };
    }

    pub(super) fn is_untidy(&self) -> bool {
        self.inner.unless_busy(|inner| {
            inner.is_some_and(|inner| {
                inner.ledger.should_fold() && inner.ledger.length() >= inner.fold_from
            })
        })
    }

    pub(super) fn tidy(&self) -> Result<()> {
        self.turn(|inner| {
            if inner.group.is_some() || !inner.ledger.should_fold() {
                return Ok(());
            }
            self.locked(inner, |inner, held| {
                self.catch_up(inner, Some(held))?;
                self.fold_by_size(inner, held, 1);
                Ok(())
            })
        })
    }

    fn fold(&self, inner: &mut Inner<F::Handle>, held: &mut Held) -> Result<()> {
        self.take_over(inner)?;
        let length = self.write_document(inner, held)?;
        // Until here the old one is as good as before.
        let old = inner.journal.take().map(|(handle, _)| handle);
        self.renew_journal(inner, held, old, length)
    }

    pub(super) fn fold_into(
        &self,
        inner: &mut Inner<F::Handle>,
        held: &mut Held,
        old: Option<F::Handle>,
    ) -> Result<()> {
        let length = self.write_document(inner, held)?;
        self.renew_journal(inner, held, old, length)
    }

    /// Writes all that is known as the document: how long it is, uncompressed.
    fn write_document(&self, inner: &mut Inner<F::Handle>, held: &Held) -> Result<u64> {
        let document = inner.ledger.document()?;
        let length = document.len() as u64;
        let bytes = match self.options.compression {
            Some(Compression::Gzip) => self.files.gzip(&document)?,
            None => document,
        };
        self.replace(held, &self.path, &bytes)?;
        inner.document = self.files.stat(&self.path)?;
        Ok(length)
    }

    fn replace(&self, held: &Held, path: &str, bytes: &[u8]) -> Result<()> {
        if !lock::is_held(&self.files, &self.path, held)? {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("another process took the lock of {}: try again", self.path),
            ));
        }
        self.files.replace(path, &held.aside(&self.path), bytes)
    }

    pub(super) fn renew_journal(
        &self,
        inner: &mut Inner<F::Handle>,
        held: &mut Held,
        old: Option<F::Handle>,
        document: u64,
    ) -> Result<()> {
        let header = inner.ledger.fresh_journal(self.host.random());
        let journal = self.replace_journal(inner, held, old, &header)?;
        inner.ledger.folded(document);
        inner.journal = Some(journal);
        Ok(())
    }

    /// `bytes` take the place of the journal `old`: the new one, and which one that is.
    pub(super) fn replace_journal(
        &self,
        inner: &Inner<F::Handle>,
        held: &Held,
        old: Option<F::Handle>,
        bytes: &[u8],
    ) -> Result<(F::Handle, u64)> {
        self.replace(held, &self.journal, bytes)?;
        let Some(handle) = self.files.open(&self.journal)? else {
            let message = format!("{} is gone: try again", self.journal);
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        if let Some(old) = old {
            // From one that had lost its lock, and looked before the fresh one was there.
            let bytes = self.files.read_from(&old, inner.ledger.length())?;
            let late = inner.ledger.late(&bytes);
            if !late.is_empty() {
                self.files.append(&handle, late)?;
            }
        }
        let identity = self.files.stat_of(&handle)?.identity;
        Ok((handle, identity))
    }

    pub(super) fn close(&self) -> Result<()> {
        self.leave();
        self.end_group()?;
        self.turn(|inner| {
            let done = self.locked(inner, |inner, held| {
                self.catch_up(inner, Some(held))?;
                if inner.ledger.is_ahead() {
                    self.fold(inner, held)?;
                }
                Ok(())
            });
            inner.journal = None;
            done
        })
    }
}
