//! The ledger over files: reading what others wrote, and writing so that others see it.

use super::{
    FileOptions,
    files::{Files, Stat},
    ledger::{Fit, Ledger, Tail},
    lock::{self, Held},
    peers::{Peer, Peers},
};
use crate::{
    backend::memory::Memory,
    error::{Error, ErrorKind, Result},
    host::Host,
    maybe_send::Lock,
};
use std::sync::Arc;

/// How often something is tried again that another process spoilt.
pub(super) const ROUNDS: usize = 100;
/// What a file in gzip format begins with (RFC 1952).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// A file that has not changed for so long, in milliseconds, is another one by its time when it changes again: no file
/// system's clock is coarser (FAT: two seconds).
const SETTLED: u64 = 2_000;

/// A journal at whose end there is no whole frame.
struct Torn {
    stat: Stat,
    /// When it was first seen so.
    since: u64,
    /// Was it read later than [`SETTLED`]? Then there is no more in it than was seen.
    sure: bool,
}

/// The state of an open file, for one at a time.
pub(super) struct Inner<H> {
    pub(super) ledger: Ledger,
    /// The journal that `ledger` knows, and which one that is.
    pub(super) journal: Option<(H, u64)>,
    /// The document that is in the memory.
    pub(super) document: Option<Stat>,
    /// What a kill left at the end of the journal, or what somebody is writing there: until there is more, it is not
    /// read again.
    torn: Option<Torn>,
    /// The lock, while a group is open.
    pub(super) group: Option<Held>,
    /// How long the journal must be before it is folded, where that failed before.
    pub(super) fold_from: u64,
}

/// A document, its journal and its lock.
pub(super) struct Driver<F: Files> {
    pub(super) files: F,
    pub(super) host: Arc<dyn Host>,
    pub(super) options: FileOptions,
    pub(super) path: String,
    pub(super) journal: String,
    pub(super) memory: Memory,
    pub(super) inner: Lock<Inner<F::Handle>>,
    /// Who else in this process has it open.
    peers: Arc<Peers>,
}

fn busy() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "while a value is turned into bytes the store cannot be changed: do it afterwards",
    )
}

impl<F: Files> Driver<F> {
    // On wasm there is one thread, and the lock is a cell.
    #[cfg_attr(target_family = "wasm", allow(clippy::arc_with_non_send_sync))]
    pub(super) fn open(
        path: &str,
        options: FileOptions,
        files: F,
        host: Arc<dyn Host>,
    ) -> Result<Arc<Driver<F>>> {
        let whole = files.resolve(path)?;
        let memory = Memory::new(Default::default(), Arc::clone(&host));
        let inner = Inner {
            ledger: Ledger::new(path, memory.clone()),
            journal: None,
            document: None,
            torn: None,
            group: None,
            fold_from: 0,
        };
        let driver = Arc::new(Driver {
            journal: format!("{whole}.journal"),
            peers: Peers::of(&whole),
            path: whole,
            inner: Lock::new(inner),
            files,
            host,
            options,
            memory,
        });
        driver.turn(|inner| {
            driver.locked(inner, |inner, held| {
                lock::tidy(&driver.files, &driver.path, held)?;
                driver.reread(inner, held)
            })
        })?;
        driver.peers.join(Arc::<Driver<F>>::downgrade(&driver));
        Ok(driver)
    }

    /// Something was written: to be called once nobody here holds anything.
    pub(super) fn tell(&self) {
        self.peers.tell(self);
    }

    pub(super) fn leave(&self) {
        self.peers.leave(self);
    }

    pub(super) fn turn<R>(&self, f: impl FnOnce(&mut Inner<F::Handle>) -> Result<R>) -> Result<R> {
        self.inner.unless_busy(|inner| f(inner.ok_or_else(busy)?))
    }

    pub(super) fn acquire(&self) -> Result<Held> {
        let token = self.host.random();
        lock::acquire(&self.files, &self.path, token, self.options.patience)
    }

    pub(super) fn locked<R>(
        &self,
        inner: &mut Inner<F::Handle>,
        f: impl FnOnce(&mut Inner<F::Handle>, &mut Held) -> Result<R>,
    ) -> Result<R> {
        let mut held = self.acquire()?;
        let done = f(inner, &mut held);
        lock::release(&self.files, &self.path, &held);
        done
    }

    /// Reads what others have written, and then looks at the memory, while nobody here changes it.
    pub(super) fn look<R>(&self, f: impl FnOnce(&Memory) -> R) -> Result<R> {
        self.inner.unless_busy(|inner| {
            match inner {
                Some(inner) if inner.group.is_none() => self.catch_up(inner, None)?,
                // Nobody else can write now.
                _ => {}
            }
            Ok(f(&self.memory))
        })
    }

    pub(super) fn identity(&self) -> Result<Option<u64>> {
        Ok(self.files.stat(&self.journal)?.map(|stat| stat.identity))
    }

    pub(super) fn catch_up(
        &self,
        inner: &mut Inner<F::Handle>,
        mut held: Option<&mut Held>,
    ) -> Result<()> {
        let tail = if held.is_some() {
            Tail::Final
        } else {
            Tail::Growing
        };
        if let Some((handle, _)) = &inner.journal
            && self.files.is_still(handle, inner.ledger.length())
        {
            return Ok(());
        }
        for _ in 0..ROUNDS {
            let stat = self.files.stat(&self.journal)?;
            if let (Some(stat), Some((handle, identity))) = (stat, &inner.journal)
                && stat.identity == *identity
            {
                let known = inner.ledger.length();
                if stat.len == known {
                    return Ok(());
                }
                if stat.len > known {
                    let last = inner.torn.take_if(|torn| torn.stat == stat);
                    if held.is_none() && last.as_ref().is_some_and(|torn| torn.sure) {
                        inner.torn = last;
                        return Ok(());
                    }
                    let now = self.files.now();
                    let since = last.map_or(now, |torn| torn.since);
                    let bytes = self.files.read_from(handle, known)?;
                    // Appended to what nobody else reads any more?
                    if self.identity()? != Some(*identity) {
                        continue;
                    }
                    inner.ledger.feed(&bytes, tail)?;
                    if let Some(held) = &mut held
                        && known + bytes.len() as u64 > inner.ledger.length()
                    {
                        self.leave_torn(inner, held)?;
                        continue;
                    }
                    // Else somebody has written while it was read.
                    if stat.len == known + bytes.len() as u64 && stat.len > inner.ledger.length() {
                        let sure = stat.modified != 0 && now.saturating_sub(since) > SETTLED;
                        inner.torn = Some(Torn { stat, since, sure });
                    }
                    return Ok(());
                }
            } else if stat.is_some() {
                match self.adopt(inner, tail)? {
                    None => continue,
                    Some(Fit::Fits) if held.is_none() => return Ok(()),
                    // Once more: what was torn off is left behind.
                    Some(Fit::Fits) => continue,
                    Some(_) => {}
                }
            }
            // It is gone, or shorter than it was, or goes on after what is known.
            return match held.take() {
                Some(held) => self.recover(inner, held),
                None => self.locked(inner, |inner, held| self.recover(inner, held)),
            };
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("{} is replaced again and again: try again", self.journal),
        ))
    }

    /// Reads the journal that took the place of the one that was known; `None`: so did another one.
    fn adopt(&self, inner: &mut Inner<F::Handle>, tail: Tail) -> Result<Option<Fit>> {
        inner.journal = None;
        let Some(handle) = self.files.open(&self.journal)? else {
            return Ok(None);
        };
        let identity = self.files.stat_of(&handle)?.identity;
        let bytes = self.files.read_from(&handle, 0)?;
        if self.identity()? != Some(identity) {
            return Ok(None);
        }
        let fit = inner.ledger.switch(&bytes, tail)?;
        if fit == Fit::Fits {
            inner.journal = Some((handle, identity));
            inner.document = self.files.stat(&self.path)?;
        }
        Ok(Some(fit))
    }

    /// Somebody has removed the journal alone, and with it what only it held: that is in the memory too, and
    /// what others appended meanwhile in the file that is still open. Anything else is read again.
    fn recover(&self, inner: &mut Inner<F::Handle>, held: &mut Held) -> Result<()> {
        if let Some((handle, _)) = inner.journal.take()
            && self.files.stat(&self.journal)?.is_none()
            && let Some(now) = self.files.stat(&self.path)?
            && inner.document == Some(now)
        {
            return self.fold_into(inner, held, Some(handle));
        }
        self.reread(inner, held)
    }

    fn read_document(&self) -> Result<Option<Vec<u8>>> {
        match self.files.read(&self.path)? {
            Some(bytes) if bytes.starts_with(GZIP) => {
                let whole = self.files.gunzip(&bytes);
                let whole = whole.map_err(|error| {
                    let message = format!("{}: {}", self.path, error.message());
                    Error::new(error.kind(), message)
                })?;
                Ok(Some(whole))
            }
            other => Ok(other),
        }
    }

    /// Has another program written the document since? Then it is read again, with what the journal holds
    /// on top of it, so that neither is lost.
    pub(super) fn take_over(&self, inner: &mut Inner<F::Handle>) -> Result<()> {
        let now = self.files.stat(&self.path)?;
        let Some((handle, _)) = &inner.journal else {
            return Ok(());
        };
        // What is gone is written anew.
        if now.is_none() || now == inner.document {
            return Ok(());
        }
        let document = self.read_document()?;
        let journal = self.files.read_from(handle, 0)?;
        inner
            .ledger
            .take_over(document.as_deref(), Some(&journal))?;
        inner.document = now;
        Ok(())
    }

    /// Leaves behind what a kill tore off: a copy of the journal without it takes the journal's place. In place it
    /// is not cut off, since somebody else may believe that they hold the lock, and append just then. False: the lock was lost, and is taken again; look once more.
    fn leave_torn(&self, inner: &mut Inner<F::Handle>, held: &mut Held) -> Result<bool> {
        if !lock::is_held(&self.files, &self.path, held)? {
            *held = self.acquire()?;
            return Ok(false);
        }
        let Some((old, _)) = inner.journal.take() else {
            return Ok(false);
        };
        let mut whole = self.files.read_from(&old, 0)?;
        whole.truncate(inner.ledger.length() as usize);
        inner.journal = Some(self.replace_journal(inner, held, Some(old), &whole)?);
        Ok(true)
    }

    /// Reads the document and its journal, and creates what is not there.
    pub(super) fn reread(&self, inner: &mut Inner<F::Handle>, held: &mut Held) -> Result<()> {
        inner.journal = None;
        // Before: what changes while it is read is another one.
        inner.document = self.files.stat(&self.path)?;
        let handle = self.files.open(&self.journal)?;
        let journal = match &handle {
            Some(handle) => Some(self.files.read_from(handle, 0)?),
            None => None,
        };
        let document = self.read_document()?;
        let fit = inner
            .ledger
            .open(document.as_deref(), journal.as_deref(), Tail::Final)?;
        match (fit, handle) {
            (Fit::Fits, Some(handle)) => {
                let stat = self.files.stat_of(&handle)?;
                inner.journal = Some((handle, stat.identity));
                if stat.len > inner.ledger.length() && !self.leave_torn(inner, held)? {
                    return self.reread(inner, held);
                }
                Ok(())
            }
            (Fit::Fresh, old) => {
                let length = document.map_or(0, |document| document.len());
                self.renew_journal(inner, held, old, length as u64)
            }
            (_, old) => self.fold_into(inner, held, old),
        }
    }
}

impl<F: Files> Peer for Driver<F> {
    /// Whoever is not watched reads it when they are asked.
    fn hear(&self) {
        if self.memory.is_watched() {
            // What is wrong is said by the next operation.
            let _ = self.look(|_| ());
        }
    }
}

impl<F: Files> Drop for Driver<F> {
    /// A group that nobody ended is taken back.
    fn drop(&mut self) {
        self.leave();
        self.inner.unless_busy(|inner| {
            if let Some(inner) = inner
                && let Some(held) = inner.group.take()
            {
                inner.ledger.roll_back();
                lock::release(&self.files, &self.path, &held);
            }
        });
    }
}
