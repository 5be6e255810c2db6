//! What the backends over a network have in common.

use super::{Change, Expect, Mutation};
use crate::{
    error::{Error, ErrorKind, Result},
    key::Key,
    record::Record,
};
use std::num::NonZeroU64;

/// How long after its expiry an entry is kept where clocks differ, in milliseconds.
pub const CLOCK_SKEW: u64 = 60_000;

/// The envelope of `record`, which has at most `most` bytes.
pub(super) fn envelope(record: &Record, most: usize) -> Result<Vec<u8>> {
    let envelope = record.encode()?;
    if envelope.len() > most {
        let message = format!(
            "this backend takes entries of at most {most} bytes; this one has {}",
            envelope.len()
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(envelope)
}

/// The error of a record that somebody else wrote.
#[cfg(feature = "redis")]
#[cold]
pub(super) fn foreign(engine: &str) -> Error {
    let message = format!("what {engine} holds under this key's name is no record of this store");
    Error::new(ErrorKind::Corrupt, message)
}

/// The error of an answer that cannot be one.
#[cold]
pub(super) fn strange(engine: &str, what: &str) -> Error {
    let message = format!(
        "the answer to {what} is not what {engine} answers: is the address that of {engine}?"
    );
    Error::new(ErrorKind::Corrupt, message)
}

/// One mutation as it goes over the wire.
pub(super) struct Step<'a> {
    pub(super) key: Key<'a>,
    pub(super) expect: Expect<'a>,
    pub(super) action: Action,
    /// When the entry expires (epoch milliseconds).
    pub(super) expires_at: Option<NonZeroU64>,
    /// What the envelope is of.
    #[cfg(feature = "postgres")]
    pub(super) record: Option<&'a Record>,
}

/// What is done.
pub(super) enum Action {
    /// Writes this envelope.
    Put(Vec<u8>),
    Delete,
    Keep,
}

impl<'a> Step<'a> {
    /// # Errors
    /// What can't be encoded, or is larger than `most` bytes.
    pub(super) fn of(mutation: &Mutation<'a>, most: usize) -> Result<Step<'a>> {
        let (action, expires_at) = match mutation.change {
            Change::Put(record) => {
                let envelope =
                    envelope(record, most).map_err(|e| e.with_key(mutation.key.as_str()))?;
                (Action::Put(envelope), record.expires_at)
            }
            Change::Delete => (Action::Delete, None),
            Change::Keep => (Action::Keep, None),
        };
        Ok(Step {
            key: mutation.key,
            expect: mutation.expect,
            action,
            expires_at,
            #[cfg(feature = "postgres")]
            record: match mutation.change {
                Change::Put(record) => Some(record),
                Change::Delete | Change::Keep => None,
            },
        })
    }

    fn bytes(&self) -> usize {
        let envelope = match &self.action {
            Action::Put(envelope) => envelope.len(),
            Action::Delete | Action::Keep => 0,
        };
        self.key.as_str().len() + envelope
    }
}

/// A batch of which each change is made for itself.
pub(super) struct Batch<'a> {
    pub(super) steps: Vec<Step<'a>>,
    /// Why a mutation is not among the steps, by place.
    refused: Vec<Option<Error>>,
}

impl<'a> Batch<'a> {
    /// What can't be encoded, or is larger than `most` bytes, is told at its place; all else is sent.
    pub(super) fn of(batch: &[Mutation<'a>], most: usize) -> Batch<'a> {
        let mut steps = Vec::with_capacity(batch.len());
        let mut refused = Vec::with_capacity(batch.len());
        for mutation in batch {
            let step = Step::of(mutation, most);
            refused.push(step.as_ref().err().cloned());
            steps.extend(step);
        }
        Batch { steps, refused }
    }

    /// The steps by request: each has at most `items` of them, of about `bytes` bytes.
    pub(super) fn requests(&self, items: usize, bytes: usize) -> impl Iterator<Item = &[Step<'a>]> {
        let mut rest = &self.steps[..];
        std::iter::from_fn(move || {
            let mut size = 0;
            let fits = |step: &&Step<'_>| {
                size += step.bytes();
                size <= bytes
            };
            let count = rest.iter().take(items).take_while(fits).count();
            let (some, others) = rest.split_at_checked(count.max(1))?;
            rest = others;
            Some(some)
        })
    }

    /// One result a mutation, from one a step.
    pub(super) fn results<T>(self, answers: Vec<Result<T>>) -> Vec<Result<T>> {
        let mut answers = answers.into_iter();
        let each = self.refused.into_iter().map(|refused| match refused {
            Some(error) => Err(error),
            None => answers
                .next()
                .unwrap_or_else(|| Err(strange("a server", "a batch"))),
        });
        each.collect()
    }
}
