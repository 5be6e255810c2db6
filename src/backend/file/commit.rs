//! A change of a [`Driver`], written down so that nobody else's is lost.

use super::{
    Durability,
    driver::{Driver, Inner, ROUNDS},
    files::Files,
    fold::PATIENT,
    lock::{self, Held},
};
use crate::{
    backend::memory::Memory,
    error::{Error, ErrorKind, Result},
};

/// How an append ended.
enum Append {
    Stands,
    /// Somebody else had written; nothing of ours stands.
    Again,
}

impl<F: Files> Driver<F> {
    /// Runs a change under the lock and writes it down. `run` runs again where somebody else wrote at
    /// the same time, and then what it did before was taken back.
    pub(super) fn change<R>(&self, mut run: impl FnMut(&Memory) -> Result<R>) -> Result<R> {
        let mut written = false;
        let done = self.turn(|inner| {
            if inner.group.is_some() {
                return run(&self.memory);
            }
            self.locked(inner, |inner, held| {
                for _ in 0..ROUNDS {
                    self.catch_up(inner, Some(held))?;
                    let before = inner.ledger.sequence();
                    inner.ledger.begin();
                    let result = run(&self.memory);
                    if result.is_err() {
                        inner.ledger.roll_back();
                        return result;
                    }
                    if let Append::Stands = self.write_down(inner, held)? {
                        written = inner.ledger.sequence() > before;
                        self.fold_by_size(inner, held, 1);
                        return result;
                    }
                }
                Err(Error::new(
                    ErrorKind::Conflict,
                    format!("others wrote {} each time: try again", self.path),
                ))
            })
        });
        if written {
            self.tell();
        }
        done
    }

    /// From now on changes are made together: until [`end_group`](Driver::end_group).
    pub(super) fn begin_group(&self) -> Result<()> {
        self.turn(|inner| {
            if inner.group.is_some() {
                let message = "a group is open already: end it first";
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
            let mut held = self.acquire()?;
            match self.catch_up(inner, Some(&mut held)) {
                Ok(()) => {
                    inner.ledger.begin();
                    inner.group = Some(held);
                    Ok(())
                }
                Err(error) => {
                    lock::release(&self.files, &self.path, &held);
                    Err(error)
                }
            }
        })
    }

    /// Writes down what was changed since the group began.
    pub(super) fn end_group(&self) -> Result<()> {
        let mut written = false;
        let done = self.turn(|inner| {
            let Some(mut held) = inner.group.take() else {
                return Ok(());
            };
            let before = inner.ledger.sequence();
            let done = self.write_down(inner, &mut held);
            if let Ok(Append::Stands) = done {
                written = inner.ledger.sequence() > before;
                self.fold_by_size(inner, &mut held, PATIENT);
            }
            lock::release(&self.files, &self.path, &held);
            match done? {
                Append::Stands => Ok(()),
                Append::Again => Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{} was written by others: try again", self.path),
                )),
            }
        });
        if written {
            self.tell();
        }
        done
    }

    fn write_down(&self, inner: &mut Inner<F::Handle>, held: &mut Held) -> Result<Append> {
        let Some((handle, identity)) = &inner.journal else {
            inner.ledger.roll_back();
            return Ok(Append::Again);
        };
        let (at, identity) = (inner.ledger.length(), *identity);
        let (appended, end) = match inner.ledger.seal() {
            Ok(Some(frame)) => {
                let end = at + frame.len() as u64;
                let appended = self.files.append(handle, frame);
                (appended.map_err(|error| (error, frame.to_vec())), end)
            }
            Ok(None) => {
                inner.ledger.kept();
                return Ok(Append::Stands);
            }
            Err(error) => {
                inner.ledger.roll_back();
                return Err(error);
            }
        };
        if let Err((error, frame)) = appended {
            let gone = self.take_back(handle, at, &frame);
            inner.ledger.roll_back();
            inner.journal = None;
            return Err(match gone {
                Ok(true) => error,
                _ => self.unknown(error.message()),
            });
        }
        if self.options.durability == Durability::Strict
            && let Err(error) = self.files.sync(handle)
        {
            inner.ledger.kept();
            return Err(self.unknown(error.message()));
        }
        match self.files.stat(&self.journal) {
            Ok(Some(stat)) if stat.identity == identity && stat.len == end => {
                inner.ledger.kept();
                Ok(Append::Stands)
            }
            Ok(_) => self.judge(inner, held, at, identity),
            Err(error) => {
                inner.ledger.roll_back();
                inner.journal = None;
                Err(self.unknown(error.message()))
            }
        }
    }

    /// Cuts off what stands of a frame that could not be appended; false: it stands as a whole, and others may have
    /// read it.
    ///
    /// Only where nothing else was appended: whoever took the lock over meanwhile may have. And whoever comes after
    /// this was read loses nothing: who saw what was torn gave the journal another file, and who appended
    /// behind it sees that their frame does not begin where it should, and tries again.
    #[cold]
    fn take_back(&self, handle: &F::Handle, at: u64, frame: &[u8]) -> Result<bool> {
        let bytes = self.files.read_from(handle, at)?;
        if bytes.starts_with(frame) {
            return Ok(false);
        }
        if !bytes.is_empty() && frame.starts_with(&bytes) {
            // What stays is no frame, and is left behind by whoever looks next.
            let _ = self.files.truncate(handle, at);
        }
        Ok(true)
    }

    /// Somebody else wrote while we did, so the lock was lost: does our frame stand?
    #[cold]
    fn judge(
        &self,
        inner: &mut Inner<F::Handle>,
        held: &mut Held,
        at: u64,
        identity: u64,
    ) -> Result<Append> {
        let judged = self.judge_under_lock(inner, held, at, identity);
        if judged.is_err() && inner.ledger.is_pending() {
            inner.ledger.roll_back();
            inner.journal = None;
        }
        judged
    }

    fn judge_under_lock(
        &self,
        inner: &mut Inner<F::Handle>,
        held: &mut Held,
        at: u64,
        identity: u64,
    ) -> Result<Append> {
        if !lock::is_held(&self.files, &self.path, held)? {
            *held = self.acquire()?;
        }
        let outcome = |stands| {
            if stands {
                Append::Stands
            } else {
                Append::Again
            }
        };
        if self.identity()? == Some(identity) {
            let bytes = match &inner.journal {
                Some((handle, _)) => self.files.read_from(handle, at)?,
                None => Vec::new(),
            };
            return Ok(outcome(inner.ledger.settle(&bytes)));
        }
        inner.journal = None;
        let Some(handle) = self.files.open(&self.journal)? else {
            return Err(self.unknown("its journal is gone"));
        };
        let bytes = self.files.read_from(&handle, 0)?;
        match inner.ledger.settle_in(&bytes)? {
            Some(stands) => Ok(outcome(stands)),
            None => Err(self.unknown("it was folded meanwhile")),
        }
    }

    fn unknown(&self, why: &str) -> Error {
        Error::new(
            ErrorKind::OutcomeUnknown,
            format!("whether {} was changed cannot be told: {why}", self.path),
        )
    }
}
